// SPDX-License-Identifier: Apache-2.0
/* DestinationRule. */
#include "config/kinds.h"

/* ---- loadBalancer ---------------------------------------------------------------------------- */
static const struct enum_name lb_names[] = {
	{ "UNSPECIFIED", LBS_UNSET, 0 },
	{ "LEAST_CONN", LBS_LEAST_REQUEST, 1 },
	{ "RANDOM", LBS_RANDOM, 2 },
	{ "PASSTHROUGH", LBS_PASSTHROUGH, 3 },
	{ "ROUND_ROBIN", LBS_ROUND_ROBIN, 4 },
	{ "LEAST_REQUEST", LBS_LEAST_REQUEST, 5 },
	{ 0 },
};

static const struct field cookie_fields[] = {
	FIELD(consistent_hash, cookie_name, "name", STR, .required = true),
	FIELD(consistent_hash, cookie_path, "path", STR),
	FIELD(consistent_hash, cookie_ttl, "ttl", MS, .zero_ok = true,
	      .doc = "set: an absent cookie is generated; 0s = of the session"),
	{ .name = "attributes", .type = T_ANY },
	{ 0 },
};
static SCHEMA(cookie_schema, consistent_hash, "httpCookie", .fields = cookie_fields);

static const struct field ring_fields[] = {
	FIELD(consistent_hash, minimum_ring_size, "minimumRingSize", U64, .doc = "1024 by default"),
	{ 0 },
};
static SCHEMA(ring_schema, consistent_hash, "ringHash", .fields = ring_fields);

static const struct field maglev_fields[] = {
	FIELD(consistent_hash, table_size, "tableSize", U64, .max = 5000011,
	      .doc = "a prime; 65537 by default"),
	{ 0 },
};
static SCHEMA(maglev_schema, consistent_hash, "maglev", .fields = maglev_fields);

static const struct field hash_fields[] = {
	FIELD(consistent_hash, http_header, "httpHeaderName", STR, .oneof = 1,
	      .alias = "httpHeader"),
	{ .name = "httpCookie",
	  .type = T_INLINE,
	  .sub = &cookie_schema,
	  .oneof = 1,
	  .has_off = AT(consistent_hash, has_cookie) },
	FIELD(consistent_hash, use_source_ip, "useSourceIp", BOOL, .oneof = 1),
	FIELD(consistent_hash, query_parameter, "httpQueryParameterName", STR, .oneof = 1),
	{ .name = "ringHash",
	  .type = T_INLINE,
	  .sub = &ring_schema,
	  .oneof = 2,
	  .has_off = AT(consistent_hash, ring_hash) },
	{ .name = "maglev",
	  .type = T_INLINE,
	  .sub = &maglev_schema,
	  .oneof = 2,
	  .has_off = AT(consistent_hash, maglev) },
	FIELD(consistent_hash, minimum_ring_size, "minimumRingSize", U64,
	      .doc = "old: ringHash.minimumRingSize"),
	{ 0 },
};
static SCHEMA(hash_schema, consistent_hash, "consistentHash", .fields = hash_fields);

static void decode_locality_weights(struct decoder *d, const struct field *f, const struct node *n,
				    const struct path *p, void *at)
{
	struct field weight = { .name = f->name, .type = T_U32, .min = 1, .max = 100 };
	LIST_OF(struct pair_u32) *out = at;

	weight.off = offsetof(struct pair_u32, value);
	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT ": write a mapping of names to "
			    "numbers",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path here = { .up = p, .key = n->pairs[i].key, .quoted = true };

		out->items[out->n].key = arena_str(d->a, n->pairs[i].key);
		decode_field(d, &weight, n->pairs[i].value, &here, &out->items[out->n++]);
	}
}

static const struct field distribute_fields[] = {
	FIELD(locality_distribute, from, "from", STR, .doc = "region/zone/subzone"),
	FIELD(locality_distribute, to, "to", CUSTOM, .decode = decode_locality_weights,
	      .doc = "locality -> weight, 100 together"),
	{ 0 },
};
static SCHEMA(distribute_schema, locality_distribute, "distribute", .fields = distribute_fields);

