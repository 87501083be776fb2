// SPDX-License-Identifier: Apache-2.0
#include "mesh/slots.h"

#include "weft/limits.h"

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Rounding up to 1 may have gone over the limit: who has most gives. Returns the new sum. */
static uint64_t take_from_largest(uint32_t *share, uint32_t n, uint64_t total, uint64_t limit)
{
	while (total > limit) {
		uint32_t most = 0, take;

		for (uint32_t i = 1; i < n; i++)
			if (share[i] > share[most])
				most = i;
		take = share[most] - 1;
		if (take > total - limit)
			take = (uint32_t)(total - limit);
		share[most] -= take;
		total -= take;
	}
	return total;
}

/* Weights as they will appear: divided by their divisor, scaled to the limit. Returns the sum. */
static uint32_t reduce(const uint32_t *weights, uint32_t n, uint32_t limit, uint32_t *out)
{
	uint64_t sum = 0, total = 0;
	uint32_t g = 0;

	for (uint32_t i = 0; i < n; i++)
		g = gcd(weights[i] ? weights[i] : 1, g);
	for (uint32_t i = 0; i < n; i++) {
		out[i] = (weights[i] ? weights[i] : 1) / g;
		sum += out[i];
	}
	if (sum <= limit || sum == n)
		return (uint32_t)sum;
	for (uint32_t i = 0; i < n; i++) {
		out[i] = (uint32_t)(out[i] * (uint64_t)limit / sum);
		if (!out[i])
			out[i] = 1;
		total += out[i];
	}
	return (uint32_t)(n <= limit ? take_from_largest(out, n, total, limit) : total);
}

struct slots slots_weighted(struct arena *a, const uint32_t *weights, uint32_t n, uint32_t limit)
{
	uint32_t *share = arena_array(a, n, sizeof(*share));
	int64_t *credit = arena_array(a, n, sizeof(*credit));
	struct slots s = { .n = reduce(weights, n, limit, share) };

	s.items = arena_array(a, s.n, sizeof(*s.items));
	for (uint32_t at = 0; at < s.n; at++) {
		uint32_t best = 0;

		/* equal weights: in order, without the walk over all members */
		if (s.n == n) {
			s.items[at] = at;
			continue;
		}
		for (uint32_t i = 0; i < n; i++) {
			credit[i] += share[i];
			if (credit[i] > credit[best])
				best = i;
		}
		credit[best] -= s.n;
		s.items[at] = best;
	}
	return s;
}

/* splitmix64: a second, independent hash from a first one */
static uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint32_t table_size(uint32_t n)
{
	/* 1 % balance needs about a hundred slots a member; primes */
	static const uint32_t sizes[] = { MAGLEV_SLOTS, 16381, 65537, 131071, 524287 };

	for (size_t i = 0; i + 1 < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (n <= sizes[i] / 4)
			return sizes[i];
	return sizes[sizeof(sizes) / sizeof(sizes[0]) - 1];
}

struct walk {
	uint32_t next, skip;
	uint64_t turn; /* the member's next turn, in units of the largest weight */
};

static void begin_walks(struct walk *w, const uint64_t *ids, uint32_t n, uint32_t size)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t h = mix64(ids[i]);

		w[i].next = (uint32_t)(h % size);
		w[i].skip = (uint32_t)(mix64(h) % (size - 1)) + 1;
	}
}

struct slots slots_maglev(struct arena *a, const uint64_t *ids, const uint32_t *weights, uint32_t n,
			  uint32_t size)
{
	struct walk *walks = arena_array(a, n, sizeof(*walks));
	struct slots s = { .n = size && size >= n ? size : table_size(n) };
	uint32_t left = s.n, largest = 1;

	if (!n)
		return (struct slots){ 0 };
	for (uint32_t i = 0; i < n; i++)
		largest = weights[i] > largest ? weights[i] : largest;
	s.items = arena_array(a, s.n, sizeof(*s.items));
	memset(s.items, 0xff, s.n * sizeof(*s.items));
	begin_walks(walks, ids, n, s.n);
	/* each round, a member takes its turn when its weight has earned one */
	while (left) {
		for (uint32_t i = 0; i < n && left; i++) {
			walks[i].turn += weights[i] ? weights[i] : 1;
			if (walks[i].turn < largest)
				continue;
			walks[i].turn -= largest;
			while (s.items[walks[i].next] != UINT32_MAX)
				walks[i].next = (walks[i].next + walks[i].skip) % s.n;
			s.items[walks[i].next] = i;
			left--;
		}
	}
	return s;
}
