// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bpf/lib/steer.h"

enum { ENDPOINTS = 8 };

/* A cluster as the kernel and the proxy keep one. */
struct rig {
	uint32_t slots[64], count, lb;
	uint64_t cursor;
	int ejected[ENDPOINTS];
	int64_t active[ENDPOINTS];
	uint32_t weight[ENDPOINTS];
	uint32_t seed, hits[ENDPOINTS];
};

static uint32_t rnd(struct rig *r)
{
	r->seed = r->seed * 1664525u + 1013904223u;
	return mix32(r->seed);
}

static int draw(struct rig *r, uint32_t hash)
{
	struct steer_draw d;
	uint32_t pos, offers = 0;

	steer_begin(&d, r->lb, r->count, hash);
	while (steer_more(&d)) {
		pos = steer_position(&d, r->lb == LB_ROUND_ROBIN ? r->cursor++ : 0, rnd(r));
		assert_true(pos < r->count);
		assert_true(++offers <= STEER_TRIES);
		pos = r->slots[pos];
		steer_offer(&d, pos, r->ejected[pos], r->active[pos], r->weight[pos]);
	}
	if (!d.found)
		return -1;
	r->hits[d.endpoint]++;
	return (int)d.endpoint;
}

static struct rig three(uint32_t lb)
{
	return (struct rig){ .slots = { 0, 1, 2 }, .count = 3, .lb = lb, .seed = 7 };
}

static void round_robin_is_even_to_one(void **state)
{
	struct rig r = three(LB_ROUND_ROBIN);
	int i;

	for (i = 0; i < 3000; i++)
		assert_int_equal(draw(&r, 0), i % 3);
	assert_int_equal(r.hits[0], 1000);
}

static void round_robin_stays_even_around_an_ejected_endpoint(void **state)
{
	struct rig r = three(LB_ROUND_ROBIN);
	int i;

	r.ejected[1] = 1;
	for (i = 0; i < 2000; i++)
		draw(&r, 0);
	assert_int_equal(r.hits[0], 1000);
	assert_int_equal(r.hits[1], 0);
	assert_int_equal(r.hits[2], 1000);
}

static void nothing_is_found_without_slots_or_with_all_ejected(void **state)
{
	struct rig r = three(LB_ROUND_ROBIN);
	uint32_t lb;

	r.count = 0;
	assert_int_equal(draw(&r, 0), -1);
	r = three(LB_ROUND_ROBIN);
	r.ejected[0] = r.ejected[1] = r.ejected[2] = 1;
	for (lb = LB_ROUND_ROBIN; lb <= LB_SOURCE_HASH; lb++) {
		r.lb = lb;
		assert_int_equal(draw(&r, 12345), -1);
	}
}

static void the_only_endpoint_in_service_is_always_found(void **state)
{
	struct rig r = { .count = 40, .seed = 3 };
	uint32_t i, lb;

	for (i = 0; i < r.count; i++)
		r.slots[i] = i % ENDPOINTS;
	for (i = 0; i < ENDPOINTS; i++)
		r.ejected[i] = i != 5;
	for (lb = LB_ROUND_ROBIN; lb <= LB_SOURCE_HASH; lb++) {
		r.lb = lb;
		for (i = 0; i < 1000; i++)
			assert_int_equal(draw(&r, i * 2654435761u), 5);
	}
}

static void random_is_within_three_sigma(void **state)
{
	struct rig r = three(LB_RANDOM);
	int i;

	for (i = 0; i < 30000; i++)
		draw(&r, 0);
	/* sigma = sqrt(30000 * 1/3 * 2/3) = 81.6 */
	for (i = 0; i < 3; i++)
		assert_in_range(r.hits[i], 10000 - 245, 10000 + 245);
}

static void slots_repeated_are_weights(void **state)
{
	struct rig r = { .slots = { 0, 0, 0, 1 }, .count = 4, .lb = LB_RANDOM, .seed = 9 };
	int i;

	for (i = 0; i < 40000; i++)
		draw(&r, 0);
	/* sigma = sqrt(40000 * 3/4 * 1/4) = 86.6 */
	assert_in_range(r.hits[0], 30000 - 260, 30000 + 260);
}

static void least_request_prefers_the_idle_one_and_compares_two_different(void **state)
{
	struct rig r = { .slots = { 0, 1 }, .count = 2, .lb = LB_LEAST_REQUEST, .seed = 1 };
	int i;

	r.active[0] = 1;
	for (i = 0; i < 1000; i++)
		assert_int_equal(draw(&r, 0), 1);
}

static void least_request_weighs_active_by_weight(void **state)
{
	struct rig r = { .slots = { 0, 1 }, .count = 2, .lb = LB_LEAST_REQUEST, .seed = 1 };

	r.weight[0] = 3;
	r.weight[1] = 1;
	r.active[0] = 5; /* 5/3 < 2/1 */
	r.active[1] = 2;
	assert_int_equal(draw(&r, 0), 0);
	r.active[0] = 7; /* 7/3 > 2/1 */
	assert_int_equal(draw(&r, 0), 1);
}

static void least_request_takes_the_one_it_has_when_the_other_is_ejected(void **state)
{
	struct rig r = { .slots = { 0, 1 }, .count = 2, .lb = LB_LEAST_REQUEST, .seed = 1 };

	r.ejected[1] = 1;
	r.active[0] = 1000;
	assert_int_equal(draw(&r, 0), 0);
}

static void a_client_always_gets_the_same_endpoint_by_hash(void **state)
{
	struct rig r = three(LB_SOURCE_HASH);
	int i, first;

	for (i = 0; i < 1000; i++) {
		struct ip16 client = ip16_from_v4(be32_of(0x0af40100u + (uint32_t)i));
		uint32_t h = steer_client_hash(&client);

		first = draw(&r, h);
		assert_int_equal(draw(&r, h), first);
		r.ejected[2] = 1;
		if (first != 2) /* others' ejection moves nobody */
			assert_int_equal(draw(&r, h), first);
		else
			assert_int_not_equal(draw(&r, h), 2);
		r.ejected[2] = 0;
	}
}

static void scale_covers_its_range_and_never_leaves_it(void **state)
{
	assert_int_equal(steer_scale(0, 10), 0);
	assert_int_equal(steer_scale(0xffffffffu, 10), 9);
	assert_int_equal(steer_split(0xffffffffu, 1), 0);
	assert_int_equal(steer_scale(0xffffffffu, 0xffffffffu), 0xfffffffeu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin_is_even_to_one),
		cmocka_unit_test(round_robin_stays_even_around_an_ejected_endpoint),
		cmocka_unit_test(nothing_is_found_without_slots_or_with_all_ejected),
		cmocka_unit_test(the_only_endpoint_in_service_is_always_found),
		cmocka_unit_test(random_is_within_three_sigma),
		cmocka_unit_test(slots_repeated_are_weights),
		cmocka_unit_test(least_request_prefers_the_idle_one_and_compares_two_different),
		cmocka_unit_test(least_request_weighs_active_by_weight),
		cmocka_unit_test(least_request_takes_the_one_it_has_when_the_other_is_ejected),
		cmocka_unit_test(a_client_always_gets_the_same_endpoint_by_hash),
		cmocka_unit_test(scale_covers_its_range_and_never_leaves_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
