// SPDX-License-Identifier: Apache-2.0
/* Rules of Gateway, PeerAuthentication, Policy, RouteRule and the Kubernetes kinds. */
#include "config/rules.h"

static bool one_of(struct str s, const char *words)
{
	struct str rest = str_of(words), one;
	bool more = true;

	while (more) {
		more = str_cut(&rest, ' ', &one);
		if (str_ieq(s, more ? one : rest))
			return true;
	}
	return false;
}

/* ---- Gateway --------------------------------------------------------------------------------- */
static void check_server_hosts(struct check *c, struct str path, const struct server *s)
{
	if (!s->hosts.n)
		check_error(c, path, "the list is empty: name at least one host, or \"*\"");
	for (size_t i = 0; i < s->hosts.n; i++) {
		struct str host = s->hosts.items[i], ns,
			   here = at(c, STR_FMT "[%zu]", STR_ARG(path), i);

		if (str_cut(&host, '/', &ns) && !is_dns_label(ns) && !str_eq(ns, STR("*")) &&
		    !str_eq(ns, STR(".")))
			check_error(c, here,
				    "\"" STR_FMT "\" is not a namespace: write its name, "
				    "`.` or `*`",
				    STR_ARG(str_sub(ns, 0, 100)));
		if (!check_host(c, here, host, HOST_WILDCARD | HOST_IP))
			continue;
		if (!str_eq(host, STR("*")) && str_find(host, '.') < 0 && !is_ip(host))
			check_error(c, here,
				    "\"" STR_FMT
				    "\" is a short name: write the full one, such as " STR_FMT
				    ".example.com",
				    STR_ARG(host), STR_ARG(host));
	}
}

static unsigned int cert_sources(const struct server_tls *t)
{
	return (t->server_certificate.n || t->private_key.n) + (t->credential_name.n > 0) +
	       (t->credential_names.n > 0) + (t->nr_tls_certificates > 0);
}

static void check_certs(struct check *c, struct str path, const struct server_tls *t)
{
	bool named = t->credential_name.n || t->credential_names.n;
	bool mutual = one_of(t->mode, "MUTUAL OPTIONAL_MUTUAL");

	if (!cert_sources(t))
		check_error(c, path,
			    "mode " STR_FMT " needs a certificate: add credentialName, or "
			    "serverCertificate and privateKey",
			    STR_ARG(t->mode));
	else if (cert_sources(t) > 1)
		check_error(c, path,
			    "the certificate comes from several places: keep one of files, "
			    "credentialName, credentialNames and tlsCertificates");
	else if (t->server_certificate.n && !t->private_key.n)
		check_error(c, path, "privateKey is missing: name the file");
	else if (!t->server_certificate.n && t->private_key.n)
		check_error(c, path, "serverCertificate is missing: name the file");
	if (mutual && !t->ca_certificates.n && !named && !t->ca_cert_credential_name.n)
		check_error(c, path,
			    "mode " STR_FMT " needs caCertificates to check clients: name "
			    "the file, or credentialName",
			    STR_ARG(t->mode));
	if (t->ca_crl.n && (str_eq(t->mode, STR("SIMPLE")) || named))
		check_error(c, at(c, STR_FMT ".caCrl", STR_ARG(path)),
			    "caCrl does not go with mode SIMPLE or credentialName: remove it");
}

static const char ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 "
	"ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 "
	"ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA "
	"AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA DES-CBC3-SHA";

static void check_ciphers(struct check *c, struct str path, const struct server_tls *t)
{
	struct map seen;

	map_init(&seen, c->scratch);
	for (size_t i = 0; i < t->cipher_suites.n; i++) {
		struct str name = t->cipher_suites.items[i];
		struct str here = at(c, STR_FMT ".cipherSuites[%zu]", STR_ARG(path), i);

		if (!one_of(name, ciphers))
			check_warn(c, here, "\"" STR_FMT "\" is not a known cipher and is ignored",
				   STR_ARG(str_sub(name, 0, 60)));
		if (seen_before(&seen, name, i))
			check_warn(c, here, "the cipher is listed twice: remove one");
	}
	if (one_of(t->min_version, "TLSV1_0 TLSV1_1"))
		check_warn(c, at(c, STR_FMT ".minProtocolVersion", STR_ARG(path)),
			   "TLS before 1.2 is not safe: write TLSV1_2");
}

