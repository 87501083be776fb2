// SPDX-License-Identifier: Apache-2.0
/*
 * Each tests/data/mesh/NAME.yaml is compiled and compared with NAME.golden. UPDATE_GOLDEN=1 writes
 * the golden files; the difference is then read by a human. A file's first line may say
 * "# node: NAME": the node whose pods are local. IMAGE_SEEDS=DIR writes NAME.img there, for the
 * fuzzer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <glob.h>

#include "image/reader.h"
#include "tests/lib/plan_dump.h"

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text;
	long size;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	*n = fread(text, 1, (size_t)size, f);
	fclose(f);
	return text;
}

/* NULL: all pods are local */
static char *node_of(const char *yaml)
{
	char name[64];

	return sscanf(yaml, "# node: %63s", name) == 1 ? strdup(name) : NULL;
}

static void load(struct objects *objects, struct arena *a, const char *yaml, size_t n)
{
	static const struct load_options strict;

	*objects = (struct objects){ .arena = a };
	load_text(objects, STR("test.yaml"), (struct str){ yaml, n }, &strict);
	for (size_t i = 0; i < objects->n; i++)
		for (size_t j = 0; j < objects->items[i]->problems.n; j++)
			if (!objects->items[i]->valid)
				print_message(STR_FMT "\n",
					      STR_ARG(problem_format(
						      a, objects->items[i],
						      &objects->items[i]->problems.items[j])));
	for (size_t i = 0; i < objects->n; i++)
		assert_true(objects->items[i]->valid);
}

static char *compile_to_text(const struct objects *objects, const char *node, size_t *n)
{
	struct arena *a = arena_new();
	struct compile_options opt = { .node = node, .cluster_domain = "cluster.local" };
	struct compiled *c = mesh_compile(a, objects, &opt);
	const char *why = "";
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	if (image_check(c->plan.image, c->plan.image_size, &why))
		fail_msg("the image does not pass its check: %s", why);
	plan_dump(c, f);
	fclose(f);
	arena_free(a);
	return text;
}

static void write_seed(const char *path, const struct objects *objects)
{
	static const struct compile_options opt;
	const char *dir = getenv("IMAGE_SEEDS"), *base = strrchr(path, '/') + 1;
	struct arena *a = arena_new();
	struct compiled *c = mesh_compile(a, objects, &opt);
	char name[512];
	FILE *f;

	snprintf(name, sizeof(name), "%s/%.*s.img", dir, (int)strlen(base) - 5, base);
	f = fopen(name, "w");
	assert_non_null(f);
	fwrite(c->plan.image, 1, c->plan.image_size, f);
	fclose(f);
	arena_free(a);
}

static void compare(const char *golden_path, const char *text, size_t n)
{
	size_t want_n = 0;
	char *want = read_file(golden_path, &want_n);
	size_t at = 0, line = 1;

	if (!want)
		fail_msg("no %s: run with UPDATE_GOLDEN=1", golden_path);
	while (at < n && at < want_n && text[at] == want[at])
		line += text[at++] == '\n';
	if (at < n || at < want_n)
		fail_msg("%s differs at line %zu:\n got: %.120s\nwant: %.120s", golden_path, line,
			 text + at, want + at);
	free(want);
}

static void check_file(const char *path)
{
	struct arena *a = arena_new();
	struct objects objects;
	size_t n, text_n;
	char *yaml = read_file(path, &n), *node = node_of(yaml), *text, golden[512];
	FILE *f;

	load(&objects, a, yaml, n);
	text = compile_to_text(&objects, node, &text_n);
	snprintf(golden, sizeof(golden), "%.*s.golden", (int)(strlen(path) - 5), path);
	if (getenv("IMAGE_SEEDS"))
		write_seed(path, &objects);
	if (getenv("UPDATE_GOLDEN")) {
		f = fopen(golden, "w");
		fwrite(text, 1, text_n, f);
		fclose(f);
	}
	compare(golden, text, text_n);
	free(text);
	free(node);
	free(yaml);
	arena_free(a);
}

static void every_golden_file_is_reproduced(void **state)
{
	glob_t found;

	assert_int_equal(glob("tests/data/mesh/*.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
}

/* Only the tie-break "oldest wins" may depend on it, and these files have no ties. */
static void the_order_of_documents_does_not_matter(void **state)
{
	struct arena *a = arena_new();
	struct objects objects;
	size_t n, n1, n2;
	char *yaml = read_file("tests/data/mesh/bookinfo.yaml", &n);
	char *forward, *backward;

	load(&objects, a, yaml, n);
	forward = compile_to_text(&objects, NULL, &n1);
	for (size_t i = 0; i < objects.n / 2; i++) {
		struct object *o = objects.items[i];

		objects.items[i] = objects.items[objects.n - 1 - i];
		objects.items[objects.n - 1 - i] = o;
	}
	for (size_t i = 0; i < objects.n; i++)
		objects.items[i]->ordinal = (uint32_t)i;
	backward = compile_to_text(&objects, NULL, &n2);
	assert_string_equal(forward, backward);
	free(forward);
	free(backward);
	free(yaml);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_file_is_reproduced),
		cmocka_unit_test(the_order_of_documents_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
