/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * open.h - a new flow: what the tables say about its destination, which endpoint it gets, and its
 * two entries in the connection table.
 */
#ifndef WEFT_BPF_OPEN_H
#define WEFT_BPF_OPEN_H

#include <linux/errno.h>
#include "bpf/ledger.h"
#include "bpf/lib/steer.h"

/* Too large for the stack. written, read: door, within one packet */
struct scratch {
	struct conn_open open;
	struct conn fwd, rep;
	struct conn_key reply_key;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps") __weak;

/* What open_flow did; every other value is the enum kernel_reason to refuse with. */
enum {
	OPEN_PASS = -1,
	OPEN_MADE = -2,
	OPEN_EXISTS = -3, /* another CPU was faster with a packet of the same flow */
};

static __always_inline const struct steer *vip_at(const struct conn_key *k, __u32 view, __be16 port)
{
	struct vip_key key = { .view = view, .addr = k->dst, .port = port, .proto = k->proto };

	return bpf_map_lookup_elem(&vips, &key);
}

static __always_inline const struct steer *cidr_at(const struct conn_key *k, __u32 view,
						   __be16 port)
{
	struct cidr_key key = {
		.prefixlen = CIDR_FIXED_BITS + 128,
		.view = view,
		.port = port,
		.proto = k->proto,
		.addr = k->dst,
	};

	return bpf_map_lookup_elem(&cidrs, &key);
}

/* The exact port before any port, in each the address before its network, the view before 0. */
static __noinline const struct steer *find_steer(const struct conn_key *k, __u32 view)
{
	const struct steer *s;
	__be16 port = k->dport;
	int i;

	for (i = 0; i < 2; i++) {
		s = view ? vip_at(k, view, port) : NULL;
		if (!s)
			s = vip_at(k, 0, port);
		if (!s && view)
			s = cidr_at(k, view, port);
		if (!s)
			s = cidr_at(k, 0, port);
		if (s)
			return s;
		port = 0;
	}
	return NULL;
}

/* Is the destination a mesh address? Networks do not count: they hold strangers too. */
static __always_inline int is_vip(const struct conn_key *k, __u32 view)
{
	if (vip_at(k, 0, 0) || vip_at(k, 0, k->dport))
		return 1;
	return view && (vip_at(k, view, 0) || vip_at(k, view, k->dport));
}

/* One endpoint of the cluster by its policy; WEFT_NO_CLUSTER: none in service. */
__weak int choose_endpoint(const struct conn_key *k, __u32 lb, __u64 range,
			   struct cluster_state *cs)
{
	__u32 base = (__u32)range, i;
	struct endpoint_state *es;
	struct steer_draw d;
	struct endpoint *e;
	__u64 cursor = 0;
	__u32 *slot, at;

