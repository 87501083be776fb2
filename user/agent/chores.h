/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chores.h - what weftd does by the clock: expire connections, check the books, read back doors,
 * tell the proxy our own figures for metrics.
 */
#ifndef WEFT_AGENT_CHORES_H
#define WEFT_AGENT_CHORES_H

#include "agent/agent.h"

struct chores;

enum { FIGURES_MS = 2000, VERIFY_MS = 500, VERIFY_BATCH = 8 };

struct chores *chores_new(struct agent *a); /* NULL: no memory */
struct chores *chores_free(struct chores *c);

/* How many objects of the current text are applied, applied with warnings, rejected, skipped. */
struct object_counts {
	uint64_t applied, warned, rejected, skipped;
};
void count_objects(const struct agent *a, struct object_counts *out);
void count_pods(const struct agent *a, uint64_t *enrolled, uint64_t *failed);
uint64_t rss_kb(int pid); /* of a process; 0: unknown */

#endif
