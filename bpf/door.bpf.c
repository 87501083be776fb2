// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * door.bpf.c - the tc programs of a door. door_in sees what enters the node through the device,
 * door_out what leaves through it. A packet is translated at the first door it meets: door_in, or
 * door_out for packets of the node itself and of devices that are no doors.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* the kernel has BPF_F_IPV6 for bpf_l4_csum_replace; set by weftd before load */
const volatile _Bool cfg_csum_ipv6 = 0;

#include "bpf/maps.h"
#include "bpf/ledger.h"
#include "bpf/rewrite.h"
#include "bpf/refuse.h"
#include "bpf/open.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The rare packets: handshake, FIN, RST, and everything that is not in state OPEN. Returns whether
 * the packet may go on. */
__weak int track(const struct pkt *p, struct conn *c, __u32 payload)
{
	__u32 reply, before, after, flags;
	struct conn *other, *fwd;

	if (!p || !c)
		return 0;
	reply = c->flags & CONN_REPLY;
	other = bpf_map_lookup_elem(&conns, &c->peer);
	fwd = reply ? other : c;
	if (!fwd)
		return 1;
	/* weft-proxy's answers come from nowhere else (leaves_untranslated); and who would forge a
	 * refusal must hit the moment of the handshake */
	flags = conn_tcp_marks(p->tcp_flags, reply,
			       c->door || (c->flags & CONN_PROXY) || fwd->state == CONN_SYN);
	flags |= __sync_fetch_and_or(&fwd->flags, flags);
	if (conn_is_dead_payload(flags, payload))
		return 0;
	before = fwd->state;
	after = conn_tcp_state(before, flags, p->tcp_flags, reply);
	if (before != after)
		/* who loses this race saw an older state: the marks decide at the next packet */
		__sync_val_compare_and_swap(&fwd->state, before, after);
	if (other)
		c->state = other->state = fwd->state;
	if (before != after || after != CONN_CLOSING)
		fwd->seen_ns = c->seen_ns = bpf_ktime_get_coarse_ns();
	if (conn_is_over(flags))
		ledger_end(fwd, reply ? c : other, PKT_TCP, REASON_released_table);
	return 1;
}

/* Ends a connection whose tuple is wanted again. */
__weak int forget(const struct conn_key *key, struct conn *fwd)
{
	struct conn_key peer;

	if (!key || !fwd)
		return 0;
	peer = fwd->peer;
	ledger_end(fwd, bpf_map_lookup_elem(&conns, &peer), key->proto, REASON_released_table);
	bpf_map_delete_elem(&conns, &peer);
	bpf_map_delete_elem(&conns, key);
	return 0;
}

/* The time of the last packet, to about 0.1 s: a clock is read only when the tick has changed. */
static __always_inline void note_seen(struct conn *c)
{
	__u32 tick = (__u32)(bpf_jiffies64() >> 5);

	if (c->seen_tick == tick)
		return;
	c->seen_tick = tick;
	c->seen_ns = bpf_ktime_get_coarse_ns();
}

/* Counts, translates and sends on a packet of connection c. */
static __always_inline int carry(struct __sk_buff *skb, const struct pkt *p, struct conn *c,
				 int may_redirect)
{
	__u32 payload = pkt_payload_len(p, skb->len), to = c->redirect;

	if (p->first_fragment)
		return drop(skb, p, REASON_fragment);
	if (p->key.proto == PKT_TCP &&
	    (c->state != CONN_OPEN || (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))) {
		if (!track(p, c, payload))
			return TC_ACT_SHOT;
	} else {
		note_seen(c);
	}
	c->packets++; /* a lost count is no harm, an atomic one costs every packet */
	if (payload)
		__sync_fetch_and_add(&c->bytes, payload);
	if (rewrite_flow(skb, p, c))
		return drop(skb, p, REASON_error);
	if (!may_redirect || !to)
		return TC_ACT_UNSPEC;
	return bpf_redirect_peer(to, 0);
}

/* A pod may send from its own addresses; IPv6 neighbour discovery has others. */
static __always_inline int is_spoofed(const struct door *d, const struct conn_key *k)
{
	if (ip16_eq(&k->src, &d->ip4) || ip16_eq(&k->src, &d->ip6))
		return ip16_is_zero(&k->src);
	return !(ip16_is_zero(&k->src) || ip16_is_local_scope(&k->src)) ||
	       !ip16_is_local_scope(&k->dst);
}

/* Did this packet of connection c enter where its packets must come from? */
static __always_inline int is_own_door(const struct __sk_buff *skb, const struct conn *c)
{
	__u32 ifindex = skb->ifindex;
	struct door *d;

	if (c->door)
		return c->door == ifindex;
	/* answers of weft-proxy are made on this node: nobody sends them in */
	if ((c->flags & (CONN_REPLY | CONN_PROXY)) == (CONN_REPLY | CONN_PROXY))
		return 0;
	d = bpf_map_lookup_elem(&doors, &ifindex);
	return d && d->kind == DOOR_NODE;
}

