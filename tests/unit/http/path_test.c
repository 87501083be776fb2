// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/authority.h"
#include "http/path.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static void paths_have_one_canonical_form(void **state)
{
	static const struct {
		const char *in, *none, *base, *merge, *decode;
	} rows[] = {
		{ "/a/b", "/a/b", "/a/b", "/a/b", "/a/b" },
		{ "/", "/", "/", "/", "/" },
		{ "*", "*", "*", "*", "*" },
		{ "", "", "", "", "" },
		{ "/a/../b", "/a/../b", "/b", "/b", "/b" },
		{ "/a/./b/.", "/a/./b/.", "/a/b/", "/a/b/", "/a/b/" },
		{ "/a/..", "/a/..", "/", "/", "/" },
		{ "/a/b/..", "/a/b/..", "/a/", "/a/", "/a/" },
		{ "/../../x", "/../../x", "/x", "/x", "/x" },
		{ "/a/%2e%2E/b", "/a/%2e%2E/b", "/b", "/b", "/b" },
		{ "/..a/.b/c.", "/..a/.b/c.", "/..a/.b/c.", "/..a/.b/c.", "/..a/.b/c." },
		{ "\\a", "\\a", "\\a", "\\a", "\\a" },
		{ "/a\\..\\b", "/a\\..\\b", "/b", "/b", "/b" },
		{ "/%61dmin", "/%61dmin", "/admin", "/admin", "/admin" },
		{ "/%zz%2", "/%zz%2", "/%zz%2", "/%zz%2", "/%zz%2" },
		{ "/%252e", "/%252e", "/%252e", "/%252e", "/%252e" },
		{ "//a///b//", "//a///b//", "//a///b//", "/a/b/", "/a/b/" },
		{ "/a//../b", "/a//../b", "/a/b", "/b", "/b" },
		{ "/a%2Fb%5c..%2fc", "/a%2Fb%5c..%2fc", "/a%2Fb%5c..%2fc", "/a%2Fb%5c..%2fc",
		  "/a/c" },
	};
	char buf[64];
	struct str out;

	for (size_t i = 0; i < LEN(rows); i++) {
		const char *want[] = { rows[i].none, rows[i].base, rows[i].merge, rows[i].decode };

		for (int mode = PATH_NONE; mode <= PATH_DECODE_AND_MERGE_SLASHES; mode++) {
			assert_int_equal(path_normalize(str_of(rows[i].in), (enum path_mode)mode,
							buf, sizeof(buf), &out),
					 0);
			if (!str_eq(out, str_of(want[mode])))
				fail_msg("%s, mode %d: " STR_FMT, rows[i].in, mode, STR_ARG(out));
			/* what is canonical stays as it is */
			assert_int_equal(
				path_normalize(out, (enum path_mode)mode, buf, sizeof(buf), &out),
				0);
			assert_true(str_eq(out, str_of(want[mode])));
		}
	}
}

static void a_path_with_an_escaped_nul_or_too_long_is_refused(void **state)
{
	struct str out = STR("untouched");
	char buf[4];

	assert_int_equal(path_normalize(STR("/%00"), PATH_BASE, buf, sizeof(buf), &out), -EINVAL);
	assert_int_equal(path_normalize(STR("/a/../bc"), PATH_BASE, buf, sizeof(buf), &out),
			 -ENOSPC);
	assert_true(str_eq(out, STR("untouched")));
}

static void the_first_value_of_a_parameter_is_found(void **state)
{
	static const struct {
		const char *query, *name, *value;
	} rows[] = {
		{ "a=1&b=2&a=3", "a", "1" }, { "a=1&b=2&a=3", "b", "2" }, { "a", "a", "" },
		{ "a&b", "b", "" },	     { "x=a=b&c", "x", "a=b" },	  { "", "a", NULL },
		{ "ab=1", "a", NULL },	     { "A=1", "a", NULL },	  { "&&a=1", "a", "1" },
		{ "a=%41+", "a", "%41+" },   { "%61=1", "a", NULL },	  { "a=", "a", "" },
		{ "b=a=1", "a", NULL },
	};
	struct str value;

	for (size_t i = 0; i < LEN(rows); i++) {
		bool found = query_param(str_of(rows[i].query), str_of(rows[i].name), &value);

		assert_int_equal(found, rows[i].value != NULL);
		if (found)
			assert_true(str_eq(value, str_of(rows[i].value)));
	}
}

static void authorities_are_split_and_made_canonical(void **state)
{
	struct authority a = { 0 };
	char buf[8];

	assert_int_equal(authority_parse(STR("Reviews.Default:9080"), &a), 0);
	assert_true(str_eq(a.host, STR("Reviews.Default")));
	assert_int_equal(a.port, 9080);
	assert_int_equal(authority_parse(STR("[::ffff:10.0.0.1]"), &a), 0);
	assert_true(str_eq(a.host, STR("[::ffff:10.0.0.1]")));
	assert_int_equal(a.port, 0);
	assert_int_equal(authority_parse(STR("[::1\0]"), &a), -EINVAL);
	assert_int_equal(authority_parse(STR("[]"), &a), -EINVAL);
	assert_int_equal(authority_parse(STR(""), &a), -EINVAL);

	assert_true(str_eq(authority_canonical(STR("A.Bc."), buf, sizeof(buf)), STR("a.bc")));
	assert_true(str_eq(authority_canonical(STR("."), buf, sizeof(buf)), STR(".")));
	assert_null(authority_canonical(STR("123456789"), buf, sizeof(buf)).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_one_canonical_form),
		cmocka_unit_test(a_path_with_an_escaped_nul_or_too_long_is_refused),
		cmocka_unit_test(the_first_value_of_a_parameter_is_found),
		cmocka_unit_test(authorities_are_split_and_made_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
