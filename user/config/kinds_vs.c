// SPDX-License-Identifier: Apache-2.0
/* VirtualService. */
#include "config/kinds.h"

/* ---- StringMatch ----------------------------------------------------------------------------- */
struct three_matches {
	struct str exact, prefix, regex;
};
static const struct field string_match_fields[] = {
	FIELD(three_matches, exact, "exact", STR, .oneof = 1, .doc = "equal, case-sensitive"),
	FIELD(three_matches, prefix, "prefix", STR, .oneof = 1, .doc = "starts with"),
	FIELD(three_matches, regex, "regex", STR, .oneof = 1,
	      .doc = "RE2, the whole string, at most 1024 bytes"),
	{ 0 },
};
SCHEMA(string_match_schema, three_matches, "string match", .fields = string_match_fields);

void decode_string_match(struct decoder *d, const struct field *f, const struct node *n,
			 const struct path *p, void *at)
{
	struct string_match *m = at;
	struct three_matches read = { 0 };

	m->pos = n->pos;
	if (n->type == NODE_SCALAR) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT
			    ": write a mapping with one of exact, prefix or regex, "
			    "such as {exact: " STR_FMT "}",
			    STR_ARG(node_says(d->a, n)), STR_ARG(str_sub(n->text, 0, 60)));
		return;
	}
	decode_struct(d, &string_match_schema, n, p, &read);
	/* an empty string that was written has a pointer, one that was not has none */
	if (read.exact.p) {
		m->kind = SM_EXACT;
		m->value = read.exact;
	} else if (read.prefix.p) {
		m->kind = SM_PREFIX;
		m->value = read.prefix;
	} else if (read.regex.p) {
		m->kind = SM_REGEX;
		m->value = read.regex;
	}
}

/* A map from a header or parameter name to a match; {} and regex `*` ask for presence. */
static void decode_keyed(struct decoder *d, const struct field *f, const struct node *n,
			 const struct path *p, void *at)
{
	LIST_OF(struct keyed_match) *out = at;

	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT ": write a mapping of names to "
			    "matches",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path here = { .up = p, .key = n->pairs[i].key, .quoted = true };
		struct keyed_match *k = &out->items[out->n++];

		k->key = arena_str(d->a, n->pairs[i].key);
		if (n->pairs[i].value->type == NODE_NULL) {
			problem_add(d, false, n->pairs[i].pos, &here,
				    "the match is null: write {} for \"is present\", or one of "
				    "exact, prefix, regex");
			continue;
		}
		decode_string_match(d, f, n->pairs[i].value, &here, &k->match);
		if (k->match.kind == SM_NONE ||
		    (k->match.kind == SM_REGEX && str_eq(k->match.value, STR("*"))))
			k->match.kind = SM_PRESENT;
	}
}

/* ---- matches --------------------------------------------------------------------------------- */
static const struct field http_match_fields[] = {
	FIELD(http_match, name, "name", STR, .doc = "suffix of the route name in the access log"),
	FIELD(http_match, uri, "uri", CUSTOM, .decode = decode_string_match,
	      .sub = &string_match_schema, .doc = "path without query"),
	FIELD(http_match, scheme, "scheme", CUSTOM, .decode = decode_string_match,
	      .sub = &string_match_schema),
	FIELD(http_match, method, "method", CUSTOM, .decode = decode_string_match,
	      .sub = &string_match_schema),
	FIELD(http_match, authority, "authority", CUSTOM, .decode = decode_string_match,
	      .sub = &string_match_schema, .doc = "the Host header as sent, with its port"),
	FIELD(http_match, headers, "headers", CUSTOM, .decode = decode_keyed,
	      .doc = "header name -> match; {} = present"),
	FIELD(http_match, without_headers, "withoutHeaders", CUSTOM, .decode = decode_keyed,
	      .doc = "header name -> match that must not hold"),
	FIELD(http_match, query_params, "queryParams", CUSTOM, .decode = decode_keyed,
	      .doc = "query parameter -> match"),
	FIELD(http_match, ignore_uri_case, "ignoreUriCase", BOOL,
	      .doc = "for uri exact and prefix"),
	FIELD(http_match, port, "port", U32, .max = 65535, .doc = "port that the client dialled"),
	FIELD(http_match, source_labels, "sourceLabels", PAIRS, .doc = "labels of the client pod"),
	FIELD(http_match, gateways, "gateways", STRS, .doc = "instead of spec.gateways"),
	FIELD(http_match, source_namespace, "sourceNamespace", STR,
	      .doc = "namespace of the client pod"),
	FIELD(http_match, stat_prefix, "statPrefix", STR),
	{ 0 },
};
static SCHEMA(http_match_schema, http_match, "HTTP match", .fields = http_match_fields,
	      .pos_off = AT(http_match, pos));

