// SPDX-License-Identifier: Apache-2.0
#include "mesh/registry.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "mesh/entries.h"
#include "mesh/workloads.h"

/* ---- objects by kind ------------------------------------------------------------------------- */
static int object_cmp(const void *pa, const void *pb)
{
	const struct object *a = *(const struct object *const *)pa;
	const struct object *b = *(const struct object *const *)pb;
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	c = str_cmp(a->meta.ns, b->meta.ns);
	if (!c)
		c = str_cmp(a->meta.name, b->meta.name);
	if (!c)
		c = a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
	return c;
}

static bool same_name(const struct object *a, const struct object *b)
{
	return a->kind == b->kind && str_eq(a->meta.ns, b->meta.ns) &&
	       str_eq(a->meta.name, b->meta.name);
}

void by_kind_build(struct compile *c, struct by_kind *out)
{
	const struct objects *in = c->objects;
	const struct object **all = arena_array(c->scratch, in->n, sizeof(*all));
	size_t n = 0, kept = 0;

	*out = (struct by_kind){ 0 };
	for (size_t i = 0; i < in->n; i++) {
		const struct object *o = in->items[i];

		if (o->valid && !o->skipped && (o->spec || o->kind == KIND_NAMESPACE))
			all[n++] = o;
	}
	qsort(all, n, sizeof(*all), object_cmp);
	for (size_t i = 0; i < n; i++) {
		/* a generated name is not known yet: such objects never replace each other */
		if (i + 1 < n && all[i]->meta.name.n && same_name(all[i], all[i + 1])) {
			note_add(c, all[i], all[i]->pos, "",
				 "replaced by a later document of the same kind and name");
			continue;
		}
		if (!out->of[all[i]->kind].n++)
			out->of[all[i]->kind].items = &all[kept];
		all[kept++] = all[i];
	}
}

int object_age_cmp(const struct object *a, const struct object *b)
{
	struct str ta = a->meta.creation_timestamp, tb = b->meta.creation_timestamp;
	int c;

	if (!ta.n != !tb.n)
		return ta.n ? -1 : 1;
	c = ta.n ? str_cmp(ta, tb) : 0;
	if (!c && ta.n)
		c = str_cmp(a->meta.name, b->meta.name);
	if (!c && ta.n)
		c = str_cmp(a->meta.ns, b->meta.ns);
	return c ? c : a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

/* ---- services -------------------------------------------------------------------------------- */
struct mesh_port *service_port_at(const struct mesh_service *s, uint32_t port)
{
	for (uint32_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].port == port)
			return &s->ports[i];
	return NULL;
}

static int family_of(const struct ip16 *a)
{
	return address_is_v4(a) ? 0 : 1;
}

int service_family(const struct mesh_service *s)
{
	if (s->nr_vips)
		return family_of(&s->vips[0].addr);
	for (uint32_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].nr_members)
			return family_of(&s->ports[i].members[0].addr);
	return 0;
}

bool service_has_family(const struct mesh_service *s, int family)
{
	for (uint32_t i = 0; i < s->nr_vips; i++)
		if (family_of(&s->vips[i].addr) == family)
			return true;
	return !s->nr_vips;
}

/* Endpoints and EndpointSlices of one Service. */
struct explicit
{
	struct vec sets; /* const struct endpoint_set * */
};

struct registry {
	struct compile *c;
	const struct pod_index *pods;
	struct map host_to_explicit; /* struct explicit * */
};

static void add_explicit(struct registry *r, const struct object *o)
{
	const struct endpoints *e = o->spec;
	struct explicit *x;
	void **slot;

	if (!e->service.n)
		return;
	slot = map_at(&r->host_to_explicit,
		      host_expand(r->c->scratch, e->service, o->meta.ns, r->c->domain));
	if (!*slot)
		*slot = arena_alloc(r->c->scratch, sizeof(*x));
	x = *slot;
	for (size_t i = 0; i < e->sets.n; i++)
		*(const struct endpoint_set **)vec_push(r->c->scratch, &x->sets, sizeof(void *)) =
			&e->sets.items[i];
}

/* The pod's number of a targetPort; 0: it has no such port. */
static uint32_t target_port(const struct service_port *p, const struct pod_object *pod)
{
	if (!p->target_port_name.n)
		return p->target_port ? p->target_port : p->port;
	for (size_t i = 0; i < pod->containers.n; i++) {
		const struct container *k = &pod->containers.items[i];

		for (size_t j = 0; j < k->ports.n; j++)
			if (str_eq(k->ports.items[j].name, p->target_port_name))
				return k->ports.items[j].port;
	}
	return 0;
}

