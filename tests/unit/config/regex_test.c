// SPDX-License-Identifier: Apache-2.0
#include "config/regex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	const char *pattern;
	int at; /* -1: fine */
	const char *part, *why;
} cases[] = {
	{ "", -1, "", "empty" },
	{ "^(.*?;)?(user=jason)(;.*)?$", -1, "", "the tutorials' cookie" },
	{ ".*Chrome.*", -1, "", "user-agent" },
	{ "[a-z&&]*", -1, "", "class" },
	{ "[]a]", -1, "", "] first in a class" },
	{ "[^]a]+", -1, "", "negated, ] first" },
	{ "[[:alpha:]]{2,3}", -1, "", "POSIX class" },
	{ "\\d+\\.\\w*\\s?\\pL\\p{Greek}\\x{e4}\\x41", -1, "", "escapes of both" },
	{ "(?i)abc(?:d)(?P<name>e)(?s-i:f)", -1, "", "groups and flags of both" },
	{ "a{2}b{,3}c{x}", -1, "", "braces that count, braces that are text" },
	{ "\\Q(*+\\E+", -1, "", "quoted text" },
	{ "\\012", -1, "", "octal" },
	{ "^(*?;)?(user=jason)(;.*)?$", 2, "nothing stands before", "tutorial 003" },
	{ "*a", 0, "nothing stands before", "at the start" },
	{ "a|+", 2, "nothing stands before", "behind an alternative" },
	{ "a**", 2, "follows a quantifier", "twice" },
	{ "a{2}{3}", 4, "follows a quantifier", "counts twice" },
	{ "a*+", 2, "possessive", "possessive" },
	{ "a++", 2, "possessive", "possessive" },
	{ "(a)\\1", 3, "backreference", "by number" },
	{ "(?P<x>a)(?P=x)", 8, "backreference", "by name" },
	{ "(?P<x>a)\\k<x>", 8, "backreference", "by name, Perl" },
	{ "(?=a)", 0, "lookaround", "lookahead" },
	{ "a(?!b)", 1, "lookaround", "negative" },
	{ "(?<=a)b", 0, "lookaround", "lookbehind" },
	{ "(?<!a)b", 0, "lookaround", "negative lookbehind" },
	{ "(?>a)", 0, "atomic", "atomic" },
	{ "(?(1)a)", 0, "group", "conditional" },
	{ "(?R)", 0, "group", "recursion" },
	{ "(?1)", 0, "group", "subroutine" },
	{ "(?#x)", 0, "group", "comment" },
	{ "(?x)a", 0, "group", "extended" },
	{ "(*UTF)a", 1, "nothing stands before", "verb" },
	{ "a\\Z", 1, "\\z", "end of text, Perl" },
	{ "\\Ga", 0, "escape", "\\G" },
	{ "a\\Kb", 1, "escape", "\\K" },
	{ "\\h", 0, "escape", "\\h" },
	{ "\\v", 0, "x0b", "\\v differs" },
	{ "a\\", 1, "backslash", "at the end" },
	{ "[a", 0, "missing", "class not closed" },
	{ "[a\\", 2, "backslash", "class and backslash at the end" },
	{ "(a", 2, "", "group not closed" },
	{ "a)", 1, "", "group not opened" },
	{ "[b-a]", 3, "", "range backwards" },
	{ "a{1001}", 1, "1000", "count" },
	{ "[[.a.]]", 1, "collating", "collating" },
	{ "\\p{Nonsense}", 12, "", "no such property" },
};

static void patterns_of_re2_are_accepted_and_all_others_refused_with_a_position(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_new();
		struct regex_error e;
		int err = regex_check(a, str_of(cases[i].pattern), &e);

		print_message("%s: %s\n", cases[i].why, cases[i].pattern);
		assert_int_equal(err, cases[i].at < 0 ? 0 : -EINVAL);
		if (err) {
			print_message("  at %zu: " STR_FMT "\n", e.at, STR_ARG(e.message));
			assert_int_equal(e.at, cases[i].at);
			assert_true(memmem(e.message.p, e.message.n, cases[i].part,
					   strlen(cases[i].part)) != NULL);
		}
		arena_free(a);
	}
}

static void a_dangling_quantifier_gets_a_suggestion_that_compiles(void **state)
{
	struct arena *a = arena_new();
	struct regex_error e;

	assert_int_equal(regex_check(a, STR("^(*?;)?(user=jason)(;.*)?$"), &e), -EINVAL);
	assert_true(str_eq(e.instead, STR("^(.*?;)?(user=jason)(;.*)?$")));
	assert_int_equal(regex_check(a, STR("*("), &e), -EINVAL);
	assert_int_equal(e.instead.n, 0);
	arena_free(a);
}

static void a_pattern_above_1024_bytes_is_refused(void **state)
{
	struct arena *a = arena_new();
	struct regex_error e;
	char text[1025];

	memset(text, 'a', sizeof(text));
	assert_int_equal(regex_check(a, (struct str){ text, 1024 }, &e), 0);
	assert_int_equal(regex_check(a, (struct str){ text, 1025 }, &e), -EINVAL);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			patterns_of_re2_are_accepted_and_all_others_refused_with_a_position),
		cmocka_unit_test(a_dangling_quantifier_gets_a_suggestion_that_compiles),
		cmocka_unit_test(a_pattern_above_1024_bytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