/* sourceSubnet was one string; a list is accepted too */
static void decode_subnets(struct decoder *d, const struct field *f, const struct node *n,
			   const struct path *p, void *at)
{
	struct field list = { .name = f->name, .type = T_STRS };
	struct field one = { .name = f->name, .type = T_STR };
	struct strs *out = at;

	if (n->type == NODE_LIST) {
		decode_field(d, &list, n, p, out);
		return;
	}
	out->items = arena_alloc(d->a, sizeof(*out->items));
	out->n = 1;
	decode_field(d, &one, n, p, out->items);
}

static const struct field l4_match_fields[] = {
	FIELD(l4_match, destination_subnets, "destinationSubnets", CUSTOM, .decode = decode_subnets,
	      .alias = "destinationSubnet", .doc = "CIDRs of the original destination"),
	FIELD(l4_match, port, "port", U32, .max = 65535, .doc = "port that the client dialled"),
	FIELD(l4_match, source_labels, "sourceLabels", PAIRS, .doc = "labels of the client pod"),
	FIELD(l4_match, gateways, "gateways", STRS, .doc = "instead of spec.gateways"),
	FIELD(l4_match, source_namespace, "sourceNamespace", STR,
	      .doc = "namespace of the client pod"),
	FIELD(l4_match, source_subnets, "sourceSubnet", CUSTOM, .decode = decode_subnets,
	      .alias = "sourceSubnets", .doc = "CIDR of the client address"),
	{ 0 },
};
static SCHEMA(l4_match_schema, l4_match, "TCP match", .fields = l4_match_fields,
	      .pos_off = AT(l4_match, pos));

static const struct field tls_match_fields[] = {
	FIELD(l4_match, sni_hosts, "sniHosts", STRS, .required = true,
	      .doc = "server names, each under one of spec.hosts"),
	FIELD(l4_match, destination_subnets, "destinationSubnets", CUSTOM, .decode = decode_subnets,
	      .alias = "destinationSubnet", .doc = "CIDRs of the original destination"),
	FIELD(l4_match, port, "port", U32, .max = 65535, .doc = "port that the client dialled"),
	FIELD(l4_match, source_labels, "sourceLabels", PAIRS, .doc = "labels of the client pod"),
	FIELD(l4_match, gateways, "gateways", STRS, .doc = "instead of spec.gateways"),
	FIELD(l4_match, source_namespace, "sourceNamespace", STR,
	      .doc = "namespace of the client pod"),
	FIELD(l4_match, source_subnets, "sourceSubnet", CUSTOM, .decode = decode_subnets,
	      .alias = "sourceSubnets", .doc = "CIDR of the client address"),
	{ 0 },
};
static SCHEMA(tls_match_schema, l4_match, "TLS match", .fields = tls_match_fields,
	      .pos_off = AT(l4_match, pos));

/* ---- destinations ---------------------------------------------------------------------------- */
static const struct field port_selector_fields[] = {
	FIELD(destination, port, "number", U32, .min = 1, .max = 65535, .oneof = 1),
	FIELD(destination, port_name, "name", STR, .oneof = 1, .doc = "0.8 to 1.0"),
	{ 0 },
};
static SCHEMA(port_selector, destination, "port", .fields = port_selector_fields);

