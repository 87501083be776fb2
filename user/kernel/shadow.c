// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel/shadow.h"
#include "weft/limits.h"
#include "weft/plan.h"
#include "weft.skel.h"

int numbers_init(struct numbers *n, uint32_t max)
{
	*n = (struct numbers){ .max = max };
	n->of = calloc(max, sizeof(*n->of));
	return n->of ? 0 : -ENOMEM;
}

void numbers_done(struct numbers *n)
{
	free(n->ids);
	free(n->index);
	free(n->of);
	*n = (struct numbers){ 0 };
}

void numbers_clear_ids(struct numbers *n)
{
	if (n->ids)
		memset(n->ids, 0, n->cap * sizeof(*n->ids));
	n->used = 0;
}

static uint32_t numbers_slot(const struct numbers *n, uint64_t id)
{
	uint32_t i = (uint32_t)(id ^ id >> 32) & (n->cap - 1);

	while (n->ids[i] && n->ids[i] != id)
		i = (i + 1) & (n->cap - 1);
	return i;
}

uint32_t numbers_find(const struct numbers *n, uint64_t id)
{
	uint32_t i;

	if (!n->cap)
		return PLAN_NO_INDEX;
	i = numbers_slot(n, id);
	return n->ids[i] ? n->index[i] : PLAN_NO_INDEX;
}

static int numbers_grow(struct numbers *n)
{
	struct numbers old = *n;
	uint32_t i, j;

	n->cap = old.cap ? old.cap * 2 : 256;
	n->ids = calloc(n->cap, sizeof(*n->ids));
	n->index = calloc(n->cap, sizeof(*n->index));
	if (!n->ids || !n->index) {
		free(n->ids);
		free(n->index);
		*n = old;
		return -ENOMEM;
	}
	for (i = 0; i < old.cap; i++) {
		if (!old.ids[i])
			continue;
		j = numbers_slot(n, old.ids[i]);
		n->ids[j] = old.ids[i];
		n->index[j] = old.index[i];
	}
	free(old.ids);
	free(old.index);
	return 0;
}

int numbers_add(struct numbers *n, uint64_t id, uint32_t number, enum number_state state)
{
	uint32_t i;

	if ((n->used + 1) * 2 > n->cap && numbers_grow(n))
		return -ENOMEM;
	i = numbers_slot(n, id);
	n->used += !n->ids[i];
	n->ids[i] = id;
	n->index[i] = number;
	n->of[number] = (struct number){ .state = (uint8_t)state };
	return 0;
}

int numbers_take(struct numbers *n, uint32_t *nr, uint32_t *number)
{
	while (n->hint < n->max && n->of[n->hint].state != NUMBER_FREE)
		n->hint++;
	if (n->hint == n->max)
		return -ENOSPC;
	*number = n->hint;
	if (*nr <= n->hint)
		*nr = n->hint + 1;
	return 0;
}

struct str dest_key(const struct dest *d)
{
	/* the two kinds of key have different sizes, so they never compare equal */
	if (d->is_cidr)
		return (struct str){ (const char *)&d->key.cidr, sizeof(d->key.cidr) };
	return (struct str){ (const char *)&d->key.vip, sizeof(d->key.vip) };
}

static int read_clusters(struct kernel *k)
{
	struct shadow *s = k->shadow;
	struct cluster *c;
	uint32_t i;
	int err;

	for (i = 0; i < k->nr_clusters; i++) {
		c = table_at(&k->clusters, i);
		if (!c->id)
			continue;
		err = numbers_add(&s->clusters, c->id, i, NUMBER_USED);
		/* two clusters may not share a range; if so, the next fill gives it another */
		if (!err && ranges_claim(&s->slots, c->slot_base, c->slot_count) == -EEXIST)
			c->slot_count = 0;
		if (err)
			return err;
	}
	return 0;
}

