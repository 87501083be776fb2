/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects.h - the resources as typed structs, as decode.c fills them from YAML through the field
 * tables of kinds*.c. Field names, defaults and meaning: the mesh API reference. Everything lives
 * in the arena of the document set that it came from and is never changed after validation. Lists
 * are pointer and count; a pointer to a struct that is NULL means "not set".
 */
#ifndef WEFT_CONFIG_OBJECTS_H
#define WEFT_CONFIG_OBJECTS_H

#include "base/map.h"

struct pos {
	uint32_t line, col; /* from 1; 0: unknown */
};

/* An optional scalar: was it written? */
struct opt_u32 {
	bool set;
	uint32_t v;
};
struct opt_bool {
	bool set, v;
};
struct opt_ms { /* durations, whole milliseconds */
	bool set;
	uint64_t v;
};

struct pair {
	struct str key, value;
	struct pos pos;
};
struct pairs {
	struct pair *items;
	size_t n;
};
struct strs {
	struct str *items;
	size_t n;
};
struct u32s {
	uint32_t *items;
	size_t n;
};

#define LIST_OF(type)                                                                              \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t n;                                                                          \
	}

enum kind {
	KIND_UNKNOWN,
	KIND_NAMESPACE,
	KIND_SERVICE,
	KIND_POD,
	KIND_ENDPOINTS,
	KIND_ENDPOINT_SLICE,
	KIND_VIRTUAL_SERVICE,
	KIND_DESTINATION_RULE,
	KIND_SERVICE_ENTRY,
	/* decoded and validated, not compiled yet */
	KIND_GATEWAY,
	KIND_PEER_AUTHENTICATION,
	KIND_ROUTE_RULE,
	KIND_POLICY,
	KIND_OTHER, /* known to exist, skipped with a note (Deployment, Ingress, …) */
	NR_KINDS,
};

struct meta {
	struct str api_version, kind, ns, name; /* ns: "default" when absent */
	struct pairs labels, annotations;
	struct str creation_timestamp; /* "" when absent */
	struct str generate_name;
};

struct problem {
	struct pos pos;
	bool warning;
	struct str path;    /* "spec.http[0].route" */
	struct str message; /* what is wrong and what to write instead */
};

struct object {
	enum kind kind;
	struct meta meta;
	struct str file;
	struct pos pos;	  /* of the document */
	uint32_t ordinal; /* document order over all files: the tie-break "oldest wins" */
	bool valid;	  /* no error among problems */
	bool skipped;	  /* a kind that weft does not use; problems holds the note */
	LIST_OF(struct problem) problems;
	void *spec; /* struct virtual_service … by kind; NULL when not decoded */
};

/* ---- Kubernetes ------------------------------------------------------------------------------ */
struct service_port {
	struct str name, protocol, app_protocol; /* protocol: TCP when absent */
	uint32_t port;
	uint32_t target_port; /* 0: same as port, unless target_port_name */
	struct str target_port_name;
	uint32_t node_port;
	struct pos pos;
};

struct service {
	struct str cluster_ip; /* "", "None" or an address */
	struct strs cluster_ips;
	struct str type, external_name;
	struct pairs selector;
	LIST_OF(struct service_port) ports;
	bool publish_not_ready;
	struct str internal_traffic_policy, traffic_distribution;
};

struct container_port {
	struct str name, protocol;
	uint32_t port;
};

struct container {
	struct str name, image;
	struct strs command, args;
	LIST_OF(struct container_port) ports;
};

struct pod_object {
	struct str node_name, service_account, pod_ip;
	struct strs pod_ips; /* status.podIPs[].ip */
	bool host_network;
	struct opt_bool ready; /* status.conditions[type=Ready]; unset: ready */
	struct str phase;      /* Succeeded and Failed are not ready */
	LIST_OF(struct container) containers;
	struct str owner_kind, owner_name; /* metadata.ownerReferences[0] */
};

struct endpoint_address {
	struct str ip, node_name, target_ns, target_name; /* targetRef Pod */
	bool ready;
};

struct endpoint_port {
	struct str name, protocol, app_protocol;
	uint32_t port;
};

/* Endpoints (one per subset) and EndpointSlice in one shape. */
struct endpoint_set {
	LIST_OF(struct endpoint_address) addresses;
	LIST_OF(struct endpoint_port) ports;
};

struct endpoints {
	struct str service; /* name of the Service; "" for a slice without the label */
	LIST_OF(struct endpoint_set) sets;
};

/* ---- VirtualService -------------------------------------------------------------------------- */
enum match_kind { SM_NONE, SM_EXACT, SM_PREFIX, SM_REGEX, SM_PRESENT /* {} or regex * on a key */ };

struct string_match {
	enum match_kind kind;
	struct str value;
	struct pos pos;
};

struct keyed_match {
	struct str key;
	struct string_match match;
};

