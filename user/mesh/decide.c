// SPDX-License-Identifier: Apache-2.0
#include "mesh/decide.h"

#include "mesh/clusters.h"
#include "mesh/policies.h"
#include "mesh/registry.h"
#include "mesh/routes.h"

static struct route_place route_place(const struct place *p)
{
	return (struct route_place){ .view = p->view,
				     .port = p->port->port,
				     .service = p->service };
}

static struct str by_rule(struct compile *c, const char *what, const struct object *o)
{
	return arena_printf(c->scratch, "%s in " STR_FMT " " STR_FMT "/" STR_FMT, what,
			    STR_ARG(o->meta.kind), STR_ARG(o->meta.ns), STR_ARG(o->meta.name));
}

void decide_vhost(struct compile *c, struct place *p)
{
	struct route_place at = route_place(p);
	const struct rule *by;

	p->vhost = NULL;
	p->why = (struct str){ NULL, 0 };
	if (!scope_sees(&p->service->scope, p->view->ns))
		return;
	if (p->port->app != APP_HTTP && p->port->app != APP_SNIFF)
		return;
	p->vhost = routes_http(c, &at, p->service->host, &by);
	if (p->vhost)
		p->why = by_rule(c, "http route", by->object);
	else if (p->port->app == APP_HTTP && !p->service->foreign)
		p->vhost = routes_default(c, &at, p->port);
}

/* Only the request's Host tells such a destination from the others of its port. */
static bool known_by_host_only(const struct mesh_service *s)
{
	return s->any_address && !s->original_dst;
}

static void decide_http(struct compile *c, const struct place *p, struct decision *out)
{
	const struct rule_group *g = policy_select(c, p->view, p->service);
	struct effective e = policy_effective(g, NULL, p->port->port);
	const char *block = policy_needs_proxy(&e, true);

	out->http = true;
	out->vhost = p->vhost;
	if (p->why.p)
		out->why = p->why;
	else if (block)
		out->why = by_rule(c, block, g->first);
	else if (known_by_host_only(p->service))
		out->why = by_rule(c, "host without an address", p->service->object);
	out->proxy = out->why.p != NULL;
}

static bool has_limits(const struct effective *e)
{
	return e->pool && (e->pool->max_connections || e->pool->keepalive);
}

static bool l4_routes_apply(const struct mesh_port *p)
{
	return p->app == APP_TCP || p->app == APP_SNIFF;
}

/* The rule whose blocks a cluster follows, for the text. */
static void ask_clusters(struct compile *c, const struct place *p, struct decision *out)
{
	struct mesh_cluster *const *k = c->clusters.items;

	for (uint32_t i = 0; i < out->targets.n; i++) {
		uint32_t at = out->targets.items[i].cluster;
		const char *block;

		if (at == PLAN_NO_INDEX)
			continue;
		out->kernel |= has_limits(&k[at]->policy) || k[at]->lb != LB_PASSTHROUGH;
		block = out->http || p->port->app == APP_UDP
				? NULL
				: policy_needs_proxy(&k[at]->policy, false);
		if (block && !out->proxy) {
			const struct rule_group *g = policy_select(c, p->view, k[at]->service);

			out->proxy = true;
			out->why = by_rule(c, block, g->first);
		}
	}
}

void decide(struct compile *c, const struct place *p, struct decision *out)
{
	struct route_place at = route_place(p);
	const struct rule *by = NULL;

	*out = (struct decision){ .visible = scope_sees(&p->service->scope, p->view->ns) };
	if (p->service->foreign)
		out->visible = p->vhost != NULL;
	if (!out->visible) {
		out->why = STR("not visible to this client (exportTo)");
		return;
	}
	at.dst = p->dst;
	at.family = p->dst->prefix ? !address_is_v4(&p->dst->addr) : service_family(p->service);
	if (p->vhost)
		decide_http(c, p, out);
	else if (l4_routes_apply(p->port))
		out->targets = routes_tcp(c, &at, p->service->host, &by);
	if (by)
		out->why = by_rule(c, "tcp route", by->object);
	if (!by && !p->service->foreign)
		out->targets = target_default(c, &at, p->port);
	ask_clusters(c, p, out);
	/* one that has no address of its own is caught only where a rule asks for it */
	out->kernel |= out->proxy || by || !(p->service->any_address || p->service->headless);
	if (out->http && p->service->any_address && !out->proxy)
		out->kernel = false;
	if (!out->why.p)
		out->why = STR("no rule needs the proxy");
}

bool decision_equal(const struct decision *a, const struct decision *b)
{
	return a->visible == b->visible && a->http == b->http && a->proxy == b->proxy &&
	       a->kernel == b->kernel && vhost_equal(a->vhost, b->vhost) &&
	       targets_equal(&a->targets, &b->targets);
}
