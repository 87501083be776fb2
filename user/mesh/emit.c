// SPDX-License-Identifier: Apache-2.0
#include "mesh/emit.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "mesh/decide.h"
#include "mesh/policies.h"
#include "mesh/registry.h"
#include "mesh/routes.h"
#include "mesh/rules.h"
#include "weft/image.h"

struct emitter {
	struct compile *c;
	const struct mesh_vhost *passthrough;
	bool *own_prefixes;	   /* by view: it needs the complete set of prefixes */
	struct str cluster_suffix; /* ".svc.cluster.local" */
};

/* ---- host tables ----------------------------------------------------------------------------- */
static struct host_table *table_at(struct compile *c, uint32_t view, uint16_t port, bool make)
{
	struct {
		uint32_t view, port;
	} key = { view, port };
	struct str text = { (const char *)&key, sizeof(key) };
	struct host_table *t = map_get(&c->key_to_table, text);

	if (t || !make)
		return t;
	t = arena_alloc(c->scratch, sizeof(*t));
	t->view = view;
	t->port = port;
	*map_at(&c->key_to_table, arena_str(c->scratch, text)) = t;
	*(struct host_table **)vec_push(c->scratch, &c->tables, sizeof(t)) = t;
	return t;
}

static void name_add(struct compile *c, struct host_table *t, uint32_t kind, struct str name,
		     const struct mesh_vhost *v)
{
	*(struct named *)vec_push(c->scratch, &t->names, sizeof(struct named)) = (struct named){
		.kind = kind, .name = name, .vhost = v, .seq = (uint32_t)t->names.n
	};
}

/* "a.ns.svc" and "a.ns" of "a.ns.svc.cluster.local" */
static void short_names(const struct emitter *e, struct host_table *t, uint32_t kind,
			struct str name, const struct mesh_vhost *v)
{
	struct str ns = str_sub(name, 0, name.n - e->cluster_suffix.n);

	if (!str_ends(name, e->cluster_suffix))
		return;
	name_add(e->c, t, kind, ns, v);
	name_add(e->c, t, kind, str_sub(name, 0, ns.n + 4), v);
}

static void name_addresses(const struct emitter *e, struct host_table *t,
			   const struct mesh_service *s, const struct mesh_vhost *v)
{
	for (uint32_t i = 0; i < s->nr_vips; i++) {
		char buf[ADDRESS_TEXT];
		struct str text;

		if (s->vips[i].prefix != 128)
			continue;
		text = address_text(&s->vips[i].addr, buf);
		if (address_is_v4(&s->vips[i].addr))
			text = arena_str(e->c->scratch, text);
		else
			text = arena_printf(e->c->scratch, "[" STR_FMT "]", STR_ARG(text));
		name_add(e->c, t, DOMAIN_EXACT, text, v);
	}
}

static void name_service(const struct emitter *e, uint32_t view, uint16_t port,
			 const struct mesh_service *s, const struct mesh_vhost *v)
{
	struct host_table *t = table_at(e->c, view, port, true);

	if (host_is_wildcard(s->host)) {
		bool any = s->host.n == 1;

		name_add(e->c, t, any ? DOMAIN_ANY : DOMAIN_SUFFIX,
			 any ? s->host : host_suffix(s->host), v);
		return;
	}
	name_add(e->c, t, DOMAIN_EXACT, s->host, v);
	short_names(e, t, DOMAIN_EXACT, s->host, v);
	name_addresses(e, t, s, v);
	if (s->headless) {
		struct str pods = arena_printf(e->c->scratch, "." STR_FMT, STR_ARG(s->host));

		name_add(e->c, t, DOMAIN_SUFFIX, pods, v);
		short_names(e, t, DOMAIN_SUFFIX, pods, v);
	}
}

/* ---- entries --------------------------------------------------------------------------------- */
static struct entry *entry_add(struct compile *c, uint32_t view, const struct subnet *dst,
			       uint16_t port, uint8_t proto)
{
	struct entry *e = vec_push(c->scratch, &c->entries, sizeof(*e));

	e->seq = (uint32_t)c->entries.n;
	e->view = view;
	e->dst = *dst;
	e->port = port;
	e->proto = proto;
	return e;
}

/* One address of a service port, as dialled. */
struct spot {
	const struct mesh_service *service;
	const struct mesh_port *port;
	struct subnet dst;
	uint16_t number; /* a headless service is dialled at its pods' port */
};

static void spot_decide(struct emitter *e, const struct spot *s, struct place *p,
			struct decision *d)
{
	p->dst = &s->dst;
	decide(e->c, p, d);
	/* names of this cluster domain have no address outside the mesh: nothing to catch */
	if (s->service->foreign && str_ends(s->service->host, e->cluster_suffix))
		d->kernel = false;
}