static const struct field failover_fields[] = {
	FIELD(locality_failover, from, "from", STR, .doc = "region"),
	FIELD(locality_failover, to, "to", STR, .doc = "region"),
	{ 0 },
};
static SCHEMA(failover_schema, locality_failover, "failover", .fields = failover_fields);

static const struct field locality_fields[] = {
	FIELD(locality_setting, distribute, "distribute", LIST, .sub = &distribute_schema),
	FIELD(locality_setting, failover, "failover", LIST, .sub = &failover_schema),
	FIELD(locality_setting, failover_priority, "failoverPriority", STRS),
	FIELD(locality_setting, enabled, "enabled", OPT_BOOL),
	{ 0 },
};
static SCHEMA(locality_schema, locality_setting, "localityLbSetting", .fields = locality_fields);

static const struct field zone_aware_fields[] = {
	FIELD(zone_aware, enabled, "enabled", OPT_BOOL),
	FIELD(zone_aware, failover, "failover", LIST, .sub = &failover_schema),
	FIELD(zone_aware, failover_priority, "failoverPriority", STRS),
	FIELD(zone_aware, min_cluster_size, "minClusterSize", OPT_U32),
	{ 0 },
};
static SCHEMA(zone_aware_schema, zone_aware, "zoneAwareLbSetting", .fields = zone_aware_fields);

static const struct field warmup_fields[] = {
	FIELD(load_balancer, warmup, "duration", MS, .required = true),
	FIELD(load_balancer, warmup_minimum, "minimumPercent", DOUBLE, .max = 100,
	      .doc = "10 by default"),
	FIELD(load_balancer, warmup_aggression, "aggression", DOUBLE, .min = 1,
	      .doc = "1.0 by default"),
	{ 0 },
};
static SCHEMA(warmup_schema, load_balancer, "warmup", .fields = warmup_fields);

static const struct field load_balancer_fields[] = {
	FIELD(load_balancer, simple, "simple", ENUM, .names = lb_names, .oneof = 1,
	      .doc = "LEAST_REQUEST by default"),
	FIELD(load_balancer, hash, "consistentHash", PTR, .sub = &hash_schema, .oneof = 1),
	FIELD(load_balancer, locality, "localityLbSetting", PTR, .sub = &locality_schema,
	      .has_off = AT(load_balancer, has_locality), .oneof = 2),
	FIELD(load_balancer, zone, "zoneAwareLbSetting", PTR, .sub = &zone_aware_schema,
	      .oneof = 2),
	{ .name = "warmup", .type = T_INLINE, .sub = &warmup_schema, .oneof = 3 },
	FIELD(load_balancer, warmup, "warmupDurationSecs", MS, .oneof = 3, .doc = "old"),
	{ 0 },
};
static SCHEMA(load_balancer_schema, load_balancer, "loadBalancer", .fields = load_balancer_fields,
	      .pos_off = AT(load_balancer, pos));

/* ---- connectionPool -------------------------------------------------------------------------- */
static const struct field keepalive_fields[] = {
	FIELD(keepalive, probes, "probes", U32, .doc = "9 by default"),
	FIELD(keepalive, time, "time", MS, .doc = "7200s by default"),
	FIELD(keepalive, interval, "interval", MS, .doc = "75s by default"),
	{ 0 },
};
static SCHEMA(keepalive_schema, keepalive, "tcpKeepalive", .fields = keepalive_fields);

static const struct field tcp_pool_fields[] = {
	FIELD(connection_pool, max_connections, "maxConnections", U32, .max = 2147483647,
	      .doc = "open connections to the destination; 0 = no limit"),
	FIELD(connection_pool, connect_timeout, "connectTimeout", MS, .doc = "10s by default"),
	FIELD(connection_pool, keepalive, "tcpKeepalive", PTR, .sub = &keepalive_schema),
	FIELD(connection_pool, max_connection_duration, "maxConnectionDuration", MS),
	FIELD(connection_pool, tcp_idle_timeout, "idleTimeout", MS, .zero_ok = true,
	      .doc = "1h by default; 0s = never"),
	{ 0 },
};
static SCHEMA(tcp_pool_schema, connection_pool, "tcp", .fields = tcp_pool_fields);

