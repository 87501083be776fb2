// SPDX-License-Identifier: Apache-2.0
/* Rules of a VirtualService; those of its HTTP routes are in validate_route.c. */
#include "config/routes.h"

bool vs_mesh_only(const struct virtual_service *vs)
{
	for (size_t i = 0; i < vs->gateways.n; i++)
		if (!str_eq(vs->gateways.items[i], STR("mesh")))
			return false;
	return true;
}

struct overlap {
	struct check *c;
	const struct strs *hosts;
	size_t i;
};

/* Reported at the later of the two. */
static void report_overlap(void *arg, size_t wildcard)
{
	struct overlap *o = arg;
	size_t late = o->i > wildcard ? o->i : wildcard, early = o->i > wildcard ? wildcard : o->i;

	check_error(o->c, at(o->c, "spec.hosts[%zu]", late),
		    "\"" STR_FMT "\" overlaps with \"" STR_FMT
		    "\": keep one, or use two VirtualServices",
		    STR_ARG(o->hosts->items[late]), STR_ARG(o->hosts->items[early]));
}

static void check_hosts(struct check *c, const struct virtual_service *vs,
			const struct host_set *set)
{
	bool mesh_only = vs_mesh_only(vs);

	for (size_t i = 0; i < vs->hosts.n; i++) {
		struct str host = vs->hosts.items[i], here = at(c, "spec.hosts[%zu]", i);
		struct overlap overlap = { c, &vs->hosts, i };
		const char *fault = host_fault(host, HOST_WILDCARD | HOST_PARTIAL | HOST_IP);

		if (fault) {
			check_host(c, here, host, HOST_WILDCARD | HOST_PARTIAL | HOST_IP);
			continue;
		}
		if (str_eq(host, STR("*")) && mesh_only)
			check_error(c, here,
				    "`*` is not allowed without a gateway: name the "
				    "services, or list a gateway in `gateways`");
		if (host_set_first(set, host) != i)
			check_error(c, here, "\"" STR_FMT "\" is listed twice: remove one",
				    STR_ARG(host));
		else
			host_set_wildcards(set, host, report_overlap, &overlap);
	}
}

void check_gateway_names(struct check *c, struct str path, const struct strs *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct str name = names->items[i], ns = { 0 };
		struct str here = at(c, STR_FMT "[%zu]", STR_ARG(path), i);
		bool qualified = str_cut(&name, '/', &ns);

		if (!qualified && str_find(name, '.') >= 0 && is_dns_name(name))
			check_warn(c, here,
				   "\"" STR_FMT "\" is the old form of a gateway's name: write "
				   "namespace/name",
				   STR_ARG(name));
		else if ((qualified && !is_dns_label(ns)) ||
			 !(is_dns_label(name) || (qualified && is_dns_name(name))))
			check_error(c, here,
				    "\"" STR_FMT
				    "\" is not a gateway: write name, namespace/name or "
				    "mesh",
				    STR_ARG(str_sub(names->items[i], 0, 100)));
	}
}

void check_weights(struct check *c, struct str path, const struct route_destination *routes,
		   size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += routes[i].weight.v;
	if (n > 1 && !sum)
		check_error(c, path,
			    "the weights of several destinations are all 0: write a "
			    "weight for each");
}

void check_destination(struct check *c, struct str path, const struct destination *d)
{
	struct str host = at(c, STR_FMT ".host", STR_ARG(path));

	if (str_eq(d->host, STR("*")))
		check_error(c, host, "`*` is no destination: name a service");
	else
		check_host(c, host, d->host, HOST_WILDCARD | HOST_PARTIAL | HOST_IP);
	if (d->subset.n)
		check_dns_label(c, at(c, STR_FMT ".subset", STR_ARG(path)), d->subset, "subset");
	if (d->port_name.n)
		check_warn(c, at(c, STR_FMT ".port.name", STR_ARG(path)),
			   "a port's name is the old form: write port: {number: …}");
}

/* ---- tls, tcp -------------------------------------------------------------------------------- */
static void check_sni(struct check *c, const struct host_set *set, struct str path, struct str sni)
{
	if (is_ip(sni)) {
		check_warn(c, path, "clients send no addresses as server names: write a name");
		return;
	}
	if (!check_host(c, path, sni, HOST_WILDCARD | HOST_PARTIAL))
		return;
	if (!host_set_covers(set, sni))
		check_error(c, path, "\"" STR_FMT "\" is not under one of spec.hosts: add it there",
			    STR_ARG(sni));
}