	if (!k || !cs)
		return WEFT_NO_CLUSTER;
	steer_begin(&d, lb, (__u32)(range >> 32), steer_client_hash(&k->src));
	for (i = 0; i < STEER_TRIES && steer_more(&d); i++) {
		if (lb == LB_ROUND_ROBIN)
			cursor = __sync_fetch_and_add(&cs->cursor, 1);
		at = base + steer_position(&d, cursor, bpf_get_prandom_u32());
		slot = bpf_map_lookup_elem(&slots, &at);
		if (!slot)
			break;
		at = *slot;
		e = bpf_map_lookup_elem(&endpoints, &at);
		es = bpf_map_lookup_elem(&endpoint_state, &at);
		if (!e || !es)
			break;
		/* an endpoint of the other family cannot be reached by rewriting */
		steer_offer(&d, at,
			    (e->flags & ENDPOINT_EJECTED) ||
				    ip16_is_v4(&e->addr) != ip16_is_v4(&k->dst),
			    es->active, e->weight);
	}
	return d.found ? d.endpoint : WEFT_NO_CLUSTER;
}

/* Has the pod behind this door its share of the table already? If not, takes one more of it. */
static __noinline int is_share_used(__u32 door)
{
	struct door_load first = { .opened = 1 }, *load;

	if (!door)
		return 0;
	load = bpf_map_lookup_elem(&door_loads, &door);
	if (!load) {
		bpf_map_update_elem(&door_loads, &door, &first, BPF_NOEXIST);
		return 0;
	}
	if (load->conns + load->opened >= MAX_POD_CONNS)
		return 1;
	__sync_fetch_and_add(&load->opened, 1);
	return 0;
}

/* Answers from this port may be the node's own packets. */
static __always_inline void note_own_port(__be16 port)
{
	__u32 host = host16_of(port), at = host >> 6;
	__u64 *word = bpf_map_lookup_elem(&own_ports, &at), bit = 1ull << (host & 63);

	if (word && !(*word & bit))
		__sync_fetch_and_or(word, bit);
}

static __always_inline void note_made(const struct conn_open *o)
{
	__u32 zero = 0;
	__u64 *made = bpf_map_lookup_elem(&entries_made, &zero);

	if (made)
		__sync_fetch_and_add(made, 1);
	if (!o->rep_door)
		note_own_port(o->to_port);
}

/* Puts both entries into the table. The source port changes when the answers' key is taken. */
static __noinline int make_entries(struct scratch *s)
{
	struct conn_open *o = &s->open;
	int i, err = -1;

	if (is_share_used(o->fwd_door))
		return REASON_table_full;
	for (i = 0; i < NAT_PORT_TRIES; i++) {
		conn_reply_key(o, &s->reply_key);
		conn_fill_reply(&s->rep, o);
		err = bpf_map_update_elem(&conns, &s->reply_key, &s->rep, BPF_NOEXIST);
		if (err != -EEXIST)
			break;
		o->from_port = nat_port(bpf_get_prandom_u32());
	}
	if (err)
		return i == NAT_PORT_TRIES ? REASON_port_clash : REASON_table_full;
	note_made(o);
	conn_fill_forward(&s->fwd, o);
	err = bpf_map_update_elem(&conns, &o->key, &s->fwd, BPF_NOEXIST);
	if (!err)
		return OPEN_MADE;
	bpf_map_delete_elem(&conns, &s->reply_key);
	return err == -EEXIST ? OPEN_EXISTS : REASON_table_full;
}

/* Where the answers of a pod of this node come from, and where packets to it can be sent. */
static __always_inline void aim_at_pod(struct conn_open *o, const struct pod *pod)
{
	__u32 ifindex = pod->ifindex;

	if (pod->veth)
		o->fwd_redirect = ifindex;
	if (bpf_map_lookup_elem(&doors, &ifindex))
		o->rep_door = ifindex;
}

/* To weft-proxy. Answers are the node's own packets: they enter by no door. */
static __noinline int open_proxy(struct scratch *s)
{
	struct conn_open *o = &s->open;
	struct proxy_at *at;
	__u32 zero = 0;

	at = bpf_map_lookup_elem(&proxy_at, &zero);
	if (!at || !at->port)
		return REASON_no_proxy;
	o->to = ip16_is_v4(&o->key.dst) ? at->ip4 : at->ip6;
	if (ip16_is_zero(&o->to))
		return REASON_no_proxy;
	o->to_port = at->port;
	o->flags = CONN_PROXY;
	o->cluster = o->endpoint = WEFT_NO_CLUSTER;
	o->fwd_redirect = o->rep_door = 0;
	o->rep_redirect = 0;
	return make_entries(s);
}

/* The source that a pod sees when it is both client and endpoint. */
static __always_inline int set_hairpin(struct conn_open *o)
{
	struct proxy_at *at;
	__u32 zero = 0;

	if (!ip16_eq(&o->to, &o->key.src))
		return 0;
	at = bpf_map_lookup_elem(&proxy_at, &zero);
	if (!at)
		return -1;
	o->from = ip16_is_v4(&o->to) ? at->ip4 : at->ip6;
	o->flags |= CONN_HAIRPIN;
	return ip16_is_zero(&o->from) ? -1 : 0;
}

/* The chosen endpoint is in o->endpoint, the reservation made. */
static __noinline int open_endpoint(struct scratch *s)
{
	struct conn_open *o = &s->open;
	__u32 endpoint = o->endpoint;
	struct endpoint *e;
	struct pod *pod;

	e = bpf_map_lookup_elem(&endpoints, &endpoint);
	if (e) {
		o->to = e->addr;
		o->to_port = e->port;
	} else {
		o->flags |= CONN_ASIS;
	}
	pod = bpf_map_lookup_elem(&pods, &o->to);
	if (pod && (pod->flags & POD_DEMANDS_PROXY))
		return OPEN_PASS; /* the caller gives the reservation back and asks the proxy */
	if (pod)
		aim_at_pod(o, pod);
	if (set_hairpin(o))
		return REASON_error;
	return make_entries(s);
}

/* Gives back what open_backend took. */
static __always_inline void undo_backend(const struct conn_open *o, struct cluster_state *cs)
{
	__u32 endpoint = o->endpoint;
	struct endpoint_state *es = bpf_map_lookup_elem(&endpoint_state, &endpoint);

	if (es)
		__sync_fetch_and_add(&es->active, -1);
	if (o->key.proto == PKT_TCP)
		pool_release(cs);
}

static __always_inline void note_opened(struct scratch *s, struct cluster_state *cs)
{
	__u32 endpoint = s->open.endpoint;
	struct endpoint_state *es = bpf_map_lookup_elem(&endpoint_state, &endpoint);

	__sync_fetch_and_add(&cs->opened, 1);
	if (es)
		__sync_fetch_and_add(&es->total, 1);
	ledger_opened(&s->fwd);
	count(REASON_balanced);
}

/* Reserve, choose, enter. Everything taken is given back when it does not come to a connection. */
static __noinline int open_cluster(struct scratch *s, __u32 cluster)
{
	struct conn_open *o = &s->open;
	struct endpoint_state *es;
	struct cluster_state *cs;
	struct cluster *c;
	__u64 range;
	int err;

	c = bpf_map_lookup_elem(&clusters, &cluster);
	cs = bpf_map_lookup_elem(&cluster_state, &cluster);
	if (!c || !cs || !c->id)
		return REASON_no_cluster;
	/* base and count in one load: weftd changes both in one store */
	range = *(volatile __u64 *)&c->slot_base;
	if (o->key.proto == PKT_TCP && pool_reserve(cs, c->max_connections))
		return REASON_pool_full;
	o->cluster = cluster;
	o->endpoint = WEFT_NO_CLUSTER;
	o->flags = CONN_RESERVED;
	if (c->lb != LB_PASSTHROUGH)
		o->endpoint = choose_endpoint(&o->key, c->lb, range, cs);
	es = bpf_map_lookup_elem(&endpoint_state, &o->endpoint);
	if (es)
		__sync_fetch_and_add(&es->active, 1);
	err = es || c->lb == LB_PASSTHROUGH ? open_endpoint(s) : REASON_no_endpoint;
	if (err == OPEN_MADE) {
		note_opened(s, cs);
		return err;
	}
	undo_backend(o, cs);
	return err == OPEN_PASS ? open_proxy(s) : err;
}

static __always_inline int open_backend(struct scratch *s, const struct steer *st)
{
	__u32 cluster = st->cluster, at, *slot;

	if (st->split_count) {
		at = st->split_base + steer_split(bpf_get_prandom_u32(), st->split_count);
		slot = bpf_map_lookup_elem(&slots, &at);
		cluster = slot ? *slot : WEFT_NO_CLUSTER;
	}
	return open_cluster(s, cluster);
}

/*
 * A destination outside the mesh. When its tuple is that of a translated connection (the client
 * used one port for both), the answers could not be told apart: then this one is tracked too, from
 * another source port.
 */
static __always_inline int open_direct(struct scratch *s)
{
	struct conn_open *o = &s->open;
	struct pod *pod;

	pod = bpf_map_lookup_elem(&pods, &o->key.dst);
	if (pod && (pod->flags & POD_DEMANDS_PROXY))
		return open_proxy(s);
	conn_key_reverse(&o->key, &s->reply_key);
	if (!bpf_map_lookup_elem(&conns, &s->reply_key))
		return OPEN_PASS;
	if (pod)
		aim_at_pod(o, pod);
	o->cluster = o->endpoint = WEFT_NO_CLUSTER;
	o->from_port = nat_port(bpf_get_prandom_u32());
	return make_entries(s);
}

/* s->open: key, from, to, ports, fwd_door, rep_redirect, pod_id and now are set by the caller. */
__weak int open_flow(struct scratch *s, __u32 view)
{
	const struct steer *st;

	if (!s)
		return REASON_error;
	st = find_steer(&s->open.key, view);
	if (!st)
		return open_direct(s);
	switch (st->verdict) {
	case VERDICT_BACKEND: return open_backend(s, st);
	case VERDICT_PROXY: return open_proxy(s);
	case VERDICT_REFUSE: return st->reason;
	}
	return open_direct(s);
}

#endif
