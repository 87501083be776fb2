// SPDX-License-Identifier: Apache-2.0
/* RouteRule of config.istio.io/v1alpha2. */
#include "config/kinds.h"

static const struct field legacy_service_fields[] = {
	FIELD(legacy_service, name, "name", STR, .oneof = 1, .doc = "short name of the service"),
	FIELD(legacy_service, ns, "namespace", STR, .doc = "the rule's own by default"),
	FIELD(legacy_service, domain, "domain", STR),
	FIELD(legacy_service, service, "service", STR, .oneof = 1, .doc = "full name instead"),
	FIELD(legacy_service, labels, "labels", PAIRS),
	{ 0 },
};
static SCHEMA(legacy_service_schema, legacy_service, "service", .fields = legacy_service_fields);

struct legacy_l4 {
	struct strs source, destination;
};
static const struct field legacy_l4_fields[] = {
	FIELD(legacy_l4, source, "sourceSubnet", STRS),
	FIELD(legacy_l4, destination, "destinationSubnet", STRS),
	{ 0 },
};
static SCHEMA(legacy_l4_schema, legacy_l4, "L4 match", .fields = legacy_l4_fields);

static void decode_l4(struct decoder *d, const struct field *f, const struct node *n,
		      const struct path *p, void *at)
{
	struct route_rule *r = at;
	struct legacy_l4 read = { 0 };

	decode_struct(d, &legacy_l4_schema, n, p, &read);
	r->source_subnets = read.source;
	r->destination_subnets = read.destination;
}

static void decode_headers(struct decoder *d, const struct field *f, const struct node *n,
			   const struct path *p, void *at)
{
	LIST_OF(struct keyed_match) *out = at;

	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT ": write a mapping of header names "
			    "to matches",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path here = { .up = p, .key = n->pairs[i].key, .quoted = true };
		struct keyed_match *k = &out->items[out->n++];

		k->key = arena_str(d->a, n->pairs[i].key);
		decode_string_match(d, f, n->pairs[i].value, &here, &k->match);
	}
}

static const struct field request_fields[] = {
	FIELD(route_rule, headers, "headers", CUSTOM, .decode = decode_headers,
	      .doc = "also uri, scheme, method and authority"),
	{ 0 },
};
static SCHEMA(request_schema, route_rule, "request", .fields = request_fields);

static const struct field match_fields[] = {
	FIELD(route_rule, source, "source", INLINE, .sub = &legacy_service_schema),
	{ .name = "tcp", .type = T_CUSTOM, .decode = decode_l4 },
	{ .name = "udp", .type = T_CUSTOM, .decode = decode_l4 },
	{ .name = "request", .type = T_INLINE, .sub = &request_schema },
	{ 0 },
};
static SCHEMA(match_schema, route_rule, "match", .fields = match_fields);

static const struct field legacy_route_fields[] = {
	FIELD(legacy_route, labels, "labels", PAIRS, .doc = "of the version"),
	FIELD(legacy_route, weight, "weight", OPT_U32, .max = 100),
	FIELD(legacy_route, destination, "destination", INLINE, .sub = &legacy_service_schema),
	{ 0 },
};
static SCHEMA(legacy_route_schema, legacy_route, "route", .fields = legacy_route_fields,
	      .pos_off = AT(legacy_route, pos));

static const struct field simple_timeout_fields[] = {
	FIELD(route_rule, timeout, "timeout", MS),
	{ .name = "overrideHeaderName", .type = T_ANY },
	{ 0 },
};
static SCHEMA(simple_timeout_schema, route_rule, "simpleTimeout", .fields = simple_timeout_fields);
static const struct field req_timeout_fields[] = {
	{ .name = "simpleTimeout", .type = T_INLINE, .sub = &simple_timeout_schema },
	{ 0 },
};
static SCHEMA(req_timeout_schema, route_rule, "httpReqTimeout", .fields = req_timeout_fields);

static const struct field simple_retry_fields[] = {
	FIELD(route_rule, attempts, "attempts", OPT_U32, .max = 2147483647),
	FIELD(route_rule, per_try_timeout, "perTryTimeout", MS),
	{ .name = "overrideHeaderName", .type = T_ANY },
	{ 0 },
};
static SCHEMA(simple_retry_schema, route_rule, "simpleRetry", .fields = simple_retry_fields);
static const struct field req_retries_fields[] = {
	{ .name = "simpleRetry", .type = T_INLINE, .sub = &simple_retry_schema },
	{ 0 },
};
static SCHEMA(req_retries_schema, route_rule, "httpReqRetries", .fields = req_retries_fields);

static const struct field route_rule_fields[] = {
	FIELD(route_rule, destination, "destination", INLINE, .sub = &legacy_service_schema,
	      .required = true),
	FIELD(route_rule, precedence, "precedence", U32, .max = 2147483647, .doc = "higher first"),
	{ .name = "match", .type = T_INLINE, .sub = &match_schema },
	FIELD(route_rule, routes, "route", LIST, .sub = &legacy_route_schema),
	FIELD(route_rule, redirect, "redirect", PTR, .sub = &redirect_schema),
	FIELD(route_rule, rewrite, "rewrite", PTR, .sub = &rewrite_schema),
	{ .name = "websocketUpgrade", .type = T_ANY },
	{ .name = "httpReqTimeout", .type = T_INLINE, .sub = &req_timeout_schema },
	{ .name = "httpReqRetries", .type = T_INLINE, .sub = &req_retries_schema },
	FIELD(route_rule, fault, "httpFault", PTR, .sub = &fault_schema),
	{ .name = "l4Fault", .type = T_ANY },
	FIELD(route_rule, mirror, "mirror", INLINE, .sub = &legacy_service_schema,
	      .has_off = AT(route_rule, has_mirror)),
	FIELD(route_rule, cors, "corsPolicy", PTR, .sub = &cors_schema),
	FIELD(route_rule, append_headers, "appendHeaders", PAIRS),
	{ 0 },
};
static SCHEMA(route_rule_spec, route_rule, "RouteRule spec", .fields = route_rule_fields);

static const struct field route_rule_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &route_rule_spec },
	{ 0 },
};
SCHEMA(route_rule_root, route_rule, "RouteRule", .fields = route_rule_root_fields);
