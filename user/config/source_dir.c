// SPDX-License-Identifier: Apache-2.0
#include "config/source_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/file.h"
#include "config/version.h"
#include "weft/limits.h"

#define WATCHED                                                                                    \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ATTRIB)

enum { LOOK_AGAIN_MS = 1000 };

struct source_dir {
	struct loop *loop;
	char *path;
	struct load_options opt;
	source_changed *changed;
	void *arg;
	struct source inotify;
	struct timer settle;
	uint64_t first_event_ms;    /* 0: nothing waits */
	bool missing;		    /* there is no folder at the path */
	struct config_file **files; /* in byte order of their paths */
	size_t nr_files;
	struct arena *view_arena; /* of the view that was handed out last */
	struct objects in_force, seen;
};

static struct source_dir *of_inotify(struct source *s)
{
	return (struct source_dir *)((char *)s - offsetof(struct source_dir, inotify));
}

static struct source_dir *of_settle(struct timer *t)
{
	return (struct source_dir *)((char *)t - offsetof(struct source_dir, settle));
}

/* ---- composing the view ---------------------------------------------------------------------- */

struct composer {
	struct arena *arena;
	struct objects in_force, seen;
	struct map owners; /* identity -> struct object that is in force */
	uint32_t ordinal;
};

static void push_object(struct composer *c, struct objects *to, struct object *o)
{
	struct vec v = { to->items, to->n, to->cap };
	struct object **slot = vec_push(c->arena, &v, sizeof(*slot));

	*slot = o;
	to->items = v.items;
	to->n = v.n;
	to->cap = v.cap;
}

/* A copy of o with one more warning: the object itself may come into force again later. */
static struct object *with_warning(struct composer *c, const struct object *o, struct str message)
{
	struct object *copy = arena_alloc(c->arena, sizeof(*copy));
	struct problem *p = arena_array(c->arena, o->problems.n + 1, sizeof(*p));

	*copy = *o;
	if (o->problems.n)
		memcpy(p, o->problems.items, o->problems.n * sizeof(*p));
	p[o->problems.n] = (struct problem){ .pos = o->pos, .warning = true, .message = message };
	copy->problems.items = p;
	copy->problems.n = o->problems.n + 1;
	return copy;
}

/* Puts o in force unless an earlier document has its name; returns what status is to show. */
static struct object *enforce(struct composer *c, struct object *o)
{
	void **owner = map_at(&c->owners, object_identity(c->arena, o));
	const struct object *first = *owner;

	o->ordinal = c->ordinal++;
	if (first)
		return with_warning(c, o,
				    arena_printf(c->arena,
						 "ignored: the same object stands in " STR_FMT
						 ":%u; remove one of the two",
						 STR_ARG(first->file), first->pos.line));
	*owner = o;
	push_object(c, &c->in_force, o);
	return o;
}

/* The last valid version of a spoiled object keeps the place of the document that spoils it. */
static struct object *spoiled(struct composer *c, const struct map *held, struct object *o)
{
	struct str id = object_identity(c->arena, o);
	struct held *h = id.n ? map_get(held, id) : NULL;

	if (!h || h->placed)
		return o;
	h->placed = true;
	enforce(c, h->object);
	return with_warning(c, o, STR("its last valid version stays in force"));
}

static void compose_file(struct composer *c, struct config_file *f)
{
	struct map held; /* identity -> struct held, the first of its name */

	map_init(&held, c->arena);
	for (size_t i = 0; i < f->nr_held; i++) {
		void **slot = map_at(&held, object_identity(c->arena, f->held[i].object));

		f->held[i].placed = false;
		*slot = *slot ? *slot : &f->held[i];
	}
	for (size_t i = 0; i < f->now->objs.n; i++) {
		struct object *o = f->now->objs.items[i];

		if (o->valid && !o->skipped)
			o = enforce(c, o);
		else if (!o->valid)
			o = spoiled(c, &held, o);
		push_object(c, &c->seen, o);
	}
	for (size_t i = 0; i < f->nr_held; i++)
		if (!f->held[i].placed)
			enforce(c, f->held[i].object);
}

static struct arena *compose(struct source_dir *s)
{
	struct composer c = { .arena = arena_new() };
	struct arena *old = s->view_arena;

	map_init(&c.owners, c.arena);
	c.in_force.arena = c.seen.arena = c.arena;
	for (size_t i = 0; i < s->nr_files; i++)
		compose_file(&c, s->files[i]);
	s->in_force = c.in_force;
	s->seen = c.seen;
	s->view_arena = c.arena;
	return old;
}

/* ---- reading what changed -------------------------------------------------------------------- */

struct rescan {
	struct arena *scratch;
	struct vec dead_versions; /* put once the new view has been taken */
	struct vec dead_files;
	bool changed;
};

static void drop_file(struct rescan *r, struct config_file *f)
{
	struct config_file **slot = vec_push(r->scratch, &r->dead_files, sizeof(*slot));

	*slot = f;
	r->changed = true;
}

