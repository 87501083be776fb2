/* SPDX-License-Identifier: Apache-2.0 */
/* stats.h - all figures of the node as Prometheus text: what the workers counted, and what the
 * kernel did, read through the map descriptors that weftd lent. */
#ifndef WEFT_PROXY_STATS_H
#define WEFT_PROXY_STATS_H

#include "proxy/worker.h"
#include "weft/channel.h"

struct stats_maps {
	int reasons, flow_stats, cluster_state, clusters; /* -1: not there */
};

/*
 * A page of all figures, in pieces: it can be large. g names clusters, endpoints and pods of kernel
 * flows; NULL: they stay unknown. own: series of the calling thread, for what no worker counts
 * alone. stats_more appends about `enough` bytes: 1 there is more, 0 that was all, -ENOMEM.
 */
struct stats;

struct stats *stats_new(const struct proxy *p, const struct stats_maps *maps,
			const struct generation *g, const struct channel_agent *agent,
			struct metrics *own); /* NULL: no memory */
int stats_more(struct stats *s, struct text *out, size_t enough);
struct stats *stats_free(struct stats *s);

#endif
