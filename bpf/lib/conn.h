/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conn.h - the life of a connection-table entry: its two keys, what each rewrites, and what a
 * packet's TCP flags do to it. Pure; the table itself is the caller's.
 *
 *	SYN --answer or second packet--> OPEN --both FINs, or RST, or the socket closed--> CLOSING
 *
 * One FIN changes nothing but a flag: the other direction may go on for hours. CLOSING lets the
 * last acknowledgements through until it expires; its time is not prolonged by packets.
 */
#ifndef WEFT_BPF_CONN_H
#define WEFT_BPF_CONN_H

#include "bpf/lib/nat.h"
#include "bpf/lib/pkt.h"
#include "weft/limits.h"

#define CONN_NS_PER_MS 1000000ull

/* Written field by field: a compound literal would cost a copy on BPF's small stack. */
WEFT_INLINE void conn_key_set(struct conn_key *k, const struct ip16 *src, __be16 sport,
			      const struct ip16 *dst, __be16 dport, __u8 proto)
{
	k->src = *src;
	k->dst = *dst;
	k->sport = sport;
	k->dport = dport;
	k->proto = proto;
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

WEFT_INLINE void conn_key_reverse(const struct conn_key *k, struct conn_key *out)
{
	conn_key_set(out, &k->dst, k->dport, &k->src, k->sport, k->proto);
}

WEFT_INLINE int conn_key_eq(const struct conn_key *a, const struct conn_key *b)
{
	return ip16_eq(&a->src, &b->src) && ip16_eq(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->proto == b->proto;
}

/* A connection about to be made. */
struct conn_open {
	struct conn_key key;  /* as the client sends */
	struct ip16 from, to; /* as the server shall see it */
	__be16 from_port, to_port;
	__u32 flags; /* CONN_PROXY, _RESERVED, _HAIRPIN, _ASIS */
	__u32 cluster, endpoint;
	__u32 fwd_door, fwd_redirect; /* of the entry for the client's packets */
	__u32 rep_door, rep_redirect; /* of the entry for the answers */
	__u32 pad;
	__u64 pod_id, now;
};

WEFT_INLINE void conn_reply_key(const struct conn_open *o, struct conn_key *out)
{
	conn_key_set(out, &o->to, o->to_port, &o->from, o->from_port, o->key.proto);
}

/* What is alike in both entries. */
WEFT_INLINE void conn_fill_common(struct conn *c, const struct conn_open *o)
{
	__builtin_memset(c, 0, sizeof(*c));
	/* UDP has no handshake to wait for */
	c->state = o->key.proto == PKT_TCP ? CONN_SYN : CONN_OPEN;
	c->orig_dst = o->key.dst;
	c->orig_port = o->key.dport;
	c->cluster = o->cluster;
	c->endpoint = o->endpoint;
	c->pod_id = o->pod_id;
	c->opened_ns = c->seen_ns = o->now;
}

WEFT_INLINE void conn_fill_forward(struct conn *c, const struct conn_open *o)
{
	conn_fill_common(c, o);
	c->flags = o->flags;
	c->src = o->from;
	c->dst = o->to;
	c->sport = o->from_port;
	c->dport = o->to_port;
	c->door = o->fwd_door;
	c->redirect = o->fwd_redirect;
	conn_reply_key(o, &c->peer);
	c->addr_delta = csum_fold64(csum_delta_ip16(&o->key.src, &o->from) +
				    csum_delta_ip16(&o->key.dst, &o->to));
	c->port_delta = csum_fold64(csum_delta_be16(o->key.sport, o->from_port) +
				    csum_delta_be16(o->key.dport, o->to_port));
}

WEFT_INLINE void conn_fill_reply(struct conn *c, const struct conn_open *o)
{
	conn_fill_common(c, o);
	c->flags = (o->flags & ~(__u32)CONN_RESERVED) | CONN_REPLY;
	c->src = o->key.dst;
	c->dst = o->key.src;
	c->sport = o->key.dport;
	c->dport = o->key.sport;
	c->door = o->rep_door;
	c->redirect = o->rep_redirect;
	c->peer = o->key;
	c->addr_delta = csum_fold64(csum_delta_ip16(&o->to, &o->key.dst) +
				    csum_delta_ip16(&o->from, &o->key.src));
	c->port_delta = csum_fold64(csum_delta_be16(o->to_port, o->key.dport) +
				    csum_delta_be16(o->from_port, o->key.sport));
}

/*
 * What a TCP packet does to the forward entry, in two steps, so that two packets on two CPUs do
 * not miss each other: its marks are added atomically, then the state follows from all marks.
 * `sure`: the packet came by the door of the pod it claims to be from. A reset from the network
 * may be forged by anyone who knows the ports, so it alone closes nothing for good: the entry is
 * put on a shorter timeout (CONN_DOUBT_MS), and the client's next packet takes it off again; when
 * the client has believed it, its socket closes and sockops ends the connection.
 */
WEFT_INLINE __u32 conn_tcp_marks(__u8 tcp, int reply, int sure)
{
	if (tcp & TCP_RST)
		return sure ? CONN_RST : 0;
	if (tcp & TCP_FIN)
		return reply ? CONN_FIN_REP : CONN_FIN_FWD;
	return 0;
}

/* Is it over for good, judging by the marks? */
WEFT_INLINE int conn_is_over(__u32 flags)
{
	__u32 both = CONN_FIN_FWD | CONN_FIN_REP;

	return (flags & CONN_RST) || (flags & both) == both;
}

WEFT_INLINE __u32 conn_tcp_state(__u32 state, __u32 flags, __u8 tcp, int reply)
{
	if (conn_is_over(flags) || (tcp & TCP_RST))
		return CONN_CLOSING;
	if (state == CONN_CLOSING && reply)
		return CONN_CLOSING;
	if (state == CONN_SYN && !reply && (tcp & TCP_SYN))
		return CONN_SYN;
	return CONN_OPEN;
}

/* A first packet of a connection: the only TCP packet that makes an entry. */
WEFT_INLINE int conn_is_first(const struct pkt *p)
{
	return p->key.proto != PKT_TCP || (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* This SYN starts a new connection on the tuple of one that has ended. */
WEFT_INLINE int conn_reopens(__u32 state, const struct pkt *p)
{
	return state == CONN_CLOSING && p->key.proto == PKT_TCP && conn_is_first(p);
}

/* After a reset only bare acknowledgements and resets pass: no side can go on in secret when the
 * other has not believed the reset. */
WEFT_INLINE int conn_is_dead_payload(__u32 flags, __u32 payload)
{
	return (flags & CONN_RST) && payload;
}

WEFT_INLINE __u64 conn_idle_limit_ns(__u32 state, __u32 flags, __u8 proto)
{
	if (proto != PKT_TCP)
		return CONN_UDP_MS * CONN_NS_PER_MS;
	if (state == CONN_SYN)
		return CONN_SYN_MS * CONN_NS_PER_MS;
	if (state == CONN_OPEN)
		return CONN_OPEN_MS * CONN_NS_PER_MS;
	return (conn_is_over(flags) ? CONN_CLOSING_MS : CONN_DOUBT_MS) * CONN_NS_PER_MS;
}

/* seen: the later one of both entries. */
WEFT_INLINE int conn_is_expired(__u32 state, __u32 flags, __u8 proto, __u64 seen_ns, __u64 now)
{
	return now > seen_ns && now - seen_ns > conn_idle_limit_ns(state, flags, proto);
}

/* Takes the reservation off the forward entry: true for exactly one caller. */
WEFT_INLINE int conn_unreserve(struct conn *fwd)
{
	__u32 before = __sync_fetch_and_and(&fwd->flags, ~(__u32)CONN_RESERVED);

	return !!(before & CONN_RESERVED);
}

#endif
