// SPDX-License-Identifier: Apache-2.0
#include "mesh/image_build.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "mesh/registry.h"
#include "mesh/sections.h"
#include "mesh/workloads.h"
#include "weft/limits.h"

#define CLUSTER_NAME STR("Kubernetes")

struct builder {
	struct compile *c;
	struct plan *plan;
	struct sections s;
	uint32_t *table_index; /* by position in c->tables */
};

static struct str or_else(struct str a, struct str b)
{
	return a.n ? a : b;
}

/* ---- workloads ------------------------------------------------------------------------------- */
/* The Deployment's name where a ReplicaSet owns the pod, the owner's, or the pod's own. */
static struct str workload_name(const struct workload *w)
{
	const struct meta *m = &w->object->meta;
	struct str own = label_get(&m->labels, STR("service.istio.io/workload-name"));
	struct str hash = label_get(&m->labels, STR("pod-template-hash"));
	struct str name = w->pod->owner_name;

	if (own.n)
		return own;
	if (!name.n)
		return m->name;
	if (hash.n && name.n > hash.n + 1 && str_ends(name, hash) &&
	    name.p[name.n - hash.n - 1] == '-')
		name.n -= hash.n + 1;
	return name;
}

static uint32_t put_workload(struct builder *b, const struct workload *w)
{
	struct workload *known = (struct workload *)w;
	const struct pairs *labels = &w->object->meta.labels;
	struct str app = label_get(labels, STR("app"));
	struct str version = label_get(labels, STR("version"));
	struct str name = workload_name(w), canonical, revision;
	struct image_workload *out;

	if (w->image_index != PLAN_NO_INDEX)
		return w->image_index;
	canonical = or_else(
		label_get(labels, STR("service.istio.io/canonical-name")),
		or_else(label_get(labels, STR("app.kubernetes.io/name")), or_else(app, name)));
	revision = or_else(label_get(labels, STR("service.istio.io/canonical-revision")),
			   or_else(label_get(labels, STR("app.kubernetes.io/version")),
				   or_else(version, STR("latest"))));
	known->image_index = sections_count(&b->s, IMAGE_workloads);
	out = section_push(&b->s, IMAGE_workloads);
	out->name = section_str(&b->s, name);
	out->ns = section_str(&b->s, w->object->meta.ns);
	out->app = section_str(&b->s, app);
	out->version = section_str(&b->s, version);
	out->canonical_name = section_str(&b->s, canonical);
	out->canonical_revision = section_str(&b->s, revision);
	out->service_account = section_str(&b->s, or_else(w->pod->service_account, STR("default")));
	out->cluster_name = section_str(&b->s, CLUSTER_NAME);
	return known->image_index;
}

static int pod_cmp(const void *pa, const void *pb)
{
	const struct workload *a = *(struct workload *const *)pa;
	const struct workload *b = *(struct workload *const *)pb;

	return a->id < b->id ? -1 : a->id > b->id;
}

static void put_pods(struct builder *b)
{
	struct workload **all = b->c->workloads.items, **local;
	size_t n = 0;

	local = arena_array(b->c->scratch, b->c->workloads.n, sizeof(struct workload *));
	for (size_t i = 0; i < b->c->workloads.n; i++)
		if (all[i]->local)
			local[n++] = all[i];
	if (n)
		qsort(local, n, sizeof(struct workload *), pod_cmp);
	for (size_t i = 0; i < n; i++) {
		const struct meta *m = &local[i]->object->meta;
		struct image_pod *p = section_push(&b->s, IMAGE_pods);

		p->id = local[i]->id;
		p->view = local[i]->view;
		p->workload = put_workload(b, local[i]);
		p->name = section_str(&b->s, arena_printf(b->c->scratch, STR_FMT "/" STR_FMT,
							  STR_ARG(m->ns), STR_ARG(m->name)));
	}
}

/* ---- endpoints and clusters ------------------------------------------------------------------ */
static void put_endpoints(struct builder *b)
{
	struct mesh_cluster **k = b->c->clusters.items;
	struct image_endpoint *all;

	for (uint32_t i = 0; i < b->plan->nr_endpoints; i++) {
		const struct plan_endpoint *e = &b->plan->endpoints[i];
		struct image_endpoint *out = section_push(&b->s, IMAGE_endpoints);

		out->id = e->id;
		out->addr = e->addr;
		out->port = ntohs(e->port);
		out->weight = e->weight;
		out->workload = IMAGE_NONE;
	}
	all = b->s.of[IMAGE_endpoints].items;
	for (size_t i = 0; i < b->c->clusters.n; i++) {
		for (uint32_t j = 0; j < k[i]->nr_members; j++) {
			const struct member *m = k[i]->members[j];

			if (m->workload && all[m->endpoint].workload == IMAGE_NONE)
				all[m->endpoint].workload = put_workload(b, m->workload);
		}
	}
}

static uint32_t ms32(const struct opt_ms *t, uint32_t unset)
{
	if (!t->set)
		return unset;
	return t->v > UINT32_MAX ? UINT32_MAX : (uint32_t)t->v;
}

