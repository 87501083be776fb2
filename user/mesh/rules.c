// SPDX-License-Identifier: Apache-2.0
#include "mesh/rules.h"

#include <stdlib.h>

#include "mesh/registry.h"

bool gateways_name_mesh(struct strs gateways)
{
	for (size_t i = 0; i < gateways.n; i++)
		if (str_eq(gateways.items[i], STR("mesh")))
			return true;
	return gateways.n == 0;
}

static bool http_by_source(const struct http_route *r)
{
	for (size_t i = 0; i < r->matches.n; i++) {
		const struct http_match *m = &r->matches.items[i];

		if (m->source_labels.n || m->source_namespace.n)
			return true;
	}
	return false;
}

static bool l4_by_source(const struct l4_route *r)
{
	for (size_t i = 0; i < r->matches.n; i++) {
		const struct l4_match *m = &r->matches.items[i];

		if (m->source_labels.n || m->source_namespace.n || m->source_subnets.n)
			return true;
	}
	return false;
}

static bool by_source(const struct virtual_service *vs)
{
	bool found = false;

	for (size_t i = 0; i < vs->http.n; i++)
		found |= http_by_source(&vs->http.items[i]);
	for (size_t i = 0; i < vs->tcp.n; i++)
		found |= l4_by_source(&vs->tcp.items[i]);
	return found;
}

static int age_cmp(const void *a, const void *b)
{
	const struct rule *ra = a, *rb = b;

	return object_age_cmp(ra->object, rb->object);
}

static void claim_hosts(struct compile *c, struct rule *r)
{
	for (size_t i = 0; i < r->vs->hosts.n; i++) {
		void **slot = map_at(&c->rules->host_to_rules, r->hosts[i]);

		if (!*slot)
			*slot = arena_alloc(c->scratch, sizeof(struct vec));
		*(struct rule **)vec_push(c->scratch, *slot, sizeof(r)) = r;
	}
}

void rules_build(struct compile *c, const struct object *const *services, size_t n)
{
	struct rules *all = arena_alloc(c->scratch, sizeof(*all));

	c->rules = all;
	all->items = arena_array(c->scratch, n, sizeof(*all->items));
	all->n = n;
	map_init(&all->host_to_rules, c->scratch);
	for (size_t i = 0; i < n; i++) {
		const struct object *o = services[i];
		struct rule *r = &all->items[i];

		r->object = o;
		r->vs = o->spec;
		r->scope = scope_of(c->scratch, r->vs->export_to, o->meta.ns);
		r->mesh = gateways_name_mesh(r->vs->gateways);
		r->by_source = by_source(r->vs);
		r->hosts = arena_array(c->scratch, r->vs->hosts.n, sizeof(struct str));
		for (size_t j = 0; j < r->vs->hosts.n; j++)
			r->hosts[j] = host_expand(c->scratch, r->vs->hosts.items[j], o->meta.ns,
						  c->domain);
	}
	if (n)
		qsort(all->items, n, sizeof(*all->items), age_cmp);
	for (size_t i = 0; i < n; i++)
		if (all->items[i].mesh)
			claim_hosts(c, &all->items[i]);
}

/* Own and private first, then exported to the client by name, then public (mesh-api 2.3). */
static int rank(const struct rule *r, const struct view *view)
{
	if (!scope_sees(&r->scope, view->ns))
		return -1;
	if (r->scope.all)
		return 2;
	return scope_private(&r->scope, r->object->meta.ns) ? 0 : 1;
}

/* view NULL: all, in no particular order */
static void add_ranked(struct rule_list *out, const struct vec *rules, const struct view *view)
{
	struct rule *const *r = rules->items;

	for (int want = 0; want <= 2; want++)
		for (size_t i = 0; i < rules->n; i++)
			if ((view ? rank(r[i], view) : 0) == want)
				out->items[out->n++] = r[i];
}

static struct rule_list rules_at(struct compile *c, const struct view *view, struct str host)
{
	struct rule_list out = { 0 };
	char buf[HOST_MAX];
	struct str cover;
	size_t at = 0, n = 0;

	if (!c->rules->host_to_rules.n)
		return out;
	while (host_next_cover(host, &at, buf, &cover)) {
		const struct vec *rules = map_get(&c->rules->host_to_rules, cover);

		n += rules ? rules->n : 0;
	}
	if (!n)
		return out;
	out.items = arena_array(c->scratch, n, sizeof(struct rule *));
	for (at = 0; host_next_cover(host, &at, buf, &cover);) {
		const struct vec *rules = map_get(&c->rules->host_to_rules, cover);

		if (rules)
			add_ranked(&out, rules, view);
	}
	return out;
}

struct rule_list rules_for(struct compile *c, const struct view *view, struct str host)
{
	return rules_at(c, view, host);
}

struct rule_list rules_covering(struct compile *c, struct str host)
{
	return rules_at(c, NULL, host);
}

bool rules_sensitive(struct compile *c, struct str host)
{
	struct rule_list rules = rules_covering(c, host);

	for (size_t i = 0; i < rules.n; i++)
		if (rules.items[i]->by_source || !rules.items[i]->scope.all)
			return true;
	return false;
}
