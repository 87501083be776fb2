// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel/sweep.h"
#include "weft.skel.h"

static int run(struct kernel *k, struct sweep_arg *arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = arg, .ctx_size_in = sizeof(*arg));

	if (bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.sweep), &opts))
		return -errno;
	return 0;
}

int sweep_at(struct kernel *k, uint64_t now_ns, struct sweep_stats *stats)
{
	struct sweep_arg arg = { .now = now_ns };
	int err = run(k, &arg);

	if (!err && stats)
		*stats = (struct sweep_stats){ arg.conns, arg.expired, arg.flushed };
	return err;
}

/* The walk of an empty table costs milliseconds: it is left out while nothing has been entered.
 * Twice it must have been found empty, because the shares of pods are published a sweep later. */
int kernel_sweep(struct kernel *k, struct sweep_stats *stats)
{
	uint64_t made =
		__atomic_load_n((uint64_t *)table_at(&k->entries_made, 0), __ATOMIC_ACQUIRE);
	struct sweep_stats s = { 0 };
	int err = 0;

	if (made != k->made_seen || k->idle_sweeps < 2)
		err = sweep_at(k, clock_ns(), &s);
	if (err)
		return err;
	k->idle_sweeps = s.conns || made != k->made_seen ? 0 : k->idle_sweeps + 1;
	k->made_seen = made;
	if (stats)
		*stats = s;
	return 0;
}

/* Numbers of rounds go on over restarts: a number seen in a census is never taken for new. */
static void next_round(struct kernel *k)
{
	struct tables_meta *meta = table_at(&k->meta, 0);

	if (!++k->round)
		k->round = 1;
	meta->round = k->round;
}

/* open - counted, of cluster i. Both move while connections come and go. */
static int64_t difference(struct kernel *k, uint32_t i)
{
	const struct cluster_state *s = table_at(&k->cluster_state, i);
	const struct census *n = table_at(&k->cluster_census, i);

	return s->open - (n->round == k->round ? (int64_t)n->reserved : 0);
}

static int correct(struct kernel *k, uint32_t cluster, int64_t by)
{
	struct sweep_arg arg = { .cluster = cluster, .correct = by };

	return run(k, &arg);
}

/*
 * A connection that came or went during the walk looks like a difference once; only what stands
 * unchanged in two calls, while the cluster saw no traffic between them, is drift.
 */
static int check_cluster(struct kernel *k, uint32_t i, struct drift_memory *m, uint64_t *drift)
{
	const struct cluster_state *s = table_at(&k->cluster_state, i);
	int64_t d = difference(k, i);
	int err;

	if (!d || m->difference != d || m->opened != s->opened || m->open != s->open) {
		*m = (struct drift_memory){ d, s->open, s->opened };
		return 0;
	}
	err = correct(k, i, -d);
	*m = (struct drift_memory){ 0 };
	if (!err)
		*drift += (uint64_t)(d < 0 ? -d : d);
	return err;
}

int kernel_reconcile(struct kernel *k, uint64_t *drift)
{
	struct sweep_arg arg = { .now = clock_ns() };
	uint64_t sum = 0;
	uint32_t i;
	int err;

	next_round(k);
	arg.round = k->round;
	err = run(k, &arg);
	for (i = 0; !err && i < k->nr_clusters; i++)
		err = check_cluster(k, i, &k->drift[i], &sum);
	if (err)
		return err;
	shadow_release(k, k->round);
	if (drift)
		*drift = sum;
	return 0;
}