struct http_match {
	struct str name, stat_prefix, source_namespace;
	struct string_match uri, scheme, method, authority;
	LIST_OF(struct keyed_match) headers;
	LIST_OF(struct keyed_match) without_headers;
	LIST_OF(struct keyed_match) query_params;
	bool ignore_uri_case;
	uint32_t port; /* 0: any */
	struct pairs source_labels;
	struct strs gateways;
	struct pos pos;
};

struct destination {
	struct str host, subset;
	uint32_t port; /* 0: not given */
	struct str port_name;
	struct pos pos;
};

struct header_ops {
	struct pairs set, add;
	struct strs remove;
};
struct headers {
	struct header_ops request, response;
};

struct route_destination {
	struct destination destination;
	struct opt_u32 weight;
	struct headers headers;
	struct pos pos;
};

struct redirect {
	struct str uri, prefix_rewrite, authority, scheme, derive_port;
	uint32_t port, redirect_code;
};

struct rewrite {
	struct str uri, authority;
	struct str regex_match, regex_rewrite;
};

struct direct_response {
	uint32_t status;
	struct str body_string, body_bytes;
	bool has_body;
};

struct retries {
	struct opt_u32 attempts;
	struct opt_ms per_try_timeout;
	struct str retry_on;
	struct opt_bool retry_remote_localities, retry_ignore_previous_hosts;
	struct opt_ms backoff;
};

struct percent {
	bool set;
	double v;
};

struct fault {
	bool has_delay, has_abort;
	struct percent delay_percentage, abort_percentage;
	struct opt_u32 delay_percent, abort_percent; /* old */
	struct opt_ms fixed_delay, exponential_delay;
	struct opt_u32 http_status;
	struct str grpc_status, http2_error;
};

struct cors {
	LIST_OF(struct string_match) allow_origins;
	struct strs allow_origin, allow_methods, allow_headers, expose_headers;
	struct opt_ms max_age;
	struct opt_bool allow_credentials;
	struct str unmatched_preflights;
};

struct mirror {
	struct destination destination;
	struct percent percentage;
};

struct http_route {
	struct str name;
	LIST_OF(struct http_match) matches;
	LIST_OF(struct route_destination) routes;
	struct redirect *redirect;
	struct direct_response *direct_response;
	struct str delegate_name, delegate_ns;
	bool has_delegate;
	struct rewrite *rewrite;
	struct opt_ms timeout;
	struct retries *retries;
	struct fault *fault;
	struct destination *mirror;
	LIST_OF(struct mirror) mirrors;
	struct opt_u32 mirror_percent;
	struct percent mirror_percentage;
	struct cors *cors;
	struct headers headers;
	struct pos pos;
};

struct l4_match { /* tcp and tls routes */
	struct strs sni_hosts, destination_subnets;
	struct strs source_subnets; /* sourceSubnet (string) or sourceSubnets */
	uint32_t port;
	struct pairs source_labels;
	struct strs gateways;
	struct str source_namespace;
	struct pos pos;
};

struct l4_route {
	LIST_OF(struct l4_match) matches;
	LIST_OF(struct route_destination) routes;
	struct pos pos;
};

struct virtual_service {
	struct strs hosts, gateways, export_to;
	LIST_OF(struct http_route) http;
	LIST_OF(struct l4_route) tls;
	LIST_OF(struct l4_route) tcp;
};

/* ---- DestinationRule ------------------------------------------------------------------------- */
enum lb_simple { LBS_UNSET, LBS_LEAST_REQUEST, LBS_RANDOM, LBS_ROUND_ROBIN, LBS_PASSTHROUGH };

struct consistent_hash {
	struct str http_header, query_parameter;
	struct str cookie_name, cookie_path;
	bool has_cookie;
	struct opt_ms cookie_ttl;
	bool use_source_ip;
	bool ring_hash, maglev;
	uint64_t minimum_ring_size, table_size;
};

struct pair_u32 {
	struct str key;
	uint32_t value;
};

struct locality_distribute {
	struct str from;
	LIST_OF(struct pair_u32) to;
};
struct locality_failover {
	struct str from, to;
};
struct locality_setting {
	LIST_OF(struct locality_distribute) distribute;
	LIST_OF(struct locality_failover) failover;
	struct strs failover_priority;
	struct opt_bool enabled;
};
struct zone_aware {
	struct opt_bool enabled;
	LIST_OF(struct locality_failover) failover;
	struct strs failover_priority;
	struct opt_u32 min_cluster_size;
};

struct load_balancer {
	enum lb_simple simple;
	struct consistent_hash *hash;
	struct opt_ms warmup;
	struct percent warmup_minimum, warmup_aggression;
	bool has_locality; /* localityLbSetting was written; its content is validated only */
	struct locality_setting *locality;
	struct zone_aware *zone;
	struct pos pos;
};

struct keepalive {
	uint32_t probes;
	struct opt_ms time, interval;
};

struct h2_keepalive {
	struct opt_ms interval, timeout;
};

