/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scout.h - runs netns_scan in a thread of its own, so that weftd neither waits nor leaves its
 * network namespace. One scan at a time.
 */
#ifndef WEFT_AGENT_SCOUT_H
#define WEFT_AGENT_SCOUT_H

#include "agent/netns.h"
#include "loop/loop.h"

struct scout;

/* err: of netns_scan. The queries are the callee's now: free() them. */
typedef void scout_done(void *arg, struct netns_query *queries, size_t n, int err);

int scout_new(struct loop *l, scout_done *done, void *arg, struct scout **out);
struct scout *scout_free(struct scout *s); /* waits for a running scan */

bool scout_busy(const struct scout *s);
/* Takes the queries (malloc'ed), also on failure. 0, -EBUSY or -errno. */
int scout_give(struct scout *s, struct netns_query *queries, size_t n);

#endif
