// SPDX-License-Identifier: Apache-2.0
/* Rules of a ServiceEntry and of a WorkloadEntry. */
#include "config/rules.h"

enum { HTTP = 1, TLS = 2, TCP = 4, H2 = 8 };

/* What a protocol is, by its name in any case; 0: not known. */
static unsigned int protocol_of(struct str s)
{
	static const struct {
		const char *name;
		unsigned int is;
	} names[] = {
		{ "http", HTTP },     { "http2", HTTP | H2 }, { "grpc", HTTP | H2 },
		{ "grpc-web", HTTP }, { "http_proxy", HTTP }, { "https", TLS },
		{ "tls", TLS },	      { "tcp", TCP },	      { "mongo", TCP },
		{ "mysql", TCP },     { "redis", TCP },	      { "udp", TCP },
		{ "hbone", TCP },     { "doublehbone", TCP },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(s, str_of(names[i].name)))
			return names[i].is;
	return 0;
}

static bool is(const struct service_entry *se, const char *resolution)
{
	return str_eq(se->resolution, str_of(resolution));
}

/* ---- parts ----------------------------------------------------------------------------------- */
static void check_hosts(struct check *c, const struct service_entry *se)
{
	if (!se->hosts.n)
		check_error(c, STR("spec.hosts"), "the list is empty: name at least one host");
	for (size_t i = 0; i < se->hosts.n; i++) {
		struct str host = se->hosts.items[i], here = at(c, "spec.hosts[%zu]", i);

		if (str_eq(host, STR("*"))) {
			check_error(c, here, "`*` takes every host: write a name or *.suffix");
			continue;
		}
		if (!check_host(c, here, host, HOST_WILDCARD | HOST_PARTIAL))
			continue;
		if (host_fault(host, HOST_WILDCARD))
			check_warn(c, here,
				   "\"" STR_FMT "\" is a partial wildcard and matches only "
				   "itself: write *.suffix",
				   STR_ARG(host));
	}
}

static void check_addresses(struct check *c, const struct service_entry *se)
{
	for (size_t i = 0; i < se->addresses.n; i++) {
		struct str address = se->addresses.items[i];
		struct str here = at(c, "spec.addresses[%zu]", i);

		check_subnet(c, here, address);
		if (is_cidr(address) && !is(se, "NONE") && !is(se, "STATIC"))
			check_error(
				c, here,
				"a CIDR is allowed only with resolution NONE or STATIC: write an "
				"address");
	}
}

static void check_ports(struct check *c, const struct service_entry *se)
{
	struct map numbers, names;

	map_init(&numbers, c->scratch);
	map_init(&names, c->scratch);
	for (size_t i = 0; i < se->ports.n; i++) {
		const struct service_port *p = &se->ports.items[i];
		struct str here = at(c, "spec.ports[%zu]", i);

		check_dns_label(c, at(c, STR_FMT ".name", STR_ARG(here)), p->name, "port");
		if (p->protocol.n && !protocol_of(p->protocol))
			check_error(c, at(c, STR_FMT ".protocol", STR_ARG(here)),
				    "\"" STR_FMT "\" is not a protocol: write HTTP, HTTPS, HTTP2, "
				    "GRPC, TCP, TLS or MONGO",
				    STR_ARG(str_sub(p->protocol, 0, 40)));
		if ((!p->protocol.n || protocol_of(p->protocol) == TCP) && !se->addresses.n)
			check_warn(c, here,
				   "without `addresses` a %s port takes all traffic to port %u "
				   "(IST0134): add addresses",
				   p->protocol.n ? "TCP" : "protocol-less", p->port);
		if (seen_before(&numbers, at(c, "%u", p->port), i))
			check_error(
				c, at(c, STR_FMT ".number", STR_ARG(here)),
				"port number cannot be duplicated: %u is listed twice, remove one",
				p->port);
		if (seen_before(&names, p->name, i))
			check_error(c, at(c, STR_FMT ".name", STR_ARG(here)),
				    "\"" STR_FMT "\" names two ports: rename one",
				    STR_ARG(p->name));
	}
}

