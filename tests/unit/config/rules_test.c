// SPDX-License-Identifier: Apache-2.0
/* Every rule has a document in tests/data/config that breaks it, with the position expected. */
#include "tests/lib/config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void check(const char *path, void *arg)
{
	print_message("%s\n", path);
	case_check_marks(path);
}

static void each_rule_is_reported_where_it_is_broken(void **state)
{
	case_each_file("tests/data/config/invalid", check, NULL);
}

static void valid_documents_have_no_problem(void **state)
{
	case_each_file("tests/data/config/valid", check, NULL);
}

static void says_what_to_write(const char *path, void *arg)
{
	static const char *const verbs[] = {
		"write",	 "add",	      "remove",	      "keep",	      "use ",
		"indent",	 "rename",    "did you mean", "make it",      "begin",
		"move",		 "cannot",    "name ",	      "list a",	      "Indent",
		"no effect",	 "shorten",   "skipped",      "only through", "never",
		"ignored",	 "needs",     "is longer",    "are ignored",  "leave out",
		"expected here", "close the", "is no field"
	};
	struct config_case c = case_file(path, false);

	for (size_t i = 0; i < c.objs.n; i++) {
		const struct object *o = c.objs.items[i];

		for (size_t j = 0; j < o->problems.n; j++) {
			struct str m = o->problems.items[j].message;
			bool says = false;

			for (size_t k = 0; k < sizeof(verbs) / sizeof(*verbs); k++)
				says |= memmem(m.p, m.n, verbs[k], strlen(verbs[k])) != NULL;
			if (!says)
				print_error("no remedy in: " STR_FMT "\n", STR_ARG(m));
			assert_true(says);
			assert_true(o->problems.items[j].pos.line > 0);
			assert_true(o->problems.items[j].pos.col > 0);
		}
	}
	case_free(&c);
}

static void each_message_has_a_position_and_a_remedy(void **state)
{
	case_each_file("tests/data/config/invalid", says_what_to_write, NULL);
}

static void more_than_a_few_dozen_problems_are_cut_with_a_note(void **state)
{
	struct arena *a = arena_new();
	struct str text = STR("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
			      "metadata: {name: a}\nspec:\n  host: a\n");
	struct config_case c;

	for (int i = 0; i < 100; i++)
		text = arena_printf(a, STR_FMT "  unknown%d: 1\n", STR_ARG(text), i);
	c = case_text(text, false);
	assert_int_equal(c.objs.n, 1);
	assert_false(c.objs.items[0]->valid);
	assert_int_equal(c.objs.items[0]->problems.n, 33);
	case_free(&c);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_reported_where_it_is_broken),
		cmocka_unit_test(valid_documents_have_no_problem),
		cmocka_unit_test(each_message_has_a_position_and_a_remedy),
		cmocka_unit_test(more_than_a_few_dozen_problems_are_cut_with_a_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
