// SPDX-License-Identifier: Apache-2.0
#include "config/version.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/file.h"

/* A text younger than this when it was read may change again within one time stamp. */
enum { RACY_MS = 2000 };

struct version *version_get(struct version *v)
{
	v->refs++;
	return v;
}

struct version *version_put(struct version *v)
{
	if (v && --v->refs == 0) {
		arena_free(v->arena);
		free(v);
	}
	return NULL;
}

static struct version *version_new(void)
{
	struct version *v = calloc(1, sizeof(*v));

	if (!v)
		abort(); /* as the arena does: a half-read mesh must not come into force */
	v->refs = 1;
	v->arena = arena_new();
	v->objs.arena = v->arena;
	return v;
}

struct config_file *config_file_new(const char *path)
{
	struct config_file *f = calloc(1, sizeof(*f));

	if (!f || !(f->path = strdup(path)))
		abort();
	return f;
}

struct config_file *config_file_free(struct config_file *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->nr_held; i++)
		version_put(f->held[i].from);
	version_put(f->now);
	free(f->held);
	free(f->path);
	free(f);
	return NULL;
}

static uint64_t stamp_ms(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool config_file_stale(const struct config_file *f, const struct stat *st)
{
	const struct stat *was = &f->st;

	if (!f->now || was->st_ino != st->st_ino || was->st_dev != st->st_dev ||
	    was->st_size != st->st_size || was->st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    was->st_mtim.tv_nsec != st->st_mtim.tv_nsec ||
	    was->st_ctim.tv_sec != st->st_ctim.tv_sec ||
	    was->st_ctim.tv_nsec != st->st_ctim.tv_nsec)
		return true;
	return f->read_ms < stamp_ms(was->st_ctim) + RACY_MS;
}

struct str object_identity(struct arena *a, const struct object *o)
{
	ptrdiff_t slash = str_find(o->meta.api_version, '/');
	struct str group = str_sub(o->meta.api_version, 0, slash < 0 ? 0 : (size_t)slash);

	if (!o->meta.kind.n || !o->meta.name.n)
		return STR("");
	return arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(group),
			    STR_ARG(o->meta.kind), STR_ARG(o->meta.ns), STR_ARG(o->meta.name));
}

static void unreadable(struct version *v, const char *path, int err)
{
	struct object *o = arena_alloc(v->arena, sizeof(*o));

	o->file = arena_str(v->arena, str_of(path));
	o->meta.ns = STR("default");
	o->problems.items = arena_alloc(v->arena, sizeof(*o->problems.items));
	o->problems.n = 1;
	o->problems.items[0].message =
		arena_printf(v->arena, "the file cannot be read: %s", strerror(-err));
	v->objs.items = arena_alloc(v->arena, sizeof(struct object *));
	v->objs.items[0] = o;
	v->objs.n = v->objs.cap = 1;
}

/* What the new text says of the objects that were in force. */
struct spoiled {
	struct map by_identity; /* -> struct object, the first of its name */
	bool unknown;		/* some document cannot be told: it may be any of them */
};

static void survey(struct spoiled *s, const struct version *v, struct arena *scratch)
{
	map_init(&s->by_identity, scratch);
	s->unknown = false;
	for (size_t i = 0; i < v->objs.n; i++) {
		struct object *o = v->objs.items[i];
		struct str id = object_identity(scratch, o);

		if (!id.n) {
			s->unknown |= !o->valid && !o->skipped;
		} else {
			void **slot = map_at(&s->by_identity, id);

			*slot = *slot ? *slot : o;
		}
	}
}

static bool must_hold(const struct spoiled *s, const struct object *old, struct arena *scratch)
{
	const struct object *new = map_get(&s->by_identity, object_identity(scratch, old));

	return new ? !new->valid : s->unknown;
}

static void hold(struct vec *kept, struct arena *scratch, struct version *from, struct object *o)
{
	struct held *h = vec_push(scratch, kept, sizeof(*h));

	*h = (struct held){ .from = version_get(from), .object = o };
}

/* Replaces f->held by what the new version spoils of the old one and of what was held before. */
static void carry_over(struct config_file *f, const struct version *new, struct vec *released,
		       struct arena *scratch)
{
	struct spoiled s;
	struct vec kept = { 0 };
	struct held *items = NULL;

	survey(&s, new, scratch);
	for (size_t i = 0; f->now && i < f->now->objs.n; i++) {
		struct object *o = f->now->objs.items[i];

		if (o->valid && !o->skipped && must_hold(&s, o, scratch))
			hold(&kept, scratch, f->now, o);
	}
	for (size_t i = 0; i < f->nr_held; i++) {
		struct held *h = &f->held[i];
		struct version **slot;

		if (must_hold(&s, h->object, scratch))
			hold(&kept, scratch, h->from, h->object);
		slot = vec_push(scratch, released, sizeof(struct version *));
		*slot = h->from;
	}
	free(f->held);
	if (kept.n) {
		items = malloc(kept.n * sizeof(*items));
		if (!items)
			abort();
		memcpy(items, kept.items, kept.n * sizeof(*items));
	}
	f->held = items;
	f->nr_held = kept.n;
}

bool config_file_read(struct config_file *f, const struct load_options *opt, struct version **old,
		      struct vec *released, struct arena *scratch)
{
	struct version *v = version_new();
	struct stat st = { 0 };
	struct str text = { 0 };
	int err = file_read(scratch, f->path, &text, &st);

	v->hash = err ? (uint64_t)(unsigned int)-err : str_hash(text);
	f->read_ms = clock_real_ms();
	f->st = st;
	if (f->now && f->now->hash == v->hash) {
		version_put(v);
		return false;
	}
	if (err)
		unreadable(v, f->path, err);
	else
		load_text(&v->objs, arena_str(v->arena, str_of(f->path)), text, opt);
	carry_over(f, v, released, scratch);
	*old = f->now;
	f->now = v;
	return true;
}