static void check_l4_match(struct check *c, const struct host_set *set, struct str path,
			   const struct l4_match *m, bool tls)
{
	for (size_t i = 0; i < m->destination_subnets.n; i++)
		check_subnet(c, at(c, STR_FMT ".destinationSubnets[%zu]", STR_ARG(path), i),
			     m->destination_subnets.items[i]);
	for (size_t i = 0; i < m->source_subnets.n; i++)
		check_subnet(c, at(c, STR_FMT ".sourceSubnet", STR_ARG(path)),
			     m->source_subnets.items[i]);
	check_labels(c, at(c, STR_FMT ".sourceLabels", STR_ARG(path)), &m->source_labels);
	check_gateway_names(c, at(c, STR_FMT ".gateways", STR_ARG(path)), &m->gateways);
	if (m->source_namespace.n)
		check_dns_label(c, at(c, STR_FMT ".sourceNamespace", STR_ARG(path)),
				m->source_namespace, "namespace");
	if (tls && !m->sni_hosts.n)
		check_error(c, at(c, STR_FMT ".sniHosts", STR_ARG(path)),
			    "the list is empty: name the server names to match");
	for (size_t i = 0; i < m->sni_hosts.n; i++)
		check_sni(c, set, at(c, STR_FMT ".sniHosts[%zu]", STR_ARG(path), i),
			  m->sni_hosts.items[i]);
}

static void check_l4_route(struct check *c, const struct host_set *set, struct str path,
			   const struct l4_route *r, bool tls)
{
	if (tls && !r->matches.n)
		check_error(c, path, "a TLS route needs a match: add match with sniHosts");
	if (!r->routes.n)
		check_error(c, path,
			    "the route has no destination: add `route:` with at least one");
	for (size_t i = 0; i < r->matches.n; i++)
		check_l4_match(c, set, at(c, STR_FMT ".match[%zu]", STR_ARG(path), i),
			       &r->matches.items[i], tls);
	for (size_t i = 0; i < r->routes.n; i++)
		check_destination(c, at(c, STR_FMT ".route[%zu].destination", STR_ARG(path), i),
				  &r->routes.items[i].destination);
	check_weights(c, at(c, STR_FMT ".route", STR_ARG(path)), r->routes.items, r->routes.n);
}

static void check_l4(struct check *c, const struct virtual_service *vs, const struct host_set *set)
{
	for (size_t i = 0; i < vs->tls.n; i++)
		check_l4_route(c, set, at(c, "spec.tls[%zu]", i), &vs->tls.items[i], true);
	for (size_t i = 0; i < vs->tcp.n; i++) {
		check_l4_route(c, set, at(c, "spec.tcp[%zu]", i), &vs->tcp.items[i], false);
		if (i + 1 < vs->tcp.n && !vs->tcp.items[i].matches.n)
			check_warn(c, at(c, "spec.tcp[%zu]", i + 1),
				   "this route is never reached: spec.tcp[%zu] before it has no "
				   "match and takes everything (IST0130)",
				   i);
	}
}

static void check_delegate(struct check *c, const struct virtual_service *vs)
{
	if (vs->gateways.n)
		check_error(c, STR("spec.gateways"),
			    "without hosts this is a delegate, which has no "
			    "gateways: add hosts, or remove gateways");
	if (vs->tls.n || vs->tcp.n)
		check_error(c, vs->tls.n ? STR("spec.tls") : STR("spec.tcp"),
			    "without hosts this is a delegate, which has only http routes: add "
			    "hosts, or remove these routes");
	for (size_t i = 0; i < vs->http.n; i++)
		if (vs->http.items[i].has_delegate)
			check_error(c, at(c, "spec.http[%zu].delegate", i),
				    "a delegate may not delegate again: add hosts, or route here");
}

void validate_virtual_service(struct check *c, const void *spec)
{
	const struct virtual_service *vs = spec;
	struct host_set set;

	host_set_init(&set, c->scratch, &vs->hosts);
	if (!vs->http.n && !vs->tls.n && !vs->tcp.n)
		check_error(c, STR("spec"), "there is no route: add http, tls or tcp");
	if (!vs->hosts.n)
		check_delegate(c, vs);
	check_hosts(c, vs, &set);
	check_gateway_names(c, STR("spec.gateways"), &vs->gateways);
	check_export_to(c, &vs->export_to, false);
	for (size_t i = 0; i < vs->http.n; i++)
		check_http_route(c, vs, at(c, "spec.http[%zu]", i), &vs->http.items[i]);
	check_reachable(c, vs);
	check_l4(c, vs, &set);
}