static void refresh_file(struct source_dir *s, struct rescan *r, struct config_file *f)
{
	struct version *old = NULL, **slot;
	struct stat st;

	if (stat(f->path, &st) == 0 && !config_file_stale(f, &st))
		return;
	if (!config_file_read(f, &s->opt, &old, &r->dead_versions, r->scratch))
		return;
	r->changed = true;
	if (old) {
		slot = vec_push(r->scratch, &r->dead_versions, sizeof(struct version *));
		*slot = old;
	}
}

/* Both lists are sorted: one pass finds what is new and what has gone. */
static void merge(struct source_dir *s, struct rescan *r, const struct vec *paths)
{
	struct config_file **files = calloc(paths->n ? paths->n : 1, sizeof(struct config_file *));
	size_t at = 0;

	if (!files)
		abort();
	for (size_t i = 0; i < paths->n; i++) {
		const char *path = ((const char **)paths->items)[i];

		while (at < s->nr_files && strcmp(s->files[at]->path, path) < 0)
			drop_file(r, s->files[at++]);
		if (at < s->nr_files && !strcmp(s->files[at]->path, path))
			files[i] = s->files[at++];
		else
			files[i] = config_file_new(path);
		refresh_file(s, r, files[i]);
	}
	while (at < s->nr_files)
		drop_file(r, s->files[at++]);
	free(s->files);
	s->files = files;
	s->nr_files = paths->n;
}

static void bury(struct rescan *r)
{
	for (size_t i = 0; i < r->dead_files.n; i++)
		config_file_free(((struct config_file **)r->dead_files.items)[i]);
	for (size_t i = 0; i < r->dead_versions.n; i++)
		version_put(((struct version **)r->dead_versions.items)[i]);
	arena_free(r->scratch);
}

/* A folder that is not there (moved away, not mounted) is no order to forget everything. Nobody
 * tells us when it comes back: we look. */
static void note_folder(struct source_dir *s, bool found, int err)
{
	if (!found)
		timer_set(s->loop, &s->settle, LOOK_AGAIN_MS);
	if (!found && !s->missing)
		log_warn("config", "%s cannot be read (%s): what is in force stays", s->path,
			 strerror(-err));
	if (found && s->missing)
		log_info("config", "%s is there again", s->path);
	s->missing = !found;
}

static int rescan(struct source_dir *s, bool first)
{
	struct rescan r = { .scratch = arena_new() };
	struct vec files = { 0 }, folders = { 0 };
	uint64_t start = clock_ns();
	int err = file_walk(r.scratch, s->path, &files, &folders);

	/* watches before reading: what changes in between is seen again, never missed */
	for (size_t i = 0; i < folders.n; i++)
		inotify_add_watch(s->inotify.fd, ((const char **)folders.items)[i], WATCHED);
	note_folder(s, folders.n, err);
	if (folders.n)
		merge(s, &r, &files);
	if (r.changed || first) {
		struct arena *old = compose(s);
		struct source_view view = { &s->in_force, &s->seen, (clock_ns() - start) / 1000 };

		s->changed(s->arg, &view);
		arena_free(old);
	}
	bury(&r);
	return err;
}

static void settled(struct timer *t)
{
	struct source_dir *s = of_settle(t);

	s->first_event_ms = 0;
	rescan(s, false);
}

static void on_inotify(struct source *src, uint32_t events)
{
	struct source_dir *s = of_inotify(src);
	uint64_t now = loop_now_ms(s->loop), left;
	char buf[4096];

	/* which file it was does not matter: a rescan compares time stamps */
	while (read(src->fd, buf, sizeof(buf)) > 0)
		;
	if (!s->first_event_ms)
		s->first_event_ms = now;
	left = s->first_event_ms + DEBOUNCE_MAX_MS;
	left = left > now ? left - now : 0;
	timer_set(s->loop, &s->settle, left < DEBOUNCE_MS ? left : DEBOUNCE_MS);
}

int source_dir_new(struct loop *l, const char *path, const struct load_options *opt,
		   source_changed *changed, void *arg, struct source_dir **out)
{
	struct source_dir *s = calloc(1, sizeof(*s));
	struct stat st;
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->opt = *opt;
	s->changed = changed;
	s->arg = arg;
	s->settle.fire = settled;
	s->inotify = (struct source){ .fd = -1, .ready = on_inotify };
	s->path = strdup(path);
	err = s->path ? 0 : -ENOMEM;
	if (!err && stat(path, &st) < 0)
		err = -errno;
	if (!err && !S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (!err) {
		s->inotify.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		err = s->inotify.fd < 0 ? -errno : loop_add(l, &s->inotify, EPOLLIN);
	}
	if (!err)
		err = rescan(s, true);
	if (err) {
		source_dir_free(s);
		return err;
	}
	*out = s;
	return 0;
}

struct source_dir *source_dir_free(struct source_dir *s)
{
	if (!s)
		return NULL;
	timer_stop(s->loop, &s->settle);
	if (s->inotify.fd >= 0) {
		loop_del(s->loop, &s->inotify);
		close(s->inotify.fd);
	}
	for (size_t i = 0; i < s->nr_files; i++)
		config_file_free(s->files[i]);
	free(s->files);
	free(s->path);
	arena_free(s->view_arena);
	free(s);
	return NULL;
}
