/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ledger.h - the books: counters of reasons, rare events, and what is settled when a connection
 * ends. Shared by the hooks; each of them may be the one that ends a connection.
 */
#ifndef WEFT_BPF_LEDGER_H
#define WEFT_BPF_LEDGER_H

#include "bpf/maps.h"
#include "bpf/lib/conn.h"
#include "bpf/lib/pool.h"

enum { EVENTS_PER_SECOND = 100 };
#define NS_PER_SECOND 1000000000ull

static __always_inline void count(__u32 reason)
{
	__u64 *n = bpf_map_lookup_elem(&reasons, &reason);

	if (n)
		(*n)++;
}

/* Counts, and tells weftd unless this CPU has told enough in this second. */
static __noinline __attribute__((unused)) int count_event(__u32 reason, __u32 ifindex,
							  const struct conn_key *key)
{
	__u64 now = bpf_ktime_get_ns();
	struct event_budget *b;
	struct event e;
	__u32 zero = 0;

	count(reason);
	b = bpf_map_lookup_elem(&event_budget, &zero);
	if (!b)
		return 0;
	if (b->second != now / NS_PER_SECOND) {
		b->second = now / NS_PER_SECOND;
		b->used = 0;
	}
	if (b->used++ >= EVENTS_PER_SECOND)
		return 0;
	e.ns = now;
	e.reason = reason;
	e.ifindex = ifindex;
	e.key = *key;
	bpf_ringbuf_output(&events, &e, sizeof(e), 0);
	return 0;
}

/* The totals this connection belongs to, made when absent. NULL: not balanced here, or full. */
static __always_inline struct flow_stats *ledger_flow(const struct conn *c)
{
	struct flow_key key = { .pod_id = c->pod_id };
	static const struct flow_stats none;
	struct flow_stats *f;
	struct endpoint *e;
	struct cluster *cl;
	__u32 cluster = c->cluster, endpoint = c->endpoint;

	cl = bpf_map_lookup_elem(&clusters, &cluster);
	if (!cl)
		return NULL;
	key.cluster_id = cl->id;
	e = bpf_map_lookup_elem(&endpoints, &endpoint);
	if (e)
		key.endpoint_id = e->id;
	f = bpf_map_lookup_elem(&flow_stats, &key);
	if (f)
		return f;
	bpf_map_update_elem(&flow_stats, &key, &none, BPF_NOEXIST);
	f = bpf_map_lookup_elem(&flow_stats, &key);
	if (!f)
		count(REASON_stats_full);
	return f;
}

/* Payload bytes since the last call. The exchange makes two callers share, not double, them. */
static __always_inline __s64 ledger_untold(struct conn *c)
{
	__u64 bytes = c->bytes;

	if (bytes == c->told)
		return 0;
	return (__s64)(bytes - __sync_lock_test_and_set(&c->told, bytes));
}

static __always_inline int ledger_tell(struct flow_stats *f, struct conn *fwd, struct conn *rep)
{
	__s64 received = ledger_untold(fwd), sent = rep ? ledger_untold(rep) : 0;

	if (received)
		__sync_fetch_and_add(&f->received, received);
	if (sent)
		__sync_fetch_and_add(&f->sent, sent);
	return received || sent;
}

/* One more connection of this cluster and endpoint. */
static __always_inline void ledger_opened(const struct conn *fwd)
{
	struct flow_stats *f = ledger_flow(fwd);

	if (f)
		__sync_fetch_and_add(&f->opened, 1);
}

/*
 * Ends a balanced connection: exactly once, whoever comes first. `reason` says who (released_*).
 * Returns whether it was this call.
 */
static __noinline __attribute__((unused)) int ledger_end(struct conn *fwd, struct conn *rep,
							 __u32 proto, __u32 reason)
{
	__u32 cluster, endpoint;
	struct endpoint_state *es;
	struct cluster_state *cs;
	struct flow_stats *f;

	if (!fwd || !conn_unreserve(fwd))
		return 0;
	cluster = fwd->cluster;
	endpoint = fwd->endpoint;
	cs = bpf_map_lookup_elem(&cluster_state, &cluster);
	if (cs && proto == PKT_TCP)
		pool_release(cs);
	es = bpf_map_lookup_elem(&endpoint_state, &endpoint);
	if (es)
		__sync_fetch_and_add(&es->active, -1);
	count(reason);
	f = ledger_flow(fwd);
	if (!f)
		return 1;
	ledger_tell(f, fwd, rep);
	__sync_fetch_and_add(&f->closed, 1);
	if (fwd->srtt_us) {
		__sync_fetch_and_add(&f->rtt_us_sum, fwd->srtt_us);
		__sync_fetch_and_add(&f->rtt_count, 1);
	}
	return 1;
}

#endif
