// SPDX-License-Identifier: Apache-2.0
#include "mesh/policies.h"

#include <stdlib.h>

#include "mesh/registry.h"

struct ns_rules {
	struct str ns;
	struct map host_to_groups; /* struct vec * of struct rule_group * */
};

struct policies {
	struct map ns_to_rules; /* struct ns_rules * */
	struct map uncommon; /* hosts, also wildcards, of groups that not all views select alike */
};

static int age_cmp(const void *a, const void *b)
{
	return object_age_cmp(*(const struct object *const *)a, *(const struct object *const *)b);
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
	if (a->all || b->all)
		return a->all == b->all;
	if (a->names.n != b->names.n)
		return false;
	for (size_t i = 0; i < a->names.n; i++)
		if (!scope_sees(b, a->names.items[i]))
			return false;
	return true;
}

static struct vec *groups_at(struct compile *c, struct str ns, struct str host)
{
	void **slot = map_at(&c->policies->ns_to_rules, ns);
	struct ns_rules *r = *slot;

	if (!r) {
		r = arena_alloc(c->scratch, sizeof(*r));
		r->ns = ns;
		map_init(&r->host_to_groups, c->scratch);
		*slot = r;
	}
	slot = map_at(&r->host_to_groups, host);
	if (!*slot)
		*slot = arena_alloc(c->scratch, sizeof(struct vec));
	return *slot;
}

static struct rule_group *group_for(struct compile *c, const struct object *o)
{
	const struct destination_rule *d = o->spec;
	struct str host = host_expand(c->scratch, d->host, o->meta.ns, c->domain);
	struct scope scope = scope_of(c->scratch, d->export_to, o->meta.ns);
	struct vec *groups = groups_at(c, o->meta.ns, host);
	struct rule_group **have = groups->items, *g;

	for (size_t i = 0; i < groups->n; i++)
		if (same_scope(&have[i]->scope, &scope))
			return have[i];
	g = arena_alloc(c->scratch, sizeof(*g));
	*g = (struct rule_group){ .ns = o->meta.ns, .host = host, .first = o, .scope = scope };
	*(struct rule_group **)vec_push(c->scratch, groups, sizeof(g)) = g;
	return g;
}

static void merge(struct compile *c, struct rule_group *g, const struct object *o)
{
	const struct destination_rule *d = o->spec;

	if (!g->policy && d->policy) {
		g->policy = d->policy;
		g->policy_of = o;
	}
	for (size_t i = 0; i < d->subsets.n; i++) {
		const struct subset *s = &d->subsets.items[i];

		if (!policy_subset(g, s->name))
			*(const struct subset **)vec_push(c->scratch, &g->subsets, sizeof(s)) = s;
	}
}

/* A rule of the service's own namespace that everybody sees is the same for all. */
static bool group_is_common(const struct compile *c, const struct rule_group *g)
{
	const struct mesh_service *s = map_get(&c->host_to_svc, g->host);

	return g->scope.all && s && str_eq(s->ns, g->ns);
}

static void find_uncommon(struct compile *c)
{
	map_for_each(e, &c->policies->ns_to_rules) {
		const struct ns_rules *r = e->value;

		map_for_each(h, &r->host_to_groups) {
			const struct vec *groups = h->value;
			struct rule_group *const *g = groups->items;

			for (size_t i = 0; i < groups->n; i++)
				if (!group_is_common(c, g[i]))
					*map_at(&c->policies->uncommon, h->key) = g[i];
		}
	}
}

void policies_build(struct compile *c, const struct object *const *rules, size_t n)
{
	const struct object **sorted = arena_array(c->scratch, n, sizeof(*sorted));

	c->policies = arena_alloc(c->scratch, sizeof(*c->policies));
	map_init(&c->policies->ns_to_rules, c->scratch);
	map_init(&c->policies->uncommon, c->scratch);
	if (!n)
		return;
	memcpy(sorted, rules, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), age_cmp);
	for (size_t i = 0; i < n; i++) {
		const struct destination_rule *d = sorted[i]->spec;

		if (d->has_workload_selector) {
			note_add(c, sorted[i], sorted[i]->pos, "spec.workloadSelector",
				 "is not enforced yet: the whole rule is not in force");
			continue;
		}
		merge(c, group_for(c, sorted[i]), sorted[i]);
	}
	find_uncommon(c);
}

/* The groups of one namespace that cover host: of the most specific host with any. */
static const struct rule_group *pick(const struct ns_rules *r, const struct view *view,
				     struct str host, bool private_only)
{
	char buf[HOST_MAX];
	struct str cover;
	size_t at = 0;

