// SPDX-License-Identifier: Apache-2.0
/* Rules of a DestinationRule. */
#include "config/rules.h"

/* ---- loadBalancer ---------------------------------------------------------------------------- */
static bool is_prime(uint64_t n)
{
	if (n < 2 || (n % 2 == 0 && n != 2))
		return false;
	for (uint64_t i = 3; i * i <= n; i += 2)
		if (n % i == 0)
			return false;
	return true;
}

static void check_hash(struct check *c, struct str path, const struct consistent_hash *h)
{
	if (!h->http_header.n && !h->has_cookie && !h->use_source_ip && !h->query_parameter.n)
		check_warn(c, path,
			   "no key is named, so requests are balanced at random: add "
			   "httpHeaderName, httpCookie, useSourceIp or "
			   "httpQueryParameterName");
	if (h->has_cookie && !h->cookie_name.n)
		check_error(c, at(c, STR_FMT ".httpCookie.name", STR_ARG(path)),
			    "the cookie has no name: write it");
	if (h->http_header.n && !is_token(h->http_header))
		check_error(c, at(c, STR_FMT ".httpHeaderName", STR_ARG(path)),
			    "\"" STR_FMT "\" is not a header name: use letters, digits and `-`",
			    STR_ARG(str_sub(h->http_header, 0, 60)));
	if (h->maglev && !h->table_size)
		check_error(c, at(c, STR_FMT ".maglev.tableSize", STR_ARG(path)),
			    "tableSize is required: write a prime such as 65537");
	else if (h->maglev && (h->table_size >= 5000011 || !is_prime(h->table_size)))
		check_error(c, at(c, STR_FMT ".maglev.tableSize", STR_ARG(path)),
			    "%llu is not a prime below 5000011: write one such as 65537",
			    (unsigned long long)h->table_size);
	if (check_has(c, at(c, STR_FMT ".minimumRingSize", STR_ARG(path))))
		check_warn(c, at(c, STR_FMT ".minimumRingSize", STR_ARG(path)),
			   "minimumRingSize is an old place: write ringHash.minimumRingSize");
}

static bool locality_covers(struct str a, struct str b)
{
	if (a.n && a.p[a.n - 1] == '*')
		return str_starts(b, str_sub(a, 0, a.n - 1));
	return str_eq(a, b) || (str_starts(b, a) && b.p[a.n] == '/');
}

static void check_locality_name(struct check *c, struct str path, struct str s)
{
	ptrdiff_t star = str_find(s, '*');
	bool inner = star >= 0 && ((size_t)star != s.n - 1 || (star > 0 && s.p[star - 1] != '/'));

	if (!s.n || inner || str_starts(s, STR("/")) || memmem(s.p, s.n, "//", 2))
		check_error(c, path,
			    "\"" STR_FMT
			    "\" is not a locality: write region/zone/subzone, `*` only "
			    "at the end",
			    STR_ARG(str_sub(s, 0, 60)));
}

enum { MAX_COMPARED = 64 }; /* localities; there are never that many */

static void check_distribute(struct check *c, struct str path, const struct locality_setting *l)
{
	for (size_t i = 0; i < l->distribute.n; i++) {
		const struct locality_distribute *d = &l->distribute.items[i];
		struct str here = at(c, STR_FMT ".distribute[%zu]", STR_ARG(path), i);
		uint64_t sum = 0;

		check_locality_name(c, at(c, STR_FMT ".from", STR_ARG(here)), d->from);
		for (size_t j = 0; j < d->to.n; j++) {
			check_locality_name(c, at(c, STR_FMT ".to", STR_ARG(here)),
					    d->to.items[j].key);
			sum += d->to.items[j].value;
		}
		if (sum != 100)
			check_error(c, at(c, STR_FMT ".to", STR_ARG(here)),
				    "the weights add up to %llu: make it 100",
				    (unsigned long long)sum);
		for (size_t j = 0; j < i && j < MAX_COMPARED; j++)
			if (locality_covers(d->from, l->distribute.items[j].from) ||
			    locality_covers(l->distribute.items[j].from, d->from))
				check_error(c, at(c, STR_FMT ".from", STR_ARG(here)),
					    "\"" STR_FMT
					    "\" overlaps with distribute[%zu]: keep one",
					    STR_ARG(str_sub(d->from, 0, 60)), j);
	}
}

static void check_failover(struct check *c, struct str path, const struct locality_failover *f)
{
	if (!f->from.n || !f->to.n)
		check_error(c, path, "`from` and `to` must both name a region");
	else if (str_eq(f->from, f->to))
		check_error(c, path, "`from` and `to` are the same region: name another one");
	if (str_find(f->from, '/') >= 0 || str_find(f->to, '/') >= 0 ||
	    str_find(f->from, '*') >= 0 || str_find(f->to, '*') >= 0)
		check_error(c, path, "failover is between regions: leave out zone and `*`");
}

