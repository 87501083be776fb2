// SPDX-License-Identifier: Apache-2.0
#include "mesh/routes.h"

#include "mesh/clusters.h"
#include "mesh/matchers.h"
#include "mesh/registry.h"
#include "mesh/views.h"
#include "weft/image.h"

enum { UNSUPPORTED_STATUS = 501 }; /* answered where a rule asks for what is not built yet */

/* ---- destinations ---------------------------------------------------------------------------- */
static const struct mesh_port *destination_port(const struct mesh_service *s,
						const struct destination *d, uint32_t listener)
{
	if (d->port)
		return service_port_at(s, d->port);
	for (uint32_t i = 0; d->port_name.n && i < s->nr_ports; i++)
		if (str_eq(s->ports[i].name, d->port_name))
			return &s->ports[i];
	if (s->nr_ports == 1)
		return &s->ports[0];
	return service_port_at(s, listener);
}

static struct mesh_target target_of(struct compile *c, const struct route_place *at,
				    const struct destination *d, struct str ns)
{
	struct str host = host_expand(c->scratch, d->host, ns, c->domain);
	const struct mesh_service *s = map_get(&c->host_to_svc, host);
	const struct mesh_port *p;
	struct mesh_target t = { .cluster = PLAN_NO_INDEX };

	if (s && !scope_sees(&s->scope, at->view->ns))
		s = NULL;
	p = s ? destination_port(s, d, at->port) : NULL;
	t.name = cluster_name(c->scratch,
			      p		? p->port
			      : d->port ? d->port
					: at->port,
			      d->subset, host);
	if (p) {
		struct cluster_wish w = {
			.view = at->view,
			.service = s,
			.port = p,
			.subset = d->subset,
			/* what was dialled decides, where the kernel translates */
			.family = at->dst ? at->family : service_family(s),
			.dialled = s == at->service
		};

		t.cluster = cluster_get(c, &w);
	}
	return t;
}

static struct mesh_targets targets_of(struct compile *c, const struct route_place *at,
				      const struct route_destination *items, size_t n,
				      struct str ns)
{
	struct mesh_targets out = { 0 };

	out.items = arena_array(c->scratch, n, sizeof(*out.items));
	for (size_t i = 0; i < n; i++) {
		uint32_t weight = n == 1 ? 1 : items[i].weight.v;

		if (!weight)
			continue;
		out.items[out.n] = target_of(c, at, &items[i].destination, ns);
		out.items[out.n++].weight = weight;
	}
	return out;
}

struct mesh_targets target_default(struct compile *c, const struct route_place *at,
				   const struct mesh_port *port)
{
	struct mesh_targets out = { .n = 1 };
	struct cluster_wish w = { .view = at->view,
				  .service = at->service,
				  .port = port,
				  .family = at->dst ? at->family : service_family(at->service),
				  .dialled = true };

	out.items = arena_alloc(c->scratch, sizeof(*out.items));
	out.items->cluster = cluster_get(c, &w);
	out.items->weight = 1;
	out.items->name = cluster_name(c->scratch, port->port, STR(""), at->service->host);
	return out;
}

/* ---- http ------------------------------------------------------------------------------------ */
static struct str route_name(struct arena *a, const struct http_route *r,
			     const struct http_match *m)
{
	if (!m || !m->name.n)
		return r->name;
	return arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(r->name), STR_ARG(m->name));
}

static uint32_t clamp_ms(const struct opt_ms *t)
{
	if (!t->set)
		return 0;
	return t->v > UINT32_MAX ? UINT32_MAX : (uint32_t)t->v;
}

static void set_action(struct compile *c, const struct route_place *at, const struct http_route *r,
		       struct str ns, struct mesh_route *out)
{
	out->action = ACTION_STATUS;
	out->status = UNSUPPORTED_STATUS;
	if (r->direct_response)
		out->status = r->direct_response->status;
	if (r->redirect || r->direct_response)
		return;
	out->targets = targets_of(c, at, r->routes.items, r->routes.n, ns);
	if (!out->targets.n)
		return;
	out->action = ACTION_ROUTE;
	out->status = 0;
	out->timeout_ms = clamp_ms(&r->timeout);
}

/* One block of a route (NULL: it has none). Returns whether it catches everything. */
static bool add_route(struct compile *c, const struct route_place *at, const struct rule *rule,
		      const struct http_route *r, const struct http_match *m, struct vec *routes)
{
	struct mesh_route *out = vec_push(c->scratch, routes, sizeof(*out));

	out->name = route_name(c->scratch, r, m);
	if (m)
		out->matchers = match_conditions(c->scratch, m, &out->nr_matchers);
	set_action(c, at, r, rule->object->meta.ns, out);
	return !out->nr_matchers;
}

static bool add_blocks(struct compile *c, const struct route_place *at, const struct rule *rule,
		       const struct http_route *r, struct vec *routes)
{
	/* not built yet (a note says so): without it the route has nowhere to go */
	if (r->has_delegate)
		return false;
	if (!r->matches.n)
		return add_route(c, at, rule, r, NULL, routes);
	for (size_t i = 0; i < r->matches.n; i++) {
		const struct http_match *m = &r->matches.items[i];

		if (match_applies(m, at->view, at->port) && add_route(c, at, rule, r, m, routes))
			return true;
	}
	return false;
}

