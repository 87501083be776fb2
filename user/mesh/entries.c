// SPDX-License-Identifier: Apache-2.0
#include "mesh/entries.h"

#include <netinet/in.h>

#include "mesh/registry.h"

static bool is_static(const struct service_entry *e)
{
	return str_eq(e->resolution, STR("STATIC"));
}

static bool is_dns(const struct service_entry *e)
{
	return str_starts(e->resolution, STR("DNS")) || str_eq(e->resolution, STR("DYNAMIC_DNS"));
}

static uint32_t endpoint_port(const struct workload_entry *w, const struct service_port *p)
{
	for (size_t i = 0; i < w->ports.n; i++)
		if (str_eq(w->ports.items[i].key, p->name))
			return w->ports.items[i].value;
	return p->target_port ? p->target_port : p->port;
}

static void add_endpoint(struct compile *c, const struct object *o, const struct workload_entry *w,
			 const struct service_port *p, struct vec *v)
{
	struct member m = { .weight = w->weight ? w->weight : 1, .labels = &w->labels };

	if (!address_parse(w->address, &m.addr)) {
		note_add(c, o, w->pos, "spec.endpoints",
			 "address '" STR_FMT "' is not in force yet: only IP addresses are",
			 STR_ARG(w->address));
		return;
	}
	m.port = (uint16_t)endpoint_port(w, p);
	*(struct member *)vec_push(c->scratch, v, sizeof(m)) = m;
}

static void add_members(struct compile *c, const struct pod_index *pods, const struct object *o,
			const struct service_port *p, struct vec *v)
{
	const struct service_entry *e = o->spec;
	struct workload **selected;
	size_t n = 0;

	for (size_t i = 0; is_static(e) && i < e->endpoints.n; i++)
		add_endpoint(c, o, &e->endpoints.items[i], p, v);
	if (!e->has_workload_selector || !e->workload_selector.n)
		return;
	selected = pods_selected(c, pods, o->meta.ns, &e->workload_selector, &n);
	for (size_t i = 0; i < n; i++)
		if (selected[i]->ready)
			member_add(c, v, selected[i], p->target_port ? p->target_port : p->port);
}

/* The port of that number, made when absent. Ports move when they grow: look up again after. */
static struct mesh_port *port_at(struct compile *c, struct mesh_service *m,
				 const struct service_port *p)
{
	struct mesh_port *out = service_port_at(m, p->port), *grown;

	if (out)
		return out;
	grown = arena_array(c->scratch, m->nr_ports + 1, sizeof(*grown));
	if (m->nr_ports)
		memcpy(grown, m->ports, m->nr_ports * sizeof(*grown));
	m->ports = grown;
	out = &grown[m->nr_ports++];
	out->name = p->name;
	out->port = (uint16_t)p->port;
	out->app = protocol_of(p->protocol, p->app_protocol, p->name, p->port);
	out->proto = out->app == APP_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	out->pos = p->pos;
	return out;
}

static void add_addresses(struct compile *c, struct mesh_service *m, const struct service_entry *e)
{
	struct subnet *all = arena_array(c->scratch, m->nr_vips + e->addresses.n, sizeof(*all));
	uint32_t n = m->nr_vips;

	if (n)
		memcpy(all, m->vips, n * sizeof(*all));
	for (size_t i = 0; i < e->addresses.n; i++) {
		struct subnet net;
		bool known = false;

		if (!subnet_parse(e->addresses.items[i], &net))
			continue;
		for (uint32_t j = 0; j < n && !known; j++)
			known = all[j].prefix == net.prefix &&
				!address_cmp(&all[j].addr, &net.addr);
		if (!known)
			all[n++] = net;
	}
	m->vips = all;
	m->nr_vips = n;
}

static struct mesh_service *service_at(struct compile *c, const struct object *o, struct str host)
{
	const struct service_entry *e = o->spec;
	void **slot = map_at(&c->host_to_svc, host);
	struct mesh_service *m = *slot;

	if (m) {
		/* one that balances wins over one that passes through */
		if (!m->headless && (is_static(e) || e->has_workload_selector))
			m->original_dst = false;
		return m;
	}
	m = arena_alloc(c->scratch, sizeof(*m));
	m->host = host;
	m->name = host;
	m->ns = o->meta.ns;
	m->object = o;
	m->scope = scope_of(c->scratch, e->export_to, o->meta.ns);
	m->original_dst = !is_static(e) && !e->has_workload_selector;
	*slot = m;
	return m;
}

static void add_entry(struct compile *c, const struct pod_index *pods, const struct object *o,
		      struct str host)
{
	const struct service_entry *e = o->spec;
	struct mesh_service *m = service_at(c, o, host);

	for (size_t i = 0; i < e->ports.n; i++) {
		struct mesh_port *p = port_at(c, m, &e->ports.items[i]);
		struct vec v = { 0 };

		for (uint32_t j = 0; j < p->nr_members; j++)
			*(struct member *)vec_push(c->scratch, &v, sizeof(struct member)) =
				p->members[j];
		add_members(c, pods, o, &e->ports.items[i], &v);
		port_set_members(p, &v);
	}
	add_addresses(c, m, e);
	m->any_address = !m->nr_vips && !m->kubernetes;
}

void entries_build(struct compile *c, const struct pod_index *pods,
		   const struct object *const *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct service_entry *e = entries[i]->spec;

		if (is_dns(e))
			note_add(c, entries[i], entries[i]->pos, "spec.resolution",
				 STR_FMT " is not enforced yet: connections go to the address that "
					 "the client dialled, as with NONE",
				 STR_ARG(e->resolution));
		for (size_t j = 0; j < e->hosts.n; j++)
			add_entry(c, pods, entries[i],
				  host_expand(c->scratch, e->hosts.items[j], entries[i]->meta.ns,
					      c->domain));
	}
}
