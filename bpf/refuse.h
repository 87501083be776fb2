/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * refuse.h - turns a packet away so that its sender learns it at once: the packet itself becomes a
 * TCP reset or an ICMP port unreachable and goes back where it came from.
 */
#ifndef WEFT_BPF_REFUSE_H
#define WEFT_BPF_REFUSE_H

#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "bpf/ledger.h"
#include "bpf/rewrite.h"
#include "bpf/lib/answer.h"

enum { SKB_CHECKSUM_PARTIAL = 3 };

static __always_inline int skb_is_partial(struct __sk_buff *skb)
{
	/* at run time a tc program's context is the sk_buff itself */
	struct sk_buff *real = (struct sk_buff *)skb;

	return BPF_CORE_READ_BITFIELD_PROBED(real, ip_summed) == SKB_CHECKSUM_PARTIAL;
}

/* Writes `len` bytes of answer behind the Ethernet header, swaps the MACs, and sends it back. */
static __always_inline int send_back(struct __sk_buff *skb, const __u8 *answer, __u32 len,
				     __u32 veth)
{
	__u8 macs[12], swapped[12];

	if (bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)) ||
	    bpf_skb_store_bytes(skb, PKT_ETH, answer, len, BPF_F_RECOMPUTE_CSUM))
		return TC_ACT_SHOT;
	__builtin_memcpy(swapped, macs + 6, 6);
	__builtin_memcpy(swapped + 6, macs, 6);
	if (bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0))
		return TC_ACT_SHOT;
	/* into the peer directly when there is one: the answer then meets no door_out */
	return veth ? bpf_redirect_peer(skb->ifindex, 0) : bpf_redirect(skb->ifindex, 0);
}

/* Only plain headers are answered: behind options or extension headers the offsets differ. */
static __always_inline int is_plain(const struct pkt *p)
{
	return p->l3 == PKT_ETH && p->l4 == PKT_ETH + (p->v6 ? 40 : 20);
}

static __noinline int answer_with_rst(struct __sk_buff *skb, const struct pkt *p, __u32 veth)
{
	__u32 payload = pkt_payload_len(p, skb->len);
	__u8 out[ANSWER_RST6] = {};
	int partial = skb_is_partial(skb);
	__be32 words[2];

	if (p->tcp_flags & TCP_RST)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, PKT_ETH + (p->v6 ? 44 : 24), words, sizeof(words)))
		return TC_ACT_SHOT;
	answer_rst(out, p, host32_of(words[0]), host32_of(words[1]), payload, partial);
	if (p->v6) {
		if (bpf_skb_change_tail(skb, PKT_ETH + ANSWER_RST6, 0))
			return TC_ACT_SHOT;
		return send_back(skb, out, ANSWER_RST6, veth);
	}
	if (bpf_skb_change_tail(skb, PKT_ETH + ANSWER_RST4, 0))
		return TC_ACT_SHOT;
	return send_back(skb, out, ANSWER_RST4, veth);
}

static __noinline int answer_with_unreach(struct __sk_buff *skb, const struct pkt *p, __u32 veth)
{
	__u8 out[ANSWER_MAX] = {};

	/* a device would complete the old checksum in the middle of the new packet */
	if (!veth && skb_is_partial(skb))
		return TC_ACT_SHOT;
	if (p->v6) {
		if (bpf_skb_load_bytes(skb, PKT_ETH, out + 48, ANSWER_QUOTE6))
			return TC_ACT_SHOT;
		answer_unreach(out, p);
		if (bpf_skb_change_tail(skb, PKT_ETH + ANSWER_UNREACH6, 0))
			return TC_ACT_SHOT;
		return send_back(skb, out, ANSWER_UNREACH6, veth);
	}
	if (bpf_skb_load_bytes(skb, PKT_ETH, out + 28, ANSWER_QUOTE4))
		return TC_ACT_SHOT;
	answer_unreach(out, p);
	if (bpf_skb_change_tail(skb, PKT_ETH + ANSWER_UNREACH4, 0))
		return TC_ACT_SHOT;
	return send_back(skb, out, ANSWER_UNREACH4, veth);
}

/* Counts the reason and answers. veth: the packet came by a veth's host side. */
static __always_inline int refuse(struct __sk_buff *skb, const struct pkt *p, __u32 reason,
				  __u32 veth)
{
	count_event(reason, skb->ifindex, &p->key);
	if (!is_plain(p) || p->first_fragment)
		return TC_ACT_SHOT;
	if (p->key.proto == PKT_TCP)
		return answer_with_rst(skb, p, veth);
	return answer_with_unreach(skb, p, veth);
}

static __always_inline int drop(struct __sk_buff *skb, const struct pkt *p, __u32 reason)
{
	count_event(reason, skb->ifindex, &p->key);
	return TC_ACT_SHOT;
}

#endif
