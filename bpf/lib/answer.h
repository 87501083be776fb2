/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * answer.h - the bytes of a refusal: a TCP reset or an ICMP port unreachable, from the IP header
 * on, addressed back to the sender. Pure.
 */
#ifndef WEFT_BPF_ANSWER_H
#define WEFT_BPF_ANSWER_H

#include "bpf/lib/nat.h"
#include "bpf/lib/pkt.h"

enum {
	ANSWER_RST4 = 40,   /* IPv4 + TCP */
	ANSWER_RST6 = 60,   /* IPv6 + TCP */
	ANSWER_QUOTE4 = 28, /* IPv4 + UDP header of the refused packet */
	ANSWER_QUOTE6 = 48, /* IPv6 + UDP header */
	ANSWER_UNREACH4 = 20 + 8 + ANSWER_QUOTE4,
	ANSWER_UNREACH6 = 40 + 8 + ANSWER_QUOTE6,
	ANSWER_MAX = ANSWER_UNREACH6,
	ANSWER_TTL = 64,
};

/* Sum of n bytes, n a constant multiple of 4. */
WEFT_INLINE __u64 answer_sum(const __u8 *p, __u32 n)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i + 4 <= n; i += 4)
		sum += load_be32(p + i);
	return sum;
}

/* Pseudo-header: both addresses (the mapped prefix of IPv4 left out), protocol, length. */
WEFT_INLINE __u64 answer_pseudo(const struct pkt *p, __u8 proto, __u16 len)
{
	__u64 sum = (__u64)be32_of(proto) + be32_of(len);

	if (!p->v6)
		return sum + p->key.src.w[3] + p->key.dst.w[3];
	return sum + answer_sum((const __u8 *)&p->key.src, 16) +
	       answer_sum((const __u8 *)&p->key.dst, 16);
}

/* The IP header: from the refused packet's destination back to its source. */
WEFT_INLINE void answer_ip(__u8 *out, const struct pkt *p, __u8 proto, __u16 len)
{
	if (p->v6) {
		store_be32(out, be32_of(6u << 28));
		store_be16(out + 4, be16_of(len));
		out[6] = proto;
		out[7] = ANSWER_TTL;
		ip16_store(out + 8, &p->key.dst);
		ip16_store(out + 24, &p->key.src);
		return;
	}
	store_be16(out, be16_of(0x4500));
	store_be16(out + 2, be16_of(20 + len));
	store_be32(out + 4, be32_of(0x4000)); /* id 0, do not fragment */
	out[8] = ANSWER_TTL;
	out[9] = proto;
	store_be16(out + 10, 0);
	store_be32(out + 12, p->key.dst.w[3]);
	store_be32(out + 16, p->key.src.w[3]);
	store_be16(out + 10, (__be16)~csum_fold(csum_fold64(answer_sum(out, 20))));
}

/*
 * seq, ack: of the refused packet; payload: its length. out: ANSWER_RST4 or ANSWER_RST6 bytes.
 * partial: the skb's checksum is still to be completed (CHECKSUM_PARTIAL), so the field holds the
 * pseudo-header's sum only.
 */
WEFT_INLINE void answer_rst(__u8 *out, const struct pkt *p, __u32 seq, __u32 ack, __u32 payload,
			    int partial)
{
	__u8 *tcp = out + (p->v6 ? 40 : 20);
	__u64 sum = answer_pseudo(p, PKT_TCP, 20);

	answer_ip(out, p, PKT_TCP, 20);
	store_be16(tcp, p->key.dport);
	store_be16(tcp + 2, p->key.sport);
	if (p->tcp_flags & TCP_ACK) {
		/* RFC 9293 3.5.2: a reset that answers an ACK takes its sequence from it */
		store_be32(tcp + 4, be32_of(ack));
		store_be32(tcp + 8, 0);
		tcp[13] = TCP_RST;
	} else {
		seq += payload + !!(p->tcp_flags & TCP_SYN) + !!(p->tcp_flags & TCP_FIN);
		store_be32(tcp + 4, 0);
		store_be32(tcp + 8, be32_of(seq));
		tcp[13] = TCP_RST | TCP_ACK;
	}
	tcp[12] = 5 << 4;
	store_be16(tcp + 14, 0);
	store_be32(tcp + 16, 0);
	if (partial)
		store_be16(tcp + 16, csum_fold(csum_fold64(sum)));
	else
		store_be16(tcp + 16, (__be16)~csum_fold(csum_fold64(sum + answer_sum(tcp, 20))));
}

/* Port unreachable. The quote already stands behind the ICMP header in out. */
WEFT_INLINE void answer_unreach(__u8 *out, const struct pkt *p)
{
	__u16 len = 8 + (p->v6 ? ANSWER_QUOTE6 : ANSWER_QUOTE4);
	__u8 *icmp = out + (p->v6 ? 40 : 20);
	__u64 sum;

	answer_ip(out, p, p->v6 ? PKT_ICMP6 : PKT_ICMP4, len);
	icmp[0] = p->v6 ? 1 : 3;
	icmp[1] = p->v6 ? 4 : 3;
	store_be16(icmp + 2, 0);
	store_be32(icmp + 4, 0);
	if (p->v6)
		sum = answer_pseudo(p, PKT_ICMP6, len) + answer_sum(icmp, 8 + ANSWER_QUOTE6);
	else
		sum = answer_sum(icmp, 8 + ANSWER_QUOTE4);
	store_be16(icmp + 2, (__be16)~csum_fold(csum_fold64(sum)));
}

#endif
