// SPDX-License-Identifier: Apache-2.0
#include "proxy/fleet.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLEET_BUCKETS = 1 << 10, MEMBER_BUCKETS = 1 << 13 };

struct fleets {
	pthread_mutex_t lock;
	unsigned int workers;
	struct fleet *by_id[FLEET_BUCKETS];
	struct member *members[MEMBER_BUCKETS];
};

struct fleets *fleets_new(unsigned int workers)
{
	struct fleets *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	pthread_mutex_init(&fs->lock, NULL);
	fs->workers = workers;
	return fs;
}

struct fleets *fleets_free(struct fleets *fs)
{
	if (!fs)
		return NULL;
	pthread_mutex_destroy(&fs->lock);
	free(fs);
	return NULL;
}

unsigned int fleets_workers(const struct fleets *fs)
{
	return fs->workers;
}

static struct fleet **fleet_slot(struct fleets *fs, uint64_t id)
{
	struct fleet **at = &fs->by_id[id % FLEET_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next_hash;
	return at;
}

static struct fleet *fleet_new(const struct fleets *fs, uint64_t id, struct str name)
{
	size_t size = sizeof(struct fleet) + fs->workers * sizeof(struct lane);
	struct fleet *f = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!f)
		return NULL;
	memset(f, 0, size);
	f->id = id;
	list_init(&f->members);
	snprintf(f->name, sizeof(f->name), STR_FMT, STR_ARG(name));
	for (unsigned int i = 0; i < fs->workers; i++) {
		list_init(&f->lanes[i].pending);
		list_init(&f->lanes[i].idle);
		list_init(&f->lanes[i].in_worker);
		list_init(&f->lanes[i].due);
		f->lanes[i].fleet = f;
	}
	return f;
}

struct fleet *fleet_get(struct fleets *fs, uint64_t id, struct str name)
{
	struct fleet **at, *f;

	pthread_mutex_lock(&fs->lock);
	at = fleet_slot(fs, id);
	if (!*at)
		*at = fleet_new(fs, id, name);
	f = *at;
	if (f)
		f->refs++;
	pthread_mutex_unlock(&fs->lock);
	return f;
}

struct fleet *fleet_peek(struct fleets *fs, uint64_t id)
{
	struct fleet *f;

	pthread_mutex_lock(&fs->lock);
	f = *fleet_slot(fs, id);
	if (f)
		f->refs++;
	pthread_mutex_unlock(&fs->lock);
	return f;
}

static void fleet_unref(struct fleets *fs, struct fleet *f)
{
	if (--f->refs)
		return;
	*fleet_slot(fs, f->id) = f->next_hash;
	free(f);
}

void fleet_put(struct fleets *fs, struct fleet *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&fs->lock);
	fleet_unref(fs, f);
	pthread_mutex_unlock(&fs->lock);
}

static struct member **member_slot(struct fleets *fs, const struct fleet *f, uint64_t id)
{
	struct member **at = &fs->members[(id ^ f->id) % MEMBER_BUCKETS];

	while (*at && ((*at)->id != id || (*at)->fleet != f))
		at = &(*at)->next_hash;
	return at;
}

static struct member *member_new(const struct fleets *fs, struct fleet *f, uint64_t id,
				 const struct sock_addr *at)
{
	struct member *m = calloc(1, sizeof(*m) + fs->workers * sizeof(struct list));

	if (!m)
		return NULL;
	m->id = id;
	m->fleet = f;
	m->at = *at;
	for (unsigned int i = 0; i < fs->workers; i++)
		list_init(&m->pools[i]);
	list_add(f->members.prev, &m->in_fleet);
	f->refs++;
	return m;
}

struct member *member_get(struct fleets *fs, struct fleet *f, uint64_t id,
			  const struct sock_addr *to)
{
	struct member **at, *m;

	pthread_mutex_lock(&fs->lock);
	at = member_slot(fs, f, id);
	if (!*at)
		*at = member_new(fs, f, id, to);
	m = *at;
	if (m)
		m->refs++;
	pthread_mutex_unlock(&fs->lock);
	return m;
}