static void spot_put(struct emitter *e, const struct spot *s, uint32_t view,
		     const struct decision *d)
{
	struct entry *out = entry_add(e->c, view, &s->dst, s->number, s->port->proto);

	out->service = s->service;
	out->d = *d;
}

struct port_walk {
	struct emitter *e;
	const struct mesh_service *service;
	const struct mesh_port *port;
	struct place zero; /* of view 0 */
	uint16_t named;	   /* last port whose table got the names */
};

static struct place place_in(const struct port_walk *w, const struct view *view)
{
	struct place p = { .view = view, .service = w->service, .port = w->port };

	decide_vhost(w->e->c, &p);
	return p;
}

/* Nothing that depends on the namespace alone is different for this view? Then nothing is. */
static bool view_alike(struct compile *c, const struct mesh_service *s, const struct view *v)
{
	const struct view *zero = c->views.items;
	struct rule_list rules;

	if (s->asks_source || s->scope.all != scope_sees(&s->scope, v->ns) ||
	    policy_select(c, v, s) != policy_select(c, zero, s))
		return false;
	rules = rules_for(c, v, s->host);
	for (size_t i = 0; i < rules.n; i++)
		if (!rules.items[i]->scope.all)
			return false;
	return true;
}

/* What the other views do with the spot, where it differs from view 0's d0. */
static void walk_views(struct port_walk *w, const struct spot *s, const struct decision *d0,
		       bool name)
{
	struct compile *c = w->e->c;
	const struct view *v = c->views.items;

	for (size_t i = 1; i < c->views.n; i++) {
		struct decision d;
		struct place p;

		if (view_alike(c, s->service, &v[i]))
			continue;
		p = place_in(w, &v[i]);
		spot_decide(w->e, s, &p, &d);
		if (decision_equal(&d, d0))
			continue;
		if (name && (d.vhost || d0->vhost))
			name_service(w->e, v[i].id, s->number, s->service,
				     d.vhost ? d.vhost : w->e->passthrough);
		if (s->dst.prefix < 128)
			w->e->own_prefixes[i] = true;
		else
			spot_put(w->e, s, v[i].id, &d);
	}
}

static void walk_spot(struct port_walk *w, const struct spot *s)
{
	bool name = w->named != s->number;
	struct place p = w->zero;
	struct decision d;

	w->named = s->number;
	spot_decide(w->e, s, &p, &d);
	if (d.visible)
		spot_put(w->e, s, 0, &d);
	if (d.vhost && name)
		name_service(w->e, 0, s->number, s->service, d.vhost);
	if (s->service->sensitive)
		walk_views(w, s, &d, name);
}

static void for_each_spot(struct port_walk *w,
			  void (*visit)(struct port_walk *w, const struct spot *s))
{
	struct spot s = { w->service, w->port, { .prefix = 128 }, w->port->port };

	for (uint32_t i = 0; i < w->service->nr_vips; i++) {
		s.dst = w->service->vips[i];
		visit(w, &s);
	}
	for (uint32_t i = 0; w->service->headless && i < w->port->nr_members; i++) {
		s.dst = (struct subnet){ w->port->members[i].addr, 128 };
		s.number = w->port->members[i].port;
		visit(w, &s);
	}
	if (w->service->any_address) {
		s.dst = (struct subnet){ .prefix = 0 };
		visit(w, &s);
	}
}

/* A headless service is found by name on its own port too, whatever the pods' port is. */
static void name_headless(struct port_walk *w)
{
	if (w->service->headless && w->zero.vhost && w->named != w->port->port)
		name_service(w->e, 0, w->port->port, w->service, w->zero.vhost);
}

static void walk_port(struct emitter *e, const struct mesh_service *s, const struct mesh_port *p)
{
	const struct view *v = e->c->views.items;
	struct port_walk w = { .e = e, .service = s, .port = p };

	w.zero = place_in(&w, &v[0]);
	for_each_spot(&w, walk_spot);
	name_headless(&w);
}

/* ---- other ports of a Service ---------------------------------------------------------------- */
static void refuse_others(struct compile *c, const struct mesh_service *s)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	for (uint32_t i = 0; i < s->nr_vips; i++)
		for (int j = 0; j < 2 && s->vips[i].prefix == 128; j++)
			entry_add(c, 0, &s->vips[i], 0, protos[j])->service = s;
}

/* ---- prefixes of views that differ in one ---------------------------------------------------- */
static void walk_prefix(struct port_walk *w, const struct spot *s)
{
	struct compile *c = w->e->c;
	const struct view *v = c->views.items;

	for (size_t i = 1; i < c->views.n && s->dst.prefix < 128; i++) {
		struct decision d;
		struct place p;

		if (!w->e->own_prefixes[i])
			continue;
		p = place_in(w, &v[i]);
		spot_decide(w->e, s, &p, &d);
		spot_put(w->e, s, v[i].id, &d);
	}
}

