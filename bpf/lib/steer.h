/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * steer.h - which endpoint of a cluster gets the next connection or request. The kernel and
 * weft-proxy run this same code, so they cannot disagree. Pure: the caller reads slots, endpoint
 * flags and active counts from wherever it keeps them and offers them one by one:
 *
 *	struct steer_draw d;
 *
 *	steer_begin(&d, lb, slot_count, hash_of_client);
 *	while (steer_more(&d)) {
 *		pos = steer_position(&d, fresh_cursor, fresh_random);
 *		e = slots[slot_base + pos];
 *		steer_offer(&d, e, ejected(e), active(e), weight(e));
 *	}
 *	endpoint = d.found ? d.endpoint : none;	   (none: no endpoint in service)
 *
 * fresh_cursor: the value before an atomic add of 1 to the cluster's shared cursor, taken anew for
 * every call when lb is LB_ROUND_ROBIN (so that an ejected endpoint's turn goes to the next one in
 * order and the others stay even), else 0. fresh_random: 32 random bits, new for every call.
 * Slots hold endpoint indexes in balancing order: weights are repetitions, made by mesh/.
 * LB_SOURCE_HASH: slots are a Maglev table. LB_PASSTHROUGH is the caller's: there is no choice.
 */
#ifndef WEFT_BPF_STEER_H
#define WEFT_BPF_STEER_H

#include "bpf/lib/addr.h"
#include "weft/limits.h"

/* LEAST_TRIES draws, then neighbours in slot order: bounded, the same in the kernel. */
enum { STEER_TRIES = 64 };

struct steer_draw {
	__u32 lb;    /* enum lb_policy */
	__u32 count; /* slots */
	__u32 hash;  /* of the client: LB_SOURCE_HASH */
	__u32 tries;
	__u32 last;		/* position offered last */
	__u32 found;		/* endpoints in service seen: 0, 1, or 2 when two were compared */
	__u32 endpoint, weight; /* the best so far */
	__s64 active;
};

WEFT_INLINE void steer_begin(struct steer_draw *d, __u32 lb, __u32 count, __u32 hash)
{
	*d = (struct steer_draw){ .lb = lb, .count = count, .hash = hash };
}

/* Is another offer wanted? False at once for a cluster without slots. */
WEFT_INLINE int steer_more(const struct steer_draw *d)
{
	__u32 want = d->lb == LB_LEAST_REQUEST && d->count > 1 ? 2 : 1;

	return d->count && d->found < want && d->tries < STEER_TRIES &&
	       /* one candidate is enough once the draws are used up */
	       !(d->found && d->tries >= LEAST_TRIES);
}

/* [0, count) from 32 random bits, without the bias of a modulo. */
WEFT_INLINE __u32 steer_scale(__u32 random, __u32 count)
{
	return (__u32)(((__u64)random * count) >> 32);
}

/* The next slot to look at, below d->count. */
WEFT_INLINE __u32 steer_position(struct steer_draw *d, __u64 cursor, __u32 random)
{
	__u32 pos;

	if (d->tries >= LEAST_TRIES)
		pos = d->last + 1;
	else if (d->lb == LB_ROUND_ROBIN)
		pos = (__u32)(cursor % d->count);
	else if (d->lb == LB_SOURCE_HASH)
		/* the clients of an ejected endpoint spread over the others, each always alike */
		pos = (d->tries ? mix32(d->hash + d->tries) : d->hash) % d->count;
	else if (d->lb == LB_LEAST_REQUEST && d->found)
		/* another slot than the first: comparing an endpoint with itself says nothing */
		pos = d->last + 1 + steer_scale(random, d->count - 1);
	else
		pos = steer_scale(random, d->count);
	if (pos >= d->count)
		pos -= d->count;
	d->last = pos;
	d->tries++;
	return pos;
}

/* What stands at the position: kept when in service and better than the one before. */
WEFT_INLINE void steer_offer(struct steer_draw *d, __u32 endpoint, int ejected, __s64 active,
			     __u32 weight)
{
	if (ejected)
		return;
	if (active < 0)
		active = 0;
	if (!weight)
		weight = 1;
	/* active/weight compared without dividing; a tie keeps the first, which is random */
	if (!d->found || (__u64)active * d->weight < (__u64)d->active * weight) {
		d->endpoint = endpoint;
		d->active = active;
		d->weight = weight;
	}
	d->found++;
}

/* Weighted split (tcp routes): the slot, below count, that a new connection draws. */
WEFT_INLINE __u32 steer_split(__u32 random, __u32 count)
{
	return steer_scale(random, count);
}

/* Hash of a client for LB_SOURCE_HASH. */
WEFT_INLINE __u32 steer_client_hash(const struct ip16 *client)
{
	return ip16_hash(client);
}

#endif
