/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pool.h - how many connections a cluster has open, against its limit. The counters are shared by
 * CPUs: every change is one atomic operation. A reservation belongs to a connection-table entry
 * (CONN_RESERVED, see conn_unreserve) and is given back exactly once.
 */
#ifndef WEFT_BPF_POOL_H
#define WEFT_BPF_POOL_H

#include <linux/types.h>
#include "bpf/lib/addr.h"

/* 0, or -1: the limit is reached (counted). Add, check, undo: never above the limit. */
WEFT_INLINE int pool_reserve(struct cluster_state *cs, __u32 max)
{
	__s64 before = __sync_fetch_and_add(&cs->open, 1);

	if (max == WEFT_NO_LIMIT || before < (__s64)max)
		return 0;
	__sync_fetch_and_add(&cs->open, -1);
	__sync_fetch_and_add(&cs->overflow, 1);
	return -1;
}

WEFT_INLINE void pool_release(struct cluster_state *cs)
{
	__sync_fetch_and_add(&cs->open, -1);
}

#endif