static const struct enum_name upgrade_names[] = {
	{ "DEFAULT", 0, 0 }, { "DO_NOT_UPGRADE", 1, 1 }, { "UPGRADE", 2, 2 }, { 0 }
};

static const struct field h2_keepalive_fields[] = {
	FIELD(h2_keepalive, interval, "interval", MS, .required = true),
	FIELD(h2_keepalive, timeout, "timeout", MS, .required = true),
	{ 0 },
};
static SCHEMA(h2_keepalive_schema, h2_keepalive, "http2KeepAlive", .fields = h2_keepalive_fields);

static const struct field http_pool_fields[] = {
	FIELD(connection_pool, http1_max_pending, "http1MaxPendingRequests", U32, .max = 2147483647,
	      .doc = "requests waiting for a connection; above: 503 UO"),
	FIELD(connection_pool, http2_max_requests, "http2MaxRequests", U32, .max = 2147483647,
	      .doc = "requests in flight, HTTP/1 too; above: 503 UO"),
	FIELD(connection_pool, max_requests_per_connection, "maxRequestsPerConnection", U32,
	      .max = 2147483647, .doc = "1 = no keep-alive; 0 = no limit"),
	FIELD(connection_pool, max_retries, "maxRetries", U32, .max = 2147483647,
	      .doc = "retries in flight"),
	FIELD(connection_pool, idle_timeout, "idleTimeout", MS, .doc = "1h by default"),
	FIELD(connection_pool, h2_upgrade_policy, "h2UpgradePolicy", ENUM_STR,
	      .names = upgrade_names),
	FIELD(connection_pool, use_client_protocol, "useClientProtocol", BOOL),
	FIELD(connection_pool, max_concurrent_streams, "maxConcurrentStreams", U32,
	      .max = 2147483647),
	FIELD(connection_pool, h2_keepalive, "http2KeepAlive", PTR, .sub = &h2_keepalive_schema),
	{ 0 },
};
static SCHEMA(http_pool_schema, connection_pool, "http", .fields = http_pool_fields);

static const struct field connection_pool_fields[] = {
	{ .name = "tcp",
	  .type = T_INLINE,
	  .sub = &tcp_pool_schema,
	  .has_off = AT(connection_pool, has_tcp) },
	{ .name = "http",
	  .type = T_INLINE,
	  .sub = &http_pool_schema,
	  .has_off = AT(connection_pool, has_http) },
	{ 0 },
};
static SCHEMA(connection_pool_schema, connection_pool, "connectionPool",
	      .fields = connection_pool_fields, .pos_off = AT(connection_pool, pos));

/* ---- outlierDetection ------------------------------------------------------------------------ */
#define OUTLIER_OLD_FIELDS                                                                         \
	FIELD(outlier_detection, consecutive_errors, "consecutiveErrors", OPT_U32,                 \
	      .max = 2147483647, .doc = "old: read as consecutiveGatewayErrors"),                  \
		FIELD(outlier_detection, interval, "interval", MS, .doc = "10s by default"),       \
		FIELD(outlier_detection, base_ejection, "baseEjectionTime", MS,                    \
		      .doc = "30s by default"),                                                    \
		FIELD(outlier_detection, max_ejection_percent, "maxEjectionPercent", OPT_U32,      \
		      .max = 100, .doc = "10 by default")

static const struct field outlier_http_fields[] = { OUTLIER_OLD_FIELDS, { 0 } };
static SCHEMA(outlier_http_schema, outlier_detection, "http", .fields = outlier_http_fields);

