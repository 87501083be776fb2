/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pkt.h - what a packet is: addresses, ports, TCP flags, and where its headers stand. Reads only
 * [data, end); every length that the packet claims is checked before it is used. Pure.
 *
 * pkt_parse reads plain packets in place and gives up (PKT_SHORT) on what is rare: headers outside
 * [data, end), IPv6 extension headers. pkt_parse_far reads anything, copying each header through a
 * loader (bpf_skb_load_bytes; a bounded memcpy in tests). Where both answer, they agree.
 */
#ifndef WEFT_BPF_PKT_H
#define WEFT_BPF_PKT_H

#include "bpf/lib/addr.h"

enum {
	PKT_P_IP = 0x0800,
	PKT_P_IPV6 = 0x86dd,
	PKT_TCP = 6,
	PKT_UDP = 17,
	PKT_ICMP4 = 1,
	PKT_ICMP6 = 58,
	PKT_EXT_MAX = 6,   /* IPv6 extension headers followed */
	PKT_L4_MAX = 2048, /* a layer-4 header further in than this is not looked for */
	PKT_ETH = 14,
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

enum pkt_kind {
	PKT_NOT_IP,   /* ARP and the like: never ours */
	PKT_SHORT,    /* cannot be read in place; from pkt_parse_far: there are not enough bytes */
	PKT_BAD,      /* lies about itself: must never pass a policy */
	PKT_OTHER,    /* IP with a protocol that has no ports we know */
	PKT_FRAGMENT, /* not the first fragment: addresses and protocol are known, ports are not */
	PKT_ICMP,     /* ICMP that is no error: echo, neighbour discovery */
	PKT_ERROR,    /* ICMP error: key holds the outer addresses, see pkt_parse_quoted */
	PKT_FLOW,     /* TCP or UDP with ports */
};

struct pkt {
	struct conn_key key; /* as far as `kind` says */
	__u32 l3_len;	     /* that the IP header claims; 0: a segment above 64 KiB (GSO) */
	__u16 l3, l4;	     /* offsets from data */
	__u16 payload;	     /* offset of what follows the layer-4 header */
	__u8 kind;	     /* enum pkt_kind */
	__u8 v6;
	__u8 tcp_flags;
	__u8 first_fragment; /* ports are there, but more fragments follow */
	__u8 pad[6];
};

WEFT_INLINE __u16 pkt_u16(const __u8 *p)
{
	return host16_of(load_be16(p));
}

/* The IPv4 header at h, `off` bytes from data. Leaves kind PKT_FLOW as "go on with layer 4". */
WEFT_INLINE void pkt_ip4(const __u8 *h, const __u8 *end, __u32 off, struct pkt *p)
{
	__u32 ihl;
	__u16 frag;

	p->kind = PKT_SHORT;
	if (h + 20 > end)
		return;
	ihl = (h[0] & 15) * 4;
	p->kind = PKT_BAD;
	if (h[0] >> 4 != 4 || ihl < 20)
		return;
	p->l3_len = pkt_u16(h + 2);
	if (p->l3_len && p->l3_len < ihl)
		return;
	p->key.src = ip16_from_v4(load_be32(h + 12));
	p->key.dst = ip16_from_v4(load_be32(h + 16));
	p->key.proto = h[9];
	p->l3 = (__u16)off;
	p->l4 = (__u16)(off + ihl);
	frag = pkt_u16(h + 6);
	p->first_fragment = (frag & 0x3fff) == 0x2000;
	p->kind = frag & 0x1fff ? PKT_FRAGMENT : PKT_FLOW;
}

/* Is it an extension header that is followed? */
WEFT_INLINE int pkt_is_ext(__u8 next)
{
	return next == 0 || next == 43 || next == 44 || next == 60 || next == 51;
}

/* The IPv6 header at h. PKT_SHORT with key.proto, l4: extension headers follow there. */
WEFT_INLINE void pkt_ip6(const __u8 *h, const __u8 *end, __u32 off, struct pkt *p)
{
	p->kind = PKT_SHORT;
	if (h + 40 > end)
		return;
	p->kind = PKT_BAD;
	if (h[0] >> 4 != 6)
		return;
	p->key.src = ip16_load(h + 8);
	p->key.dst = ip16_load(h + 24);
	p->v6 = 1;
	p->l3_len = pkt_u16(h + 4);
	if (p->l3_len)
		p->l3_len += 40;
	p->l3 = (__u16)off;
	p->l4 = (__u16)(off + 40);
	p->key.proto = h[6];
	p->kind = pkt_is_ext(h[6]) ? PKT_SHORT : PKT_FLOW;
}

WEFT_INLINE void pkt_tcp(const __u8 *h, const __u8 *end, struct pkt *p)
{
	__u32 doff;

	p->kind = PKT_SHORT;
	if (h + 20 > end)
		return;
	p->key.sport = load_be16(h);
	p->key.dport = load_be16(h + 2);
	p->tcp_flags = h[13];
	doff = (h[12] >> 4) * 4;
	p->payload = (__u16)(p->l4 + doff);
	p->kind = PKT_FLOW;
	/* a SYN that is also FIN or RST opens and ends at once: no stack sends it */
	if (doff < 20 || ((h[13] & TCP_SYN) && (h[13] & (TCP_FIN | TCP_RST))))
		p->kind = PKT_BAD;
}

WEFT_INLINE void pkt_udp(const __u8 *h, const __u8 *end, struct pkt *p)
{
	p->kind = PKT_SHORT;
	if (h + 8 > end)
		return;
	p->key.sport = load_be16(h);
	p->key.dport = load_be16(h + 2);
	p->payload = (__u16)(p->l4 + 8);
	p->kind = PKT_FLOW;
}

/* ICMP types that quote the packet they are about. */
WEFT_INLINE int pkt_is_error(__u8 v6, __u8 type)
{
	return v6 ? type < 128 : type == 3 || type == 11 || type == 12;
}

WEFT_INLINE void pkt_icmp(const __u8 *h, const __u8 *end, struct pkt *p)
{
	p->kind = PKT_SHORT;
	if (h + 8 > end)
		return;
	p->kind = pkt_is_error(p->v6, h[0]) ? PKT_ERROR : PKT_ICMP;
	p->payload = (__u16)(p->l4 + 8);
}

WEFT_INLINE int pkt_has_ports(const struct pkt *p)
{
	return p->key.proto == PKT_TCP || p->key.proto == PKT_UDP;
}

WEFT_INLINE int pkt_is_icmp(const struct pkt *p)
{
	return p->key.proto == (p->v6 ? PKT_ICMP6 : PKT_ICMP4);
}

/* Is what the IP header claims more than the frame holds, or less than its headers need? */
WEFT_INLINE int pkt_lies(const struct pkt *p, __u32 frame_len)
{
	if (!p->l3_len)
		return p->payload > frame_len;
	return p->l3 + p->l3_len > frame_len || p->payload > p->l3 + p->l3_len;
}

/* Layer 4 at h; the IP header is in p. */
WEFT_INLINE void pkt_l4(const __u8 *h, const __u8 *end, __u32 frame_len, struct pkt *p)
{
	if (p->key.proto == PKT_TCP)
		pkt_tcp(h, end, p);
	else if (p->key.proto == PKT_UDP)
		pkt_udp(h, end, p);
	else if (pkt_is_icmp(p))
		pkt_icmp(h, end, p);
	else
		p->kind = PKT_OTHER;
	if (p->kind != PKT_SHORT && pkt_lies(p, frame_len))
		p->kind = PKT_BAD;
}

/*
 * The frame in [data, end); frame_len: its whole length, of which more may lie outside the linear
 * part; l3: offset of the IP header (PKT_ETH); proto: as in the Ethernet header.
 */
WEFT_INLINE void pkt_parse(const __u8 *data, const __u8 *end, __u32 frame_len, __u32 l3,
			   __u16 proto, struct pkt *p)
{
	const __u8 *h;

	*p = (struct pkt){ .kind = PKT_NOT_IP };
	if (proto == PKT_P_IP)
		pkt_ip4(data + l3, end, l3, p);
	else if (proto == PKT_P_IPV6)
		pkt_ip6(data + l3, end, l3, p);
	if (p->kind != PKT_FLOW)
		return;
	h = data + (p->l4 & (PKT_L4_MAX - 1));
	pkt_l4(h, end, frame_len, p);
}

/* n bytes at off of `src` to buf; 0, or not 0: they are not there. */
typedef long (*pkt_load_fn)(const void *src, __u32 off, void *buf, __u32 n);

/* One extension header, whose first 8 bytes are h. */
WEFT_INLINE void pkt_ext(const __u8 *h, struct pkt *p)
{
	__u32 len = (h[1] + 1u) * 8;
	__u16 frag = pkt_u16(h + 2);

	if (p->key.proto == 44) {
		len = 8;
		p->first_fragment = !(frag & 0xfff8) && (frag & 1);
		if (frag & 0xfff8)
			p->kind = PKT_FRAGMENT;
	} else if (p->key.proto == 51) {
		len = (h[1] + 2u) * 4;
	}
	p->key.proto = h[0];
	p->l4 = (__u16)(p->l4 + len);
}

/* From PKT_SHORT behind an IPv6 header to the kind that the extension headers lead to. */
WEFT_INLINE void pkt_walk(const void *src, pkt_load_fn load, struct pkt *p)
{
	__u8 h[8];
	int i;

	p->kind = PKT_FLOW;
	for (i = 0; i < PKT_EXT_MAX; i++) {
		if (p->kind != PKT_FLOW || !pkt_is_ext(p->key.proto))
			return;
		if (load(src, p->l4, h, sizeof(h))) {
			p->kind = PKT_SHORT;
			return;
		}
		pkt_ext(h, p);
		if (p->l4 > PKT_L4_MAX - 64)
			break;
	}
	if (p->kind == PKT_FLOW && (pkt_is_ext(p->key.proto) || p->l4 > PKT_L4_MAX - 64))
		p->kind = PKT_BAD;
}

/* Layer 3 at `off`. PKT_FLOW: go on at p->l4. */
WEFT_INLINE void pkt_l3_far(const void *src, pkt_load_fn load, __u32 off, __u16 proto,
			    struct pkt *p)
{
	__u8 h[40];

