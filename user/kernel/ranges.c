// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/ranges.h"

#define NS_PER_MS 1000000ull

static int reserve(struct range **list, uint32_t *cap, uint32_t n)
{
	struct range *bigger;
	uint32_t want = *cap ? *cap * 2 : 64;

	if (n <= *cap)
		return 0;
	bigger = realloc(*list, (size_t)want * sizeof(**list));
	if (!bigger)
		return -ENOMEM;
	*list = bigger;
	*cap = want;
	return 0;
}

int ranges_init(struct ranges *r, uint32_t size)
{
	*r = (struct ranges){ 0 };
	if (reserve(&r->gaps, &r->cap_gaps, 1))
		return -ENOMEM;
	r->gaps[0] = (struct range){ 0, size, 0 };
	r->nr_gaps = 1;
	return 0;
}

void ranges_done(struct ranges *r)
{
	free(r->gaps);
	free(r->resting);
	*r = (struct ranges){ 0 };
}

static void gap_remove(struct ranges *r, uint32_t i)
{
	r->nr_gaps--;
	memmove(&r->gaps[i], &r->gaps[i + 1], (r->nr_gaps - i) * sizeof(*r->gaps));
}

static int gap_insert(struct ranges *r, uint32_t i, uint32_t base, uint32_t count)
{
	if (reserve(&r->gaps, &r->cap_gaps, r->nr_gaps + 1))
		return -ENOMEM;
	memmove(&r->gaps[i + 1], &r->gaps[i], (r->nr_gaps - i) * sizeof(*r->gaps));
	r->gaps[i] = (struct range){ base, count, 0 };
	r->nr_gaps++;
	return 0;
}

/* The first gap that ends behind `base`. */
static uint32_t gap_find(const struct ranges *r, uint32_t base)
{
	uint32_t lo = 0, hi = r->nr_gaps, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (r->gaps[mid].base + r->gaps[mid].count <= base)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int ranges_claim(struct ranges *r, uint32_t base, uint32_t count)
{
	uint32_t i = gap_find(r, base), end = base + count;
	struct range g;

	if (!count)
		return 0;
	if (i == r->nr_gaps || r->gaps[i].base > base || r->gaps[i].base + r->gaps[i].count < end)
		return -EEXIST;
	g = r->gaps[i];
	gap_remove(r, i);
	if (end < g.base + g.count && gap_insert(r, i, end, g.base + g.count - end))
		return -ENOMEM;
	return base > g.base ? gap_insert(r, i, g.base, base - g.base) : 0;
}

/* Back among the gaps, joined with its neighbours. */
static int give_back(struct ranges *r, uint32_t base, uint32_t count)
{
	uint32_t i = gap_find(r, base);
	struct range *before = i ? &r->gaps[i - 1] : NULL;
	struct range *after = i < r->nr_gaps ? &r->gaps[i] : NULL;

	/* gap_find skips gaps that end at base exactly: `before` is such a one, or none is */
	if (before && before->base + before->count == base) {
		before->count += count;
		if (after && after->base == base + count) {
			before->count += after->count;
			gap_remove(r, i);
		}
		return 0;
	}
	if (after && after->base == base + count) {
		after->base = base;
		after->count += count;
		return 0;
	}
	return gap_insert(r, i, base, count);
}

static void wake(struct ranges *r, uint64_t now)
{
	uint32_t i, kept = 0;

	for (i = 0; i < r->nr_resting; i++) {
		struct range x = r->resting[i];

		if (now - x.freed_ns < RANGE_REST_MS * NS_PER_MS || give_back(r, x.base, x.count))
			r->resting[kept++] = x;
	}
	r->nr_resting = kept;
}

int ranges_get(struct ranges *r, uint32_t count, uint64_t now_ns, uint32_t *base)
{
	uint32_t i;

	*base = 0;
	if (!count)
		return 0;
	wake(r, now_ns);
	for (i = 0; i < r->nr_gaps; i++) {
		struct range *g = &r->gaps[i];

		if (g->count < count)
			continue;
		*base = g->base;
		g->base += count;
		g->count -= count;
		if (!g->count)
			gap_remove(r, i);
		return 0;
	}
	return -ENOSPC;
}

int ranges_put(struct ranges *r, uint32_t base, uint32_t count, uint64_t now_ns)
{
	if (!count)
		return 0;
	if (reserve(&r->resting, &r->cap_resting, r->nr_resting + 1))
		return -ENOMEM;
	r->resting[r->nr_resting++] = (struct range){ base, count, now_ns };
	return 0;
}

uint32_t ranges_free(const struct ranges *r)
{
	uint32_t sum = 0, i;

	for (i = 0; i < r->nr_gaps; i++)
		sum += r->gaps[i].count;
	for (i = 0; i < r->nr_resting; i++)
		sum += r->resting[i].count;
	return sum;
}