static void check_server_tls(struct check *c, struct str path, const struct server_tls *t)
{
	bool terminates = one_of(t->mode, "SIMPLE MUTUAL OPTIONAL_MUTUAL");

	if (terminates)
		check_certs(c, path, t);
	else if (str_eq(t->mode, STR("ISTIO_MUTUAL")) && (cert_sources(t) || t->ca_certificates.n))
		check_error(c, path,
			    "mode ISTIO_MUTUAL uses the mesh's own certificates: remove "
			    "the others");
	else if (!str_eq(t->mode, STR("ISTIO_MUTUAL")) && cert_sources(t))
		check_warn(c, path,
			   "in mode " STR_FMT " the certificate is not used: write mode "
			   "SIMPLE or MUTUAL",
			   STR_ARG(t->mode.n ? t->mode : STR("PASSTHROUGH")));
	check_ciphers(c, path, t);
}

static void check_server_port(struct check *c, struct str path, const struct server *s)
{
	struct str port = at(c, STR_FMT ".port", STR_ARG(path));
	bool tls = one_of(s->port.protocol, "HTTPS TLS"), http = one_of(s->port.protocol, "HTTP");

	if (!one_of(s->port.protocol, "HTTP HTTPS GRPC GRPC-WEB HTTP2 MONGO TCP TLS"))
		check_error(c, at(c, STR_FMT ".protocol", STR_ARG(port)),
			    "\"" STR_FMT
			    "\" is not a protocol of gateways: write HTTP, HTTPS, GRPC, "
			    "GRPC-WEB, HTTP2, MONGO, TCP or TLS",
			    STR_ARG(str_sub(s->port.protocol, 0, 40)));
	if (!s->port.port && !str_starts(s->bind, STR("unix://")))
		check_error(c, at(c, STR_FMT ".number", STR_ARG(port)),
			    "the port has no number: write 1…65535");
	if (s->port.target_port)
		check_error(c, at(c, STR_FMT ".targetPort", STR_ARG(port)),
			    "targetPort has no meaning in a Gateway: remove it");
	check_dns_label(c, at(c, STR_FMT ".name", STR_ARG(port)), s->port.name, "port");
	if (tls && !s->tls)
		check_error(c, path, "a " STR_FMT " server needs `tls`: add it with a mode",
			    STR_ARG(s->port.protocol));
	if (!tls && s->tls && s->tls->https_redirect && !http)
		check_warn(c, at(c, STR_FMT ".tls.httpsRedirect", STR_ARG(path)),
			   "httpsRedirect works on HTTP servers only: remove it");
	else if (!tls && s->tls &&
		 !(http && s->tls->https_redirect && !s->tls->mode.n && !cert_sources(s->tls)))
		check_error(c, at(c, STR_FMT ".tls", STR_ARG(path)),
			    http ? "an HTTP server may have only tls.httpsRedirect: write protocol "
				   "HTTPS, or remove the rest"
				 : "this protocol takes no tls: write protocol HTTPS or TLS, or "
				   "remove it");
	else if (tls && s->tls && s->tls->https_redirect)
		check_warn(c, at(c, STR_FMT ".tls.httpsRedirect", STR_ARG(path)),
			   "httpsRedirect works on HTTP servers only: remove it");
}

