// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "base/clock.h"
#include "kernel/fill.h"
#include "kernel/shadow.h"
#include "weft/limits.h"
#include "weft.skel.h"

static char why[256];

const char *fill_why(void)
{
	return why;
}

static int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err;
}

/* One fill under way. */
struct fill {
	struct kernel *k;
	struct shadow *s;
	const struct plan *plan;
	struct arena *arena; /* of the new dests */
	struct map dests;
	uint32_t *endpoint_at; /* plan index -> number */
	uint32_t *cluster_at;
	uint32_t *slots; /* scratch: one cluster or split */
	uint32_t cap_slots;
	uint64_t now;
	struct fill_stats stats;
};

static uint32_t *slots_at(struct kernel *k, uint32_t i)
{
	return table_at(&k->slots, i);
}

static bool slots_equal(struct kernel *k, uint32_t base, const uint32_t *want, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (*slots_at(k, base + i) != want[i])
			return false;
	}
	return true;
}

/* A new range with these values. */
static int slots_write(struct fill *f, const uint32_t *want, uint32_t n, uint32_t *base)
{
	uint32_t i;
	int err = ranges_get(&f->s->slots, n, f->now, base);

	if (err)
		return fail(err, "table slots is full: no room for %u", n);
	if (n && *base + n > f->k->nr_slots)
		f->k->nr_slots = *base + n;
	err = tables_reach(f->k);
	for (i = 0; !err && i < n; i++)
		*slots_at(f->k, *base + i) = want[i];
	return err;
}

