// SPDX-License-Identifier: Apache-2.0
#include "mesh/notes.h"

#include <stdio.h>

#include "mesh/notes_rules.h"
#include "mesh/policies.h"
#include "mesh/workloads.h"

/* ---- DestinationRule ------------------------------------------------------------------------- */
static void pool_notes(struct compile *c, const struct object *o, const struct connection_pool *p,
		       const char *path)
{
	if (p->max_retries)
		note_add(c, o, p->pos, path, "http.maxRetries is not enforced yet");
	if (p->h2_upgrade_policy.n && !str_eq(p->h2_upgrade_policy, STR("DEFAULT")))
		note_add(c, o, p->pos, path, "http.h2UpgradePolicy is not enforced yet");
	if (p->use_client_protocol)
		note_add(c, o, p->pos, path, "http.useClientProtocol is not enforced yet");
	if (p->max_concurrent_streams)
		note_add(c, o, p->pos, path, "http.maxConcurrentStreams is not enforced yet");
}

static void balancer_notes(struct compile *c, const struct object *o,
			   const struct load_balancer *lb, const char *path)
{
	const struct consistent_hash *h = lb->hash;

	if (h && !h->use_source_ip)
		note_add(c, o, lb->pos, path,
			 "consistentHash by header, cookie or query parameter is not enforced yet: "
			 "endpoints are chosen at random; useSourceIp is in force");
	if (h && h->ring_hash)
		note_add(c, o, lb->pos, path, "consistentHash.ringHash: a Maglev table is used");
	if (lb->warmup.set)
		note_add(c, o, lb->pos, path, "warmup is not enforced yet");
	if (lb->has_locality)
		note_add(c, o, lb->pos, path, "localityLbSetting is not enforced yet");
}

static void policy_notes(struct compile *c, const struct object *o, const struct traffic_policy *p,
			 const char *path)
{
	char at[160];

	if (!p)
		return;
	snprintf(at, sizeof(at), "%s.connectionPool", path);
	if (p->connection_pool)
		pool_notes(c, o, p->connection_pool, at);
	snprintf(at, sizeof(at), "%s.loadBalancer", path);
	if (p->load_balancer)
		balancer_notes(c, o, p->load_balancer, at);
	snprintf(at, sizeof(at), "%s.tls", path);
	if (p->tls && !str_eq(p->tls->mode, STR("DISABLE")))
		note_add(c, o, p->pos, at, STR_FMT " is not enforced yet: connections are plain",
			 STR_ARG(p->tls->mode));
	if (p->has_tunnel || p->has_proxy_protocol || p->has_retry_budget)
		note_add(c, o, p->pos, path,
			 "tunnel, proxyProtocol and retryBudget are not enforced yet");
	for (size_t i = 0; i < p->port_level.n; i++) {
		snprintf(at, sizeof(at), "%s.portLevelSettings[%zu]", path, i);
		policy_notes(c, o, p->port_level.items[i].policy, at);
	}
}

static bool subset_has_member(const struct mesh_service *s, const struct subset *subset)
{
	for (uint32_t i = 0; i < s->nr_ports; i++)
		for (uint32_t j = 0; j < s->ports[i].nr_members; j++)
			if (labels_match(&subset->labels, s->ports[i].members[j].labels))
				return true;
	return false;
}

static void subset_notes(struct compile *c, const struct object *o, const struct mesh_service *s)
{
	const struct destination_rule *d = o->spec;
	char path[64];

	for (size_t i = 0; i < d->subsets.n; i++) {
		const struct subset *subset = &d->subsets.items[i];

		snprintf(path, sizeof(path), "spec.subsets[%zu]", i);
		if (s && !s->original_dst && !subset_has_member(s, subset))
			note_add(c, o, subset->pos, path,
				 "subset '" STR_FMT "' selects no pod: what is routed to it gets "
				 "503 UH (IST0173)",
				 STR_ARG(subset->name));
		snprintf(path, sizeof(path), "spec.subsets[%zu].trafficPolicy", i);
		policy_notes(c, o, subset->policy, path);
	}
}

/* The kernel does not wait for the endpoint: nothing there could time out. */
static void timeout_notes(struct compile *c, const struct object *o, const struct mesh_service *s)
{
	const struct destination_rule *d = o->spec;
	const struct traffic_policy *p = d->policy;
	struct effective e = { 0 };

	if (!s || !p || !p->connection_pool || !p->connection_pool->connect_timeout.set)
		return;
	e.pool = p->connection_pool;
	e.outlier = p->outlier;
	for (uint32_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].app == APP_HTTP || policy_needs_proxy(&e, false))
			return;
	note_add(
		c, o, p->connection_pool->pos,
		"spec.trafficPolicy.connectionPool.tcp.connectTimeout",
		"has no effect: these connections are balanced in the kernel, and the client's own "
		"timeout holds");
}

static void rule_notes(struct compile *c, const struct object *o)
{
	const struct destination_rule *d = o->spec;
	struct str host = host_expand(c->scratch, d->host, o->meta.ns, c->domain);
	const struct mesh_service *s = map_get(&c->host_to_svc, host);

	if (!s && !host_is_wildcard(host))
		note_add(c, o, o->pos, "spec.host",
			 "'" STR_FMT "' is no known service: the rule has no effect (IST0174)",
			 STR_ARG(host));
	policy_notes(c, o, d->policy, "spec.trafficPolicy");
	subset_notes(c, o, s);
	timeout_notes(c, o, s);
}

/* ---- Service --------------------------------------------------------------------------------- */
static bool has_http_rule(struct compile *c, const struct mesh_service *s)
{
	static const struct view all;
	struct rule_list rules = rules_for(c, &all, s->host);

	for (size_t i = 0; i < rules.n; i++)
		if (rules.items[i]->vs->http.n)
			return true;
	return false;
}

static void port_notes(struct compile *c, const struct mesh_service *s)
{
	bool http_rule = has_http_rule(c, s);
	char path[64];

	for (uint32_t i = 0; i < s->nr_ports; i++) {
		const struct mesh_port *p = &s->ports[i];

		snprintf(path, sizeof(path), "spec.ports[%u]", i);
		if (p->app == APP_SNIFF && !http_rule)
			note_add(c, s->object, p->pos, path,
				 "port %u does not say what it speaks: it counts as tcp; begin its "
				 "name with http- or tcp-, or set appProtocol",
				 p->port);
		if (p->app == APP_HTTP2 && http_rule)
			note_add(c, s->object, p->pos, path,
				 "port %u speaks HTTP/2 or gRPC: http rules are not enforced on it "
				 "yet, its connections are balanced in the kernel",
				 p->port);
	}
}

void notes_build(struct compile *c, const struct by_kind *by)
{
	struct mesh_service *const *s = c->services.items;

	notes_of_rules(c, by);
	for (size_t i = 0; i < by->of[KIND_DESTINATION_RULE].n; i++)
		rule_notes(c, by->of[KIND_DESTINATION_RULE].items[i]);
	for (size_t i = 0; i < c->services.n; i++)
		port_notes(c, s[i]);
}