	while (host_next_cover(host, &at, buf, &cover)) {
		const struct vec *groups = map_get(&r->host_to_groups, cover);
		struct rule_group *const *g = groups ? groups->items : NULL;

		for (size_t i = 0; groups && i < groups->n; i++)
			if (scope_sees(&g[i]->scope, view->ns) &&
			    (!private_only || scope_private(&g[i]->scope, g[i]->ns)))
				return g[i];
	}
	return NULL;
}

const struct rule_group *policy_select(const struct compile *c, const struct view *view,
				       const struct mesh_service *s)
{
	struct str levels[3] = { view->ns, s->ns, ROOT_NAMESPACE };
	const struct rule_group *g;

	if (!c->policies->ns_to_rules.n)
		return NULL;
	for (int i = 0; i < 3; i++) {
		const struct ns_rules *r =
			levels[i].n ? map_get(&c->policies->ns_to_rules, levels[i]) : NULL;

		g = r ? pick(r, view, s->host, i == 0 && str_eq(view->ns, ROOT_NAMESPACE)) : NULL;
		if (g)
			return g;
	}
	return NULL;
}

bool policy_sensitive(const struct compile *c, const struct mesh_service *s)
{
	char buf[HOST_MAX];
	struct str cover;
	size_t at = 0;

	while (c->policies->uncommon.n && host_next_cover(s->host, &at, buf, &cover))
		if (map_get(&c->policies->uncommon, cover))
			return true;
	return false;
}

void policy_namespaces(const struct compile *c, struct map *names)
{
	map_for_each(e, &c->policies->ns_to_rules) {
		const struct ns_rules *r = e->value;

		map_for_each(h, &r->host_to_groups) {
			const struct vec *groups = h->value;
			struct rule_group *const *g = groups->items;

			for (size_t i = 0; i < groups->n; i++) {
				if (group_is_common(c, g[i]))
					continue;
				*map_at(names, g[i]->ns) = (void *)r;
				for (size_t j = 0; j < g[i]->scope.names.n; j++)
					*map_at(names, g[i]->scope.names.items[j]) = (void *)r;
			}
		}
	}
}

const struct subset *policy_subset(const struct rule_group *g, struct str name)
{
	const struct subset *const *s = g ? g->subsets.items : NULL;

	for (size_t i = 0; g && i < g->subsets.n; i++)
		if (str_eq(s[i]->name, name))
			return s[i];
	return NULL;
}

static const struct traffic_policy *port_policy(const struct traffic_policy *p, uint32_t port)
{
	for (size_t i = 0; i < p->port_level.n; i++)
		if (p->port_level.items[i].port == port)
			return p->port_level.items[i].policy;
	return NULL;
}

/* A port's entry replaces all four blocks: one it leaves out goes to the default. */
static void apply_port(struct effective *e, const struct traffic_policy *p, uint32_t port)
{
	const struct traffic_policy *own = port_policy(p, port);

	if (own)
		*e = (struct effective){ own->load_balancer, own->connection_pool, own->outlier,
					 own->tls };
}

struct effective policy_effective(const struct rule_group *g, const struct subset *s, uint32_t port)
{
	const struct traffic_policy *p = g ? g->policy : NULL;
	struct effective e = { 0 };

	if (p) {
		e = (struct effective){ p->load_balancer, p->connection_pool, p->outlier, p->tls };
		apply_port(&e, p, port);
	}
	p = s ? s->policy : NULL;
	if (!p)
		return e;
	if (p->load_balancer)
		e.lb = p->load_balancer;
	if (p->connection_pool)
		e.pool = p->connection_pool;
	if (p->outlier)
		e.outlier = p->outlier;
	if (p->tls)
		e.tls = p->tls;
	apply_port(&e, p, port);
	return e;
}

static const char *http_needs_proxy(const struct effective *e)
{
	const struct connection_pool *p = e->pool;
	const struct consistent_hash *h = e->lb ? e->lb->hash : NULL;

	if (p && (p->http1_max_pending || p->http2_max_requests || p->max_requests_per_connection ||
		  p->max_retries || p->idle_timeout.set))
		return "connectionPool.http";
	if (h && (h->http_header.n || h->has_cookie || h->query_parameter.n))
		return "loadBalancer.consistentHash";
	return NULL;
}

const char *policy_needs_proxy(const struct effective *e, bool http)
{
	const char *why = http ? http_needs_proxy(e) : NULL;

	if (why)
		return why;
	if (e->outlier)
		return "outlierDetection";
	if (e->pool && (e->pool->max_connection_duration.set || e->pool->tcp_idle_timeout.set))
		return "connectionPool.tcp time limits";
	return NULL;
}