static uint32_t limit(uint32_t v)
{
	return v ? v : WEFT_NO_LIMIT;
}

static uint32_t u32_or(const struct opt_u32 *v, uint32_t unset)
{
	return v->set ? v->v : unset;
}

static void put_pool(struct image_cluster *out, const struct connection_pool *p)
{
	static const struct connection_pool none;
	enum { HOUR_MS = 3600 * 1000 };
	struct opt_ms idle;

	if (!p)
		p = &none;
	idle = p->idle_timeout.set ? p->idle_timeout : p->tcp_idle_timeout;
	out->max_connections = limit(p->max_connections);
	out->max_pending = limit(p->http1_max_pending);
	out->max_requests = limit(p->http2_max_requests);
	out->max_requests_per_connection = limit(p->max_requests_per_connection);
	out->connect_timeout_ms = ms32(&p->connect_timeout, CONNECT_TIMEOUT_MS);
	out->idle_timeout_ms = ms32(&idle, HOUR_MS);
	out->max_connection_ms = ms32(&p->max_connection_duration, 0);
}

static void put_outlier(struct builder *b, struct image_cluster *out,
			const struct outlier_detection *o)
{
	/* consecutiveErrors is the old name of consecutiveGatewayErrors */
	const struct opt_u32 *gateway;

	if (!o)
		return;
	gateway = o->consecutive_gateway.set ? &o->consecutive_gateway : &o->consecutive_errors;
	out->outlier = 1;
	out->outlier_split_local = o->split_local;
	out->max_ejection_percent = (uint8_t)u32_or(&o->max_ejection_percent, 10);
	out->min_health_percent = (uint8_t)u32_or(&o->min_health_percent, 0);
	out->consecutive_5xx = u32_or(&o->consecutive_5xx, 5);
	out->consecutive_gateway = u32_or(gateway, 0);
	out->consecutive_local = u32_or(&o->consecutive_local, 5);
	out->outlier_interval_ms = ms32(&o->interval, 10 * 1000);
	out->base_ejection_ms = ms32(&o->base_ejection, 30 * 1000);
	out->outlier_codes.first = sections_count(&b->s, IMAGE_codes);
	out->outlier_codes.count = (uint32_t)o->http_codes.n;
	for (size_t i = 0; i < o->http_codes.n; i++)
		*(uint32_t *)section_push(&b->s, IMAGE_codes) = o->http_codes.items[i];
}

static uint8_t protocol(const struct mesh_port *p)
{
	switch (p->app) {
	case APP_HTTP: return PROTO_HTTP1;
	case APP_HTTP2: return PROTO_HTTP2;
	case APP_SNIFF: return PROTO_SNIFF;
	default: return PROTO_TCP;
	}
}

static void put_members(struct builder *b, struct image_cluster *out, const struct mesh_cluster *k)
{
	out->slots.first = sections_count(&b->s, IMAGE_slots);
	out->slots.count = k->nr_slots;
	for (uint32_t i = 0; i < k->nr_slots; i++)
		*(uint32_t *)section_push(&b->s, IMAGE_slots) = k->slots[i];
	out->members.first = sections_count(&b->s, IMAGE_codes);
	out->members.count = k->nr_members;
	for (uint32_t i = 0; i < k->nr_members; i++)
		*(uint32_t *)section_push(&b->s, IMAGE_codes) = k->members[i]->endpoint;
}

static void put_cluster(struct builder *b, const struct mesh_cluster *k,
			const struct plan_cluster *p)
{
	struct image_cluster *out = section_push(&b->s, IMAGE_clusters);

	out->id = p->id;
	out->name = section_str(&b->s, k->name);
	out->host = section_str(&b->s, k->service->host);
	out->service = section_str(&b->s, k->service->name);
	out->ns = section_str(&b->s, k->service->ns);
	out->subset = section_str(&b->s, k->subset);
	out->port = k->port->port;
	out->lb = k->lb;
	out->protocol = protocol(k->port);
	put_members(b, out, k);
	put_pool(out, k->policy.pool);
	out->keepalive = p->keepalive;
	out->keepalive_probes = p->keepalive_probes;
	out->keepalive_time_s = p->keepalive_time_s;
	out->keepalive_interval_s = p->keepalive_interval_s;
	put_outlier(b, out, k->policy.outlier);
}

/* ---- routes ---------------------------------------------------------------------------------- */
static struct image_range put_targets(struct builder *b, const struct mesh_targets *t,
				      uint32_t *sum)
{
	struct image_range r = { sections_count(&b->s, IMAGE_targets), t->n };

	*sum = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		struct image_target *out = section_push(&b->s, IMAGE_targets);

		out->cluster = t->items[i].cluster; /* PLAN_NO_INDEX and IMAGE_NONE are the same */
		out->weight = t->items[i].weight;
		out->cluster_name = section_str(&b->s, t->items[i].name);
		*sum += out->weight;
	}
	return r;
}

