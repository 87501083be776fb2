// SPDX-License-Identifier: Apache-2.0
#include "mesh/notes_rules.h"

#include <stdio.h>

#include "mesh/policies.h"

struct place_name {
	struct compile *c;
	const struct object *object;
	struct pos pos;
	char text[96]; /* "spec.http[0]" */
};

static void not_yet(const struct place_name *at, bool used, const char *field)
{
	char path[160];

	if (!used)
		return;
	snprintf(path, sizeof(path), "%s.%s", at->text, field);
	note_add(at->c, at->object, at->pos, path, "is not enforced yet");
}

static bool has_ops(const struct headers *h)
{
	return h->request.set.n || h->request.add.n || h->request.remove.n || h->response.set.n ||
	       h->response.add.n || h->response.remove.n;
}

/* ---- destinations ---------------------------------------------------------------------------- */
static bool any_group_has_subset(struct compile *c, const struct mesh_service *s, struct str ns,
				 struct str subset)
{
	/* as seen from the rule's namespace, from the service's, and by everybody */
	struct str from[3] = { ns, s->ns, { "", 0 } };

	for (int i = 0; i < 3; i++) {
		struct view v = { .ns = from[i] };

		if (policy_subset(policy_select(c, &v, s), subset))
			return true;
	}
	return false;
}

static void destination_notes(const struct place_name *at, const struct destination *d)
{
	struct compile *c = at->c;
	struct str ns = at->object->meta.ns;
	struct str host = host_expand(c->scratch, d->host, ns, c->domain);
	const struct mesh_service *s = map_get(&c->host_to_svc, host);

	if (!s) {
		note_add(c, at->object, d->pos, at->text,
			 "destination host '" STR_FMT "' is no known service: 503 NC (IST0101)",
			 STR_ARG(host));
		return;
	}
	if (d->port && !service_port_at(s, d->port))
		note_add(c, at->object, d->pos, at->text,
			 "'" STR_FMT "' has no port %u: 503 NC (IST0101)", STR_ARG(host), d->port);
	if (d->subset.n && !any_group_has_subset(c, s, ns, d->subset))
		note_add(c, at->object, d->pos, at->text,
			 "subset '" STR_FMT "' of '" STR_FMT "' is not defined by a "
			 "DestinationRule: 503 NC (IST0101)",
			 STR_ARG(d->subset), STR_ARG(host));
}

/* ---- http ------------------------------------------------------------------------------------ */
static void match_notes(struct place_name *at, const struct http_match *m, size_t i)
{
	char path[160];

	for (size_t j = 0; j < m->headers.n; j++) {
		if (!str_starts(m->headers.items[j].key, STR("@request.auth")))
			continue;
		snprintf(path, sizeof(path), "%s.match[%zu].headers", at->text, i);
		note_add(at->c, at->object, m->pos, path,
			 "token claims are known at gateways only: this block never matches");
	}
}

static void http_notes(struct compile *c, const struct object *o, const struct http_route *r,
		       size_t i)
{
	struct place_name at = { .c = c, .object = o, .pos = r->pos };

	snprintf(at.text, sizeof(at.text), "spec.http[%zu]", i);
	not_yet(&at, r->fault, "fault");
	not_yet(&at, r->mirror || r->mirrors.n, "mirror");
	not_yet(&at, r->cors, "corsPolicy");
	not_yet(&at, r->retries, "retries");
	not_yet(&at, r->rewrite, "rewrite");
	not_yet(&at, has_ops(&r->headers), "headers");
	not_yet(&at, r->direct_response && r->direct_response->has_body, "directResponse.body");
	if (r->redirect)
		note_add(c, o, r->pos, at.text, "redirect is not enforced yet: 501 is answered");
	if (r->has_delegate)
		note_add(c, o, r->pos, at.text,
			 "delegate is not enforced yet: the route is left out");
	for (size_t j = 0; j < r->matches.n; j++)
		match_notes(&at, &r->matches.items[j], j);
	for (size_t j = 0; j < r->routes.n; j++) {
		snprintf(at.text, sizeof(at.text), "spec.http[%zu].route[%zu]", i, j);
		not_yet(&at, has_ops(&r->routes.items[j].headers), "headers");
		destination_notes(&at, &r->routes.items[j].destination);
	}
}

static void tcp_notes(struct compile *c, const struct object *o, const struct l4_route *r, size_t i)
{
	struct place_name at = { .c = c, .object = o, .pos = r->pos };

	for (size_t j = 0; j < r->routes.n; j++) {
		snprintf(at.text, sizeof(at.text), "spec.tcp[%zu].route[%zu]", i, j);
		destination_notes(&at, &r->routes.items[j].destination);
	}
}

/* ---- gateways -------------------------------------------------------------------------------- */
/* "ns/name", "name", or the old "name.ns.svc.cluster.local" */
static bool gateway_exists(const struct by_kind *by, struct str gateway, struct str ns)
{
	struct str name = gateway, head;

	if (str_cut(&name, '/', &head)) {
		ns = head;
	} else if (str_cut(&name, '.', &head)) {
		ns = name;
		if (str_find(ns, '.') >= 0)
			str_cut(&name, '.', &ns);
		name = head;
	}
	for (size_t i = 0; i < by->of[KIND_GATEWAY].n; i++) {
		const struct meta *m = &by->of[KIND_GATEWAY].items[i]->meta;

		if (str_eq(m->name, name) && str_eq(m->ns, ns))
			return true;
	}
	return false;
}