/* Where an ICMP error is met. */
enum error_at { ERROR_LEAVES, ERROR_FROM_NODE, ERROR_FROM_POD };

/* A pod is no router: it may complain about what was sent to itself, and nothing else. The quote
 * counts whatever it holds, because the victim's kernel looks into all of them. */
static __always_inline int is_false_complaint(const struct pkt *p, const struct pkt *q)
{
	return q->kind == PKT_SHORT || q->kind == PKT_BAD || !ip16_eq(&p->key.src, &q->key.dst);
}

/* An ICMP error about a flow of ours, at either door. */
__weak int carry_error(struct __sk_buff *skb, const struct pkt *p, int at)
{
	struct conn_key answer;
	struct conn *c;
	struct pkt q = {};

	if (!p)
		return TC_ACT_SHOT;
	q.kind = PKT_SHORT;
	skb_read_quote(skb, p, &q);
	if (at == ERROR_FROM_POD && is_false_complaint(p, &q))
		return drop(skb, p, REASON_spoofed);
	if (q.kind != PKT_FLOW)
		return TC_ACT_UNSPEC;
	conn_key_reverse(&q.key, &answer);
	c = bpf_map_lookup_elem(&conns, &answer);
	if (!c || (c->flags & CONN_ASIS))
		return TC_ACT_UNSPEC;
	/* a router may complain about anything, but not in the name of a pod that is elsewhere */
	if (at != ERROR_LEAVES && c->door && c->door != skb->ifindex &&
	    ip16_eq(&p->key.src, &q.key.dst))
		return drop(skb, p, REASON_spoofed);
	if (rewrite_error(skb, p, &q, c))
		return drop(skb, p, REASON_error);
	count(REASON_icmp_translated);
	if (at != ERROR_LEAVES && c->redirect)
		return bpf_redirect_peer(c->redirect, 0);
	return TC_ACT_UNSPEC;
}

/* Does this address belong to a pod here that only the proxy may reach? */
static __always_inline int demands_proxy(const struct ip16 *addr)
{
	struct pod *pod = bpf_map_lookup_elem(&pods, addr);

	return pod && (pod->flags & POD_DEMANDS_PROXY);
}

/* TCP in the middle of a connection that the table does not know. */
static __always_inline int stray(struct __sk_buff *skb, const struct pkt *p, const struct door *d)
{
	if ((d->kind == DOOR_POD && is_vip(&p->key, d->view)) || demands_proxy(&p->key.dst))
		return refuse(skb, p, REASON_mid_connection, d->veth);
	return TC_ACT_UNSPEC;
}

/* A flow that the table does not know. */
static __always_inline int enter(struct __sk_buff *skb, const struct pkt *p, const struct door *d)
{
	struct scratch *s;
	struct conn *c;
	__u32 zero = 0;
	int did;

	if (!conn_is_first(p))
		return stray(skb, p, d);
	if (ip16_is_local_scope(&p->key.dst))
		return TC_ACT_UNSPEC;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return TC_ACT_SHOT;
	__builtin_memset(&s->open, 0, sizeof(s->open));
	s->open.key = p->key;
	s->open.from = p->key.src;
	s->open.to = p->key.dst;
	s->open.from_port = p->key.sport;
	s->open.to_port = p->key.dport;
	s->open.now = bpf_ktime_get_coarse_ns();
	s->open.pod_id = d->pod_id;
	if (d->kind == DOOR_POD) {
		s->open.fwd_door = skb->ifindex;
		s->open.rep_redirect = d->veth ? skb->ifindex : 0;
		did = open_flow(s, d->view);
	} else {
		/* from outside: only the destination pod's inbound policy has a say */
		did = demands_proxy(&p->key.dst) ? open_proxy(s) : OPEN_PASS;
	}
	if (did == OPEN_PASS) {
		count(REASON_pass);
		return TC_ACT_UNSPEC;
	}
	if (did >= 0)
		return refuse(skb, p, did, d->veth);
	c = bpf_map_lookup_elem(&conns, &p->key);
	if (!c)
		return refuse(skb, p, REASON_error, d->veth);
	if (did == OPEN_MADE && (c->flags & CONN_PROXY))
		count(REASON_to_proxy);
	if (did == OPEN_MADE && c->redirect)
		count(REASON_redirected);
	return carry(skb, p, c, 1);
}

/* Not the first packet of a datagram: where would the whole one have gone? */
static __always_inline int enter_fragment(struct __sk_buff *skb, const struct pkt *p,
					  const struct door *d)
{
	if ((d->kind == DOOR_POD && is_vip(&p->key, d->view)) || demands_proxy(&p->key.dst))
		return drop(skb, p, REASON_fragment);
	return TC_ACT_UNSPEC;
}