static void put_matcher(struct builder *b, const struct mesh_matcher *m)
{
	struct image_matcher *out = section_push(&b->s, IMAGE_matchers);
	struct image_regex *regex;

	out->subject = m->subject;
	out->op = m->op;
	out->flags = m->flags;
	out->name = section_str(&b->s, m->name);
	out->value = section_str(&b->s, m->value);
	out->regex = IMAGE_NONE;
	if (m->op != OP_REGEX)
		return;
	out->regex = sections_count(&b->s, IMAGE_regexes);
	regex = section_push(&b->s, IMAGE_regexes);
	regex->pattern = out->value;
}

static void put_route(struct builder *b, const struct mesh_route *r)
{
	struct image_route out = { .name = section_str(&b->s, r->name) };

	out.matchers.first = sections_count(&b->s, IMAGE_matchers);
	out.matchers.count = r->nr_matchers;
	for (uint32_t i = 0; i < r->nr_matchers; i++)
		put_matcher(b, &r->matchers[i]);
	out.targets = put_targets(b, &r->targets, &out.weight_sum);
	out.timeout_ms = r->timeout_ms;
	out.action = r->action;
	out.status = r->status;
	*(struct image_route *)section_push(&b->s, IMAGE_routes) = out;
}

static uint32_t put_vhost(struct builder *b, const struct mesh_vhost *v)
{
	struct mesh_vhost *known = (struct mesh_vhost *)v;
	struct image_vhost out = { 0 };

	if (!v)
		return IMAGE_NONE;
	if (v->image_index != PLAN_NO_INDEX)
		return v->image_index;
	out.name = section_str(&b->s, v->name);
	out.routes.first = sections_count(&b->s, IMAGE_routes);
	out.routes.count = v->nr_routes;
	for (uint32_t i = 0; i < v->nr_routes; i++)
		put_route(b, &v->routes[i]);
	known->image_index = sections_count(&b->s, IMAGE_vhosts);
	*(struct image_vhost *)section_push(&b->s, IMAGE_vhosts) = out;
	return known->image_index;
}

static uint32_t find_table(const struct builder *b, uint32_t view, uint32_t port)
{
	struct host_table *const *t = b->c->tables.items;
	size_t lo = 0, hi = b->c->tables.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t[mid]->view == view && t[mid]->port == port)
			return (uint32_t)mid;
		if (t[mid]->view < view || (t[mid]->view == view && t[mid]->port < port))
			lo = mid + 1;
		else
			hi = mid;
	}
	return view ? find_table(b, 0, port) : IMAGE_NONE;
}

static void put_table(struct builder *b, const struct host_table *t)
{
	struct image_table *out = section_push(&b->s, IMAGE_tables);
	const struct named *n = t->names.items;

	out->view = t->view;
	out->port = t->port;
	out->domains.first = sections_count(&b->s, IMAGE_domains);
	out->domains.count = (uint32_t)t->names.n;
	out->fallback = t->view ? find_table(b, 0, t->port) : IMAGE_NONE;
	for (size_t i = 0; i < t->names.n; i++) {
		uint32_t vhost = put_vhost(b, n[i].vhost);
		struct image_domain *d = section_push(&b->s, IMAGE_domains);

		d->kind = n[i].kind;
		d->name = section_str(&b->s, n[i].name);
		d->vhost = vhost;
	}
}

static void put_listener(struct builder *b, const struct entry *e)
{
	struct image_listener out = { .view = e->view, .port = e->port, .table = IMAGE_NONE };
	uint32_t sum;

	out.addr = e->dst.addr;
	out.prefix = e->dst.prefix;
	out.vhost = IMAGE_NONE;
	if (e->d.http) {
		out.kind = LISTEN_HTTP;
		out.table = find_table(b, e->view, e->port);
		/* who dialled any address meant no service in particular */
		out.vhost = e->dst.prefix ? put_vhost(b, e->d.vhost) : IMAGE_NONE;
	} else {
		out.kind = LISTEN_TCP;
		out.targets = put_targets(b, &e->d.targets, &sum);
	}
	*(struct image_listener *)section_push(&b->s, IMAGE_listeners) = out;
}

void image_build(struct compile *c, struct plan *plan)
{
	struct builder b = { .c = c, .plan = plan };
	struct mesh_cluster *const *k = c->clusters.items;
	struct host_table *const *t = c->tables.items;
	const struct entry *e = c->entries.items;

	sections_init(&b.s, c->scratch);
	put_pods(&b);
	put_endpoints(&b);
	for (size_t i = 0; i < c->clusters.n; i++)
		put_cluster(&b, k[i], &plan->clusters[i]);
	for (size_t i = 0; i < c->tables.n; i++)
		put_table(&b, t[i]);
	for (size_t i = 0; i < c->entries.n; i++)
		if (e[i].port && e[i].proto == IPPROTO_TCP && e[i].d.visible)
			put_listener(&b, &e[i]);
	plan->image = sections_join(&b.s, c->out, c->opt->access_log);
	plan->image_size = ((const struct image_header *)plan->image)->size;
}
