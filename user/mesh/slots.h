/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - the balancing order of a cluster: numbers of members, 0 to n-1, in the order in which
 * bpf/lib/steer.h walks them. Pure functions of the members.
 */
#ifndef WEFT_MESH_SLOTS_H
#define WEFT_MESH_SLOTS_H

#include "base/arena.h"

struct slots {
	uint32_t *items;
	uint32_t n;
};

/*
 * Smooth weighted round robin: each member as often as its weight, spread evenly. Weights are
 * divided by their common divisor, and scaled down (never to 0) when more than limit slots would be
 * needed; equal weights give each member once, whatever the limit.
 */
struct slots slots_weighted(struct arena *a, const uint32_t *weights, uint32_t n, uint32_t limit);

/*
 * Maglev: a table in which every member has a share by weight, and in which a member that comes or
 * goes moves few other slots. ids: stable and distinct. size: prime; 0: chosen for n.
 */
struct slots slots_maglev(struct arena *a, const uint64_t *ids, const uint32_t *weights, uint32_t n,
			  uint32_t size);

#endif
