// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/bpfmap.h"
#include "weft/control.h"

/* Ids of a generation, sorted, with the index behind each. */
struct id_row {
	uint64_t id;
	uint32_t index;
};

struct ids {
	struct id_row *rows;
	size_t n;
};

struct gathered {
	const struct image_header *im;
	struct ids clusters, endpoints;
	uint64_t reasons[NR_KERNEL_REASONS];
	bool has_reasons;
	struct kernel_flow *flows;
	size_t nr_flows;
	struct kernel_cluster *rows;
	size_t nr_rows;
};

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct id_row *)a)->id, y = ((const struct id_row *)b)->id;

	return x < y ? -1 : x > y;
}

static uint32_t ids_find(const struct ids *ids, uint64_t id)
{
	struct id_row want = { .id = id };
	const struct id_row *hit =
		ids->n ? bsearch(&want, ids->rows, ids->n, sizeof(want), by_id) : NULL;

	return hit ? hit->index : IMAGE_NONE;
}

static int ids_init(struct gathered *g)
{
	const struct image_cluster *c = image_clusters(g->im);
	const struct image_endpoint *e = image_endpoints(g->im);

	g->clusters.n = image_clusters_count(g->im);
	g->endpoints.n = image_endpoints_count(g->im);
	g->clusters.rows = calloc(g->clusters.n + 1, sizeof(struct id_row));
	g->endpoints.rows = calloc(g->endpoints.n + 1, sizeof(struct id_row));
	if (!g->clusters.rows || !g->endpoints.rows)
		return -ENOMEM;
	for (size_t i = 0; i < g->clusters.n; i++)
		g->clusters.rows[i] = (struct id_row){ c[i].id, (uint32_t)i };
	for (size_t i = 0; i < g->endpoints.n; i++)
		g->endpoints.rows[i] = (struct id_row){ e[i].id, (uint32_t)i };
	qsort(g->clusters.rows, g->clusters.n, sizeof(struct id_row), by_id);
	qsort(g->endpoints.rows, g->endpoints.n, sizeof(struct id_row), by_id);
	return 0;
}

static int read_reasons(struct gathered *g, int fd)
{
	unsigned int cpus = bpfmap_cpus();
	struct bpfmap_info info;
	uint64_t *values;

	if (fd < 0 || bpfmap_info(fd, &info) || info.value_size != sizeof(uint64_t))
		return 0;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t r = 0; r < NR_KERNEL_REASONS; r++) {
		if (bpfmap_lookup(fd, &r, values))
			break;
		g->has_reasons = true;
		for (unsigned int i = 0; i < cpus; i++)
			g->reasons[r] += values[i];
	}
	free(values);
	return 0;
}

static void source_of(const struct gathered *g, uint64_t pod_id, struct metrics_labels *l)
{
	const struct image_pod *pod = image_find_pod(g->im, pod_id);
	const struct image_workload *k;

	if (!pod || pod->workload == IMAGE_NONE)
		return;
	k = image_workloads(g->im) + pod->workload;
	l->source_workload = image_str(g->im, k->name);
	l->source_workload_namespace = image_str(g->im, k->ns);
	l->source_app = image_str(g->im, k->app);
	l->source_version = image_str(g->im, k->version);
	l->source_canonical_service = image_str(g->im, k->canonical_name);
	l->source_canonical_revision = image_str(g->im, k->canonical_revision);
	l->source_cluster = image_str(g->im, k->cluster_name);
}

static void destination_of(const struct gathered *g, const struct flow_key *key,
			   struct metrics_labels *l)
{
	uint32_t c = ids_find(&g->clusters, key->cluster_id);
	uint32_t e = ids_find(&g->endpoints, key->endpoint_id);
	const struct image_workload *k;

	if (c != IMAGE_NONE) {
		const struct image_cluster *cluster = image_clusters(g->im) + c;

		l->destination_service = image_str(g->im, cluster->host);
		l->destination_service_name = image_str(g->im, cluster->service);
		l->destination_service_namespace = image_str(g->im, cluster->ns);
	}
	if (e == IMAGE_NONE || image_endpoints(g->im)[e].workload == IMAGE_NONE)
		return;
	k = image_workloads(g->im) + image_endpoints(g->im)[e].workload;
	l->destination_workload = image_str(g->im, k->name);
	l->destination_workload_namespace = image_str(g->im, k->ns);
	l->destination_app = image_str(g->im, k->app);
	l->destination_version = image_str(g->im, k->version);
	l->destination_canonical_service = image_str(g->im, k->canonical_name);
	l->destination_canonical_revision = image_str(g->im, k->canonical_revision);
	l->destination_cluster = image_str(g->im, k->cluster_name);
}

static int read_flows(struct gathered *g, int fd)
{
	struct flow_key key, *at = NULL;
	struct bpfmap_info info;

	if (fd < 0 || bpfmap_info(fd, &info) || info.key_size != sizeof(key) ||
	    info.value_size != sizeof(struct flow_stats))
		return 0;
	g->flows = calloc(info.max_entries, sizeof(*g->flows));
	if (!g->flows)
		return -ENOMEM;
	while (g->nr_flows < info.max_entries && !bpfmap_next(fd, at, &key)) {
		struct kernel_flow *f = &g->flows[g->nr_flows];

		at = &key;
		if (bpfmap_lookup(fd, &key, &f->stats))
			continue;
		f->labels.request_protocol = STR("tcp");
		if (g->im) {
			source_of(g, key.pod_id, &f->labels);
			destination_of(g, &key, &f->labels);
		}
		g->nr_flows++;
	}
	return 0;
}

