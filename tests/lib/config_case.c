// SPDX-License-Identifier: Apache-2.0
#include "config_case.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/file.h"

struct config_case case_text(struct str text, bool lenient)
{
	struct config_case c = { .arena = arena_new() };
	struct load_options opt = { .lenient = lenient };

	c.objs.arena = c.arena;
	load_text(&c.objs, STR("test.yaml"), text, &opt);
	return c;
}

struct config_case case_file(const char *path, bool lenient)
{
	struct arena *scratch = arena_new();
	struct config_case c;
	struct str text;
	struct stat st;

	assert_int_equal(file_read(scratch, path, &text, &st), 0);
	c = case_text(text, lenient);
	arena_free(scratch);
	return c;
}

void case_free(struct config_case *c)
{
	c->arena = arena_free(c->arena);
}

void case_print(const struct config_case *c)
{
	for (size_t i = 0; i < c->objs.n; i++) {
		const struct object *o = c->objs.items[i];

		for (size_t j = 0; j < o->problems.n; j++) {
			struct str s = problem_format(c->arena, o, &o->problems.items[j]);

			print_message("%s " STR_FMT "\n",
				      o->problems.items[j].warning ? "warning" : "error",
				      STR_ARG(s));
		}
	}
}

struct object *case_only(struct config_case *c)
{
	if (c->objs.n != 1 || !c->objs.items[0]->valid)
		case_print(c);
	assert_int_equal(c->objs.n, 1);
	assert_true(c->objs.items[0]->valid);
	return c->objs.items[0];
}

bool case_exists(const char *path)
{
	return access(path, R_OK) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void case_each_file(const char *dir, void (*each)(const char *path, void *arg), void *arg)
{
	char *names[512], path[4096];
	size_t n = 0;
	DIR *d = opendir(dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) && n < 512)
		if (e->d_name[0] != '.')
			names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		each(path, arg);
		free(names[i]);
	}
}

/* ---- marks ----------------------------------------------------------------------------------- */
struct mark {
	uint32_t line, col;
	bool warning, met;
	struct str path, part;
};

static void add_mark(struct arena *a, struct vec *marks, uint32_t line, struct str text)
{
	struct mark *m = vec_push(a, marks, sizeof(*m));
	struct str head;
	uint64_t col = 0;

	m->line = line;
	m->warning = text.p[0] == 'W';
	text = str_sub(text, 1, text.n);
	assert_true(str_cut(&text, ' ', &head));
	assert_int_equal(str_u64(head, 100000, &col), 0);
	m->col = (uint32_t)col;
	if (str_starts(text, STR(": "))) {
		text = str_sub(text, 2, text.n);
	} else {
		const char *colon = memmem(text.p, text.n, ": ", 2);

		assert_non_null(colon);
		m->path = str_sub(text, 0, (size_t)(colon - text.p));
		text = str_sub(text, m->path.n + 2, text.n);
	}
	m->part = str_trim(text);
}

static bool is_mark(struct str s)
{
	return s.n > 3 && s.p[0] == '#' && s.p[1] == ' ' && (s.p[2] == 'E' || s.p[2] == 'W') &&
	       s.p[3] >= '0' && s.p[3] <= '9';
}

static void marks_of_line(struct arena *a, struct vec *marks, uint32_t line, struct str text)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && !is_mark(str_sub(text, i, text.n)))
			continue;
		if (from)
			add_mark(a, marks, line, str_sub(text, from, i - from));
		from = i + 2;
	}
}

static struct vec find_marks(struct arena *a, struct str text)
{
	struct vec marks = { 0 };
	struct str line;
	uint32_t nr = 0;

	while (str_cut(&text, '\n', &line))
		marks_of_line(a, &marks, ++nr, line);
	marks_of_line(a, &marks, ++nr, text);
	return marks;
}

static bool meets(const struct mark *m, const struct problem *p)
{
	return !m->met && m->line == p->pos.line && m->col == p->pos.col &&
	       m->warning == p->warning && str_eq(m->path, p->path) &&
	       (!m->part.n || memmem(p->message.p, p->message.n, m->part.p, m->part.n));
}

static unsigned int check_object(struct arena *a, const struct object *o, struct vec *marks)
{
	struct mark *list = marks->items;
	unsigned int unexpected = 0;

	for (size_t i = 0; i < o->problems.n; i++) {
		const struct problem *p = &o->problems.items[i];
		bool found = false;

		for (size_t j = 0; j < marks->n && !found; j++) {
			found = meets(&list[j], p);
			list[j].met |= found;
		}
		if (found)
			continue;
		unexpected++;
		print_error("not expected: %s " STR_FMT "\n", p->warning ? "warning" : "error",
			    STR_ARG(problem_format(a, o, p)));
	}
	return unexpected;
}

void case_check_marks(const char *path)
{
	struct arena *a = arena_new();
	struct objects objs = { .arena = a };
	unsigned int wrong = 0;
	const struct mark *list;
	struct vec marks;
	struct str text;
	struct stat st;

	assert_int_equal(file_read(a, path, &text, &st), 0);
	marks = find_marks(a, text);
	load_text(&objs, str_of(path), text, NULL);
	assert_true(objs.n > 0);
	for (size_t i = 0; i < objs.n; i++)
		wrong += check_object(a, objs.items[i], &marks);
	list = marks.items;
	for (size_t i = 0; i < marks.n; i++) {
		if (list[i].met)
			continue;
		wrong++;
		print_error("%s:%u:%u: expected and not found: " STR_FMT ": " STR_FMT "\n", path,
			    list[i].line, list[i].col, STR_ARG(list[i].path),
			    STR_ARG(list[i].part));
	}
	arena_free(a);
	assert_int_equal(wrong, 0);
}