static int member_cmp(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	int c = address_cmp(&a->addr, &b->addr);

	return c ? c : (int)a->port - (int)b->port;
}

static void members_sort(struct mesh_port *p, struct vec *v)
{
	struct member *m = v->items;
	uint32_t kept = 0;

	if (v->n > 1)
		qsort(m, v->n, sizeof(*m), member_cmp);
	for (size_t i = 0; i < v->n; i++)
		if (!kept || member_cmp(&m[kept - 1], &m[i]))
			m[kept++] = m[i];
	p->members = m;
	p->nr_members = kept;
}

void port_set_members(struct mesh_port *p, struct vec *members)
{
	members_sort(p, members);
}

void member_add(struct compile *c, struct vec *v, const struct workload *w, uint32_t port)
{
	for (int i = 0; i < 2; i++) {
		if (address_is_zero(&w->ips[i]))
			continue;
		*(struct member *)vec_push(c->scratch, v, sizeof(struct member)) = (struct member){
			.addr = w->ips[i],
			.port = (uint16_t)port,
			.weight = 1,
			.workload = w,
			.labels = &w->object->meta.labels,
		};
	}
}

/* internalTrafficPolicy: Local */
static bool local_only(const struct service *s)
{
	return str_eq(s->internal_traffic_policy, STR("Local"));
}

static void members_selected(struct registry *r, const struct object *o,
			     const struct service_port *p, struct workload **pods, size_t n,
			     struct vec *v)
{
	const struct service *s = o->spec;

	for (size_t i = 0; i < n; i++) {
		uint32_t port = target_port(p, pods[i]->pod);

		if (local_only(s) && !pods[i]->local)
			continue;
		if (port && (pods[i]->ready || s->publish_not_ready))
			member_add(r->c, v, pods[i], port);
	}
}

/* The port of an endpoint set that belongs to a service port: by name, or the only one. */
static uint32_t set_port(const struct endpoint_set *set, const struct service_port *p)
{
	for (size_t i = 0; i < set->ports.n; i++)
		if (str_eq(set->ports.items[i].name, p->name))
			return set->ports.items[i].port;
	return 0;
}

static void member_from_set(struct registry *r, const struct endpoint_address *a, uint32_t port,
			    struct vec *v)
{
	struct member m = { .port = (uint16_t)port, .weight = 1 };

	if (!address_parse(a->ip, &m.addr))
		return;
	if (a->target_name.n)
		m.workload = pod_named(r->c, r->pods, a->target_ns, a->target_name);
	if (!m.workload)
		m.workload = pod_at(r->c, r->pods, &m.addr);
	m.labels = m.workload ? &m.workload->object->meta.labels : NULL;
	*(struct member *)vec_push(r->c->scratch, v, sizeof(m)) = m;
}

static bool elsewhere(const struct registry *r, const struct endpoint_address *a)
{
	return r->c->opt->node && a->node_name.n && !str_eq(a->node_name, str_of(r->c->opt->node));
}

static void members_explicit(struct registry *r, const struct service *s, const struct explicit *x,
			     const struct service_port *p, struct vec *v)
{
	const struct endpoint_set *const *sets = x->sets.items;

	for (size_t i = 0; i < x->sets.n; i++) {
		uint32_t port = set_port(sets[i], p);

		for (size_t j = 0; port && j < sets[i]->addresses.n; j++) {
			const struct endpoint_address *a = &sets[i]->addresses.items[j];

			if (local_only(s) && elsewhere(r, a))
				continue;
			if (a->ready || s->publish_not_ready)
				member_from_set(r, a, port, v);
		}
	}
}

static void add_ports(struct registry *r, struct mesh_service *m)
{
	const struct object *o = m->object;
	const struct service *s = o->spec;
	const struct explicit *x = map_get(&r->host_to_explicit, m->host);
	struct workload **pods = NULL;
	size_t n = 0;

	if (!x && s->selector.n)
		pods = pods_selected(r->c, r->pods, o->meta.ns, &s->selector, &n);
	m->ports = arena_array(r->c->scratch, s->ports.n, sizeof(*m->ports));
	for (size_t i = 0; i < s->ports.n; i++) {
		const struct service_port *p = &s->ports.items[i];
		struct mesh_port *out = &m->ports[m->nr_ports++];
		struct vec v = { 0 };

		*out = (struct mesh_port){ .name = p->name, .port = (uint16_t)p->port };
		out->app = protocol_of(p->protocol, p->app_protocol, p->name, p->port);
		out->proto = out->app == APP_UDP ? IPPROTO_UDP : IPPROTO_TCP;
		out->pos = p->pos;
		if (x)
			members_explicit(r, s, x, p, &v);
		else
			members_selected(r, o, p, pods, n, &v);
		members_sort(out, &v);
	}
}

