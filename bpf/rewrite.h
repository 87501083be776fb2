/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rewrite.h - reads packets, and writes what the connection table says into them: plain packets and
 * the ICMP errors about them. Packet bytes are written first and checksums last, because the
 * checksum helpers invalidate every packet pointer.
 */
#ifndef WEFT_BPF_REWRITE_H
#define WEFT_BPF_REWRITE_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "bpf/lib/conn.h"

enum { PULL_BYTES = 256 };

static __always_inline const __u8 *skb_data(const struct __sk_buff *skb)
{
	return (const __u8 *)(long)skb->data;
}

static __always_inline const __u8 *skb_end(const struct __sk_buff *skb)
{
	return (const __u8 *)(long)skb->data_end;
}

static __always_inline long skb_load(const void *skb, __u32 off, void *buf, __u32 n)
{
	return bpf_skb_load_bytes(skb, off, buf, n);
}

/* The rare shapes. Global, so that the verifier looks at it once and on its own. */
__weak int skb_read_far(struct __sk_buff *skb, struct pkt *p)
{
	__u32 all = skb->len < PULL_BYTES ? skb->len : PULL_BYTES;

	if (!p)
		return 0;
	/* whoever rewrites the packet wants its headers in the linear part */
	bpf_skb_pull_data(skb, all);
	pkt_parse_far(skb, skb_load, skb->len, PKT_ETH, host16_of(skb->protocol), p);
	return 0;
}

/* The packet that an ICMP error quotes. */
__weak int skb_read_quote(struct __sk_buff *skb, const struct pkt *p, struct pkt *q)
{
	__u32 all = skb->len < PULL_BYTES ? skb->len : PULL_BYTES;

	if (!p || !q)
		return 0;
	bpf_skb_pull_data(skb, all);
	pkt_parse_quoted(skb, skb_load, p->payload, p->v6, q);
	return 0;
}

/* What the packet is. Never leaves PKT_SHORT. */
static __always_inline void skb_read(struct __sk_buff *skb, struct pkt *p)
{
	pkt_parse(skb_data(skb), skb_end(skb), skb->len, PKT_ETH, host16_of(skb->protocol), p);
	if (p->kind != PKT_SHORT)
		return;
	skb_read_far(skb, p);
	if (p->kind == PKT_SHORT)
		p->kind = PKT_BAD;
}

/* Both addresses of the IP header at h, and the IPv4 header's checksum. */
static __always_inline void write_ip(__u8 *h, int v6, const struct ip16 *src,
				     const struct ip16 *dst, __u32 delta)
{
	if (v6) {
		ip16_store(h + 8, src);
		ip16_store(h + 24, dst);
		return;
	}
	store_be32(h + 12, src->w[3]);
	store_be32(h + 16, dst->w[3]);
	store_be16(h + 10, csum_update(load_be16(h + 10), delta));
}

/* The layer-4 checksum after addresses and ports have changed by these deltas. */
static __always_inline int fix_l4(struct __sk_buff *skb, __u32 at, __u32 extra, __u32 v6,
				  __u32 addr_delta, __u32 port_delta)
{
	__u64 pseudo = BPF_F_PSEUDO_HDR | extra;

	if (v6 && cfg_csum_ipv6)
		pseudo |= BPF_F_IPV6;
	if (addr_delta && bpf_l4_csum_replace(skb, at, 0, addr_delta, pseudo))
		return -1;
	if (port_delta && bpf_l4_csum_replace(skb, at, 0, port_delta, extra))
		return -1;
	return 0;
}

/* Writes c's addresses and ports into a TCP or UDP packet. 0, or -1: the packet is spoiled. */
static __always_inline int rewrite_flow(struct __sk_buff *skb, const struct pkt *p,
					const struct conn *c)
{
	__u32 l3 = p->l3 & 31, l4 = p->l4 & (PKT_L4_MAX - 1);
	__u8 *data = (__u8 *)(long)skb->data;
	__u32 v6 = p->v6;

	if (data + l3 + (v6 ? 40 : 20) > skb_end(skb))
		return -1;
	write_ip(data + l3, v6, &c->src, &c->dst, c->addr_delta);
	if (data + l4 + 4 > skb_end(skb))
		return -1;
	store_be16(data + l4, c->sport);
	store_be16(data + l4 + 2, c->dport);
	if (p->key.proto == PKT_TCP)
		return fix_l4(skb, l4 + 16, 0, v6, c->addr_delta, c->port_delta);
	return fix_l4(skb, l4 + 6, BPF_F_MARK_MANGLED_0, v6, c->addr_delta, c->port_delta);
}

/* The quoted packet inside an ICMP error: to what its sender had sent, before we changed it. */
static __always_inline int rewrite_quote(struct __sk_buff *skb, const struct pkt *q,
					 const struct conn *c)
{
	__u32 l3 = q->l3 & (PKT_L4_MAX - 1), l4 = q->l4 & (2 * PKT_L4_MAX - 1);
	__u8 *data = (__u8 *)(long)skb->data;
	__u32 v6 = q->v6;

	if (data + l3 + (v6 ? 40 : 20) > skb_end(skb))
		return -1;
	/* the quote travels the other way: its source is what an answer would be sent to */
	write_ip(data + l3, v6, &c->dst, &c->src, c->addr_delta);
	if (data + l4 + 4 > skb_end(skb))
		return -1;
	store_be16(data + l4, c->dport);
	store_be16(data + l4 + 2, c->sport);
	return 0;
}

/*
 * An ICMP error p that quotes q about a flow of ours; c is the entry of an answer to q. It leaves
 * as an error about the packet that the flow's sender knows, addressed to that sender. A router
 * on the way keeps its own address.
 */
static __always_inline int rewrite_error(struct __sk_buff *skb, const struct pkt *p,
					 const struct pkt *q, const struct conn *c)
{
	struct ip16 src = ip16_eq(&p->key.src, &q->key.dst) ? c->src : p->key.src;
	__u32 l3 = p->l3 & 31, at = (p->l4 & (PKT_L4_MAX - 1)) + 2;
	__u8 *data = (__u8 *)(long)skb->data;
	__u32 outer, v6 = p->v6;

	if (rewrite_quote(skb, q, c))
		return -1;
	if (data + l3 + (v6 ? 40 : 20) > skb_end(skb))
		return -1;
	outer = csum_fold64(csum_delta_ip16(&p->key.src, &src) +
			    csum_delta_ip16(&p->key.dst, &c->dst));
	write_ip(data + l3, v6, &src, &c->dst, outer);
	/* ICMPv4 covers the quote only, whose own header checksum cancels the addresses out;
	 * ICMPv6 covers the quoted addresses and, by the pseudo-header, the outer ones */
	if (c->port_delta && bpf_l4_csum_replace(skb, at, 0, c->port_delta, 0))
		return -1;
	if (!v6)
		return 0;
	if (c->addr_delta && bpf_l4_csum_replace(skb, at, 0, c->addr_delta, 0))
		return -1;
	return fix_l4(skb, at, 0, v6, outer, 0);
}

#endif
