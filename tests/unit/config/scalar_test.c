// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "config/schema.h"

static void durations_are_read_as_go_and_protobuf_write_them(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ms;
	} cases[] = {
		{ "1s", 0, 1000 },
		{ "1.000s", 0, 1000 },
		{ "0.5s", 0, 500 },
		{ ".5s", 0, 500 },
		{ "5.s", 0, 5000 },
		{ "10ms", 0, 10 },
		{ "1m", 0, 60000 },
		{ "1h30m", 0, 5400000 },
		{ "1h0m0.001s", 0, 3600001 },
		{ "1000us", 0, 1 },
		{ "2000\xc2\xb5s", 0, 2 },
		{ "0s", 0, 0 },
		{ "0", 0, 0 },
		{ "3600s", 0, 3600000 },
		{ "120.000s", 0, 120000 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1.s.", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "1s ", -EINVAL, 0 },
		{ "1.5ms", -EDOM, 0 },
		{ "1us", -EDOM, 0 },
		{ "0.0005s", -EDOM, 0 },
		{ "0.00000000001s", -EDOM, 0 },
		{ "-1s", -ERANGE, 0 },
		{ "900000h", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "876000h876000h", -ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ms = 77;
		int err = scalar_duration(str_of(cases[i].text), &ms);

		print_message("%s\n", cases[i].text);
		assert_int_equal(err, cases[i].err);
		if (!err)
			assert_int_equal(ms, cases[i].ms);
	}
}

static void plain_words_are_what_kubernetes_takes_them_for(void **state)
{
	static const struct {
		const char *text;
		enum scalar_is is;
	} cases[] = {
		{ "a", IS_STRING },
		{ "true", IS_BOOL },
		{ "Yes", IS_BOOL },
		{ "off", IS_BOOL },
		{ "y", IS_STRING },
		{ "truely", IS_STRING },
		{ "1", IS_INTEGER },
		{ "-7", IS_INTEGER },
		{ "0x1f", IS_INTEGER },
		{ "1.10", IS_FLOAT },
		{ "1e3", IS_FLOAT },
		{ "1.2.3", IS_STRING },
		{ "10.0.0.1", IS_STRING },
		{ "fd00::1", IS_STRING },
		{ "1s", IS_STRING },
		{ "-", IS_STRING },
		{ "+", IS_STRING },
		{ ".", IS_STRING },
		{ "2020-01-01T00:00:00Z", IS_STRING },
		{ "99999999999999999999", IS_INTEGER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct node n = { .type = NODE_SCALAR, .text = str_of(cases[i].text) };

		print_message("%s\n", cases[i].text);
		assert_int_equal(scalar_is(&n), cases[i].is);
		n.quoted = true;
		assert_int_equal(scalar_is(&n), IS_STRING);
	}
}

static void distances_count_edits_without_regard_to_case(void **state)
{
	assert_int_equal(edit_distance(STR("timeout"), STR("timeout"), 3), 0);
	assert_int_equal(edit_distance(STR("Timeout"), STR("timeout"), 3), 0);
	assert_int_equal(edit_distance(STR("timeot"), STR("timeout"), 3), 1);
	assert_int_equal(edit_distance(STR("tiemout"), STR("timeout"), 3), 1);
	assert_int_equal(edit_distance(STR("destnatoin"), STR("destination"), 3), 2);
	assert_int_equal(edit_distance(STR("abc"), STR("xyz"), 2), 3);
	assert_int_equal(edit_distance(STR(""), STR("abc"), 5), 3);
	assert_int_equal(edit_distance(STR(""), STR(""), 5), 0);
}

static void names_match_in_both_spellings(void **state)
{
	assert_true(name_matches("mirrorPercent", NULL, STR("mirrorPercent")));
	assert_true(name_matches("mirrorPercent", NULL, STR("mirror_percent")));
	assert_false(name_matches("mirrorPercent", NULL, STR("mirror_Percent")));
	assert_false(name_matches("mirrorPercent", NULL, STR("mirror")));
	assert_false(name_matches("mirrorPercent", NULL, STR("mirror_percents")));
	assert_true(name_matches("consecutive5xxErrors", "consecutive_5xx_errors",
				 STR("consecutive_5xx_errors")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_as_go_and_protobuf_write_them),
		cmocka_unit_test(plain_words_are_what_kubernetes_takes_them_for),
		cmocka_unit_test(distances_count_edits_without_regard_to_case),
		cmocka_unit_test(names_match_in_both_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