void validate_gateway(struct check *c, const void *spec)
{
	const struct gateway *g = spec;
	struct map names;

	map_init(&names, c->scratch);
	if (!g->servers.n)
		check_error(c, STR("spec.servers"),
			    "there is no server: add one with port and "
			    "hosts");
	check_labels(c, STR("spec.selector"), &g->selector);
	for (size_t i = 0; i < g->servers.n; i++) {
		const struct server *s = &g->servers.items[i];
		struct str here = at(c, "spec.servers[%zu]", i);

		check_server_port(c, here, s);
		check_server_hosts(c, at(c, STR_FMT ".hosts", STR_ARG(here)), s);
		if (s->tls && one_of(s->port.protocol, "HTTPS TLS"))
			check_server_tls(c, at(c, STR_FMT ".tls", STR_ARG(here)), s->tls);
		if (s->bind.n && !is_ip(s->bind) && !str_starts(s->bind, STR("unix://")))
			check_error(c, at(c, STR_FMT ".bind", STR_ARG(here)),
				    "\"" STR_FMT
				    "\" is not an address: write an IP or unix:///path",
				    STR_ARG(str_sub(s->bind, 0, 100)));
		if (seen_before(&names, s->port.name, i))
			check_error(c, at(c, STR_FMT ".port.name", STR_ARG(here)),
				    "\"" STR_FMT "\" names two ports: rename one",
				    STR_ARG(s->port.name));
	}
}

/* ---- PeerAuthentication, Policy -------------------------------------------------------------- */
void validate_peer_authentication(struct check *c, const void *spec)
{
	const struct peer_authentication *pa = spec;

	if (pa->has_selector)
		check_selector(c, STR("spec.selector.matchLabels"), &pa->selector);
	if (!pa->has_port_level)
		return;
	if (!pa->has_selector || !pa->selector.n)
		check_error(c, STR("spec.portLevelMtls"),
			    "portLevelMtls requires a selector with "
			    "labels: add it");
	if (!pa->port_level.n)
		check_error(c, STR("spec.portLevelMtls"),
			    "the mapping is empty: add a port, or remove it");
	for (size_t i = 0; i < pa->port_level.n; i++) {
		struct str port = pa->port_level.items[i].port;
		uint64_t n = 0;

		if (str_u64(port, 65535, &n) || !n)
			check_error(c, at(c, "spec.portLevelMtls[\"" STR_FMT "\"]", STR_ARG(port)),
				    "\"" STR_FMT "\" is not a port: write 1…65535",
				    STR_ARG(str_sub(port, 0, 40)));
	}
}

void validate_policy(struct check *c, const void *spec)
{
	const struct policy *p = spec;
	struct str name = c->o->meta.name;

	if (!p->targets.n && !str_eq(name, STR("default")))
		check_error(c, STR("metadata.name"),
			    "a Policy without targets is for the whole namespace and must be named "
			    "default: rename it, or add targets");
	for (size_t i = 0; i < p->targets.n; i++)
		check_dns_label(c, at(c, "spec.targets[%zu].name", i), p->targets.items[i].name,
				"service");
}

/* ---- RouteRule ------------------------------------------------------------------------------- */
static void check_legacy_routes(struct check *c, const struct route_rule *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->routes.n; i++) {
		const struct legacy_route *route = &r->routes.items[i];

		check_labels(c, at(c, "spec.route[%zu].labels", i), &route->labels);
		sum += route->weight.v;
	}
	if (r->routes.n > 1 && sum != 100)
		check_error(c, STR("spec.route"), "the weights add up to %llu: make it 100",
			    (unsigned long long)sum);
	else if (r->routes.n == 1 && r->routes.items[0].weight.set && sum != 100)
		check_error(c, STR("spec.route[0].weight"),
			    "the only route has weight %llu: write 100, or remove it",
			    (unsigned long long)sum);
}

static void check_legacy_match(struct check *c, const struct route_rule *r)
{
	for (size_t i = 0; i < r->headers.n; i++)
		check_match(c,
			    at(c, "spec.match.request.headers[\"" STR_FMT "\"]",
			       STR_ARG(r->headers.items[i].key)),
			    &r->headers.items[i].match, true);
	for (size_t i = 0; i < r->source_subnets.n; i++)
		check_subnet(c, STR("spec.match.tcp.sourceSubnet"), r->source_subnets.items[i]);
	for (size_t i = 0; i < r->destination_subnets.n; i++)
		check_subnet(c, STR("spec.match.tcp.destinationSubnet"),
			     r->destination_subnets.items[i]);
}

