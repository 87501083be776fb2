// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/source_dir.h"

#define SERVICE(name, port)                                                                        \
	"apiVersion: v1\nkind: Service\nmetadata:\n  name: " name "\nspec:\n  ports:\n"            \
	"  - name: http\n    port: " port "\n"

struct world {
	char dir[64];
	struct loop *loop;
	struct source_dir *src;
	int views;
	size_t in_force, invalid, warned;
	uint32_t port_of_a; /* 0: service a is not in force */
};

static void on_view(void *arg, const struct source_view *view)
{
	struct world *w = arg;

	w->views++;
	w->in_force = view->in_force->n;
	w->invalid = w->warned = w->port_of_a = 0;
	for (size_t i = 0; i < view->seen->n; i++) {
		w->invalid += !view->seen->items[i]->valid;
		w->warned += view->seen->items[i]->problems.n > 0;
	}
	for (size_t i = 0; i < view->in_force->n; i++) {
		const struct object *o = view->in_force->items[i];
		const struct service *s = o->spec;

		assert_true(o->valid);
		if (str_eq(o->meta.name, STR("a")))
			w->port_of_a = s->ports.items[0].port;
	}
}

static void put(const struct world *w, const char *name, const char *text)
{
	char path[128], tmp[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	snprintf(tmp, sizeof(tmp), "%s/.tmp", w->dir);
	f = fopen(tmp, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(tmp, path), 0);
}

static void drop(const struct world *w, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	assert_int_equal(remove(path), 0);
}

/* Runs the loop until another view came, two seconds at the most. */
static void await_view(struct world *w)
{
	uint64_t end = clock_ms() + 2000;
	int was = w->views;

	while (w->views == was && clock_ms() < end)
		loop_once(w->loop, 10);
	assert_int_equal(w->views, was + 1);
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/weft-source-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->loop = loop_new();
	*state = w;
	return 0;
}

static int finish(void **state)
{
	struct world *w = *state;
	char cmd[128];

	source_dir_free(w->src);
	loop_free(w->loop);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->dir);
	assert_int_equal(system(cmd), 0);
	free(w);
	return 0;
}

static void open_it(struct world *w)
{
	static const struct load_options opt;

	assert_int_equal(source_dir_new(w->loop, w->dir, &opt, on_view, w, &w->src), 0);
	assert_int_equal(w->views, 1);
}

static void files_come_change_and_go(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", "80"));
	open_it(w);
	assert_int_equal(w->in_force, 1);
	assert_int_equal(w->port_of_a, 80);
	put(w, "b.yaml", SERVICE("b", "80"));
	await_view(w);
	assert_int_equal(w->in_force, 2);
	put(w, "a.yaml", SERVICE("a", "81"));
	await_view(w);
	assert_int_equal(w->port_of_a, 81);
	drop(w, "b.yaml");
	await_view(w);
	assert_int_equal(w->in_force, 1);
}

static void a_spoiled_object_keeps_its_last_valid_version(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80"));
	open_it(w);
	put(w, "a.yaml", SERVICE("a", "eighty") "---\n" SERVICE("b", "80"));
	await_view(w);
	assert_int_equal(w->in_force, 2);
	assert_int_equal(w->invalid, 1);
	assert_int_equal(w->port_of_a, 80);
	/* spoiled again in another way: still the last valid one */
	put(w, "a.yaml", SERVICE("a", "99999999") "---\n" SERVICE("b", "80"));
	await_view(w);
	assert_int_equal(w->port_of_a, 80);
	put(w, "a.yaml", SERVICE("a", "82") "---\n" SERVICE("b", "80"));
	await_view(w);
	assert_int_equal(w->port_of_a, 82);
	assert_int_equal(w->invalid, 0);
}

static void text_that_is_not_yaml_takes_nothing_out_of_force(void **state)
{
	struct world *w = *state;

	put(w, "a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80"));
	open_it(w);
	put(w, "a.yaml", "apiVersion: v1\nkind: [Service\n");
	await_view(w);
	assert_int_equal(w->in_force, 2);
	assert_true(w->invalid >= 1);
	/* a document that parses and is gone is gone, also after the bad text */
	put(w, "a.yaml", SERVICE("b", "80"));
	await_view(w);
	assert_int_equal(w->in_force, 1);
	assert_int_equal(w->port_of_a, 0);
}

static void the_first_of_two_documents_with_one_name_is_in_force(void **state)
{
	struct world *w = *state;

	put(w, "1.yaml", SERVICE("a", "80"));
	put(w, "2.yaml", SERVICE("a", "90"));
	open_it(w);
	assert_int_equal(w->in_force, 1);
	assert_int_equal(w->port_of_a, 80);
	assert_int_equal(w->warned, 1);
	drop(w, "1.yaml");
	await_view(w);
	assert_int_equal(w->port_of_a, 90);
	assert_int_equal(w->warned, 0);
}

static void folders_made_later_are_watched(void **state)
{
	struct world *w = *state;
	char path[128];

	open_it(w);
	snprintf(path, sizeof(path), "%s/sub", w->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	put(w, "sub/a.yaml", SERVICE("a", "80"));
	await_view(w);
	assert_int_equal(w->in_force, 1);
	put(w, "sub/a.yaml", SERVICE("a", "81"));
	await_view(w);
	assert_int_equal(w->port_of_a, 81);
}

static void a_file_written_in_place_with_the_same_size_is_seen(void **state)
{
	struct world *w = *state;
	char path[128];
	FILE *f;

	put(w, "a.yaml", SERVICE("a", "80"));
	open_it(w);
	snprintf(path, sizeof(path), "%s/a.yaml", w->dir);
	f = fopen(path, "r+");
	fputs(SERVICE("a", "81"), f);
	fclose(f);
	await_view(w);
	assert_int_equal(w->port_of_a, 81);
}

static void what_is_not_config_is_left_alone(void **state)
{
	struct world *w = *state;

	put(w, "notes.txt", "kind: Service");
	put(w, ".hidden.yaml", SERVICE("b", "80"));
	put(w, "a.yaml~", SERVICE("b", "80"));
	put(w, "a.yaml", SERVICE("a", "80"));
	open_it(w);
	assert_int_equal(w->in_force, 1);
}

static void a_missing_folder_is_an_error(void **state)
{
	static const struct load_options opt;
	struct world *w = *state;
	struct source_dir *s = NULL;

	assert_int_equal(source_dir_new(w->loop, "/nonexistent", &opt, on_view, w, &s), -ENOENT);
	assert_int_equal(source_dir_new(w->loop, "/etc/passwd", &opt, on_view, w, &s), -ENOTDIR);
	assert_null(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_come_change_and_go),
		CASE(a_spoiled_object_keeps_its_last_valid_version),
		CASE(text_that_is_not_yaml_takes_nothing_out_of_force),
		CASE(the_first_of_two_documents_with_one_name_is_in_force),
		CASE(folders_made_later_are_watched),
		CASE(a_file_written_in_place_with_the_same_size_is_seen),
		CASE(what_is_not_config_is_left_alone),
		CASE(a_missing_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
