// SPDX-License-Identifier: Apache-2.0
/*
 * The verdicts on the configurations of the tutorials as they were printed, read in place from
 * ../shared (skipped when it is absent), and on our corrected copies in tests/data/tutorials.
 */
#include "tests/lib/config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define DIR_OF_TUTORIALS "../shared/tutorials/"

enum verdict { VALID, INVALID };

static const struct {
	const char *name;
	enum verdict strict, lenient;
	unsigned int errors;  /* of the strict reading, all documents */
	const char *messages; /* parts of them, | between */
} cases[] = {
	{ "000-01", INVALID, VALID, 2,
	  ":9:5: DestinationRule tutorial/recommendation: spec.subsets[0].labels: `labels` is null "
	  "and `version` is an unknown field beside it: did you mean labels.version?|"
	  ":12:5: DestinationRule tutorial/recommendation: spec.subsets[1].labels: " },
	{ "000-02", VALID, VALID, 0, "" },
	{ "000-03", VALID, VALID, 0, "" },
	{ "000-04", VALID, VALID, 0, "" },
	{ "000-05", VALID, VALID, 0, "" },
	{ "000-06", INVALID, INVALID, 1, "`apiVersion`, `kind` and `metadata.name` are missing" },
	{ "000-07", INVALID, INVALID, 1, "write a mapping with `apiVersion`, `kind`, `metadata`" },
	{ "000-08", INVALID, INVALID, 1, "`apiVersion`, `kind` and `metadata.name` are missing" },
	{ "000-09", INVALID, INVALID, 1, "`apiVersion`, `kind` and `metadata.name` are missing" },
	{ "001-01", VALID, VALID, 0, "" },
	{ "001-02", VALID, VALID, 0, "" },
	{ "001-03", VALID, VALID, 0, "" },
	{ "001-04", VALID, VALID, 0, "" },
	{ "001-05", VALID, VALID, 0, "" },
	{ "001-06", VALID, VALID, 0, "" },
	{ "002-01", VALID, VALID, 0, "" },
	{ "002-02", VALID, VALID, 0, "" },
	{ "002-03", VALID, VALID, 0, "" },
	{ "002-04", VALID, VALID, 0, "" },
	{ "002-05", VALID, VALID, 0, "" },
	{ "003-01", INVALID, INVALID, 3,
	  ":6:3: |`...` |:14:20: |character 3: |did you mean ^(.*?;)?(user=jason)(;.*)?$|"
	  ":17:5: |labels.version" },
	{ "004-01", INVALID, VALID, 2, ":3:1: |`metadata` is null|:6:1: |`spec` is null" },
	{ "004-02", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-03", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-04", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-05", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-06", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-07", INVALID, VALID, 4,
	  "`metadata` is null|`spec` is null|`trafficPolicy` is null|`loadBalancer` is null" },
	/* http[0].route is null and http[1] is a destination: whose is the timeout? */
	{ "004-08", INVALID, INVALID, 4, "`metadata` is null|`spec` is null|spec.http[].timeout" },
	{ "004-09", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-10", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-11", INVALID, INVALID, 1, ":24:1: DestinationRule: not YAML: a list item" },
	{ "004-12", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-13", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-14", INVALID, VALID, 2, "`metadata` is null|`spec` is null" },
	{ "004-15", INVALID, VALID, 3, "`spec` is null|trafficPolicy.tls" },
	/* the name may be the server's or the port's; hosts and route have lost their list item */
	{ "004-16", INVALID, INVALID, 9, "`selector` is null|`name` can be read in two ways" },
};
enum { NR_CASES = sizeof(cases) / sizeof(*cases) };

static bool all_valid(const struct config_case *c)
{
	for (size_t i = 0; i < c->objs.n; i++)
		if (!c->objs.items[i]->valid)
			return false;
	return c->objs.n > 0;
}

static struct str said(const struct config_case *c, unsigned int *errors)
{
	struct str all = STR("");

	*errors = 0;
	for (size_t i = 0; i < c->objs.n; i++) {
		const struct object *o = c->objs.items[i];

		for (size_t j = 0; j < o->problems.n; j++) {
			*errors += !o->problems.items[j].warning;
			all = arena_printf(
				c->arena, STR_FMT STR_FMT "\n", STR_ARG(all),
				STR_ARG(problem_format(c->arena, o, &o->problems.items[j])));
		}
	}
	return all;
}

static void check_messages(struct str all, const char *parts)
{
	struct str rest = str_of(parts), part;
	bool more = true;

	while (more) {
		more = str_cut(&rest, '|', &part);
		if (!more)
			part = rest;
		if (!part.n || memmem(all.p, all.n, part.p, part.n))
			continue;
		print_error("\"" STR_FMT "\" is not in\n" STR_FMT, STR_ARG(part), STR_ARG(all));
		fail();
	}
}

static void check_case(size_t i)
{
	struct config_case strict, lenient;
	unsigned int errors;
	char path[128];

	snprintf(path, sizeof(path), DIR_OF_TUTORIALS "%s.yaml", cases[i].name);
	print_message("%s\n", path);
	strict = case_file(path, false);
	lenient = case_file(path, true);
	assert_int_equal(all_valid(&strict) ? VALID : INVALID, cases[i].strict);
	check_messages(said(&strict, &errors), cases[i].messages);
	assert_int_equal(errors, cases[i].errors);
	assert_int_equal(all_valid(&lenient) ? VALID : INVALID, cases[i].lenient);
	case_free(&strict);
	case_free(&lenient);
}