void validate_route_rule(struct check *c, const void *spec)
{
	const struct route_rule *r = spec;

	if (!r->destination.name.n && !r->destination.service.n)
		check_error(c, STR("spec.destination"), "the destination has no name: add `name:`");
	if (r->destination.labels.n)
		check_error(c, STR("spec.destination.labels"),
			    "labels of the destination belong to the route: move them to "
			    "spec.route[].labels");
	check_legacy_match(c, r);
	check_legacy_routes(c, r);
	if (r->redirect && (r->routes.n || r->rewrite || r->fault))
		check_error(c, STR("spec.redirect"),
			    "`redirect` excludes route, rewrite and httpFault: keep one");
	if (r->redirect)
		check_redirect(c, STR("spec.redirect"), r->redirect);
	if (r->rewrite)
		check_rewrite(c, STR("spec.rewrite"), r->rewrite);
	if (r->fault)
		check_fault(c, STR("spec.httpFault"), r->fault);
	if (r->cors)
		check_cors(c, STR("spec.corsPolicy"), r->cors);
}

/* ---- Kubernetes ------------------------------------------------------------------------------ */
static void check_address(struct check *c, struct str path, struct str address)
{
	if (address.n && !is_ip(address))
		check_error(c, path, "\"" STR_FMT "\" is not an IP address: write one",
			    STR_ARG(str_sub(address, 0, 100)));
}

void validate_service(struct check *c, const void *spec)
{
	const struct service *s = spec;
	struct map seen;

	map_init(&seen, c->scratch);
	if (!str_eq(s->cluster_ip, STR("None")))
		check_address(c, STR("spec.clusterIP"), s->cluster_ip);
	for (size_t i = 0; i < s->cluster_ips.n; i++)
		if (!str_eq(s->cluster_ips.items[i], STR("None")))
			check_address(c, at(c, "spec.clusterIPs[%zu]", i), s->cluster_ips.items[i]);
	for (size_t i = 0; i < s->ports.n; i++) {
		struct str protocol = s->ports.items[i].protocol;

		if (!one_of(protocol, "TCP UDP SCTP"))
			check_error(c, at(c, "spec.ports[%zu].protocol", i),
				    "\"" STR_FMT
				    "\" is not a protocol of Services: write TCP or UDP",
				    STR_ARG(str_sub(protocol, 0, 40)));
		if (seen_before(&seen,
				at(c, "%u " STR_FMT, s->ports.items[i].port, STR_ARG(protocol)), i))
			check_error(c, at(c, "spec.ports[%zu].port", i),
				    "port %u is listed twice: remove one", s->ports.items[i].port);
	}
}

void validate_pod(struct check *c, const void *spec)
{
	const struct pod_object *p = spec;

	check_address(c, STR("status.podIP"), p->pod_ip);
	for (size_t i = 0; i < p->pod_ips.n; i++)
		check_address(c, at(c, "status.podIPs[%zu].ip", i), p->pod_ips.items[i]);
}

void validate_endpoints(struct check *c, const void *spec)
{
	const struct endpoints *e = spec;
	bool slice = c->o->kind == KIND_ENDPOINT_SLICE;

	for (size_t i = 0; i < e->sets.n; i++)
		for (size_t j = 0; j < e->sets.items[i].addresses.n; j++)
			if (!is_ip(e->sets.items[i].addresses.items[j].ip))
				check_address(c,
					      slice ? at(c, "endpoints[%zu].addresses[0]", j)
						    : at(c, "subsets[%zu].addresses[%zu].ip", i, j),
					      e->sets.items[i].addresses.items[j].ip);
}