/* ---- endpoints ------------------------------------------------------------------------------- */
static void check_unix(struct check *c, struct str path, struct str address, bool ports)
{
	struct str file = str_sub(address, sizeof("unix://") - 1, address.n);
	struct str here = at(c, STR_FMT ".address", STR_ARG(path));

	if (!str_starts(file, STR("/")) && !str_starts(file, STR("@")))
		check_error(c, here,
			    "a unix socket needs an absolute path or an abstract name: "
			    "write unix:///path or unix://@name");
	else if (str_ends(file, STR("/")))
		check_error(c, here, "the path of a unix socket is a folder: name the socket");
	if (ports)
		check_error(c, at(c, STR_FMT ".ports", STR_ARG(path)),
			    "a unix socket has no ports: remove them");
}

static void check_workload(struct check *c, struct str path, const struct workload_entry *w,
			   bool names_ok)
{
	struct str here = at(c, STR_FMT ".address", STR_ARG(path));
	bool named = !str_starts(w->address, STR("unix://"));

	if (!named)
		check_unix(c, path, w->address, w->ports.n > 0);
	else if (!w->address.n && w->network.n)
		check_warn(c, here,
			   "without an address the endpoint is reached only through its "
			   "network's gateway");
	else if (!w->address.n)
		check_error(c, here, "the address is missing: write an IP, a name or unix:///path");
	else if (!is_ip(w->address) && !(names_ok && is_dns_name(w->address)))
		check_error(c, here, "\"" STR_FMT "\" is not %s",
			    STR_ARG(str_sub(w->address, 0, 100)),
			    names_ok ? "an address: write an IP, a host name or unix:///path"
				     : "an IP address: write one, or use resolution DNS");
	for (size_t i = 0; i < w->ports.n; i++)
		check_dns_label(c,
				at(c, STR_FMT ".ports[\"" STR_FMT "\"]", STR_ARG(path),
				   STR_ARG(w->ports.items[i].key)),
				w->ports.items[i].key, "port");
	check_labels(c, at(c, STR_FMT ".labels", STR_ARG(path)), &w->labels);
}

static void check_endpoint_ports(struct check *c, const struct service_entry *se, size_t i,
				 const struct map *names)
{
	const struct workload_entry *w = &se->endpoints.items[i];

	for (size_t j = 0; j < w->ports.n; j++) {
		struct str name = w->ports.items[j].key;

		if (!map_get(names, name))
			check_error(c,
				    at(c, "spec.endpoints[%zu].ports[\"" STR_FMT "\"]", i,
				       STR_ARG(name)),
				    "\"" STR_FMT "\" is not the name of one of spec.ports: use one "
				    "of them",
				    STR_ARG(name));
	}
	if (str_starts(w->address, STR("unix://")) && se->ports.n != 1)
		check_error(c, at(c, "spec.endpoints[%zu].address", i),
			    "an endpoint on a unix socket needs exactly one port in spec.ports, "
			    "there are %zu",
			    se->ports.n);
}

/* ---- resolution ------------------------------------------------------------------------------ */
static void check_dynamic(struct check *c, const struct service_entry *se)
{
	for (size_t i = 0; i < se->hosts.n; i++)
		if (!str_starts(se->hosts.items[i], STR("*")))
			check_error(c, at(c, "spec.hosts[%zu]", i),
				    "resolution DYNAMIC_DNS is for wildcard hosts: write *.suffix, "
				    "or use DNS");
	if (se->addresses.n)
		check_error(c, STR("spec.addresses"),
			    "resolution DYNAMIC_DNS takes no addresses: "
			    "remove them");
	if (se->endpoints.n)
		check_error(c, STR("spec.endpoints"),
			    "resolution DYNAMIC_DNS takes no endpoints: "
			    "remove them");
	for (size_t i = 0; i < se->ports.n; i++)
		if (!(protocol_of(se->ports.items[i].protocol) & (HTTP | TLS)))
			check_error(c, at(c, "spec.ports[%zu].protocol", i),
				    "resolution DYNAMIC_DNS needs HTTP, HTTP2, GRPC or TLS");
}

