// SPDX-License-Identifier: Apache-2.0
/* Problems of an object: collecting, bounding, printing. */
#include <stdarg.h>
#include <stdio.h>

#include "config/load.h"
#include "config/schema.h"
#include "weft/limits.h"

static struct str path_join(struct arena *a, const struct path *p)
{
	struct str up;

	if (!p)
		return STR("");
	up = path_join(a, p->up);
	if (!p->key.n && !p->quoted)
		return arena_printf(a, STR_FMT "[%zu]", STR_ARG(up), p->index);
	if (p->quoted)
		return arena_printf(a, STR_FMT "[\"" STR_FMT "\"]", STR_ARG(up), STR_ARG(p->key));
	return arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(up), up.n ? "." : "", STR_ARG(p->key));
}

struct str path_text(struct arena *a, const struct path *p)
{
	return path_join(a, p);
}

void problem_put(struct arena *a, struct object *o, const struct problem *p)
{
	size_t n = o->problems.n;
	struct problem *items;

	if (!p->warning)
		o->valid = false;
	if (n > MAX_ERRORS_PER_OBJECT)
		return;
	if (!(n & (n - 1))) { /* full at every power of two */
		items = arena_array(a, n ? n * 2 : 1, sizeof(*items));
		if (n)
			memcpy(items, o->problems.items, n * sizeof(*items));
		o->problems.items = items;
	}
	o->problems.items[n] = *p;
	if (n == MAX_ERRORS_PER_OBJECT) {
		o->problems.items[n].path = STR("");
		o->problems.items[n].message = STR("more problems follow: correct these first");
	}
	o->problems.n++;
}

void problem_add(struct decoder *d, bool warning, struct pos pos, const struct path *p,
		 const char *fmt, ...)
{
	struct problem problem = { .pos = pos, .warning = warning };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->errors += !warning;
	if (d->o->problems.n > MAX_ERRORS_PER_OBJECT) {
		d->o->valid &= warning;
		return;
	}
	problem.path = path_text(d->a, p);
	problem.message = arena_str(d->a, str_of(text));
	problem_put(d->a, d->o, &problem);
}

struct str problem_format(struct arena *a, const struct object *o, const struct problem *p)
{
	bool named = o->meta.name.n > 0, in_ns = named && o->meta.ns.n > 0;

	return arena_printf(
		a, STR_FMT ":%u:%u: " STR_FMT "%s" STR_FMT "%s" STR_FMT "%s" STR_FMT "%s" STR_FMT,
		STR_ARG(o->file), p->pos.line, p->pos.col, STR_ARG(o->meta.kind),
		o->meta.kind.n && named ? " " : "", in_ns ? (int)o->meta.ns.n : 0,
		in_ns ? o->meta.ns.p : "", in_ns ? "/" : "", STR_ARG(o->meta.name),
		o->meta.kind.n || named ? ": " : "", STR_ARG(p->path), p->path.n ? ": " : "",
		STR_ARG(p->message));
}
