// SPDX-License-Identifier: Apache-2.0
#include "agent/chores.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/sweep.h"

struct chores {
	struct agent *agent;
	struct timer sweep, reconcile, figures, verify;
};

#define CHORES_OF(ptr, member) ((struct chores *)((char *)(ptr)-offsetof(struct chores, member)))

static void sweep_fire(struct timer *t)
{
	struct chores *c = CHORES_OF(t, sweep);
	struct sweep_stats stats;

	if (!kernel_sweep(c->agent->kernel, &stats))
		c->agent->conns = stats.conns;
	timer_set(c->agent->loop, t, CONN_SWEEP_MS);
}

static void reconcile_fire(struct timer *t)
{
	struct chores *c = CHORES_OF(t, reconcile);
	uint64_t drift = 0;

	if (!kernel_reconcile(c->agent->kernel, &drift) && drift) {
		c->agent->pool_drift += drift;
		log_warn("chores", "pool counters were off and are put right drift=%llu",
			 (unsigned long long)drift);
	}
	timer_set(c->agent->loop, t, RECONCILE_MS);
}

static void verify_fire(struct timer *t)
{
	struct chores *c = CHORES_OF(t, verify);
	size_t n = doorset_count(c->agent->doors);

	for (size_t i = 0; i < n && i < VERIFY_BATCH; i++)
		doorset_verify_next(c->agent->doors);
	timer_set(c->agent->loop, t, VERIFY_MS);
}

static bool has_note(const struct note *notes, size_t n, const struct object *o)
{
	for (size_t i = 0; i < n; i++)
		if (notes[i].object == o)
			return true;
	return false;
}

void count_objects(const struct agent *a, struct object_counts *out)
{
	const struct source_view *view = push_view(a->push);
	size_t nr_notes;
	const struct note *notes = push_notes(a->push, &nr_notes);

	*out = (struct object_counts){ 0 };
	for (size_t i = 0; view && i < view->seen->n; i++) {
		const struct object *o = view->seen->items[i];

		if (o->skipped)
			out->skipped++;
		else if (!o->valid)
			out->rejected++;
		else if (o->problems.n || has_note(notes, nr_notes, o))
			out->warned++;
		else
			out->applied++;
	}
}

void count_pods(const struct agent *a, uint64_t *enrolled, uint64_t *failed)
{
	*enrolled = *failed = 0;
	for (size_t i = 0; i < enroll_count(a->enroll); i++) {
		const struct enroll_pod *p = enroll_at(a->enroll, i);

		*enrolled += p->state == POD_ENROLLED;
		*failed += p->wanted && p->state != POD_ENROLLED;
	}
}

uint64_t rss_kb(int pid)
{
	char path[32], text[128];
	unsigned long pages = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void figures_fire(struct timer *t)
{
	struct chores *c = CHORES_OF(t, figures);
	struct agent *a = c->agent;
	struct channel_agent f = { .pool_drift = a->pool_drift, .rss_kb = rss_kb(getpid()) };
	struct object_counts objects;
	struct push_status push;
	struct keeper_status proxy;

	count_objects(a, &objects);
	push_status(a->push, &push);
	keeper_status(a->keeper, &proxy);
	count_pods(a, &f.pods_enrolled, &f.pods_failed);
	f.objects_applied = objects.applied;
	f.objects_warned = objects.warned;
	f.objects_rejected = objects.rejected;
	f.pushes = push.pushes;
	f.push_failures = push.failures;
	f.push_us_last = push.total_us;
	f.proxy_restarts = proxy.restarts;
	keeper_tell(a->keeper, &f);
	timer_set(a->loop, t, FIGURES_MS);
}

struct chores *chores_new(struct agent *a)
{
	struct chores *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->agent = a;
	c->sweep.fire = sweep_fire;
	c->reconcile.fire = reconcile_fire;
	c->figures.fire = figures_fire;
	c->verify.fire = verify_fire;
	timer_set(a->loop, &c->sweep, CONN_SWEEP_MS);
	timer_set(a->loop, &c->reconcile, RECONCILE_MS);
	timer_set(a->loop, &c->figures, FIGURES_MS);
	timer_set(a->loop, &c->verify, VERIFY_MS);
	return c;
}

struct chores *chores_free(struct chores *c)
{
	if (!c)
		return NULL;
	timer_stop(c->agent->loop, &c->sweep);
	timer_stop(c->agent->loop, &c->reconcile);
	timer_stop(c->agent->loop, &c->figures);
	timer_stop(c->agent->loop, &c->verify);
	free(c);
	return NULL;
}