static const struct field destination_fields[] = {
	FIELD(destination, host, "host", STR, .required = true,
	      .doc = "service; without a dot: of the rule's own namespace"),
	FIELD(destination, subset, "subset", STR, .doc = "as named by a DestinationRule"),
	{ .name = "port",
	  .type = T_INLINE,
	  .sub = &port_selector,
	  .doc = "may be omitted when the service has one port" },
	{ 0 },
};
static SCHEMA(destination_schema, destination, "destination", .fields = destination_fields,
	      .pos_off = AT(destination, pos));

static const struct field header_ops_fields[] = {
	FIELD(header_ops, set, "set", PAIRS, .doc = "overwrite"),
	FIELD(header_ops, add, "add", PAIRS, .doc = "append a second value"),
	FIELD(header_ops, remove, "remove", STRS),
	{ 0 },
};
static SCHEMA(header_ops_schema, header_ops, "header operations", .fields = header_ops_fields);

static const struct field headers_fields[] = {
	FIELD(headers, request, "request", INLINE, .sub = &header_ops_schema),
	FIELD(headers, response, "response", INLINE, .sub = &header_ops_schema),
	{ 0 },
};
static SCHEMA(headers_schema, headers, "headers", .fields = headers_fields);

/* The names of before 1.5, at route and destination level alike. */
#define OLD_HEADER_FIELDS(s)                                                                       \
	FIELD(s, headers.request.add, "appendRequestHeaders", PAIRS, .doc = "old"),                \
		FIELD(s, headers.response.add, "appendResponseHeaders", PAIRS, .doc = "old"),      \
		FIELD(s, headers.request.remove, "removeRequestHeaders", STRS, .doc = "old"),      \
		FIELD(s, headers.response.remove, "removeResponseHeaders", STRS, .doc = "old")

static const struct field http_destination_fields[] = {
	FIELD(route_destination, destination, "destination", INLINE, .sub = &destination_schema,
	      .required = true, .doc = "where requests go"),
	FIELD(route_destination, weight, "weight", OPT_U32, .max = 2147483647,
	      .doc = "relative to the sum of the route's weights"),
	FIELD(route_destination, headers, "headers", INLINE, .sub = &headers_schema),
	OLD_HEADER_FIELDS(route_destination),
	{ 0 },
};
static SCHEMA(http_destination_schema, route_destination, "route destination",
	      .fields = http_destination_fields, .pos_off = AT(route_destination, pos));

static const struct field l4_destination_fields[] = {
	FIELD(route_destination, destination, "destination", INLINE, .sub = &destination_schema,
	      .required = true, .doc = "where connections go"),
	FIELD(route_destination, weight, "weight", OPT_U32, .max = 2147483647,
	      .doc = "relative to the sum of the route's weights"),
	{ 0 },
};
static SCHEMA(l4_destination_schema, route_destination, "route destination",
	      .fields = l4_destination_fields, .pos_off = AT(route_destination, pos));

/* ---- actions --------------------------------------------------------------------------------- */
static const struct enum_name derive_port_names[] = { { "FROM_PROTOCOL_DEFAULT", 0, 0 },
						      { "FROM_REQUEST_PORT", 1, 1 },
						      { 0 } };

static const struct field redirect_fields[] = {
	FIELD(redirect, uri, "uri", STR, .oneof = 1, .doc = "replaces the path"),
	FIELD(redirect, prefix_rewrite, "prefixRewrite", STR, .oneof = 1,
	      .doc = "replaces the matched prefix"),
	FIELD(redirect, authority, "authority", STR),
	FIELD(redirect, port, "port", U32, .min = 1, .max = 65535, .oneof = 2),
	FIELD(redirect, derive_port, "derivePort", ENUM_STR, .names = derive_port_names,
	      .oneof = 2),
	FIELD(redirect, scheme, "scheme", STR, .doc = "http or https"),
	FIELD(redirect, redirect_code, "redirectCode", U32, .doc = "301 by default"),
	{ 0 },
};
SCHEMA(redirect_schema, redirect, "redirect", .fields = redirect_fields);

