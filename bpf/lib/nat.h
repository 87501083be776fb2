/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nat.h - checksum arithmetic of address and port rewriting (RFC 1624), and the choice of another
 * source port. Pure. Words are summed as they stand in memory: one's complement sums do not care
 * about the byte order as long as it is one.
 */
#ifndef WEFT_BPF_NAT_H
#define WEFT_BPF_NAT_H

#include "bpf/lib/addr.h"

enum { NAT_PORT_TRIES = 32 };

/* 64 bits of partial sums to 32. */
WEFT_INLINE __u32 csum_fold64(__u64 sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	return (__u32)sum;
}

/* 32 bits of partial sum to the 16 of a checksum, not complemented. */
WEFT_INLINE __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* What replacing `from` by `to` adds to a sum. The mapped prefix of IPv4 cancels out. */
WEFT_INLINE __u64 csum_delta_ip16(const struct ip16 *from, const struct ip16 *to)
{
	__u64 d = 0;
	int i;

	for (i = 0; i < 4; i++)
		d += (__u64)(__u32)~from->w[i] + to->w[i];
	return d;
}

WEFT_INLINE __u64 csum_delta_be16(__be16 from, __be16 to)
{
	return (__u64)(__u16)~from + to;
}

/* A checksum field after `delta` has been added to what it covers. */
WEFT_INLINE __u16 csum_update(__u16 check, __u32 delta)
{
	return (__u16)~csum_fold(csum_fold64((__u64)(__u16)~check + delta));
}

/*
 * The attempt-th source port to try instead of one that is taken: outside Linux' default range
 * for clients (32768-60999), so that it seldom meets a port the client is using by itself.
 */
WEFT_INLINE __be16 nat_port(__u32 random)
{
	enum { LOW = 1024, LOW_END = 32768, HIGH = 61000, HIGH_END = 65536 };
	__u32 n = (__u32)(((__u64)random * (LOW_END - LOW + HIGH_END - HIGH)) >> 32);

	n += LOW;
	if (n >= LOW_END)
		n += HIGH - LOW_END;
	return be16_of(n);
}

#endif