static const struct field outlier_fields[] = {
	FIELD(outlier_detection, consecutive_5xx, "consecutive5xxErrors", OPT_U32,
	      .alias = "consecutive_5xx_errors", .doc = "5 by default, 0 = off"),
	FIELD(outlier_detection, consecutive_gateway, "consecutiveGatewayErrors", OPT_U32,
	      .doc = "502, 503, 504 and connect failures; off by default"),
	OUTLIER_OLD_FIELDS,
	FIELD(outlier_detection, split_local, "splitExternalLocalOriginErrors", BOOL),
	FIELD(outlier_detection, consecutive_local, "consecutiveLocalOriginFailures", OPT_U32),
	FIELD(outlier_detection, min_health_percent, "minHealthPercent", OPT_U32, .max = 100),
	FIELD(outlier_detection, http_codes, "outlierDetectionHttpErrorCodes", U32S, .min = 100,
	      .max = 599),
	{ .name = "http", .type = T_INLINE, .sub = &outlier_http_schema, .doc = "0.8" },
	{ 0 },
};
static SCHEMA(outlier_schema, outlier_detection, "outlierDetection", .fields = outlier_fields,
	      .pos_off = AT(outlier_detection, pos));

/* ---- tls ------------------------------------------------------------------------------------- */
static const struct enum_name tls_names[] = {
	{ "DISABLE", 0, 0 }, { "SIMPLE", 1, 1 }, { "MUTUAL", 2, 2 }, { "ISTIO_MUTUAL", 3, 3 }, { 0 }
};

static const struct field tls_fields[] = {
	FIELD(client_tls, mode, "mode", ENUM_STR, .names = tls_names),
	FIELD(client_tls, client_certificate, "clientCertificate", STR, .doc = "file"),
	FIELD(client_tls, private_key, "privateKey", STR, .doc = "file"),
	FIELD(client_tls, ca_certificates, "caCertificates", STR, .doc = "file"),
	FIELD(client_tls, credential_name, "credentialName", STR, .doc = "Secret"),
	FIELD(client_tls, subject_alt_names, "subjectAltNames", STRS),
	FIELD(client_tls, sni, "sni", STR),
	FIELD(client_tls, insecure_skip_verify, "insecureSkipVerify", OPT_BOOL),
	FIELD(client_tls, ca_crl, "caCrl", STR, .doc = "file"),
	{ 0 },
};
static SCHEMA(tls_schema, client_tls, "tls", .fields = tls_fields);

/* ---- trafficPolicy --------------------------------------------------------------------------- */
static const struct field port_number_fields[] = {
	FIELD(port_policy, port, "number", U32, .required = true, .min = 1, .max = 65535),
	{ 0 },
};
static SCHEMA(port_number_schema, port_policy, "port", .fields = port_number_fields);

#define FOUR_BLOCKS                                                                                \
	FIELD(traffic_policy, load_balancer, "loadBalancer", PTR, .sub = &load_balancer_schema),   \
		FIELD(traffic_policy, connection_pool, "connectionPool", PTR,                      \
		      .sub = &connection_pool_schema),                                             \
		FIELD(traffic_policy, outlier, "outlierDetection", PTR, .sub = &outlier_schema),   \
		FIELD(traffic_policy, tls, "tls", PTR, .sub = &tls_schema)

static void decode_port_number(struct decoder *d, const struct field *f, const struct node *n,
			       const struct path *p, void *at)
{
	struct port_policy read = { 0 };

	decode_struct(d, &port_number_schema, n, p, &read);
	((struct traffic_policy *)at)->own_port = read.port;
}

static const struct field port_policy_fields[] = {
	{ .name = "port",
	  .type = T_CUSTOM,
	  .required = true,
	  .sub = &port_number_schema,
	  .decode = decode_port_number,
	  .doc = "{number: …} of the service" },
	FOUR_BLOCKS,
	{ 0 },
};
static SCHEMA(port_policy_schema, traffic_policy, "port-level setting",
	      .fields = port_policy_fields, .pos_off = AT(traffic_policy, pos));

static void decode_port_level(struct decoder *d, const struct field *f, const struct node *n,
			      const struct path *p, void *at)
{
	struct {
		LIST_OF(struct traffic_policy) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &port_policy_schema };
	LIST_OF(struct port_policy) *out = at;

	decode_field(d, &list, n, p, &read);
	out->items = arena_array(d->a, read.list.n, sizeof(*out->items));
	out->n = read.list.n;
	for (size_t i = 0; i < out->n; i++)
		out->items[i] = (struct port_policy){ read.list.items[i].own_port,
						      &read.list.items[i], read.list.items[i].pos };
}