static const struct field regex_rewrite_fields[] = {
	FIELD(rewrite, regex_match, "match", STR, .required = true),
	FIELD(rewrite, regex_rewrite, "rewrite", STR, .required = true),
	{ 0 },
};
static SCHEMA(regex_rewrite_schema, rewrite, "uriRegexRewrite", .fields = regex_rewrite_fields);

static const struct field rewrite_fields[] = {
	FIELD(rewrite, uri, "uri", STR, .oneof = 1, .doc = "replaces the matched prefix or path"),
	FIELD(rewrite, authority, "authority", STR, .doc = "replaces Host"),
	{ .name = "uriRegexRewrite", .type = T_INLINE, .sub = &regex_rewrite_schema, .oneof = 1 },
	{ 0 },
};
SCHEMA(rewrite_schema, rewrite, "rewrite", .fields = rewrite_fields);

static const struct field body_fields[] = {
	FIELD(direct_response, body_string, "string", STR, .oneof = 1),
	FIELD(direct_response, body_bytes, "bytes", STR, .oneof = 1, .doc = "base64"),
	{ 0 },
};
static SCHEMA(body_schema, direct_response, "body", .fields = body_fields);

static const struct field direct_response_fields[] = {
	FIELD(direct_response, status, "status", U32, .required = true, .min = 200, .max = 600),
	{ .name = "body",
	  .type = T_INLINE,
	  .sub = &body_schema,
	  .has_off = AT(direct_response, has_body) },
	{ 0 },
};
static SCHEMA(direct_response_schema, direct_response, "directResponse",
	      .fields = direct_response_fields);

static const struct field delegate_fields[] = {
	FIELD(http_route, delegate_name, "name", STR),
	FIELD(http_route, delegate_ns, "namespace", STR),
	{ 0 },
};
static SCHEMA(delegate_schema, http_route, "delegate", .fields = delegate_fields);

static const struct field retries_fields[] = {
	FIELD(retries, attempts, "attempts", OPT_U32, .max = 2147483647,
	      .doc = "tries after the first one; 0 = none"),
	FIELD(retries, per_try_timeout, "perTryTimeout", MS, .doc = "of every try"),
	FIELD(retries, retry_on, "retryOn", STR, .doc = "comma-separated conditions and statuses"),
	FIELD(retries, retry_remote_localities, "retryRemoteLocalities", OPT_BOOL),
	FIELD(retries, retry_ignore_previous_hosts, "retryIgnorePreviousHosts", OPT_BOOL),
	FIELD(retries, backoff, "backoff", MS, .doc = "25ms by default"),
	{ 0 },
};
static SCHEMA(retries_schema, retries, "retries", .fields = retries_fields);

struct percentage {
	struct percent value;
};
static const struct field percentage_fields[] = {
	FIELD(percentage, value, "value", DOUBLE, .max = 100, .doc = "0, or 0.0001 to 100"),
	{ 0 },
};
static SCHEMA(percentage_schema, percentage, "percentage", .fields = percentage_fields);

/* {value: 12.5}; {} is 0 */
static void decode_percentage(struct decoder *d, const struct field *f, const struct node *n,
			      const struct path *p, void *at)
{
	struct percentage read = { 0 };
	struct percent *out = at;

	if (n->type == NODE_SCALAR) {
		problem_add(d, false, n->pos, p, "found " STR_FMT ": write {value: " STR_FMT "}",
			    STR_ARG(node_says(d->a, n)), STR_ARG(str_sub(n->text, 0, 20)));
		return;
	}
	decode_struct(d, &percentage_schema, n, p, &read);
	*out = (struct percent){ true, read.value.v };
}