static void vip_add(struct registry *r, struct mesh_service *m, struct vec *v, struct str text)
{
	struct subnet net = { .prefix = 128 };
	const struct subnet *have = v->items;

	if (!address_parse(text, &net.addr))
		return;
	for (size_t i = 0; i < v->n; i++)
		if (!address_cmp(&have[i].addr, &net.addr))
			return;
	*(struct subnet *)vec_push(r->c->scratch, v, sizeof(net)) = net;
	m->vips = v->items;
	m->nr_vips = (uint32_t)v->n;
}

static struct scope service_scope(struct compile *c, const struct object *o)
{
	struct str text = label_get(&o->meta.annotations, STR("networking.istio.io/exportTo"));
	struct vec names = { 0 };
	struct str head;

	while (str_trim(text).n) {
		if (!str_cut(&text, ',', &head)) {
			head = text;
			text.n = 0;
		}
		*(struct str *)vec_push(c->scratch, &names, sizeof(head)) = str_trim(head);
	}
	return scope_of(c->scratch, (struct strs){ names.items, names.n }, o->meta.ns);
}

static void add_service(struct registry *r, const struct object *o)
{
	struct compile *c = r->c;
	const struct service *s = o->spec;
	struct mesh_service *m;
	struct vec vips = { 0 };
	void **slot;

	if (str_eq(s->type, STR("ExternalName"))) {
		note_add(c, o, o->pos, "spec.type", "ExternalName is not in force yet");
		return;
	}
	m = arena_alloc(c->scratch, sizeof(*m));
	m->object = o;
	m->kubernetes = true;
	m->name = o->meta.name;
	m->ns = o->meta.ns;
	m->host = host_expand(c->scratch, m->name, m->ns, c->domain);
	m->scope = service_scope(c, o);
	vip_add(r, m, &vips, s->cluster_ip);
	for (size_t i = 0; i < s->cluster_ips.n; i++)
		vip_add(r, m, &vips, s->cluster_ips.items[i]);
	m->headless = str_eq(s->cluster_ip, STR("None"));
	m->original_dst = m->headless;
	add_ports(r, m);
	slot = map_at(&c->host_to_svc, m->host);
	*slot = m;
	if (s->traffic_distribution.n)
		note_add(c, o, o->pos, "spec.trafficDistribution", "is not enforced yet");
	if (!m->headless && !m->nr_vips)
		note_add(c, o, o->pos, "spec.clusterIP",
			 "has no address yet: it cannot be reached by one");
}

static int service_cmp(const void *pa, const void *pb)
{
	const struct mesh_service *a = *(struct mesh_service *const *)pa;
	const struct mesh_service *b = *(struct mesh_service *const *)pb;

	return str_cmp(a->host, b->host);
}

void registry_build(struct compile *c, const struct by_kind *objects)
{
	struct registry r = { .c = c };

	map_init(&r.host_to_explicit, c->scratch);
	for (size_t i = 0; i < objects->of[KIND_NAMESPACE].n; i++) {
		const struct object *o = objects->of[KIND_NAMESPACE].items[i];

		*map_at(&c->namespaces, o->meta.name) = (void *)o;
	}
	workloads_build(c, objects->of[KIND_POD].items, objects->of[KIND_POD].n);
	r.pods = pod_index_new(c);
	for (int kind = KIND_ENDPOINTS; kind <= KIND_ENDPOINT_SLICE; kind++)
		for (size_t i = 0; i < objects->of[kind].n; i++)
			add_explicit(&r, objects->of[kind].items[i]);
	for (size_t i = 0; i < objects->of[KIND_SERVICE].n; i++)
		add_service(&r, objects->of[KIND_SERVICE].items[i]);
	entries_build(c, r.pods, objects->of[KIND_SERVICE_ENTRY].items,
		      objects->of[KIND_SERVICE_ENTRY].n);
	map_for_each(e, &c->host_to_svc)
		*(struct mesh_service **)vec_push(c->scratch, &c->services, sizeof(void *)) =
			e->value;
	if (c->services.n)
		qsort(c->services.items, c->services.n, sizeof(void *), service_cmp);
}