static const struct field tunnel_fields[] = {
	FIELD(tunnel, protocol, "protocol", STR, .doc = "CONNECT (default) or POST"),
	FIELD(tunnel, target_host, "targetHost", STR, .required = true),
	FIELD(tunnel, target_port, "targetPort", U32, .required = true, .min = 1, .max = 65535),
	{ 0 },
};
static SCHEMA(tunnel_schema, tunnel, "tunnel", .fields = tunnel_fields);

static const struct enum_name proxy_protocol_names[] = { { "V1", 0, 0 }, { "V2", 1, 1 }, { 0 } };
static const struct field proxy_protocol_fields[] = {
	FIELD(proxy_protocol, version, "version", ENUM_STR, .names = proxy_protocol_names),
	{ 0 },
};
static SCHEMA(proxy_protocol_schema, proxy_protocol, "proxyProtocol",
	      .fields = proxy_protocol_fields);

static const struct field retry_budget_fields[] = {
	FIELD(retry_budget, percent, "percent", DOUBLE, .max = 100,
	      .doc = "of the active requests; 20 by default"),
	FIELD(retry_budget, min_concurrency, "minRetryConcurrency", OPT_U32, .doc = "3 by default"),
	{ 0 },
};
static SCHEMA(retry_budget_schema, retry_budget, "retryBudget", .fields = retry_budget_fields);

static const struct field traffic_policy_fields[] = {
	FOUR_BLOCKS,
	FIELD(traffic_policy, port_level, "portLevelSettings", CUSTOM, .decode = decode_port_level,
	      .doc = "replaces the four blocks for one service port"),
	FIELD(traffic_policy, tunnel, "tunnel", PTR, .sub = &tunnel_schema,
	      .has_off = AT(traffic_policy, has_tunnel)),
	FIELD(traffic_policy, proxy_protocol, "proxyProtocol", PTR, .sub = &proxy_protocol_schema,
	      .has_off = AT(traffic_policy, has_proxy_protocol)),
	FIELD(traffic_policy, retry_budget, "retryBudget", PTR, .sub = &retry_budget_schema,
	      .has_off = AT(traffic_policy, has_retry_budget)),
	{ 0 },
};
static SCHEMA(traffic_policy_schema, traffic_policy, "trafficPolicy",
	      .fields = traffic_policy_fields, .pos_off = AT(traffic_policy, pos));

static const struct field subset_fields[] = {
	FIELD(subset, name, "name", STR, .required = true),
	FIELD(subset, labels, "labels", PAIRS, .doc = "of the endpoints; none = all"),
	FIELD(subset, policy, "trafficPolicy", PTR, .sub = &traffic_policy_schema,
	      .doc = "each block replaces the rule's own"),
	{ 0 },
};
static SCHEMA(subset_schema, subset, "subset", .fields = subset_fields, .pos_off = AT(subset, pos));

static const struct field destination_rule_fields[] = {
	FIELD(destination_rule, host, "host", STR, .required = true, .doc = "service, or *.suffix"),
	FIELD(destination_rule, policy, "trafficPolicy", PTR, .sub = &traffic_policy_schema),
	FIELD(destination_rule, subsets, "subsets", LIST, .sub = &subset_schema),
	FIELD(destination_rule, export_to, "exportTo", STRS, .doc = "namespaces, `.` or `*`"),
	FIELD(destination_rule, workload_selector, "workloadSelector", INLINE,
	      .sub = &match_labels_schema, .has_off = AT(destination_rule, has_workload_selector),
	      .doc = "client pods that the rule is for"),
	{ 0 },
};
static SCHEMA(destination_rule_spec, destination_rule, "DestinationRule spec",
	      .fields = destination_rule_fields);

static const struct field destination_rule_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &destination_rule_spec },
	{ 0 },
};
SCHEMA(destination_rule_root, destination_rule, "DestinationRule",
       .fields = destination_rule_root_fields);