static void walk_prefixes(struct emitter *e)
{
	struct compile *c = e->c;
	struct mesh_service **s = c->services.items;
	bool any = false;

	for (size_t i = 0; i < c->views.n; i++)
		any |= e->own_prefixes[i];
	for (size_t i = 0; any && i < c->services.n; i++) {
		for (uint32_t j = 0; j < s[i]->nr_ports; j++) {
			struct port_walk w = { .e = e, .service = s[i], .port = &s[i]->ports[j] };

			for_each_spot(&w, walk_prefix);
		}
	}
}

/* ---- hosts that only a rule names ------------------------------------------------------------ */
static bool covers_a_service(struct compile *c, struct str host)
{
	struct mesh_service **s = c->services.items;

	if (!host_is_wildcard(host))
		return map_get(&c->host_to_svc, host) != NULL;
	for (size_t i = 0; i < c->services.n; i++)
		if (str_ends(s[i]->host, host_suffix(host)))
			return true;
	return false;
}

static struct mesh_service *foreign_service(struct compile *c, const struct object *o,
					    struct str host)
{
	struct mesh_service *s = arena_alloc(c->scratch, sizeof(*s));

	s->host = host;
	s->name = host;
	s->ns = o->meta.ns;
	s->object = o;
	s->scope.all = true;
	s->foreign = true;
	s->original_dst = true;
	s->any_address = true;
	s->ports = arena_alloc(c->scratch, sizeof(*s->ports));
	s->ports->port = 80;
	s->ports->proto = IPPROTO_TCP;
	s->ports->app = APP_HTTP;
	s->nr_ports = 1;
	return s;
}

static int service_cmp(const void *a, const void *b)
{
	return str_cmp((*(struct mesh_service *const *)a)->host,
		       (*(struct mesh_service *const *)b)->host);
}

static void add_foreign(struct compile *c)
{
	struct vec found = { 0 };
	struct map seen;

	map_init(&seen, c->scratch);
	for (size_t i = 0; i < c->rules->n; i++) {
		const struct rule *r = &c->rules->items[i];

		for (size_t j = 0; r->mesh && r->vs->http.n && j < r->vs->hosts.n; j++) {
			void **slot = map_at(&seen, r->hosts[j]);

			if (*slot || covers_a_service(c, r->hosts[j]))
				continue;
			*slot = foreign_service(c, r->object, r->hosts[j]);
			*(void **)vec_push(c->scratch, &found, sizeof(void *)) = *slot;
		}
	}
	for (size_t i = 0; i < found.n; i++)
		*(void **)vec_push(c->scratch, &c->services, sizeof(void *)) =
			((void **)found.items)[i];
	if (found.n)
		qsort(c->services.items, c->services.n, sizeof(void *), service_cmp);
}

/* ---- who may see what differently ------------------------------------------------------------ */
static bool destination_sensitive(struct compile *c, const struct destination *d, struct str ns)
{
	const struct mesh_service *s =
		map_get(&c->host_to_svc, host_expand(c->scratch, d->host, ns, c->domain));

	return s && (!s->scope.all || policy_sensitive(c, s));
}

static bool rule_destinations_sensitive(struct compile *c, const struct rule *r)
{
	const struct virtual_service *vs = r->vs;
	struct str ns = r->object->meta.ns;

	for (size_t i = 0; i < vs->http.n; i++)
		for (size_t j = 0; j < vs->http.items[i].routes.n; j++)
			if (destination_sensitive(c, &vs->http.items[i].routes.items[j].destination,
						  ns))
				return true;
	for (size_t i = 0; i < vs->tcp.n; i++)
		for (size_t j = 0; j < vs->tcp.items[i].routes.n; j++)
			if (destination_sensitive(c, &vs->tcp.items[i].routes.items[j].destination,
						  ns))
				return true;
	return false;
}

static void find_sensitive(struct compile *c, struct mesh_service *s)
{
	struct rule_list rules;

	if (c->views.n < 2)
		return;
	s->sensitive = !s->scope.all || rules_sensitive(c, s->host) || policy_sensitive(c, s);
	rules = rules_covering(c, s->host);
	for (size_t i = 0; i < rules.n && !s->asks_source; i++)
		s->asks_source =
			rules.items[i]->by_source || rule_destinations_sensitive(c, rules.items[i]);
	s->sensitive |= s->asks_source;
}