static int read_clusters(struct gathered *g, const struct stats_maps *maps)
{
	struct bpfmap_info info;

	if (!g->im || maps->clusters < 0 || bpfmap_info(maps->clusters, &info) ||
	    info.value_size != sizeof(struct cluster))
		return 0;
	g->rows = calloc(g->clusters.n + 1, sizeof(*g->rows));
	if (!g->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < info.max_entries && g->nr_rows < g->clusters.n; i++) {
		struct kernel_cluster *row = &g->rows[g->nr_rows];
		struct cluster cluster;
		uint32_t c;

		if (bpfmap_lookup(maps->clusters, &i, &cluster))
			break;
		c = ids_find(&g->clusters, cluster.id);
		if (!cluster.id || c == IMAGE_NONE ||
		    bpfmap_lookup(maps->cluster_state, &i, &row->state))
			continue;
		row->name = image_str(g->im, image_clusters(g->im)[c].name);
		g->nr_rows++;
	}
	return 0;
}

static void gauge(struct text *out, const char *name, const char *help, uint64_t v)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help,
			 name, name, (unsigned long long)v);

	if (n > 0 && (size_t)n < sizeof(line))
		text_put(out, (struct str){ line, (size_t)n });
}

static void put_agent(const struct channel_agent *a, struct text *out)
{
	gauge(out, "weft_objects_applied", "objects in force", a->objects_applied);
	gauge(out, "weft_objects_warned", "objects in force with warnings", a->objects_warned);
	gauge(out, "weft_objects_rejected", "objects rejected", a->objects_rejected);
	gauge(out, "weft_pushes", "configurations put in force", a->pushes);
	gauge(out, "weft_push_failures", "configurations that failed", a->push_failures);
	gauge(out, "weft_push_last_microseconds", "duration of the last push", a->push_us_last);
	gauge(out, "weft_pods_enrolled", "pods of this node in the mesh", a->pods_enrolled);
	gauge(out, "weft_pods_failed", "pods that could not be enrolled", a->pods_failed);
	gauge(out, "weft_pool_drift", "pool reservations corrected", a->pool_drift);
	gauge(out, "weft_proxy_restarts", "restarts of weft-proxy", a->proxy_restarts);
	gauge(out, "weft_agent_rss_kilobytes", "memory of weftd", a->rss_kb);
}

/* What the fleets count is shown beside the kernel's clusters, as series of the main thread. */
static void note_fleet(const struct fleet *f, void *arg)
{
	const struct metrics_labels labels = { .cluster_name = str_of(f->name) };
	const struct metrics_key key = { .cluster = f->id };
	struct metrics *m = arg;
	struct series *s = metrics_find(m, SET_CLUSTER, &key);

	if (!s)
		s = metrics_intern(m, SET_CLUSTER, &key, &labels);
	series_set(s, CLUSTER_PENDING_OVERFLOW,
		   atomic_load(&f->pending_overflow) + atomic_load(&f->requests_overflow));
	series_set(s, CLUSTER_CX_OVERFLOW, atomic_load(&f->conns_overflow));
	series_set(s, CLUSTER_CX_OPENED, atomic_load(&f->conns_total));
	series_set(s, CLUSTER_CX_ACTIVE, atomic_load(&f->conns));
	series_set(s, CLUSTER_EJECTED, atomic_load(&f->out));
}

struct stats {
	struct render *render;
	struct channel_agent agent;
	bool rendered;
};

static struct render *begin(const struct proxy *p, const struct gathered *g,
			    const struct metrics *own)
{
	const struct metrics *workers[MAX_WORKERS + 1];
	struct metrics_view v = {
		.workers = workers,
		.reasons = g->has_reasons ? g->reasons : NULL,
		.flows = g->flows,
		.nr_flows = g->nr_flows,
		.clusters = g->rows,
		.nr_clusters = g->nr_rows,
		.version = str_of(WEFT_VERSION),
	};

	for (unsigned int i = 0; i < p->nr_workers; i++)
		workers[v.nr_workers++] = p->workers[i]->metrics;
	workers[v.nr_workers++] = own;
	return render_new(&v);
}

struct stats *stats_new(const struct proxy *p, const struct stats_maps *maps,
			const struct generation *gen, const struct channel_agent *agent,
			struct metrics *own)
{
	struct gathered g = { .im = gen ? gen->im : NULL };
	struct stats *s = calloc(1, sizeof(*s));
	int err = !s ? -ENOMEM : g.im ? ids_init(&g) : 0;

	if (!err)
		err = read_reasons(&g, maps->reasons);
	if (!err)
		err = read_flows(&g, maps->flow_stats);
	if (!err)
		err = read_clusters(&g, maps);
	if (!err) {
		fleets_each(p->fleets, note_fleet, own);
		s->agent = *agent;
		s->render = begin(p, &g, own);
	}
	free(g.clusters.rows);
	free(g.endpoints.rows);
	free(g.flows);
	free(g.rows);
	return s && s->render ? s : stats_free(s);
}

int stats_more(struct stats *s, struct text *out, size_t enough)
{
	int more = s->rendered ? 0 : render_more(s->render, out, enough);

	if (more)
		return more;
	if (!s->rendered)
		put_agent(&s->agent, out);
	s->rendered = true;
	return out->failed ? -ENOMEM : 0;
}

struct stats *stats_free(struct stats *s)
{
	if (s)
		render_free(s->render);
	free(s);
	return NULL;
}