static void check_locality(struct check *c, struct str path, const struct locality_setting *l,
			   bool outlier)
{
	if (l->distribute.n && (l->failover.n || l->failover_priority.n))
		check_error(c, path, "`distribute` and failover exclude each other: keep one");
	check_distribute(c, path, l);
	for (size_t i = 0; i < l->failover.n; i++)
		check_failover(c, at(c, STR_FMT ".failover[%zu]", STR_ARG(path), i),
			       &l->failover.items[i]);
	if ((l->failover.n || l->failover_priority.n) && !outlier)
		check_warn(c, path, "failover has no effect without outlierDetection: add it");
}

static void check_load_balancer(struct check *c, struct str path, const struct load_balancer *lb,
				bool outlier)
{
	if (lb->hash)
		check_hash(c, at(c, STR_FMT ".consistentHash", STR_ARG(path)), lb->hash);
	if (lb->locality)
		check_locality(c, at(c, STR_FMT ".localityLbSetting", STR_ARG(path)), lb->locality,
			       outlier);
	for (size_t i = 0; lb->zone && i < lb->zone->failover.n; i++)
		check_failover(c,
			       at(c, STR_FMT ".zoneAwareLbSetting.failover[%zu]", STR_ARG(path), i),
			       &lb->zone->failover.items[i]);
	if (check_has(c, at(c, STR_FMT ".warmupDurationSecs", STR_ARG(path))))
		check_warn(c, at(c, STR_FMT ".warmupDurationSecs", STR_ARG(path)),
			   "warmupDurationSecs is an old name: write warmup: {duration: …}");
}

/* ---- connectionPool, outlierDetection, tls --------------------------------------------------- */
static void check_pool(struct check *c, struct str path, const struct connection_pool *p)
{
	if (!p->has_tcp && !p->has_http)
		check_error(c, path, "the pool is empty: add tcp or http");
	if (p->use_client_protocol && str_eq(p->h2_upgrade_policy, STR("UPGRADE")))
		check_error(c, at(c, STR_FMT ".http.useClientProtocol", STR_ARG(path)),
			    "useClientProtocol and h2UpgradePolicy: UPGRADE contradict each other: "
			    "keep one");
}

static void check_outlier(struct check *c, struct str path, const struct outlier_detection *o)
{
	if (o->consecutive_errors.set)
		check_warn(
			c, at(c, STR_FMT ".consecutiveErrors", STR_ARG(path)),
			"consecutiveErrors is an old name, read as consecutiveGatewayErrors: write "
			"that, or consecutive5xxErrors");
	if (o->consecutive_local.v && !o->split_local)
		check_error(c, at(c, STR_FMT ".consecutiveLocalOriginFailures", STR_ARG(path)),
			    "this counts only with splitExternalLocalOriginErrors: true: add it");
	if (check_has(c, at(c, STR_FMT ".http", STR_ARG(path))))
		check_warn(c, at(c, STR_FMT ".http", STR_ARG(path)),
			   "`http` is an old level: write its fields directly below "
			   "outlierDetection");
}

static void check_mutual(struct check *c, struct str path, const struct client_tls *t)
{
	if (t->credential_name.n)
		return;
	if (!t->client_certificate.n)
		check_error(c, path,
			    "mode MUTUAL needs clientCertificate: name the file, or "
			    "credentialName");
	if (!t->private_key.n)
		check_error(c, path,
			    "mode MUTUAL needs privateKey: name the file, or "
			    "credentialName");
}

static void check_tls(struct check *c, struct str path, const struct client_tls *t)
{
	bool files = t->client_certificate.n || t->private_key.n || t->ca_certificates.n;
	bool skip = t->insecure_skip_verify.v;

	if (str_eq(t->mode, STR("ISTIO_MUTUAL")) && (files || t->credential_name.n))
		check_error(c, path,
			    "mode ISTIO_MUTUAL uses the mesh's own certificates: remove "
			    "clientCertificate, privateKey, caCertificates and "
			    "credentialName");
	else if (t->credential_name.n && (files || t->ca_crl.n))
		check_error(c, path, "credentialName excludes certificate files: keep one");
	if (str_eq(t->mode, STR("MUTUAL")))
		check_mutual(c, path, t);
	if (skip && (t->ca_certificates.n || t->subject_alt_names.n))
		check_error(c, at(c, STR_FMT ".insecureSkipVerify", STR_ARG(path)),
			    "insecureSkipVerify ignores caCertificates and subjectAltNames: remove "
			    "it, or remove them");
	for (size_t i = 0; i < t->subject_alt_names.n; i++)
		if (!t->subject_alt_names.items[i].n)
			check_error(c, at(c, STR_FMT ".subjectAltNames[%zu]", STR_ARG(path), i),
				    "the name is empty: remove it");
}