static int scratch_slots(struct fill *f, uint32_t n)
{
	uint32_t *bigger;

	if (n <= f->cap_slots)
		return 0;
	bigger = realloc(f->slots, n * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	f->slots = bigger;
	f->cap_slots = n;
	return 0;
}

/* --- endpoints and clusters ---------------------------------------------------------------- */

static int fill_endpoint(struct fill *f, const struct plan_endpoint *p, uint32_t *number)
{
	struct numbers *n = &f->s->endpoints;
	uint32_t i = numbers_find(n, p->id);
	struct endpoint *e;
	int err;

	if (i == PLAN_NO_INDEX) {
		err = numbers_take(n, &f->k->nr_endpoints, &i);
		if (!err)
			err = numbers_add(n, p->id, i, NUMBER_USED);
		if (err)
			return fail(err, "table endpoints is full (%u)", n->max);
		err = tables_reach(f->k);
		if (err)
			return err;
		memset(table_at(&f->k->endpoint_state, i), 0, f->k->endpoint_state.stride);
		f->stats.endpoints_added++;
	}
	e = table_at(&f->k->endpoints, i);
	e->addr = p->addr;
	e->port = p->port;
	e->weight = p->weight;
	e->flags &= (uint16_t)~ENDPOINT_GONE;
	__atomic_store_n(&e->id, p->id, __ATOMIC_RELEASE);
	n->of[i].state = NUMBER_USED;
	n->of[i].wanted = 1;
	*number = i;
	return 0;
}

static int fill_endpoints(struct fill *f)
{
	uint32_t i;
	int err;

	f->endpoint_at = calloc(f->plan->nr_endpoints + 1, sizeof(*f->endpoint_at));
	if (!f->endpoint_at)
		return -ENOMEM;
	for (i = 0; i < f->plan->nr_endpoints; i++) {
		err = fill_endpoint(f, &f->plan->endpoints[i], &f->endpoint_at[i]);
		if (err)
			return err;
	}
	return 0;
}

/* The cluster's slots in numbers, into f->slots. */
static int want_slots(struct fill *f, const struct plan_cluster *p)
{
	uint32_t i;
	int err = scratch_slots(f, p->nr_slots);

	if (err)
		return err;
	for (i = 0; i < p->nr_slots; i++) {
		if (p->slots[i] >= f->plan->nr_endpoints)
			return fail(-EINVAL, "cluster %s: slot %u is out of range", p->name, i);
		f->slots[i] = f->endpoint_at[p->slots[i]];
	}
	return 0;
}

/* Base and count change in one store: a packet sees the old range or the new one. */
static void publish_range(struct cluster *c, uint32_t base, uint32_t count)
{
	union {
		struct {
			uint32_t base, count;
		} part;
		uint64_t whole;
	} range = { .part = { base, count } };

	__atomic_store_n((uint64_t *)(void *)&c->slot_base, range.whole, __ATOMIC_RELEASE);
}

static int fill_slots(struct fill *f, const struct plan_cluster *p, struct cluster *c,
		      bool *changed)
{
	uint32_t old_base = c->slot_base, old_count = c->slot_count, base;
	int err = want_slots(f, p);

	if (err)
		return err;
	if (old_count == p->nr_slots && slots_equal(f->k, old_base, f->slots, p->nr_slots))
		return 0;
	err = slots_write(f, f->slots, p->nr_slots, &base);
	if (err)
		return err;
	publish_range(c, base, p->nr_slots);
	*changed = true;
	return ranges_put(&f->s->slots, old_base, old_count, f->now);
}

static void fill_settings(const struct plan_cluster *p, struct cluster *c, bool *changed)
{
	struct cluster want = *c;

	want.lb = p->lb;
	want.max_connections = p->max_connections;
	want.keepalive = p->keepalive;
	want.keepalive_probes = p->keepalive_probes;
	want.keepalive_time_s = p->keepalive_time_s;
	want.keepalive_interval_s = p->keepalive_interval_s;
	if (!memcmp(&want, c, sizeof(want)))
		return;
	*changed = true;
	c->max_connections = want.max_connections;
	c->keepalive_probes = want.keepalive_probes;
	c->keepalive_time_s = want.keepalive_time_s;
	c->keepalive_interval_s = want.keepalive_interval_s;
	c->keepalive = want.keepalive;
	c->lb = want.lb;
}

static int fill_cluster(struct fill *f, const struct plan_cluster *p, uint32_t *number)
{
	struct numbers *n = &f->s->clusters;
	uint32_t i = numbers_find(n, p->id);
	bool is_new = i == PLAN_NO_INDEX, changed = false;
	struct cluster *c;
	int err;

	if (is_new) {
		err = numbers_take(n, &f->k->nr_clusters, &i);
		if (!err)
			err = numbers_add(n, p->id, i, NUMBER_USED);
		if (err)
			return fail(err, "table clusters is full (%u)", n->max);
		err = tables_reach(f->k);
		if (err)
			return err;
		memset(table_at(&f->k->clusters, i), 0, f->k->clusters.stride);
		memset(table_at(&f->k->cluster_state, i), 0, f->k->cluster_state.stride);
	}
	c = table_at(&f->k->clusters, i);
	fill_settings(p, c, &changed);
	err = fill_slots(f, p, c, &changed);
	if (err)
		return err;
	__atomic_store_n(&c->id, p->id, __ATOMIC_RELEASE);
	n->of[i].state = NUMBER_USED;
	n->of[i].wanted = 1;
	*number = i;
	f->stats.clusters_added += is_new;
	f->stats.clusters_changed += !is_new && changed;
	return 0;
}

static int fill_clusters(struct fill *f)
{
	uint32_t i;
	int err;

	f->cluster_at = calloc(f->plan->nr_clusters + 1, sizeof(*f->cluster_at));
	if (!f->cluster_at)
		return -ENOMEM;
	for (i = 0; i < f->plan->nr_clusters; i++) {
		err = fill_cluster(f, &f->plan->clusters[i], &f->cluster_at[i]);
		if (err)
			return err;
	}
	return 0;
}

/* --- destinations -------------------------------------------------------------------------- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/*
 * Weights as shares of `total` slots: exact when the weights, reduced, fit into SPLIT_SLOTS, else
 * the nearest that sums up (running total, so the error of each share is below one slot).
 */
static int want_split(struct fill *f, const struct plan_vip *v, uint32_t *total)
{
	uint32_t i, divisor = 0, n = 0, upto;
	uint64_t sum = 0, run = 0;
	int err;

	for (i = 0; i < v->nr_splits; i++) {
		divisor = gcd(divisor, v->splits[i].weight);
		sum += v->splits[i].weight;
	}
	if (!sum)
		return fail(-EINVAL, "a split of weight 0");
	*total = sum / divisor <= SPLIT_SLOTS ? (uint32_t)(sum / divisor) : SPLIT_SLOTS;
	err = scratch_slots(f, *total);
	for (i = 0; !err && i < v->nr_splits; i++) {
		run += v->splits[i].weight;
		upto = (uint32_t)((run * *total + sum / 2) / sum);
		for (; n < upto; n++)
			f->slots[n] = v->splits[i].cluster < f->plan->nr_clusters
					      ? f->cluster_at[v->splits[i].cluster]
					      : WEFT_NO_CLUSTER;
	}
	return err;
}

/* A split keeps its range when nothing of it has changed. */
static int fill_split(struct fill *f, const struct plan_vip *v, const struct dest *old,
		      struct steer *st)
{
	uint32_t total = 0;
	int err = want_split(f, v, &total);

	if (err)
		return err;
	st->split_count = total;
	if (old && old->steer.split_count == total &&
	    slots_equal(f->k, old->steer.split_base, f->slots, total)) {
		st->split_base = old->steer.split_base;
		return 0;
	}
	return slots_write(f, f->slots, total, &st->split_base);
}

static int want_steer(struct fill *f, const struct plan_vip *v, const struct dest *old,
		      struct steer *st)
{
	*st = (struct steer){ .verdict = v->verdict, .cluster = WEFT_NO_CLUSTER };
	if (v->verdict == VERDICT_REFUSE)
		st->reason = v->reason;
	if (v->verdict != VERDICT_BACKEND || !v->nr_splits)
		return 0;
	if (v->nr_splits > 1)
		return fill_split(f, v, old, st);
	if (v->splits[0].cluster < f->plan->nr_clusters)
		st->cluster = f->cluster_at[v->splits[0].cluster];
	return 0;
}

static void want_key(const struct plan_vip *v, struct dest *d)
{
	d->is_cidr = v->prefix < 128;
	if (d->is_cidr)
		d->key.cidr = (struct cidr_key){ .prefixlen = CIDR_FIXED_BITS + v->prefix,
						 .view = v->view,
						 .port = v->port,
						 .proto = v->proto,
						 .addr = v->addr };
	else
		d->key.vip = (struct vip_key){
			.view = v->view, .addr = v->addr, .port = v->port, .proto = v->proto
		};
}

static int dest_fd(const struct fill *f, const struct dest *d)
{
	return bpf_map__fd(d->is_cidr ? f->k->skel->maps.cidrs : f->k->skel->maps.vips);
}

static int fill_vip(struct fill *f, const struct plan_vip *v)
{
	struct dest *d = arena_alloc(f->arena, sizeof(*d));
	const struct dest *old;
	int err;

	want_key(v, d);
	old = map_get(&f->s->dests, dest_key(d));
	err = want_steer(f, v, old, &d->steer);
	if (err)
		return err;
	*map_at(&f->dests, dest_key(d)) = d;
	if (old && !memcmp(&old->steer, &d->steer, sizeof(d->steer)))
		return 0;
	if (bpf_map_update_elem(dest_fd(f, d), &d->key, &d->steer, BPF_ANY))
		return fail(-errno, "table %s: %s", d->is_cidr ? "cidrs" : "vips",
			    errno == E2BIG || errno == ENOSPC ? "full" : strerror(errno));
	f->stats.vips_written++;
	if (old && old->steer.split_base != d->steer.split_base)
		return ranges_put(&f->s->slots, old->steer.split_base, old->steer.split_count,
				  f->now);
	return 0;
}

static int fill_vips(struct fill *f)
{
	uint32_t i;
	int err;

	for (i = 0; i < f->plan->nr_vips; i++) {
		err = fill_vip(f, &f->plan->vips[i]);
		if (err)
			return err;
	}
	return 0;
}

/* --- removals ------------------------------------------------------------------------------ */

static int remove_vips(struct fill *f)
{
	struct dest *d;

	map_for_each(e, &f->s->dests) {
		d = e->value;
		if (map_get(&f->dests, e->key))
			continue;
		if (bpf_map_delete_elem(dest_fd(f, d), &d->key) && errno != ENOENT)
			return fail(-errno, "cannot remove a destination");
		f->stats.vips_removed++;
		if (ranges_put(&f->s->slots, d->steer.split_base, d->steer.split_count, f->now))
			return -ENOMEM;
	}
	return 0;
}

/* What no plan wants any more keeps its number while connections refer to it. */
static bool retire(struct fill *f, struct number *n)
{
	bool gone = n->state == NUMBER_USED && !n->wanted;

	if (gone) {
		n->state = NUMBER_GONE;
		n->round = f->k->round;
	}
	n->wanted = 0;
	return gone;
}

static int remove_rest(struct fill *f)
{
	struct endpoint *e;
	struct cluster *c;
	uint32_t i, base, count;

	for (i = 0; i < f->k->nr_clusters; i++) {
		if (!retire(f, &f->s->clusters.of[i]))
			continue;
		c = table_at(&f->k->clusters, i);
		base = c->slot_base;
		count = c->slot_count;
		publish_range(c, 0, 0);
		f->stats.clusters_removed++;
		if (ranges_put(&f->s->slots, base, count, f->now))
			return -ENOMEM;
	}
	for (i = 0; i < f->k->nr_endpoints; i++) {
		if (!retire(f, &f->s->endpoints.of[i]))
			continue;
		e = table_at(&f->k->endpoints, i);
		e->flags |= ENDPOINT_GONE;
		f->stats.endpoints_removed++;
	}
	return 0;
}

/* Refuses at once what cannot fit, before anything is touched. */
static int check_room(const struct fill *f)
{
	const struct plan *p = f->plan;
	uint64_t need = 0;
	uint32_t i;

	if (p->nr_endpoints > f->k->endpoints.count)
		return fail(-ENOSPC, "%u endpoints, the table holds %u", p->nr_endpoints,
			    f->k->endpoints.count);
	if (p->nr_clusters > f->k->clusters.count)
		return fail(-ENOSPC, "%u clusters, the table holds %u", p->nr_clusters,
			    f->k->clusters.count);
	if (p->nr_vips > MAX_VIPS)
		return fail(-ENOSPC, "%u addresses, the table holds %u", p->nr_vips, MAX_VIPS);
	for (i = 0; i < p->nr_clusters; i++)
		need += p->clusters[i].nr_slots;
	if (need > f->k->slots.count)
		return fail(-ENOSPC, "%llu slots, the table holds %u", (unsigned long long)need,
			    f->k->slots.count);
	return 0;
}

static int fill_steps(struct fill *f)
{
	int err = 0;

	if (f->s->stale)
		err = shadow_rebuild(f->k);
	if (!err)
		err = check_room(f);
	if (err)
		return err;
	f->s->clusters.hint = f->s->endpoints.hint = 0;
	/* from here on a failure leaves the shadow behind the tables */
	f->s->stale = true;
	err = fill_endpoints(f);
	if (!err)
		err = fill_clusters(f);
	if (!err)
		err = fill_vips(f);
	if (!err)
		err = remove_vips(f);
	if (!err)
		err = remove_rest(f);
	f->s->stale = err != 0;
	return err;
}

int fill_plan(struct kernel *k, const struct plan *p, struct fill_stats *stats)
{
	struct fill f = { .k = k, .s = k->shadow, .plan = p, .now = clock_ns() };
	int err;

	why[0] = 0;
	f.arena = arena_new();
	map_init(&f.dests, f.arena);
	err = fill_steps(&f);
	if (!err) {
		arena_free(f.s->arena);
		f.s->arena = f.arena;
		f.s->dests = f.dests;
	} else {
		arena_free(f.arena);
		if (!why[0])
			fail(err, "%s", strerror(-err));
	}
	free(f.endpoint_at);
	free(f.cluster_at);
	free(f.slots);
	f.stats.ns = clock_ns() - f.now;
	if (stats)
		*stats = f.stats;
	return err;
}

/* --- ejections ----------------------------------------------------------------------------- */

static void set_ejected(struct endpoint *e, bool ejected)
{
	uint16_t flags = e->flags & (uint16_t)~ENDPOINT_EJECTED;

	__atomic_store_n(&e->flags, ejected ? flags | ENDPOINT_EJECTED : flags, __ATOMIC_RELAXED);
}

static int fresh_shadow(struct kernel *k)
{
	return k->shadow->stale ? shadow_rebuild(k) : 0;
}

int fill_eject(struct kernel *k, uint64_t endpoint_id, bool ejected)
{
	int err = fresh_shadow(k);
	uint32_t i;

	if (err)
		return err;
	i = numbers_find(&k->shadow->endpoints, endpoint_id);
	if (i == PLAN_NO_INDEX)
		return -ENOENT;
	set_ejected(table_at(&k->endpoints, i), ejected);
	return 0;
}

int fill_set_ejected(struct kernel *k, const uint64_t *ids, uint32_t n)
{
	int err = fresh_shadow(k);
	struct number *of = k->shadow->endpoints.of;
	uint32_t i, number;

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		number = numbers_find(&k->shadow->endpoints, ids[i]);
		if (number == PLAN_NO_INDEX)
			continue;
		of[number].wanted = 1;
		set_ejected(table_at(&k->endpoints, number), true);
	}
	for (i = 0; i < k->nr_endpoints; i++) {
		struct endpoint *e = table_at(&k->endpoints, i);

		if ((e->flags & ENDPOINT_EJECTED) && !of[i].wanted)
			set_ejected(e, false);
		of[i].wanted = 0;
	}
	return 0;
}