struct connection_pool {
	/* tcp; 0 and unset both mean the default */
	uint32_t max_connections;
	struct opt_ms connect_timeout, max_connection_duration, tcp_idle_timeout;
	struct keepalive *keepalive;
	/* http */
	uint32_t http1_max_pending, http2_max_requests, max_requests_per_connection, max_retries;
	uint32_t max_concurrent_streams;
	struct opt_ms idle_timeout;
	struct str h2_upgrade_policy;
	bool use_client_protocol;
	struct h2_keepalive *h2_keepalive;
	bool has_tcp, has_http;
	struct pos pos;
};

struct outlier_detection {
	struct opt_u32 consecutive_5xx, consecutive_gateway, consecutive_errors;
	bool split_local;
	struct opt_u32 consecutive_local;
	struct opt_ms interval, base_ejection;
	struct opt_u32 max_ejection_percent, min_health_percent;
	struct u32s http_codes;
	struct pos pos;
};

struct client_tls {
	struct str mode; /* DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL */
	struct str client_certificate, private_key, ca_certificates, credential_name, sni, ca_crl;
	struct strs subject_alt_names;
	struct opt_bool insecure_skip_verify;
};

struct tunnel {
	struct str protocol, target_host;
	uint32_t target_port;
};
struct proxy_protocol {
	struct str version; /* V1, V2 */
};
struct retry_budget {
	struct percent percent;
	struct opt_u32 min_concurrency;
};

struct traffic_policy;

struct port_policy {
	uint32_t port;
	struct traffic_policy *policy; /* only the four blocks */
	struct pos pos;
};

struct traffic_policy {
	struct load_balancer *load_balancer;
	struct connection_pool *connection_pool;
	struct outlier_detection *outlier;
	struct client_tls *tls;
	LIST_OF(struct port_policy) port_level;
	bool has_tunnel, has_proxy_protocol, has_retry_budget;
	struct tunnel *tunnel;
	struct proxy_protocol *proxy_protocol;
	struct retry_budget *retry_budget;
	uint32_t own_port; /* of a port-level setting */
	struct pos pos;
};

struct subset {
	struct str name;
	struct pairs labels;
	struct traffic_policy *policy;
	struct pos pos;
};

struct destination_rule {
	struct str host;
	struct traffic_policy *policy;
	LIST_OF(struct subset) subsets;
	struct strs export_to;
	struct pairs workload_selector;
	bool has_workload_selector;
};

/* ---- ServiceEntry ---------------------------------------------------------------------------- */
struct workload_entry {
	struct str address, network, locality, service_account;
	LIST_OF(struct pair_u32) ports;
	struct pairs labels;
	uint32_t weight; /* 0: 1 */
	struct pos pos;
};

struct service_entry {
	struct strs hosts, addresses, export_to, subject_alt_names;
	LIST_OF(struct service_port) ports; /* target_port 0: same */
	struct str location;		    /* MESH_EXTERNAL, MESH_INTERNAL */
	struct str resolution;		    /* NONE, STATIC, DNS, … */
	LIST_OF(struct workload_entry) endpoints;
	struct pairs workload_selector;
	bool has_workload_selector;
};

/* ---- decoded and validated, not compiled yet ------------------------------------------------- */
struct server_tls {
	bool https_redirect;
	struct str mode; /* PASSTHROUGH when absent */
	struct str server_certificate, private_key, ca_certificates, ca_crl;
	struct str credential_name, ca_cert_credential_name;
	struct strs credential_names, subject_alt_names, cipher_suites;
	struct strs verify_spki, verify_hash;
	struct str min_version, max_version;
	size_t nr_tls_certificates;
	struct pos pos;
};

struct server {
	struct str name, bind, default_endpoint;
	struct service_port port;
	bool has_port;
	struct strs hosts;
	struct server_tls *tls;
	struct pos pos;
};

struct gateway {
	struct pairs selector;
	LIST_OF(struct server) servers;
};

struct port_mode {
	struct str port; /* as written */
	struct str mode;
};
struct peer_authentication {
	bool has_selector;
	struct pairs selector;
	struct str mode; /* "" and UNSET inherit */
	bool has_port_level;
	LIST_OF(struct port_mode) port_level;
};

struct policy_target {
	struct str name;
	LIST_OF(struct destination) ports; /* port or port_name */
};
struct policy {
	LIST_OF(struct policy_target) targets;
	size_t nr_peers;
	bool permissive; /* of the mtls peer */
	size_t nr_origins;
};

struct legacy_service { /* IstioService */
	struct str name, ns, domain, service;
	struct pairs labels;
	bool has_labels;
};
struct legacy_route {
	struct legacy_service destination;
	struct pairs labels;
	struct opt_u32 weight;
	struct pos pos;
};
struct route_rule {
	struct legacy_service destination, source, mirror;
	bool has_mirror;
	uint32_t precedence;
	LIST_OF(struct keyed_match) headers;
	struct strs source_subnets, destination_subnets;
	LIST_OF(struct legacy_route) routes;
	struct redirect *redirect;
	struct rewrite *rewrite;
	struct cors *cors;
	struct pairs append_headers;
	struct opt_ms timeout, per_try_timeout;
	struct opt_u32 attempts;
	struct fault *fault;
};

#endif
