// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sweep.bpf.c - run by weftd with BPF_PROG_TEST_RUN: walks the connection table where it lies,
 * ends what is over, brings the bytes of running connections into flow_stats, and on request
 * counts what refers to each cluster and endpoint. Argument: struct sweep_arg.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bpf/maps.h"
#include "bpf/ledger.h"

static __always_inline struct census *census_of(void *map, __u32 index, __u32 round)
{
	struct census *n = bpf_map_lookup_elem(map, &index);

	if (n && n->round != round) {
		n->conns = 0;
		n->reserved = 0;
		n->round = round;
	}
	return n;
}

static __always_inline void take_census(const struct conn *c, __u8 proto, __u32 round)
{
	__u32 reserved = (c->flags & CONN_RESERVED) && proto == PKT_TCP;
	struct census *n;

	n = census_of(&cluster_census, c->cluster, round);
	if (n) {
		n->conns++;
		n->reserved += reserved;
	}
	n = census_of(&endpoint_census, c->endpoint, round);
	if (n) {
		n->conns++;
		n->reserved += !!(c->flags & CONN_RESERVED);
	}
}

/* UDP flows have no end of their own: one to an endpoint that is gone would go on for ever. */
static __always_inline int is_stranded(const struct conn *c, __u8 proto)
{
	__u32 endpoint = c->endpoint;
	struct endpoint *e;

	if (proto == PKT_TCP)
		return 0;
	e = bpf_map_lookup_elem(&endpoints, &endpoint);
	return e && (e->flags & ENDPOINT_GONE);
}

static __always_inline void flush(struct conn *c, struct conn *reply, struct sweep_arg *arg)
{
	struct flow_stats *f;

	if (c->bytes == c->told && (!reply || reply->bytes == reply->told))
		return;
	if (c->cluster == WEFT_NO_CLUSTER)
		return;
	f = ledger_flow(c);
	if (f && ledger_tell(f, c, reply))
		arg->flushed++;
}

static __always_inline void count_for_door(__u32 door)
{
	struct door_load *load = bpf_map_lookup_elem(&door_loads, &door);

	if (load)
		load->counting++;
}

/* What was counted is in force now. Connections made during the walk may be missed until the next
 * one: a few of a share. */
static long publish_load(void *map, __u32 *door, struct door_load *load, void *arg)
{
	__u32 key = *door;

	load->conns = load->counting;
	load->counting = 0;
	load->opened = 0;
	if (!load->conns && !bpf_map_lookup_elem(&doors, &key))
		bpf_map_delete_elem(&door_loads, &key);
	return 0;
}

/* Of a reply entry: has its forward entry gone without it? */
static __always_inline void sweep_reply(struct conn_key *key, struct conn *c, struct sweep_arg *arg)
{
	if (!bpf_map_lookup_elem(&conns, &c->peer) && arg->now > c->opened_ns + NS_PER_SECOND)
		bpf_map_delete_elem(&conns, key);
}

static long sweep_one(void *map, struct conn_key *key, struct conn *c, struct sweep_arg *arg)
{
	struct conn_key self = *key, peer = c->peer;
	struct conn *reply;
	__u64 seen;

	if (c->flags & CONN_REPLY) {
		sweep_reply(&self, c, arg);
		return 0;
	}
	reply = bpf_map_lookup_elem(&conns, &peer);
	seen = c->seen_ns;
	if (reply && reply->seen_ns > seen && c->state != CONN_CLOSING)
		seen = reply->seen_ns;
	if (conn_is_expired(c->state, c->flags, self.proto, seen, arg->now) ||
	    is_stranded(c, self.proto)) {
		ledger_end(c, reply, self.proto, REASON_released_expiry);
		flush(c, reply, arg);
		bpf_map_delete_elem(&conns, &peer);
		bpf_map_delete_elem(&conns, &self);
		arg->expired++;
		return 0;
	}
	arg->conns++;
	count_for_door(c->door);
	flush(c, reply, arg);
	if (arg->round)
		take_census(c, self.proto, arg->round);
	return 0;
}

SEC("syscall")
int sweep(struct sweep_arg *arg)
{
	__u32 cluster = arg->cluster;
	struct cluster_state *cs;
	struct sweep_arg local = *arg;

	if (local.correct) {
		cs = bpf_map_lookup_elem(&cluster_state, &cluster);
		if (cs)
			__sync_fetch_and_add(&cs->open, local.correct);
		return 0;
	}
	bpf_for_each_map_elem(&conns, sweep_one, &local, 0);
	bpf_for_each_map_elem(&door_loads, publish_load, NULL, 0);
	arg->conns = local.conns;
	arg->expired = local.expired;
	arg->flushed = local.flushed;
	return 0;
}