void member_hold(struct fleets *fs, struct member *m)
{
	pthread_mutex_lock(&fs->lock);
	m->refs++;
	pthread_mutex_unlock(&fs->lock);
}

void member_put(struct fleets *fs, struct member *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&fs->lock);
	if (--m->refs == 0) {
		*member_slot(fs, m->fleet, m->id) = m->next_hash;
		list_del(&m->in_fleet);
		if (outlier_is_out(&m->health))
			atomic_fetch_sub(&m->fleet->out, 1);
		fleet_unref(fs, m->fleet);
		free(m);
	}
	pthread_mutex_unlock(&fs->lock);
}

bool fleet_reserve(_Atomic uint32_t *used, uint32_t max)
{
	if (atomic_fetch_add(used, 1) < max)
		return true;
	atomic_fetch_sub(used, 1);
	return false;
}

bool fleet_eject(struct fleets *fs, struct member *m, const struct image_cluster *c,
		 uint32_t members, uint64_t now_ms)
{
	struct fleet *f = m->fleet;
	bool done;

	pthread_mutex_lock(&fs->lock);
	done = !outlier_is_out(&m->health) && outlier_may_eject(c, members, atomic_load(&f->out));
	if (done) {
		outlier_eject(&m->health, c, now_ms);
		atomic_fetch_add(&f->out, 1);
		atomic_fetch_add(&f->ejections_total, 1);
	}
	pthread_mutex_unlock(&fs->lock);
	return done;
}

static bool sweep_fleet(struct fleet *f, uint64_t now_ms)
{
	bool changed = false;

	for (struct list *l = f->members.next; l != &f->members; l = l->next) {
		struct member *m = container_of(l, struct member, in_fleet);

		if (!outlier_sweep(&m->health, now_ms))
			continue;
		atomic_fetch_sub(&f->out, 1);
		changed = true;
	}
	return changed;
}

bool fleets_sweep(struct fleets *fs, uint64_t now_ms, uint64_t *next_ms)
{
	bool changed = false;

	*next_ms = 0;
	pthread_mutex_lock(&fs->lock);
	for (size_t i = 0; i < FLEET_BUCKETS; i++) {
		for (struct fleet *f = fs->by_id[i]; f; f = f->next_hash) {
			if (!f->sweep_every_ms)
				continue;
			if (!f->sweep_at_ms)
				f->sweep_at_ms = now_ms + f->sweep_every_ms;
			if (now_ms >= f->sweep_at_ms) {
				changed |= sweep_fleet(f, now_ms);
				f->sweep_at_ms = now_ms + f->sweep_every_ms;
			}
			if (!*next_ms || f->sweep_at_ms - now_ms < *next_ms)
				*next_ms = f->sweep_at_ms - now_ms;
		}
	}
	pthread_mutex_unlock(&fs->lock);
	return changed;
}

size_t fleets_ejected(struct fleets *fs, uint64_t *ids, size_t cap)
{
	size_t n = 0;

	pthread_mutex_lock(&fs->lock);
	for (size_t i = 0; i < MEMBER_BUCKETS; i++)
		for (const struct member *m = fs->members[i]; m && n < cap; m = m->next_hash)
			if (outlier_is_out(&m->health))
				ids[n++] = m->id;
	pthread_mutex_unlock(&fs->lock);
	return n;
}

void fleets_each(struct fleets *fs, void (*fn)(const struct fleet *f, void *arg), void *arg)
{
	pthread_mutex_lock(&fs->lock);
	for (size_t i = 0; i < FLEET_BUCKETS; i++)
		for (const struct fleet *f = fs->by_id[i]; f; f = f->next_hash)
			fn(f, arg);
	pthread_mutex_unlock(&fs->lock);
}