static void the_tutorials_get_the_verdicts_that_are_documented(void **state)
{
	if (!case_exists(DIR_OF_TUTORIALS "README.md")) {
		print_message("SKIP: " DIR_OF_TUTORIALS " is not there\n");
		skip();
	}
	for (size_t i = 0; i < NR_CASES; i++)
		check_case(i);
}

static void a_lenient_reading_means_what_was_meant(void **state)
{
	const struct destination_rule *dr;
	const struct object *o;
	struct config_case c;

	c = case_text(STR("apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\n"
			  "metadata:\nname: a\nnamespace: b\nspec:\nhost: c\ntrafficPolicy:\n"
			  "loadBalancer:\nsimple: RANDOM\nsubsets:\n- labels:\n  version: v1\n"
			  "  name: v1\n"),
		      true);
	o = case_only(&c);
	assert_int_equal(o->problems.n, 5);
	assert_true(str_eq(o->meta.ns, STR("b")));
	dr = o->spec;
	assert_true(str_eq(dr->host, STR("c")));
	assert_int_equal(dr->policy->load_balancer->simple, LBS_RANDOM);
	assert_int_equal(dr->subsets.n, 1);
	assert_true(str_eq(dr->subsets.items[0].name, STR("v1")));
	assert_int_equal(dr->subsets.items[0].labels.n, 1);
	assert_true(str_eq(dr->subsets.items[0].labels.items[0].value, STR("v1")));
	case_free(&c);
}

static void two_readings_are_an_error_in_both_modes(void **state)
{
	struct str text = STR("apiVersion: networking.istio.io/v1\nkind: Gateway\n"
			      "metadata: {name: a}\nspec:\n  servers:\n  - port:\n    number: 80\n"
			      "    name: x\n    protocol: HTTP\n    hosts: [\"*\"]\n");

	for (int lenient = 0; lenient < 2; lenient++) {
		struct config_case c = case_text(text, lenient);

		assert_false(c.objs.items[0]->valid);
		assert_int_equal(c.objs.items[0]->problems.n, 1);
		case_free(&c);
	}
}

static void a_null_with_nothing_strange_beside_it_is_unset(void **state)
{
	struct config_case c =
		case_text(STR("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
			      "metadata: {name: a, labels: null}\nspec:\n  host: a\n"
			      "  trafficPolicy:\n  subsets:\n  - {name: a, labels: null}\n"),
			  false);

	assert_int_equal(case_only(&c)->problems.n, 0);
	case_free(&c);
}

static void dots_that_stand_for_more_are_an_error_and_no_obstacle_when_lenient(void **state)
{
	struct str text = STR("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
			      "metadata:\n  name: a\n  ...\nspec: {host: a}\n");
	struct config_case strict = case_text(text, false), lenient = case_text(text, true);

	assert_false(strict.objs.items[0]->valid);
	assert_int_equal(strict.objs.items[0]->problems.n, 1);
	assert_int_equal(strict.objs.items[0]->problems.items[0].pos.line, 5);
	assert_int_equal(case_only(&lenient)->problems.n, 1);
	case_free(&strict);
	case_free(&lenient);
}

static void arrows_in_quotes_blocks_comments_and_other_kinds_are_left_alone(void **state)
{
	struct config_case c = case_text(
		STR("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
		    "metadata:\n  name: a # x <-- y\n  annotations:\n    a: \"x <-- y\"\n"
		    "    b: |\n      x <-- y\n    c: >-\n\n      x <-- y\nspec: {host: a}\n"
		    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
		    "spec:\n  containers:\n  - name: a\n    args:\n    - x <-- y\n"),
		false);
	const struct pod_object *pod;

	assert_int_equal(c.objs.n, 2);
	assert_int_equal(c.objs.items[0]->problems.n, 0);
	assert_true(str_eq(c.objs.items[0]->meta.annotations.items[1].value, STR("x <-- y\n")));
	pod = c.objs.items[1]->spec;
	assert_true(str_eq(pod->containers.items[0].args.items[0], STR("x <-- y")));
	case_free(&c);
}

static void check_corrected(const char *path, void *arg)
{
	struct config_case c = case_file(path, false);

	print_message("%s\n", path);
	if (!all_valid(&c))
		case_print(&c);
	assert_true(all_valid(&c));
	for (size_t i = 0; i < c.objs.n; i++)
		assert_false(c.objs.items[i]->skipped);
	++*(int *)arg;
	case_free(&c);
}

static void the_corrected_copies_are_all_valid(void **state)
{
	int n = 0;

	case_each_file("tests/data/tutorials", check_corrected, &n);
	assert_int_equal(n, NR_CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tutorials_get_the_verdicts_that_are_documented),
		cmocka_unit_test(a_lenient_reading_means_what_was_meant),
		cmocka_unit_test(two_readings_are_an_error_in_both_modes),
		cmocka_unit_test(a_null_with_nothing_strange_beside_it_is_unset),
		cmocka_unit_test(
			dots_that_stand_for_more_are_an_error_and_no_obstacle_when_lenient),
		cmocka_unit_test(arrows_in_quotes_blocks_comments_and_other_kinds_are_left_alone),
		cmocka_unit_test(the_corrected_copies_are_all_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
