/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * addr.h - 16-byte addresses. IPv4 is v4-mapped (::ffff:a.b.c.d), so that nothing behind the
 * parser knows the family. Pure: compiled for BPF, for unit tests and for weft-proxy.
 */
#ifndef WEFT_BPF_ADDR_H
#define WEFT_BPF_ADDR_H

#include <linux/types.h>
#include "weft/abi.h"

#define WEFT_INLINE static inline __attribute__((always_inline, unused))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define be16_of(x) ((__be16)__builtin_bswap16((__u16)(x)))
#define be32_of(x) ((__be32)__builtin_bswap32((__u32)(x)))
#else
#define be16_of(x) ((__be16)(x))
#define be32_of(x) ((__be32)(x))
#endif
/* the same swap, named for the other direction */
#define host16_of(x) ((__u16)be16_of(x))
#define host32_of(x) ((__u32)be32_of(x))

/* Packet bytes stand at any alignment. Unaligned access is one instruction on every machine that
 * runs BPF well, but clang splits it into bytes; natively memcpy is right and as fast. */
#ifdef __bpf__
#define load_be32(p)	 (*(const __be32 *)(p))
#define load_be16(p)	 (*(const __be16 *)(p))
#define store_be32(p, v) (*(__be32 *)(p) = (v))
#define store_be16(p, v) (*(__be16 *)(p) = (v))
#else
WEFT_INLINE __be32 load_be32(const void *p)
{
	__be32 v;

	__builtin_memcpy(&v, p, 4);
	return v;
}

WEFT_INLINE __be16 load_be16(const void *p)
{
	__be16 v;

	__builtin_memcpy(&v, p, 2);
	return v;
}

WEFT_INLINE void store_be32(void *p, __be32 v)
{
	__builtin_memcpy(p, &v, 4);
}

WEFT_INLINE void store_be16(void *p, __be16 v)
{
	__builtin_memcpy(p, &v, 2);
}
#endif

WEFT_INLINE struct ip16 ip16_from_v4(__be32 v4)
{
	return (struct ip16){ .w = { 0, 0, be32_of(0xffff), v4 } };
}

/* The 16 bytes of an IPv6 address in a packet. */
WEFT_INLINE struct ip16 ip16_load(const __u8 *p)
{
	return (struct ip16){ .w = { load_be32(p), load_be32(p + 4), load_be32(p + 8),
				     load_be32(p + 12) } };
}

WEFT_INLINE void ip16_store(__u8 *p, const struct ip16 *a)
{
	store_be32(p, a->w[0]);
	store_be32(p + 4, a->w[1]);
	store_be32(p + 8, a->w[2]);
	store_be32(p + 12, a->w[3]);
}

WEFT_INLINE int ip16_is_v4(const struct ip16 *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == be32_of(0xffff);
}

WEFT_INLINE int ip16_eq(const struct ip16 *a, const struct ip16 *b)
{
	return !((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) |
		 (a->w[3] ^ b->w[3]));
}

WEFT_INLINE int ip16_is_zero(const struct ip16 *a)
{
	return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

/* The node's own or link-local traffic that a pod may always send: fe80::/10 and multicast. */
WEFT_INLINE int ip16_is_local_scope(const struct ip16 *a)
{
	__u32 top = host32_of(a->w[0]);

	return (top & 0xffc00000u) == 0xfe800000u || (top & 0xff000000u) == 0xff000000u;
}

/* A 32-bit mix of all bits (Murmur3 finaliser over the words): stable, ours, not for security. */
WEFT_INLINE __u32 mix32(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	h ^= h >> 16;
	return h;
}

WEFT_INLINE __u32 ip16_hash(const struct ip16 *a)
{
	__u32 h = 0x9e3779b9u;

	h = mix32(h ^ host32_of(a->w[0]));
	h = mix32(h ^ host32_of(a->w[1]));
	h = mix32(h ^ host32_of(a->w[2]));
	return mix32(h ^ host32_of(a->w[3]));
}

#endif
