// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mesh/slots.h"
#include "weft/limits.h"

static uint32_t count(const struct slots *s, uint32_t member)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += s->items[i] == member;
	return n;
}

static void equal_weights_give_each_member_once_in_order(void **state)
{
	const uint32_t w[] = { 7, 7, 7, 7 };
	struct arena *a = arena_new();
	struct slots s = slots_weighted(a, w, 4, CLUSTER_SLOTS);

	assert_int_equal(s.n, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(s.items[i], i);
	arena_free(a);
}

static void weights_are_spread_and_not_clustered(void **state)
{
	const uint32_t w[] = { 50, 10, 10 }, want[] = { 0, 0, 1, 0, 2, 0, 0 };
	struct arena *a = arena_new();
	struct slots s = slots_weighted(a, w, 3, CLUSTER_SLOTS);

	assert_int_equal(s.n, 7);
	assert_memory_equal(s.items, want, sizeof(want));
	arena_free(a);
}

static void every_member_appears_as_often_as_its_reduced_weight(void **state)
{
	struct arena *a = arena_new();

	srand(1);
	for (int round = 0; round < 200; round++) {
		uint32_t n = 1 + (uint32_t)rand() % 20, w[20], g = 1 + (uint32_t)rand() % 9;
		struct slots s;

		for (uint32_t i = 0; i < n; i++)
			w[i] = g * (1 + (uint32_t)rand() % 100);
		w[0] = g; /* the common divisor is exactly g */
		s = slots_weighted(a, w, n, CLUSTER_SLOTS);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(count(&s, i), w[i] / g);
	}
	arena_free(a);
}

static void the_limit_holds_and_nobody_is_lost(void **state)
{
	struct arena *a = arena_new();
	uint32_t w[300];
	struct slots s;

	for (uint32_t i = 0; i < 300; i++)
		w[i] = i ? 1 : 1000000007;
	s = slots_weighted(a, w, 300, CLUSTER_SLOTS);
	assert_true(s.n <= CLUSTER_SLOTS);
	for (uint32_t i = 0; i < 300; i++)
		assert_true(count(&s, i) >= 1);
	assert_true(count(&s, 0) > CLUSTER_SLOTS - 600);
	arena_free(a);
}

static void more_members_than_the_limit_are_all_there(void **state)
{
	struct arena *a = arena_new();
	uint32_t *w = arena_array(a, 5000, sizeof(*w));
	struct slots s;

	for (uint32_t i = 0; i < 5000; i++)
		w[i] = 3;
	s = slots_weighted(a, w, 5000, CLUSTER_SLOTS);
	assert_int_equal(s.n, 5000);
	arena_free(a);
}

static uint64_t id(uint32_t i)
{
	return 0x1234567u + i * 0x9e3779b97f4a7c15ull;
}

static struct slots table(struct arena *a, const uint32_t *w, uint32_t n, uint32_t skip)
{
	uint64_t ids[64];
	uint32_t weights[64], m = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i == skip)
			continue;
		ids[m] = id(i);
		weights[m++] = w ? w[i] : 1;
	}
	return slots_maglev(a, ids, weights, m, 0);
}

static void a_maglev_table_is_full_and_even(void **state)
{
	struct arena *a = arena_new();

	for (uint32_t n = 1; n <= 64; n++) {
		struct slots s = table(a, NULL, n, n);

		assert_int_equal(s.n, MAGLEV_SLOTS);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t share = count(&s, i);

			assert_true(share >= s.n / n && share <= s.n / n + 1);
		}
	}
	arena_free(a);
}

static void maglev_shares_follow_the_weights(void **state)
{
	const uint32_t w[] = { 1, 2, 5 };
	struct arena *a = arena_new();
	struct slots s = table(a, w, 3, 3);

	for (uint32_t i = 0; i < 3; i++) {
		double share = count(&s, i), want = (double)s.n * w[i] / 8;

		assert_true(share > want * 0.98 && share < want * 1.02);
	}
	arena_free(a);
}

/* Removing one of n members must move little besides its own share. */
static void a_member_that_goes_moves_few_other_slots(void **state)
{
	enum { N = 20, GONE = 7 };
	struct arena *a = arena_new();
	struct slots before = table(a, NULL, N, N), after = table(a, NULL, N, GONE);
	uint32_t moved = 0;

	for (uint32_t i = 0; i < before.n; i++) {
		uint32_t was = before.items[i], now = after.items[i];

		now += now >= GONE;
		moved += was != GONE && was != now;
	}
	assert_true(moved < before.n / 10);
	arena_free(a);
}

static void the_same_members_give_the_same_table(void **state)
{
	struct arena *a = arena_new();
	struct slots one = table(a, NULL, 9, 9), two = table(a, NULL, 9, 9);

	assert_memory_equal(one.items, two.items, one.n * sizeof(*one.items));
	arena_free(a);
}

static void a_table_size_that_was_asked_for_is_kept(void **state)
{
	const uint64_t ids[] = { 5, 6, 7 };
	const uint32_t w[] = { 1, 1, 1 };
	struct arena *a = arena_new();

	assert_int_equal(slots_maglev(a, ids, w, 3, 31).n, 31);
	/* too small for the members: ours */
	assert_int_equal(slots_maglev(a, ids, w, 3, 2).n, MAGLEV_SLOTS);
	assert_int_equal(slots_maglev(a, NULL, NULL, 0, 0).n, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_give_each_member_once_in_order),
		cmocka_unit_test(weights_are_spread_and_not_clustered),
		cmocka_unit_test(every_member_appears_as_often_as_its_reduced_weight),
		cmocka_unit_test(the_limit_holds_and_nobody_is_lost),
		cmocka_unit_test(more_members_than_the_limit_are_all_there),
		cmocka_unit_test(a_maglev_table_is_full_and_even),
		cmocka_unit_test(maglev_shares_follow_the_weights),
		cmocka_unit_test(a_member_that_goes_moves_few_other_slots),
		cmocka_unit_test(the_same_members_give_the_same_table),
		cmocka_unit_test(a_table_size_that_was_asked_for_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