static void gateway_notes(struct compile *c, const struct by_kind *by, const struct rule *r)
{
	const struct object *o = r->object;

	for (size_t i = 0; i < r->vs->gateways.n; i++) {
		struct str g = r->vs->gateways.items[i];

		if (str_eq(g, STR("mesh")))
			continue;
		if (!gateway_exists(by, g, o->meta.ns))
			note_add(c, o, o->pos, "spec.gateways",
				 "gateway '" STR_FMT "' does not exist (IST0101)", STR_ARG(g));
		else
			note_add(c, o, o->pos, "spec.gateways",
				 "gateway '" STR_FMT "': gateways are not served yet%s", STR_ARG(g),
				 r->mesh ? ""
					 : ", and the rule does not name mesh: it has no effect");
	}
}

/* ---- several rules for one host -------------------------------------------------------------- */
static bool exported_alike(const struct rule *a, const struct rule *b)
{
	if (a->scope.all || b->scope.all)
		return a->scope.all && b->scope.all;
	return a->scope.names.n == 1 && b->scope.names.n == 1 &&
	       str_eq(a->scope.names.items[0], b->scope.names.items[0]);
}

static bool both_have(const struct rule *a, const struct rule *b)
{
	return (a->vs->http.n && b->vs->http.n) || (a->vs->tcp.n && b->vs->tcp.n);
}

static void conflict_notes(struct compile *c)
{
	map_for_each(e, &c->rules->host_to_rules) {
		const struct vec *v = e->value;
		struct rule *const *r = v->items;

		for (size_t i = 1; i < v->n; i++)
			if (r[i] != r[0] && exported_alike(r[0], r[i]) && both_have(r[0], r[i]))
				note_add(c, r[i]->object, r[i]->object->pos, "spec.hosts",
					 "'" STR_FMT
					 "' is already claimed by VirtualService " STR_FMT
					 "/" STR_FMT ", which is older: this one holds only where "
					 "that one has no route (IST0109)",
					 STR_ARG(e->key), STR_ARG(r[0]->object->meta.ns),
					 STR_ARG(r[0]->object->meta.name));
	}
}

static void unknown_host_notes(struct compile *c, const struct rule *r)
{
	struct str inside = arena_printf(c->scratch, ".svc." STR_FMT, STR_ARG(c->domain));

	for (size_t i = 0; r->mesh && i < r->vs->hosts.n; i++)
		if (!host_is_wildcard(r->hosts[i]) && str_ends(r->hosts[i], inside) &&
		    !map_get(&c->host_to_svc, r->hosts[i]))
			note_add(c, r->object, r->object->pos, "spec.hosts",
				 "'" STR_FMT "' is no known service: its routes hold for requests "
				 "with this Host on port 80 only",
				 STR_ARG(r->hosts[i]));
}

static bool has_port_of(const struct mesh_service *s, enum app app)
{
	for (uint32_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].app == app || s->ports[i].app == APP_SNIFF)
			return true;
	return false;
}

/* Routes of a kind that no port of the service speaks. */
static void protocol_notes(struct compile *c, const struct rule *r)
{
	for (size_t i = 0; r->mesh && i < r->vs->hosts.n; i++) {
		const struct mesh_service *s = map_get(&c->host_to_svc, r->hosts[i]);

		if (s && r->vs->http.n && !has_port_of(s, APP_HTTP))
			note_add(c, r->object, r->object->pos, "spec.http",
				 "no port of '" STR_FMT "' speaks HTTP/1: these routes have no "
				 "effect on it",
				 STR_ARG(s->host));
		if (s && r->vs->tcp.n && !has_port_of(s, APP_TCP))
			note_add(c, r->object, r->object->pos, "spec.tcp",
				 "no port of '" STR_FMT "' speaks tcp: these routes have no effect "
				 "on it",
				 STR_ARG(s->host));
	}
}

void notes_of_rules(struct compile *c, const struct by_kind *by)
{
	for (size_t i = 0; i < c->rules->n; i++) {
		const struct rule *r = &c->rules->items[i];
		const struct virtual_service *vs = r->vs;

		if (!vs->hosts.n)
			note_add(c, r->object, r->object->pos, "spec.hosts",
				 "a delegate: delegation is not enforced yet");
		gateway_notes(c, by, r);
		unknown_host_notes(c, r);
		protocol_notes(c, r);
		if (vs->tls.n)
			note_add(c, r->object, r->object->pos, "spec.tls", "is not enforced yet");
		for (size_t j = 0; j < vs->http.n; j++)
			http_notes(c, r->object, &vs->http.items[j], j);
		for (size_t j = 0; j < vs->tcp.n; j++)
			tcp_notes(c, r->object, &vs->tcp.items[j], j);
	}
	conflict_notes(c);
}