static const struct field delay_fields[] = {
	FIELD(fault, fixed_delay, "fixedDelay", MS, .oneof = 1),
	FIELD(fault, exponential_delay, "exponentialDelay", MS, .oneof = 1,
	      .doc = "not supported: an error"),
	FIELD(fault, delay_percentage, "percentage", CUSTOM, .decode = decode_percentage,
	      .sub = &percentage_schema, .doc = "{value: 0…100}"),
	FIELD(fault, delay_percent, "percent", OPT_U32, .max = 100, .doc = "old integer form"),
	{ 0 },
};
static SCHEMA(delay_schema, fault, "delay", .fields = delay_fields);

static const struct field abort_fields[] = {
	FIELD(fault, http_status, "httpStatus", OPT_U32, .oneof = 1, .min = 200, .max = 599),
	FIELD(fault, grpc_status, "grpcStatus", STR, .oneof = 1),
	FIELD(fault, http2_error, "http2Error", STR, .oneof = 1, .doc = "not supported: an error"),
	FIELD(fault, abort_percentage, "percentage", CUSTOM, .decode = decode_percentage,
	      .sub = &percentage_schema, .doc = "{value: 0…100}"),
	FIELD(fault, abort_percent, "percent", OPT_U32, .max = 100, .doc = "old integer form"),
	{ 0 },
};
static SCHEMA(abort_schema, fault, "abort", .fields = abort_fields);

static const struct field fault_fields[] = {
	{ .name = "delay",
	  .type = T_INLINE,
	  .sub = &delay_schema,
	  .has_off = AT(fault, has_delay) },
	{ .name = "abort",
	  .type = T_INLINE,
	  .sub = &abort_schema,
	  .has_off = AT(fault, has_abort) },
	{ 0 },
};
SCHEMA(fault_schema, fault, "fault", .fields = fault_fields);

