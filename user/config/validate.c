// SPDX-License-Identifier: Apache-2.0
/* Paths and positions for the validators. */
#include "config/validate.h"

#include <stdarg.h>
#include <stdio.h>

#include "weft/limits.h"

/* The next step of a path: `name`, `[3]` or `["key"]`. */
struct step {
	struct str key;
	bool quoted, is_index;
	uint64_t index;
};

static bool next_step(struct str *path, struct step *s)
{
	size_t n = 0;

	*s = (struct step){ 0 };
	if (!path->n)
		return false;
	if (str_starts(*path, STR("[\""))) {
		const char *end = memmem(path->p + 2, path->n - 2, "\"]", 2);

		s->quoted = true;
		if (!end)
			return false;
		s->key = str_sub(*path, 2, (size_t)(end - path->p) - 2);
		n = s->key.n + 4;
	} else if (path->p[0] == '[') {
		struct str rest = str_sub(*path, 1, path->n), digits;

		s->is_index = true;
		if (!str_cut(&rest, ']', &digits) || str_u64(digits, SIZE_MAX, &s->index))
			return false;
		n = digits.n + 2;
	} else {
		while (n < path->n && path->p[n] != '.' && path->p[n] != '[')
			n++;
		s->key = str_sub(*path, 0, n);
	}
	*path = str_sub(*path, n, path->n);
	if (str_starts(*path, STR(".")))
		*path = str_sub(*path, 1, path->n);
	return true;
}

static const struct node_pair *find_pair(const struct node *n, const struct step *s)
{
	char name[128];

	if (s->key.n >= sizeof(name))
		return NULL;
	memcpy(name, s->key.p, s->key.n);
	name[s->key.n] = 0;
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->pairs[i].key, s->key) ||
		    (!s->quoted && name_matches(name, NULL, n->pairs[i].key)))
			return &n->pairs[i];
	return NULL;
}

/* Walks as far as the path exists. */
static const struct node *walk(const struct node *n, struct str path, struct pos *pos, bool *all)
{
	struct step s;

	*pos = n->pos;
	*all = false;
	while (next_step(&path, &s)) {
		const struct node_pair *pair;

		if (s.is_index) {
			if (n->type != NODE_LIST || s.index >= n->n)
				return n;
			n = n->items[s.index];
			*pos = n->pos;
			continue;
		}
		pair = n->type == NODE_MAP ? find_pair(n, &s) : NULL;
		if (!pair)
			return n;
		n = pair->value;
		/* a scalar is shown where it stands, a block by its key */
		*pos = n->type == NODE_SCALAR ? n->pos : pair->pos;
	}
	*all = true;
	return n;
}

static void report(struct check *c, bool warning, struct str path, size_t offset, const char *text)
{
	struct problem p = { .warning = warning, .path = arena_str(c->d->a, path) };
	const struct node *n;
	bool all;

	if (c->o->problems.n > MAX_ERRORS_PER_OBJECT)
		return;
	n = walk(c->root, path, &p.pos, &all);
	if (all && n->type == NODE_SCALAR && !n->quoted)
		p.pos.col += (uint32_t)offset;
	p.message = arena_str(c->d->a, str_of(text));
	problem_put(c->d->a, c->o, &p);
}

void check_error(struct check *c, struct str path, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(c, false, path, 0, text);
}

void check_error_in(struct check *c, struct str path, size_t offset, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(c, false, path, offset, text);
}

void check_warn(struct check *c, struct str path, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(c, true, path, 0, text);
}

bool check_has(struct check *c, struct str path)
{
	const struct node *n;
	struct pos pos;
	bool all;

	n = walk(c->root, path, &pos, &all);
	return all && n->type != NODE_NULL;
}

struct str at(struct check *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arena_str(c->scratch, str_of(text));
}