/* ---- trafficPolicy --------------------------------------------------------------------------- */
static void check_blocks(struct check *c, struct str path, const struct traffic_policy *p)
{
	if (p->load_balancer)
		check_load_balancer(c, at(c, STR_FMT ".loadBalancer", STR_ARG(path)),
				    p->load_balancer, p->outlier != NULL);
	if (p->connection_pool)
		check_pool(c, at(c, STR_FMT ".connectionPool", STR_ARG(path)), p->connection_pool);
	if (p->outlier)
		check_outlier(c, at(c, STR_FMT ".outlierDetection", STR_ARG(path)), p->outlier);
	if (p->tls)
		check_tls(c, at(c, STR_FMT ".tls", STR_ARG(path)), p->tls);
}

static bool has_block(const struct traffic_policy *p)
{
	return p->load_balancer || p->connection_pool || p->outlier || p->tls;
}

static void check_tunnel(struct check *c, struct str path, const struct tunnel *t)
{
	if (t->protocol.n && !str_eq(t->protocol, STR("CONNECT")) &&
	    !str_eq(t->protocol, STR("POST")))
		check_error(c, at(c, STR_FMT ".protocol", STR_ARG(path)),
			    "\"" STR_FMT "\" is no way to tunnel: write CONNECT or POST",
			    STR_ARG(str_sub(t->protocol, 0, 40)));
	check_host(c, at(c, STR_FMT ".targetHost", STR_ARG(path)), t->target_host, HOST_IP);
}

static void check_policy(struct check *c, struct str path, const struct traffic_policy *p)
{
	struct map ports;

	map_init(&ports, c->scratch);
	if (!has_block(p) && !p->port_level.n && !p->has_tunnel && !p->has_proxy_protocol &&
	    !p->has_retry_budget)
		check_error(c, path,
			    "the policy is empty: add loadBalancer, connectionPool, "
			    "outlierDetection, tls or portLevelSettings, or remove it");
	check_blocks(c, path, p);
	if (p->has_tunnel && p->has_proxy_protocol)
		check_error(c, path, "`tunnel` and `proxyProtocol` exclude each other: keep one");
	if (p->tunnel)
		check_tunnel(c, at(c, STR_FMT ".tunnel", STR_ARG(path)), p->tunnel);
	for (size_t i = 0; i < p->port_level.n; i++) {
		struct str here = at(c, STR_FMT ".portLevelSettings[%zu]", STR_ARG(path), i);

		if (!has_block(p->port_level.items[i].policy))
			check_error(c, here,
				    "the port has no setting: add loadBalancer, "
				    "connectionPool, outlierDetection or tls");
		check_blocks(c, here, p->port_level.items[i].policy);
		if (seen_before(&ports, at(c, "%u", p->port_level.items[i].port), i))
			check_warn(c, here, "port %u is set twice, the first counts: remove one",
				   p->port_level.items[i].port);
	}
}

static void check_subsets(struct check *c, const struct destination_rule *dr)
{
	struct map names;

	map_init(&names, c->scratch);
	for (size_t i = 0; i < dr->subsets.n; i++) {
		const struct subset *s = &dr->subsets.items[i];
		struct str here = at(c, "spec.subsets[%zu]", i);

		check_dns_label(c, at(c, STR_FMT ".name", STR_ARG(here)), s->name, "subset");
		check_labels(c, at(c, STR_FMT ".labels", STR_ARG(here)), &s->labels);
		if (s->policy)
			check_policy(c, at(c, STR_FMT ".trafficPolicy", STR_ARG(here)), s->policy);
		if (seen_before(&names, s->name, i))
			check_error(c, at(c, STR_FMT ".name", STR_ARG(here)),
				    "subset \"" STR_FMT "\" is defined twice: rename or remove one",
				    STR_ARG(s->name));
	}
}

void validate_destination_rule(struct check *c, const void *spec)
{
	const struct destination_rule *dr = spec;

	check_host(c, STR("spec.host"), dr->host, HOST_WILDCARD | HOST_PARTIAL);
	if (dr->policy)
		check_policy(c, STR("spec.trafficPolicy"), dr->policy);
	check_subsets(c, dr);
	check_export_to(c, &dr->export_to, false);
	if (!dr->has_workload_selector)
		return;
	check_selector(c, STR("spec.workloadSelector.matchLabels"), &dr->workload_selector);
	for (size_t i = 0; i < dr->export_to.n; i++) {
		struct str ns = dr->export_to.items[i];

		if (!str_eq(ns, STR(".")) && !str_eq(ns, c->o->meta.ns))
			check_error(c, at(c, "spec.exportTo[%zu]", i),
				    "a rule with a workloadSelector is for its own namespace only: "
				    "write `.`");
	}
}
