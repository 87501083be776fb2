// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/outlier.h"

static bool notes(struct outlier *o, const struct image_cluster *c, const uint32_t *statuses,
		  size_t n)
{
	static const uint32_t codes[] = { 429, 503 };
	bool hit = false;

	for (size_t i = 0; i < n; i++)
		hit = outlier_note(o, c, codes, statuses[i]);
	return hit;
}

static void runs_reach_their_limit_and_only_then(void **state)
{
	static const struct {
		struct image_cluster c;
		uint32_t statuses[6];
		size_t n;
		bool hit;
		const char *why;
	} rows[] = {
		{ { .consecutive_5xx = 3 }, { 500, 503, 599 }, 3, true, "three 5xx" },
		{ { .consecutive_5xx = 3 }, { 500, 503 }, 2, false, "too few" },
		{ { .consecutive_5xx = 3 }, { 500, 500, 200, 500, 500 }, 5, false, "interrupted" },
		{ { .consecutive_5xx = 2 }, { 500, 404, 500 }, 3, false, "404 is no error" },
		{ { .consecutive_5xx = 2 },
		  { 500, OUTLIER_LOCAL },
		  2,
		  true,
		  "local counts as 5xx" },
		{ { .consecutive_5xx = 0 }, { 500, 500, 500 }, 3, false, "0 is off" },
		{ { .consecutive_gateway = 2 }, { 502, 504 }, 2, true, "gateway errors" },
		{ { .consecutive_gateway = 2 },
		  { 502, 500, 504 },
		  3,
		  false,
		  "500 is no gateway error" },
		{ { .consecutive_gateway = 2 },
		  { OUTLIER_LOCAL, OUTLIER_LOCAL },
		  2,
		  true,
		  "connect errors are gateway errors" },
		{ { .consecutive_5xx = 1, .outlier_split_local = 1, .consecutive_local = 2 },
		  { OUTLIER_LOCAL },
		  1,
		  false,
		  "split: local apart" },
		{ { .consecutive_5xx = 9, .outlier_split_local = 1, .consecutive_local = 2 },
		  { OUTLIER_LOCAL, OUTLIER_LOCAL },
		  2,
		  true,
		  "split: two local" },
		{ { .consecutive_5xx = 1, .outlier_codes = { 0, 2 } },
		  { 429 },
		  1,
		  true,
		  "own codes" },
		{ { .consecutive_5xx = 1, .outlier_codes = { 0, 2 } },
		  { 500 },
		  1,
		  false,
		  "500 is not among them" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outlier o = { 0 };

		if (notes(&o, &rows[i].c, rows[i].statuses, rows[i].n) != rows[i].hit)
			fail_msg("%s", rows[i].why);
	}
}

static void the_first_may_always_go_the_others_by_percent(void **state)
{
	static const struct {
		uint8_t percent;
		uint32_t members, out;
		bool may;
	} rows[] = {
		{ 10, 3, 0, true },   { 10, 3, 1, false }, { 10, 20, 1, true },
		{ 10, 20, 2, false }, { 100, 2, 1, true }, { 100, 1, 0, true },
		{ 0, 10, 0, false },  { 50, 4, 1, true },  { 50, 4, 2, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image_cluster c = { .max_ejection_percent = rows[i].percent };

		if (outlier_may_eject(&c, rows[i].members, rows[i].out) != rows[i].may)
			fail_msg("row %zu", i);
	}
}

static void each_ejection_lasts_longer_and_never_too_long(void **state)
{
	struct image_cluster c = { .base_ejection_ms = 30000 };
	struct outlier o = { 0 };
	uint64_t now = 1000000;

	for (uint32_t n = 1; n <= 12; n++) {
		uint64_t ms = n * 30000 < 300000 ? n * 30000 : 300000;

		outlier_eject(&o, &c, now);
		assert_true(outlier_is_out(&o));
		assert_false(outlier_sweep(&o, now + ms - 1));
		assert_true(outlier_sweep(&o, now + ms));
		assert_false(outlier_is_out(&o));
	}
	assert_int_equal(atomic_load(&o.times), 12);
	assert_false(outlier_sweep(&o, now));
	assert_int_equal(atomic_load(&o.times), 11); /* healthy sweeps forgive */
}

static void below_the_health_limit_ejection_is_ignored(void **state)
{
	struct image_cluster c = { .min_health_percent = 50 };

	assert_false(outlier_panic(&c, 4, 2));
	assert_true(outlier_panic(&c, 4, 3));
	c.min_health_percent = 0;
	assert_false(outlier_panic(&c, 4, 4)); /* 0: never */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_reach_their_limit_and_only_then),
		cmocka_unit_test(the_first_may_always_go_the_others_by_percent),
		cmocka_unit_test(each_ejection_lasts_longer_and_never_too_long),
		cmocka_unit_test(below_the_health_limit_ejection_is_ignored),
	};

	return cmocka_run_group_tests_name("outlier", tests, NULL, NULL);
}
