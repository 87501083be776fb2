// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static void equality_is_bytewise_and_length_aware(void **state)
{
	assert_true(str_eq(STR("abc"), STR("abc")));
	assert_false(str_eq(STR("abc"), STR("abcd")));
	assert_false(str_eq(STR("abc"), STR("ABC")));
	assert_true(str_eq((struct str){ NULL, 0 }, STR("")));
	assert_true(str_ieq(STR("HoSt"), STR("hOsT")));
	assert_false(str_ieq(STR("host"), STR("hosts")));
	/* '[' and '{' differ only in bit 5 but are not letters */
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xc0"), STR("\xe0")));
}

static void order_puts_the_shorter_first_on_a_tie(void **state)
{
	assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR(""), STR("a")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
}

static void numbers_refuse_signs_blanks_and_overflow(void **state)
{
	static const struct {
		const char *in;
		uint64_t max;
		int err;
		uint64_t want;
	} rows[] = {
		{ "0", 9, 0, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 7 },
		{ "65536", 65535, -ERANGE, 7 },
		{ "65535", 65535, 0, 65535 },
		{ "", 9, -EINVAL, 7 },
		{ "+1", 9, -EINVAL, 7 },
		{ "-1", 9, -EINVAL, 7 },
		{ " 1", 9, -EINVAL, 7 },
		{ "1 ", 9, -EINVAL, 7 },
		{ "0x1", 99, -EINVAL, 7 },
		{ "10", 3, -ERANGE, 7 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t out = 7; /* untouched on failure */

		assert_int_equal(str_u64(str_of(rows[i].in), rows[i].max, &out), rows[i].err);
		assert_int_equal(out, rows[i].want);
	}
}

static void cut_takes_the_head_and_leaves_the_rest(void **state)
{
	struct str s = STR("a,b,,c"), head;

	assert_true(str_cut(&s, ',', &head));
	assert_true(str_eq(head, STR("a")));
	assert_true(str_cut(&s, ',', &head));
	assert_true(str_cut(&s, ',', &head));
	assert_int_equal(head.n, 0);
	assert_true(str_eq(s, STR("c")));
	assert_false(str_cut(&s, ',', &head));
	assert_true(str_eq(s, STR("c")));
}

static void sub_is_clamped_to_the_string(void **state)
{
	struct str s = STR("weft");

	assert_true(str_eq(str_sub(s, 1, 2), STR("ef")));
	assert_true(str_eq(str_sub(s, 2, 99), STR("ft")));
	assert_int_equal(str_sub(s, 9, 1).n, 0);
	assert_true(str_eq(str_trim(STR(" \ta b\t ")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t ")).n, 0);
	assert_int_equal(str_find(STR("a:b:c"), ':'), 1);
	assert_int_equal(str_rfind(STR("a:b:c"), ':'), 3);
	assert_int_equal(str_find(STR(""), ':'), -1);
}

static void hash_is_fnv1a_and_never_changes(void **state)
{
	/* reference values of FNV-1a 64: they are in pinned maps, so they are ABI */
	assert_int_equal(str_hash(STR("")), 0xcbf29ce484222325ULL);
	assert_int_equal(str_hash(STR("a")), 0xaf63dc4c8601ec8cULL);
	assert_int_equal(str_hash(STR("foobar")), 0x85944171f73967e8ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_is_bytewise_and_length_aware),
		cmocka_unit_test(order_puts_the_shorter_first_on_a_tie),
		cmocka_unit_test(numbers_refuse_signs_blanks_and_overflow),
		cmocka_unit_test(cut_takes_the_head_and_leaves_the_rest),
		cmocka_unit_test(sub_is_clamped_to_the_string),
		cmocka_unit_test(hash_is_fnv1a_and_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
