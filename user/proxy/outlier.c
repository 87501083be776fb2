// SPDX-License-Identifier: Apache-2.0
#include "proxy/outlier.h"

enum { EJECTION_CAP_MS = 300 * 1000 };

static bool is_gateway(uint32_t status)
{
	return status == OUTLIER_LOCAL || (status >= 502 && status <= 504);
}

static bool is_error(const struct image_cluster *c, const uint32_t *codes, uint32_t status)
{
	if (status == OUTLIER_LOCAL)
		return true;
	if (!c->outlier_codes.count)
		return status >= 500;
	for (uint32_t i = 0; i < c->outlier_codes.count; i++)
		if (codes[c->outlier_codes.first + i] == status)
			return true;
	return false;
}

/* Counts a run; true when it has just become long enough. */
static bool run(_Atomic uint32_t *n, bool bad, uint32_t limit)
{
	if (!bad) {
		/* the common case writes nothing, so that workers do not share a dirty line */
		if (atomic_load_explicit(n, memory_order_relaxed))
			atomic_store_explicit(n, 0, memory_order_relaxed);
		return false;
	}
	return atomic_fetch_add_explicit(n, 1, memory_order_relaxed) + 1 >= limit && limit;
}

bool outlier_note(struct outlier *o, const struct image_cluster *c, const uint32_t *codes,
		  uint32_t status)
{
	bool local = status == OUTLIER_LOCAL, hit;

	if (c->outlier_split_local) {
		hit = run(&o->run_local, local, c->consecutive_local);
		if (local)
			return hit;
	}
	hit = run(&o->run_5xx, is_error(c, codes, status), c->consecutive_5xx);
	return run(&o->run_gateway, is_gateway(status), c->consecutive_gateway) || hit;
}

bool outlier_may_eject(const struct image_cluster *c, uint32_t members, uint32_t out)
{
	if (!c->max_ejection_percent)
		return false;
	return !out || (uint64_t)(out + 1) * 100 <= (uint64_t)c->max_ejection_percent * members;
}

void outlier_eject(struct outlier *o, const struct image_cluster *c, uint64_t now_ms)
{
	uint64_t base = c->base_ejection_ms, cap = base > EJECTION_CAP_MS ? base : EJECTION_CAP_MS;
	uint32_t times = atomic_fetch_add(&o->times, 1) + 1;
	uint64_t out_ms = base * times;

	if (out_ms > cap)
		out_ms = cap;
	atomic_store(&o->run_5xx, 0);
	atomic_store(&o->run_gateway, 0);
	atomic_store(&o->run_local, 0);
	atomic_store(&o->until_ms, now_ms + out_ms + !out_ms);
}

bool outlier_sweep(struct outlier *o, uint64_t now_ms)
{
	uint64_t until = atomic_load(&o->until_ms);
	uint32_t times = atomic_load(&o->times);

	if (!until) {
		if (times)
			atomic_store(&o->times, times - 1);
		return false;
	}
	if (now_ms < until)
		return false;
	atomic_store(&o->until_ms, 0);
	return true;
}

bool outlier_panic(const struct image_cluster *c, uint32_t members, uint32_t out)
{
	return c->min_health_percent &&
	       (uint64_t)(members - (out < members ? out : members)) * 100 <
		       (uint64_t)c->min_health_percent * members;
}
