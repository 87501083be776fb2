// SPDX-License-Identifier: Apache-2.0
/* Istio's own test data and samples, read in place from ../shared (skipped when it is absent). */
#include "tests/lib/config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "config/file.h"

#define CRDS	"../shared/data/istio-crds"
#define SAMPLES "../shared/data/istio-samples"

struct score {
	unsigned int right, all, skipped; /* skipped: kinds that are not read */
};

/* A document of the test data, without its line `_err: …`, which is no part of the object. */
static struct str without_expectation(struct arena *a, struct str doc)
{
	char *out = arena_alloc(a, doc.n + 1);
	struct str rest = doc, line;
	size_t n = 0;
	bool more = true;

	while (more) {
		more = str_cut(&rest, '\n', &line);
		if (!more)
			line = rest;
		if (str_starts(line, STR("_err:")))
			continue;
		memcpy(out + n, line.p, line.n);
		n += line.n;
		out[n++] = '\n';
	}
	return (struct str){ out, n - 1 };
}

static void score_document(const char *path, struct str doc, bool want_valid, struct score *s)
{
	struct config_case c = case_text(doc, false);

	for (size_t i = 0; i < c.objs.n; i++) {
		const struct object *o = c.objs.items[i];

		if (o->skipped && !o->spec) {
			s->skipped++;
			continue;
		}
		s->all++;
		s->right += o->valid == want_valid;
		if (o->valid != want_valid)
			print_error("%s: " STR_FMT " " STR_FMT " should be %s\n", path,
				    STR_ARG(o->meta.kind), STR_ARG(o->meta.name),
				    want_valid ? "valid" : "invalid");
	}
	case_free(&c);
}

/* Splits at `---`, since every document is judged alone. */
static void score_file(const char *path, void *arg)
{
	struct arena *a = arena_new();
	bool want_valid = str_ends(str_of(path), STR("-valid.yaml"));
	struct score before = *(struct score *)arg, *s = arg;
	struct str text, rest;
	struct stat st;

	assert_int_equal(file_read(a, path, &text, &st), 0);
	rest = text;
	while (rest.n) {
		const char *end = memmem(rest.p, rest.n, "\n---", 4);
		size_t n = end ? (size_t)(end - rest.p) + 1 : rest.n;

		score_document(path, without_expectation(a, str_sub(rest, 0, n)), want_valid, s);
		rest = str_sub(rest, end ? n + 3 : n, rest.n);
	}
	print_message("%s: %u of %u right, %u of kinds that are not read\n", path,
		      s->right - before.right, s->all - before.all, s->skipped - before.skipped);
	arena_free(a);
}

static void istios_test_data_gets_istios_verdicts(void **state)
{
	struct score s = { 0 };

	if (!case_exists(CRDS)) {
		print_message("SKIP: " CRDS " is not there\n");
		skip();
	}
	case_each_file(CRDS, score_file, &s);
	print_message("istio-crds: %u of %u right, %u skipped\n", s.right, s.all, s.skipped);
	assert_true(s.all >= 40);
	assert_true(s.right == s.all);
}

static void check_sample(const char *path, void *arg)
{
	struct config_case c = case_file(path, false);
	unsigned int *n = arg;

	assert_true(c.objs.n > 0);
	for (size_t i = 0; i < c.objs.n; i++) {
		const struct object *o = c.objs.items[i];

		if (!o->valid)
			case_print(&c);
		assert_true(o->valid);
		assert_true(!o->skipped || o->problems.n > 0);
		n[o->skipped]++;
	}
	case_free(&c);
}

static void istios_samples_are_accepted_or_skipped_with_a_note(void **state)
{
	unsigned int n[2] = { 0 };

	if (!case_exists(SAMPLES)) {
		print_message("SKIP: " SAMPLES " is not there\n");
		skip();
	}
	case_each_file(SAMPLES, check_sample, n);
	print_message("istio-samples: %u accepted, %u skipped with a note\n", n[0], n[1]);
	assert_true(n[0] > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(istios_test_data_gets_istios_verdicts),
		cmocka_unit_test(istios_samples_are_accepted_or_skipped_with_a_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
