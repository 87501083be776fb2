/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - how a worker keeps its series; only for metrics.c and the rendering. */
#ifndef WEFT_TELEMETRY_STORE_H
#define WEFT_TELEMETRY_STORE_H

#include "telemetry/metrics.h"

struct metrics {
	struct series *list;   /* all, newest first; readers begin here */
	struct series **slots; /* by key, for the owner only */
	unsigned int nr_slots; /* power of two */
	unsigned int count;
	unsigned int hosts;			/* series with metrics_key.other */
	struct series *hidden[NR_METRICS_SETS]; /* takes what has no series of its own */
	uint64_t reasons[NR_PROXY_REASONS];
};

struct series *series_new(enum metrics_set set, struct str labels); /* NULL: out of memory */
unsigned int metrics_series(void);				    /* of all workers */

#endif