static void decode_origins(struct decoder *d, const struct field *f, const struct node *n,
			   const struct path *p, void *at)
{
	LIST_OF(struct string_match) *out = at;

	if (n->type != NODE_LIST) {
		problem_add(d, false, n->pos, p, "found " STR_FMT ": write a list of matches",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path item = { .up = p, .index = i };

		decode_string_match(d, f, n->items[i], &item, &out->items[out->n++]);
	}
}

static const struct enum_name preflight_names[] = {
	{ "UNSPECIFIED", 0, 0 }, { "FORWARD", 1, 1 }, { "IGNORE", 2, 2 }, { 0 }
};

static const struct field cors_fields[] = {
	FIELD(cors, allow_origins, "allowOrigins", CUSTOM, .decode = decode_origins),
	FIELD(cors, allow_origin, "allowOrigin", STRS, .doc = "old: exact origins, * = any"),
	FIELD(cors, allow_methods, "allowMethods", STRS),
	FIELD(cors, allow_headers, "allowHeaders", STRS),
	FIELD(cors, expose_headers, "exposeHeaders", STRS),
	FIELD(cors, max_age, "maxAge", MS, .zero_ok = true, .doc = "whole seconds"),
	FIELD(cors, allow_credentials, "allowCredentials", OPT_BOOL),
	FIELD(cors, unmatched_preflights, "unmatchedPreflights", ENUM_STR,
	      .names = preflight_names),
	{ 0 },
};
SCHEMA(cors_schema, cors, "corsPolicy", .fields = cors_fields);

static const struct field mirror_fields[] = {
	FIELD(mirror, destination, "destination", INLINE, .sub = &destination_schema,
	      .required = true),
	FIELD(mirror, percentage, "percentage", CUSTOM, .decode = decode_percentage,
	      .sub = &percentage_schema),
	{ 0 },
};
static SCHEMA(mirror_schema, mirror, "mirror", .fields = mirror_fields);

/* ---- routes ---------------------------------------------------------------------------------- */
static const struct field http_route_fields[] = {
	FIELD(http_route, name, "name", STR, .doc = "for the access log"),
	FIELD(http_route, matches, "match", LIST, .sub = &http_match_schema,
	      .doc = "any of these blocks; in a block all conditions"),
	FIELD(http_route, routes, "route", LIST, .sub = &http_destination_schema,
	      .doc = "weighted targets"),
	FIELD(http_route, redirect, "redirect", PTR, .sub = &redirect_schema),
	FIELD(http_route, direct_response, "directResponse", PTR, .sub = &direct_response_schema),
	{ .name = "delegate",
	  .type = T_INLINE,
	  .sub = &delegate_schema,
	  .has_off = AT(http_route, has_delegate) },
	FIELD(http_route, rewrite, "rewrite", PTR, .sub = &rewrite_schema),
	FIELD(http_route, timeout, "timeout", MS, .doc = "of the whole request with its retries"),
	FIELD(http_route, retries, "retries", PTR, .sub = &retries_schema),
	FIELD(http_route, fault, "fault", PTR, .sub = &fault_schema),
	FIELD(http_route, mirror, "mirror", PTR, .sub = &destination_schema),
	FIELD(http_route, mirrors, "mirrors", LIST, .sub = &mirror_schema),
	FIELD(http_route, mirror_percent, "mirrorPercent", OPT_U32, .max = 100,
	      .doc = "old integer form"),
	FIELD(http_route, mirror_percentage, "mirrorPercentage", CUSTOM,
	      .decode = decode_percentage, .sub = &percentage_schema),
	FIELD(http_route, cors, "corsPolicy", PTR, .sub = &cors_schema),
	FIELD(http_route, headers, "headers", INLINE, .sub = &headers_schema),
	FIELD(http_route, headers.request.add, "appendHeaders", PAIRS, .doc = "old"),
	OLD_HEADER_FIELDS(http_route),
	{ .name = "websocketUpgrade", .type = T_ANY, .doc = "old: upgrades are always allowed" },
	{ 0 },
};
static SCHEMA(http_route_schema, http_route, "HTTP route", .fields = http_route_fields,
	      .pos_off = AT(http_route, pos));

static const struct field tcp_route_fields[] = {
	FIELD(l4_route, matches, "match", LIST, .sub = &l4_match_schema),
	FIELD(l4_route, routes, "route", LIST, .sub = &l4_destination_schema),
	{ 0 },
};
static SCHEMA(tcp_route_schema, l4_route, "TCP route", .fields = tcp_route_fields,
	      .pos_off = AT(l4_route, pos));

static const struct field tls_route_fields[] = {
	FIELD(l4_route, matches, "match", LIST, .sub = &tls_match_schema),
	FIELD(l4_route, routes, "route", LIST, .sub = &l4_destination_schema),
	{ 0 },
};
static SCHEMA(tls_route_schema, l4_route, "TLS route", .fields = tls_route_fields,
	      .pos_off = AT(l4_route, pos));

static const struct field virtual_service_fields[] = {
	FIELD(virtual_service, hosts, "hosts", STRS, .doc = "names that clients use"),
	FIELD(virtual_service, gateways, "gateways", STRS, .doc = "`mesh` (default) = all pods"),
	FIELD(virtual_service, http, "http", LIST, .sub = &http_route_schema,
	      .doc = "routes of HTTP ports, first match wins"),
	FIELD(virtual_service, tls, "tls", LIST, .sub = &tls_route_schema,
	      .doc = "routes of TLS ports, by server name"),
	FIELD(virtual_service, tcp, "tcp", LIST, .sub = &tcp_route_schema,
	      .doc = "routes of all other ports"),
	FIELD(virtual_service, export_to, "exportTo", STRS, .doc = "namespaces, `.` or `*`"),
	{ 0 },
};
static SCHEMA(virtual_service_spec, virtual_service, "VirtualService spec",
	      .fields = virtual_service_fields);

static const struct field virtual_service_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &virtual_service_spec },
	{ 0 },
};
SCHEMA(virtual_service_root, virtual_service, "VirtualService",
       .fields = virtual_service_root_fields);
