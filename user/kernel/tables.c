// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel/kernel.h"
#include "kernel/tables.h"
#include "weft/limits.h"
#include "weft.skel.h"

int tables_reasons(struct kernel *k, uint64_t out[NR_KERNEL_REASONS])
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(k->skel->maps.reasons), cpu;
	uint64_t *each;
	uint32_t i;

	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	for (i = 0; i < NR_KERNEL_REASONS; i++) {
		out[i] = 0;
		if (bpf_map_lookup_elem(fd, &i, each))
			continue;
		for (cpu = 0; cpu < cpus; cpu++)
			out[i] += each[cpu];
	}
	free(each);
	return 0;
}

static uint64_t cluster_id(struct kernel *k, uint32_t i)
{
	return i < k->clusters.count ? ((struct cluster *)table_at(&k->clusters, i))->id : 0;
}

static uint64_t endpoint_id(struct kernel *k, uint32_t i)
{
	return i < k->endpoints.count ? ((struct endpoint *)table_at(&k->endpoints, i))->id : 0;
}

/* One batch of the table; *n entries, 0 at the end. The buffers hold `cap`. */
static int next_batch(int fd, void *from, void *to, struct conn_key *keys, struct conn *values,
		      uint32_t *n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	if (!bpf_map_lookup_batch(fd, from, to, keys, values, n, &opts))
		return 0;
	return errno == ENOENT ? 1 : -errno;
}

static int each_conn(struct kernel *k, int fd, const struct conn_key *key, const struct conn *c,
		     conn_fn fn, void *arg)
{
	struct conn_view v = { .key = *key, .fwd = *c };

	if (c->flags & CONN_REPLY)
		return 0;
	if (bpf_map_lookup_elem(fd, &c->peer, &v.reply))
		memset(&v.reply, 0, sizeof(v.reply));
	v.cluster_id = cluster_id(k, c->cluster);
	v.endpoint_id = endpoint_id(k, c->endpoint);
	return fn(arg, &v);
}

int tables_conns(struct kernel *k, conn_fn fn, void *arg)
{
	/* a batch takes whole hash buckets: it must hold the fullest one */
	enum { BATCH = 1024 };
	int fd = bpf_map__fd(k->skel->maps.conns), err = 0, stop = 0;
	struct conn_key *keys = calloc(BATCH, sizeof(*keys));
	struct conn *values = calloc(BATCH, sizeof(*values));
	uint64_t from = 0, to = 0;
	bool first = true;
	uint32_t n, i;

	if (!keys || !values)
		err = -ENOMEM;
	while (!err && !stop) {
		n = BATCH;
		err = next_batch(fd, first ? NULL : &from, &to, keys, values, &n);
		if (err < 0)
			break;
		for (i = 0; i < n && !stop; i++)
			stop = each_conn(k, fd, &keys[i], &values[i], fn, arg);
		from = to;
		first = false;
	}
	free(keys);
	free(values);
	return err < 0 ? err : stop;
}

int tables_cluster(struct kernel *k, uint64_t id, struct cluster_state *out)
{
	uint32_t i;

	for (i = 0; id && i < k->nr_clusters; i++) {
		if (cluster_id(k, i) != id)
			continue;
		*out = *(struct cluster_state *)table_at(&k->cluster_state, i);
		return 0;
	}
	return -ENOENT;
}

int tables_endpoint(struct kernel *k, uint64_t id, struct endpoint_state *state,
		    struct endpoint *settings)
{
	uint32_t i;

	for (i = 0; id && i < k->nr_endpoints; i++) {
		if (endpoint_id(k, i) != id)
			continue;
		*state = *(struct endpoint_state *)table_at(&k->endpoint_state, i);
		*settings = *(struct endpoint *)table_at(&k->endpoints, i);
		return 0;
	}
	return -ENOENT;
}

int tables_flows(struct kernel *k, flow_fn fn, void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.flow_stats), stop = 0, n = 0;
	struct flow_key key, *prev = NULL;
	struct flow_stats stats;

	while (!stop && n++ < MAX_FLOW_STATS && !bpf_map_get_next_key(fd, prev, &key)) {
		if (!bpf_map_lookup_elem(fd, &key, &stats))
			stop = fn(arg, &key, &stats);
		prev = &key;
	}
	return stop;
}