static void check_resolution(struct check *c, const struct service_entry *se)
{
	bool dns = is(se, "DNS") || is(se, "DNS_ROUND_ROBIN");

	if (is(se, "NONE") && se->endpoints.n)
		check_error(c, STR("spec.endpoints"),
			    "resolution NONE goes where the client dialled and takes no endpoints: "
			    "write resolution STATIC or DNS, or remove them");
	if (is(se, "DNS_ROUND_ROBIN") && se->endpoints.n > 1)
		check_error(c, STR("spec.endpoints"),
			    "resolution DNS_ROUND_ROBIN takes one endpoint: remove the others, or "
			    "write DNS");
	for (size_t i = 0; dns && !se->endpoints.n && i < se->hosts.n; i++)
		if (!is_dns_name(se->hosts.items[i]))
			check_error(c, at(c, "spec.hosts[%zu]", i),
				    "\"" STR_FMT
				    "\" cannot be looked up: write a full name, or add "
				    "endpoints",
				    STR_ARG(str_sub(se->hosts.items[i], 0, 100)));
	if (is(se, "DYNAMIC_DNS"))
		check_dynamic(c, se);
}

/* Several hosts can only be told apart by Host or SNI, or by the address dialled. */
static void check_many_hosts(struct check *c, const struct service_entry *se)
{
	if (se->hosts.n < 2 || is(se, "NONE"))
		return;
	for (size_t i = 0; i < se->ports.n; i++)
		if (!(protocol_of(se->ports.items[i].protocol) & (HTTP | TLS)))
			check_error(
				c, at(c, "spec.ports[%zu].protocol", i),
				"several hosts on a port that is neither HTTP nor TLS cannot be "
				"told apart: use one ServiceEntry a host, or resolution NONE");
}

static void check_entry_selector(struct check *c, const struct service_entry *se)
{
	if (!se->has_workload_selector)
		return;
	if (se->endpoints.n)
		check_error(c, STR("spec.workloadSelector"),
			    "only one of workloadSelector or endpoints can be set: keep one");
	check_selector(c, STR("spec.workloadSelector.labels"), &se->workload_selector);
	if (is(se, "NONE"))
		check_warn(c, STR("spec.workloadSelector"),
			   "with resolution NONE the selector has no effect: write resolution "
			   "STATIC");
}

void validate_service_entry(struct check *c, const void *spec)
{
	const struct service_entry *se = spec;
	struct map names;

	map_init(&names, c->scratch);
	for (size_t i = 0; i < se->ports.n; i++)
		seen_before(&names, se->ports.items[i].name, i);
	check_hosts(c, se);
	check_addresses(c, se);
	check_ports(c, se);
	check_entry_selector(c, se);
	for (size_t i = 0; i < se->endpoints.n; i++) {
		check_workload(c, at(c, "spec.endpoints[%zu]", i), &se->endpoints.items[i],
			       !is(se, "STATIC"));
		check_endpoint_ports(c, se, i, &names);
	}
	check_resolution(c, se);
	check_many_hosts(c, se);
	check_export_to(c, &se->export_to, true);
	for (size_t i = 0; i < se->subject_alt_names.n; i++)
		if (!se->subject_alt_names.items[i].n)
			check_error(c, at(c, "spec.subjectAltNames[%zu]", i),
				    "the name is empty: remove it");
}

void validate_workload_entry(struct check *c, const void *spec)
{
	check_workload(c, STR("spec"), spec, true);
}