static __always_inline int enter_bad(struct __sk_buff *skb, const struct pkt *p,
				     const struct door *d)
{
	if (d->kind == DOOR_POD || demands_proxy(&p->key.dst))
		return drop(skb, p, REASON_unparsable);
	return TC_ACT_UNSPEC;
}

/* Everything but packets of known connections. */
__weak int door_in_slow(struct __sk_buff *skb, const struct pkt *p)
{
	__u32 ifindex = skb->ifindex;
	struct door *d;

	if (!p)
		return TC_ACT_SHOT;
	d = bpf_map_lookup_elem(&doors, &ifindex);
	if (!d || p->kind == PKT_NOT_IP)
		return TC_ACT_UNSPEC;
	if (p->kind == PKT_BAD)
		return enter_bad(skb, p, d);
	if (d->kind == DOOR_POD && is_spoofed(d, &p->key))
		return drop(skb, p, REASON_spoofed);
	if (d->kind == DOOR_NODE && bpf_map_lookup_elem(&pods, &p->key.src))
		return drop(skb, p, REASON_spoofed);
	switch (p->kind) {
	case PKT_FLOW: return enter(skb, p, d);
	case PKT_ERROR:
		return carry_error(skb, p, d->kind == DOOR_POD ? ERROR_FROM_POD : ERROR_FROM_NODE);
	case PKT_FRAGMENT: return enter_fragment(skb, p, d);
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int door_in(struct __sk_buff *skb)
{
	struct conn *c;
	struct pkt p;

	skb_read(skb, &p);
	if (p.kind == PKT_FLOW) {
		c = bpf_map_lookup_elem(&conns, &p.key);
		if (c && is_own_door(skb, c)) {
			if (!conn_reopens(c->state, &p) || (c->flags & CONN_REPLY))
				return carry(skb, &p, c, 1);
			forget(&p.key, c);
		}
	}
	return door_in_slow(skb, &p);
}

/* Packets that nobody has translated yet: the node's own, and those of devices without doors. */
static __always_inline int leaves_untranslated(const struct __sk_buff *skb, const struct conn *c)
{
	__u32 from = skb->ingress_ifindex;

	if (!(c->flags & CONN_REPLY) || (c->flags & CONN_ASIS))
		return 0;
	if (c->flags & CONN_PROXY)
		return from == 0;
	return !c->door || c->door == from;
}

/*
 * The node's own packets, seen by their socket. Most are no answers of translated flows: the port
 * tells without a look-up. A first packet tells sockops from which address the node dials.
 */
static __always_inline int is_plainly_own(const struct __sk_buff *skb, const struct pkt *p)
{
	__u32 port = host16_of(p->key.sport), at = port >> 6;
	const __u8 one = 1;
	__u64 *word;

	if (!skb->sk || skb->ingress_ifindex)
		return 0;
	word = bpf_map_lookup_elem(&own_ports, &at);
	if (!word || (*word >> (port & 63) & 1))
		return 0;
	if (p->key.proto == PKT_TCP && conn_is_first(p) &&
	    !bpf_map_lookup_elem(&node_addrs, &p->key.src))
		bpf_map_update_elem(&node_addrs, &p->key.src, &one, BPF_ANY);
	return 1;
}

/* The last guard of a pod that demands the proxy: what did not come by it stays outside. */
static __always_inline int backstop(struct __sk_buff *skb, const struct pkt *p)
{
	struct conn_key answer;
	struct conn *c;

	if (p->kind == PKT_NOT_IP || p->kind == PKT_ICMP || p->kind == PKT_ERROR || skb->sk ||
	    !demands_proxy(&p->key.dst))
		return TC_ACT_UNSPEC;
	conn_key_reverse(&p->key, &answer);
	c = p->kind == PKT_FLOW ? bpf_map_lookup_elem(&conns, &answer) : NULL;
	if (c && (c->flags & CONN_REPLY))
		return TC_ACT_UNSPEC;
	return drop(skb, p, REASON_backstop);
}

SEC("tc")
int door_out(struct __sk_buff *skb)
{
	struct conn *c;
	struct pkt p;

	skb_read(skb, &p);
	if (p.kind == PKT_ERROR)
		return carry_error(skb, &p, ERROR_LEAVES);
	if (p.kind == PKT_FLOW) {
		if (is_plainly_own(skb, &p))
			return TC_ACT_UNSPEC;
		c = bpf_map_lookup_elem(&conns, &p.key);
		if (c && leaves_untranslated(skb, c))
			return carry(skb, &p, c, 0);
	}
	return backstop(skb, &p);
}