	*p = (struct pkt){ .kind = PKT_NOT_IP };
	if (proto != PKT_P_IP && proto != PKT_P_IPV6)
		return;
	p->kind = PKT_SHORT;
	if (proto == PKT_P_IP) {
		if (!load(src, off, h, 20))
			pkt_ip4(h, h + 20, off, p);
		return;
	}
	if (load(src, off, h, 40))
		return;
	pkt_ip6(h, h + 40, off, p);
	if (p->kind == PKT_SHORT)
		pkt_walk(src, load, p);
}

WEFT_INLINE void pkt_parse_far(const void *src, pkt_load_fn load, __u32 frame_len, __u32 l3,
			       __u16 proto, struct pkt *p)
{
	__u8 h[20];
	long err;

	pkt_l3_far(src, load, l3, proto, p);
	if (p->kind != PKT_FLOW)
		return;
	if (p->key.proto == PKT_TCP)
		err = load(src, p->l4, h, 20);
	else if (pkt_has_ports(p) || pkt_is_icmp(p))
		err = load(src, p->l4, h, 8);
	else
		err = 0;
	p->kind = PKT_SHORT;
	if (!err)
		pkt_l4(h, h + 20, frame_len, p);
}

/*
 * The packet that an ICMP error quotes, standing at `off` (p->payload of the error): kind is
 * PKT_FLOW when addresses and ports were found. Its lengths are not checked: quotes are cut.
 */
WEFT_INLINE void pkt_parse_quoted(const void *src, pkt_load_fn load, __u32 off, int v6,
				  struct pkt *q)
{
	__u8 h[8];

	pkt_l3_far(src, load, off, v6 ? PKT_P_IPV6 : PKT_P_IP, q);
	if (q->kind != PKT_FLOW)
		return;
	q->kind = PKT_OTHER;
	if (!pkt_has_ports(q))
		return;
	q->kind = PKT_SHORT;
	if (load(src, q->l4, h, 8))
		return;
	q->key.sport = load_be16(h);
	q->key.dport = load_be16(h + 2);
	q->kind = PKT_FLOW;
}

/* Bytes behind the layer-4 header, without the padding of short Ethernet frames. */
WEFT_INLINE __u32 pkt_payload_len(const struct pkt *p, __u32 frame_len)
{
	__u32 all = p->l3_len ? p->l3 + p->l3_len : frame_len;

	return all > p->payload ? all - p->payload : 0;
}

#endif