/* ---- order and doubles ----------------------------------------------------------------------- */
static int entry_cmp(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c;

	if (a->view != b->view)
		return a->view < b->view ? -1 : 1;
	if (a->port != b->port)
		return (int)a->port - (int)b->port;
	c = address_cmp(&a->dst.addr, &b->dst.addr);
	if (!c)
		c = (int)b->dst.prefix - (int)a->dst.prefix;
	if (!c)
		c = (int)a->proto - (int)b->proto;
	return c ? c : a->seq < b->seq ? -1 : a->seq > b->seq;
}

static bool same_place(const struct entry *a, const struct entry *b)
{
	return a->view == b->view && a->port == b->port && a->proto == b->proto &&
	       a->dst.prefix == b->dst.prefix && !address_cmp(&a->dst.addr, &b->dst.addr);
}

/* b stands where a does. Names tell HTTP destinations apart; of others only one can have it. */
static void entry_merge(struct compile *c, struct entry *a, const struct entry *b)
{
	if (a->d.visible && a->d.http && b->d.visible && b->d.http) {
		if (b->d.proxy && !a->d.proxy)
			a->d.why = b->d.why;
		a->d.proxy |= b->d.proxy;
		a->d.kernel |= b->d.kernel;
		return;
	}
	if (!a->d.visible) {
		a->d = b->d;
		a->service = b->service;
		return;
	}
	if (b->d.visible && !a->view && a->service && b->service)
		note_add(c, b->service->object, b->service->object->pos, "",
			 "port %u of '" STR_FMT "' is not in force: '" STR_FMT
			 "' has the same address and port",
			 b->port, STR_ARG(b->service->host), STR_ARG(a->service->host));
}

static void sort_entries(struct compile *c)
{
	struct entry *e = c->entries.items;
	size_t kept = 0;

	if (c->entries.n)
		qsort(e, c->entries.n, sizeof(*e), entry_cmp);
	for (size_t i = 0; i < c->entries.n; i++) {
		if (kept && same_place(&e[kept - 1], &e[i]))
			entry_merge(c, &e[kept - 1], &e[i]);
		else
			e[kept++] = e[i];
	}
	c->entries.n = kept;
}

static int table_cmp(const void *pa, const void *pb)
{
	const struct host_table *a = *(struct host_table *const *)pa;
	const struct host_table *b = *(struct host_table *const *)pb;

	if (a->view != b->view)
		return a->view < b->view ? -1 : 1;
	return (int)a->port - (int)b->port;
}

static int named_cmp(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int c = (int)a->kind - (int)b->kind;

	if (!c)
		c = str_cmp(a->name, b->name);
	return c ? c : a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort_names(struct host_table *t)
{
	struct named *n = t->names.items;
	size_t kept = 0;

	qsort(n, t->names.n, sizeof(*n), named_cmp);
	for (size_t i = 0; i < t->names.n; i++)
		if (!kept || n[kept - 1].kind != n[i].kind || !str_eq(n[kept - 1].name, n[i].name))
			n[kept++] = n[i];
	t->names.n = kept;
}

static void sort_tables(struct emitter *e)
{
	struct compile *c = e->c;
	struct host_table **t = c->tables.items;
	size_t n = c->tables.n;

	for (size_t i = 0; i < n; i++) {
		/* an unknown Host goes where the client dialled; last, so that a rule's "*" wins */
		if (!t[i]->view || !table_at(c, 0, t[i]->port, false))
			name_add(c, t[i], DOMAIN_ANY, STR("*"), e->passthrough);
		sort_names(t[i]);
	}
	if (n)
		qsort(t, n, sizeof(struct host_table *), table_cmp);
}

/* Every HTTP listener has a table, also where no name was put. */
static void make_tables(struct compile *c)
{
	const struct entry *e = c->entries.items;

	for (size_t i = 0; i < c->entries.n; i++)
		if (e[i].d.visible && e[i].d.http && !table_at(c, e[i].view, e[i].port, false))
			table_at(c, 0, e[i].port, true);
}

void emit_all(struct compile *c)
{
	struct emitter e = { .c = c, .passthrough = routes_passthrough(c) };
	struct mesh_service **s;

	map_init(&c->key_to_table, c->scratch);
	e.own_prefixes = arena_array(c->scratch, c->views.n, sizeof(bool));
	e.cluster_suffix = arena_printf(c->scratch, ".svc." STR_FMT, STR_ARG(c->domain));
	add_foreign(c);
	s = c->services.items;
	for (size_t i = 0; i < c->services.n; i++) {
		const struct view *v = c->views.items;

		find_sensitive(c, s[i]);
		for (uint32_t j = 0; j < s[i]->nr_ports; j++)
			walk_port(&e, s[i], &s[i]->ports[j]);
		if (s[i]->kubernetes && scope_sees(&s[i]->scope, v[0].ns))
			refuse_others(c, s[i]);
	}
	walk_prefixes(&e);
	sort_entries(c);
	make_tables(c);
	sort_tables(&e);
}
