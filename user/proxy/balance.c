// SPDX-License-Identifier: Apache-2.0
#include "proxy/balance.h"

#include "bpf/lib/steer.h"

uint32_t balance_pick(const struct roster *r, const struct ip16 *client,
		      uint32_t (*random)(void *arg), void *arg)
{
	const struct image_cluster *c = r->cluster;
	bool panic = outlier_panic(c, r->count, atomic_load(&r->fleet->out));
	struct steer_draw d;

	steer_begin(&d, c->lb, c->slots.count, steer_client_hash(client));
	while (steer_more(&d)) {
		uint64_t cursor =
			c->lb == LB_ROUND_ROBIN ? atomic_fetch_add(&r->fleet->cursor, 1) : 0;
		uint32_t at = r->slots[steer_position(&d, cursor, random(arg))];
		const struct member *m;

		if (at == IMAGE_NONE)
			continue;
		m = r->members[at].member;
		steer_offer(&d, at, !panic && outlier_is_out(&m->health),
			    atomic_load_explicit(&m->active, memory_order_relaxed),
			    r->members[at].weight);
	}
	return d.found ? d.endpoint : IMAGE_NONE;
}
