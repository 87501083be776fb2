/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shadow.h - what the kernel tables hold, as weftd knows it: numbers of ids, ranges of slots, and
 * a copy of vips and cidrs. Rebuilt from the maps themselves when weftd starts, or after an error.
 */
#ifndef WEFT_KERNEL_SHADOW_H
#define WEFT_KERNEL_SHADOW_H

#include "base/arena.h"
#include "base/map.h"
#include "kernel/kernel.h"
#include "kernel/ranges.h"

/* An entry of vips or cidrs. */
struct dest {
	union {
		struct vip_key vip;
		struct cidr_key cidr;
	} key;
	bool is_cidr;
	struct steer steer;
};

enum number_state { NUMBER_FREE, NUMBER_USED, NUMBER_GONE };

/* One number: of a cluster or an endpoint. */
struct number {
	uint8_t state;	/* enum number_state */
	uint8_t wanted; /* by the plan being filled */
	uint32_t round; /* NUMBER_GONE: the census that was current when it went */
};

/* ids to numbers; open addressing, rebuilt when numbers are freed. */
struct numbers {
	uint64_t *ids;	 /* hash slots, 0: empty */
	uint32_t *index; /* of the same slot */
	uint32_t cap, used;
	struct number *of; /* by number, `max` of them */
	uint32_t max, hint;
};

struct shadow {
	struct numbers clusters, endpoints;
	struct ranges slots;
	struct arena *arena; /* of dests */
	struct map dests;    /* key bytes -> struct dest */
	bool stale;	     /* a fill failed half-way: rebuild before the next */
};

int numbers_init(struct numbers *n, uint32_t max);
void numbers_done(struct numbers *n);
uint32_t numbers_find(const struct numbers *n, uint64_t id); /* PLAN_NO_INDEX: unknown */
int numbers_add(struct numbers *n, uint64_t id, uint32_t number, enum number_state state);
int numbers_take(struct numbers *n, uint32_t *nr, uint32_t *number); /* a free one; nr: high mark */
void numbers_clear_ids(struct numbers *n);

struct str dest_key(const struct dest *d);
int shadow_rebuild(struct kernel *k);

#endif