static struct str vhost_name(struct compile *c, struct str host, uint32_t port)
{
	return arena_printf(c->scratch, STR_FMT ":%u", STR_ARG(host), port);
}

struct mesh_vhost *routes_http(struct compile *c, const struct route_place *at, struct str host,
			       const struct rule **by)
{
	struct rule_list rules = rules_for(c, at->view, host);
	struct mesh_vhost *v;

	for (size_t i = 0; i < rules.n; i++) {
		const struct virtual_service *vs = rules.items[i]->vs;
		struct vec routes = { 0 };

		for (size_t j = 0; j < vs->http.n; j++)
			if (add_blocks(c, at, rules.items[i], &vs->http.items[j], &routes))
				break;
		if (!routes.n)
			continue;
		v = arena_alloc(c->scratch, sizeof(*v));
		v->name = vhost_name(c, host, at->port);
		v->routes = routes.items;
		v->nr_routes = (uint32_t)routes.n;
		v->image_index = PLAN_NO_INDEX;
		*by = rules.items[i];
		return v;
	}
	return NULL;
}

static struct mesh_vhost *one_route(struct compile *c, struct str vhost, struct str route)
{
	struct mesh_vhost *v = arena_alloc(c->scratch, sizeof(*v));

	v->name = vhost;
	v->routes = arena_alloc(c->scratch, sizeof(*v->routes));
	v->nr_routes = 1;
	v->image_index = PLAN_NO_INDEX;
	v->routes->name = route;
	return v;
}

struct mesh_vhost *routes_default(struct compile *c, const struct route_place *at,
				  const struct mesh_port *port)
{
	struct mesh_vhost *v =
		one_route(c, vhost_name(c, at->service->host, at->port), STR("default"));

	v->routes->targets = target_default(c, at, port);
	v->routes->action = ACTION_ROUTE;
	return v;
}

struct mesh_vhost *routes_passthrough(struct compile *c)
{
	struct mesh_vhost *v = one_route(c, STR("allow_any"), STR("allow_any"));

	v->routes->action = ACTION_PASSTHROUGH;
	return v;
}

/* ---- tcp ------------------------------------------------------------------------------------- */
static bool dials_into(const struct route_place *at, struct strs subnets)
{
	for (size_t i = 0; i < subnets.n; i++) {
		struct subnet net;

		if (at->dst && subnet_parse(subnets.items[i], &net) && subnet_covers(&net, at->dst))
			return true;
	}
	return !subnets.n;
}

static bool l4_matches(const struct l4_match *m, const struct rule *r, const struct route_place *at)
{
	if (m->port && m->port != at->port)
		return false;
	if (!gateways_name_mesh(m->gateways.n ? m->gateways : r->vs->gateways))
		return false;
	if (m->source_namespace.n && !str_eq(m->source_namespace, at->view->ns))
		return false;
	return view_has_labels(at->view, &m->source_labels) &&
	       view_in_subnets(at->view, m->source_subnets) &&
	       dials_into(at, m->destination_subnets);
}

static bool l4_route_matches(const struct l4_route *route, const struct rule *r,
			     const struct route_place *at)
{
	for (size_t i = 0; i < route->matches.n; i++)
		if (l4_matches(&route->matches.items[i], r, at))
			return true;
	return !route->matches.n;
}

struct mesh_targets routes_tcp(struct compile *c, const struct route_place *at, struct str host,
			       const struct rule **by)
{
	struct rule_list rules = rules_for(c, at->view, host);

	for (size_t i = 0; i < rules.n; i++) {
		const struct rule *r = rules.items[i];

		for (size_t j = 0; j < r->vs->tcp.n; j++) {
			const struct l4_route *route = &r->vs->tcp.items[j];

			if (!l4_route_matches(route, r, at))
				continue;
			*by = r;
			return targets_of(c, at, route->routes.items, route->routes.n,
					  r->object->meta.ns);
		}
	}
	return (struct mesh_targets){ 0 };
}

/* ---- comparing ------------------------------------------------------------------------------- */
bool targets_equal(const struct mesh_targets *a, const struct mesh_targets *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->items[i].cluster != b->items[i].cluster ||
		    a->items[i].weight != b->items[i].weight ||
		    !str_eq(a->items[i].name, b->items[i].name))
			return false;
	return true;
}

static bool matcher_equal(const struct mesh_matcher *a, const struct mesh_matcher *b)
{
	return a->subject == b->subject && a->op == b->op && a->flags == b->flags &&
	       str_eq(a->name, b->name) && str_eq(a->value, b->value);
}

static bool route_equal(const struct mesh_route *a, const struct mesh_route *b)
{
	if (a->nr_matchers != b->nr_matchers || a->timeout_ms != b->timeout_ms ||
	    a->action != b->action || a->status != b->status || !str_eq(a->name, b->name))
		return false;
	for (uint32_t i = 0; i < a->nr_matchers; i++)
		if (!matcher_equal(&a->matchers[i], &b->matchers[i]))
			return false;
	return targets_equal(&a->targets, &b->targets);
}

bool vhost_equal(const struct mesh_vhost *a, const struct mesh_vhost *b)
{
	if (!a || !b || a == b)
		return a == b;
	if (a->nr_routes != b->nr_routes || !str_eq(a->name, b->name))
		return false;
	for (uint32_t i = 0; i < a->nr_routes; i++)
		if (!route_equal(&a->routes[i], &b->routes[i]))
			return false;
	return true;
}
