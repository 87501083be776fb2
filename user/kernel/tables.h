/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - reads what the kernel counts and knows, for the CLI and for metrics. Changes nothing.
 */
#ifndef WEFT_KERNEL_TABLES_H
#define WEFT_KERNEL_TABLES_H

#include "kernel/load.h"
#include "weft/reasons.h"

/* Sums over CPUs, by enum kernel_reason. */
int tables_reasons(struct kernel *k, uint64_t out[NR_KERNEL_REASONS]);

/*
 * Every connection once, by its forward entry; `reply` is a copy of the other entry (zero when it
 * has just gone). Stops when the callback returns non-zero and returns that.
 */
struct conn_view {
	struct conn_key key; /* as the client sends: dst is what it dialled */
	struct conn fwd, reply;
	uint64_t cluster_id, endpoint_id; /* 0: the proxy, or gone */
};
typedef int (*conn_fn)(void *arg, const struct conn_view *v);
int tables_conns(struct kernel *k, conn_fn fn, void *arg);

/* The state of a cluster or endpoint by id. -ENOENT: not in the tables. */
int tables_cluster(struct kernel *k, uint64_t id, struct cluster_state *out);
int tables_endpoint(struct kernel *k, uint64_t id, struct endpoint_state *state,
		    struct endpoint *settings);

/* flow_stats, each entry once. Stops like tables_conns. */
typedef int (*flow_fn)(void *arg, const struct flow_key *key, const struct flow_stats *stats);
int tables_flows(struct kernel *k, flow_fn fn, void *arg);

#endif