static int read_endpoints(struct kernel *k)
{
	struct shadow *s = k->shadow;
	struct endpoint *e;
	uint32_t i;
	int err;

	for (i = 0; i < k->nr_endpoints; i++) {
		e = table_at(&k->endpoints, i);
		if (!e->id)
			continue;
		err = numbers_add(&s->endpoints, e->id, i,
				  e->flags & ENDPOINT_GONE ? NUMBER_GONE : NUMBER_USED);
		if (err)
			return err;
		s->endpoints.of[i].round = k->round;
	}
	return 0;
}

/* Copies one of the maps of destinations. */
static int read_dests(struct kernel *k, int fd, bool is_cidr)
{
	struct shadow *s = k->shadow;
	struct dest d = { .is_cidr = is_cidr }, *copy;
	void *key = &d.key, *prev = NULL;
	uint32_t n = 0;

	while (n++ < MAX_VIPS && !bpf_map_get_next_key(fd, prev, key)) {
		prev = key;
		if (bpf_map_lookup_elem(fd, key, &d.steer))
			continue;
		copy = arena_alloc(s->arena, sizeof(*copy));
		*copy = d;
		*map_at(&s->dests, dest_key(copy)) = copy;
		ranges_claim(&s->slots, d.steer.split_base, d.steer.split_count);
	}
	return 0;
}

static void shadow_clear(struct kernel *k)
{
	struct shadow *s = k->shadow;

	numbers_done(&s->clusters);
	numbers_done(&s->endpoints);
	ranges_done(&s->slots);
	s->arena = arena_free(s->arena);
}

int shadow_rebuild(struct kernel *k)
{
	struct shadow *s = k->shadow;
	int err;

	shadow_clear(k);
	err = numbers_init(&s->clusters, k->clusters.count);
	if (!err)
		err = numbers_init(&s->endpoints, k->endpoints.count);
	if (!err)
		err = ranges_init(&s->slots, k->slots.count);
	if (err)
		return err;
	s->arena = arena_new();
	map_init(&s->dests, s->arena);
	err = read_clusters(k);
	if (!err)
		err = read_endpoints(k);
	if (!err)
		err = read_dests(k, bpf_map__fd(k->skel->maps.vips), false);
	if (!err)
		err = read_dests(k, bpf_map__fd(k->skel->maps.cidrs), true);
	s->stale = err != 0;
	return err;
}

int shadow_open(struct kernel *k)
{
	k->shadow = calloc(1, sizeof(*k->shadow));
	return k->shadow ? shadow_rebuild(k) : -ENOMEM;
}

void shadow_close(struct kernel *k)
{
	if (!k->shadow)
		return;
	shadow_clear(k);
	free(k->shadow);
	k->shadow = NULL;
}

/* Does the census say that nothing in the connection table refers to this number? */
static bool is_unused(const struct table *census, uint32_t number, uint32_t round)
{
	const struct census *n = table_at(census, number);

	return n->round != round || !n->conns;
}

/* Frees numbers whose time has come; returns how many. */
static uint32_t release(struct numbers *n, uint32_t nr, const struct table *census,
			const struct table *settings, const struct table *state, uint32_t round)
{
	uint32_t i, freed = 0;

	for (i = 0; i < nr; i++) {
		if (n->of[i].state != NUMBER_GONE || n->of[i].round == round ||
		    !is_unused(census, i, round))
			continue;
		memset(table_at(settings, i), 0, settings->stride);
		memset(table_at(state, i), 0, state->stride);
		n->of[i] = (struct number){ .state = NUMBER_FREE };
		freed++;
	}
	return freed;
}

void shadow_release(struct kernel *k, uint32_t round)
{
	struct shadow *s = k->shadow;
	uint32_t freed;

	freed = release(&s->clusters, k->nr_clusters, &k->cluster_census, &k->clusters,
			&k->cluster_state, round);
	freed += release(&s->endpoints, k->nr_endpoints, &k->endpoint_census, &k->endpoints,
			 &k->endpoint_state, round);
	/* ids are forgotten by reading what is left */
	if (freed)
		s->stale = true;
}
