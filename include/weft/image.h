/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - the compiled mesh for weft-proxy: one flat, read-only file. Offsets and indexes instead
 * of pointers, little endian, every section 8-byte aligned, unused bytes zero. The reader
 * (user/image) checks every offset, index and order once; after that nothing needs a check.
 *
 * Look-up of a connection: listeners by (view, addr, port), see image_listener.
 * Look-up of a request: host (lower case, without port and trailing dot; a name without a dot gets
 * "." + the client's namespace) in the domains of the listener's table, then of the same port's
 * table in view 0; exact, then the longest wildcard, then "*". Then routes in order, first match.
 */
#ifndef WEFT_IMAGE_H
#define WEFT_IMAGE_H

#include <stdint.h>
#include "weft/abi.h"

#define IMAGE_MAGIC 0x314d4957u /* "WIM1" */
enum { IMAGE_VERSION = 1 };
enum { IMAGE_NONE = 0xffffffff }; /* an index that points nowhere */

/* one line a section: name, record */
#define IMAGE_SECTIONS(X)                                                                          \
	X(strings, char)                                                                           \
	X(pods, struct image_pod)                                                                  \
	X(workloads, struct image_workload)                                                        \
	X(listeners, struct image_listener)                                                        \
	X(tables, struct image_table)                                                              \
	X(domains, struct image_domain)                                                            \
	X(vhosts, struct image_vhost)                                                              \
	X(routes, struct image_route)                                                              \
	X(matchers, struct image_matcher)                                                          \
	X(targets, struct image_target)                                                            \
	X(clusters, struct image_cluster)                                                          \
	X(endpoints, struct image_endpoint)                                                        \
	X(slots, uint32_t)                                                                         \
	X(regexes, struct image_regex)                                                             \
	X(codes, uint32_t)

#define IMAGE_SECTION_ENUM(name, record) IMAGE_##name,
enum image_section { IMAGE_SECTIONS(IMAGE_SECTION_ENUM) NR_IMAGE_SECTIONS };

struct image_span {
	uint64_t off;	/* bytes from the start of the file, 8-aligned */
	uint64_t count; /* records */
};

struct image_header {
	uint32_t magic, version;
	uint64_t size;	     /* of the whole file */
	uint64_t checksum;   /* FNV-1a 64 of the file with checksum and generation as zero */
	uint64_t generation; /* set by the pusher */
	struct image_span sections[NR_IMAGE_SECTIONS];
	/* mesh-wide settings (mesh-api 8) */
	uint32_t access_log; /* 0 off, 1 text, 2 json: /dev/stdout of weft-proxy */
	uint32_t pad;
};

struct image_str {
	uint32_t off, len; /* into strings; a NUL follows every string there */
};

/* [first, first + count) of a section; checked to lie inside it */
struct image_range {
	uint32_t first, count;
};

/* Pods of this node: who a client is. Sorted by id. */
struct image_pod {
	uint64_t id; /* struct conn.pod_id */
	uint32_t view;
	uint32_t workload;
	struct image_str name;
};

/* Labels of metrics and logs (mesh-api 21.3); empty string: unknown. */
struct image_workload {
	struct image_str name, ns, app, version, canonical_name, canonical_revision;
	struct image_str service_account, cluster_name;
};

enum image_listener_kind {
	LISTEN_HTTP = 1, /* declared HTTP: table */
	LISTEN_TCP,	 /* opaque bytes: targets */
};

/*
 * Sorted by (view, port in host order, addr, prefix descending). The connection's listener is the
 * first found of: (view, addr, port) exact, (0, addr, port) exact, then (view, port) and (0, port)
 * by longest prefix (prefix 0: any address).
 */
struct image_listener {
	uint32_t view;
	uint16_t port;	/* host order */
	uint8_t kind;	/* enum image_listener_kind */
	uint8_t prefix; /* 128: exact */
	struct ip16 addr;
	uint32_t table;		    /* LISTEN_HTTP */
	struct image_range targets; /* LISTEN_TCP: weighted clusters */
	uint32_t vhost;		    /* LISTEN_HTTP: of the dialled service, IMAGE_NONE: none */
};

/* Route table of one port in one view. */
struct image_table {
	uint32_t view;
	uint32_t port;		    /* host order */
	struct image_range domains; /* sorted by (kind, name bytes) */
	uint32_t fallback;	    /* table of view 0 of the same port, IMAGE_NONE */
	uint32_t pad;
};

enum image_domain_kind {
	DOMAIN_EXACT = 0,
	DOMAIN_SUFFIX = 1, /* name ".foo.com" for "*.foo.com" */
	DOMAIN_ANY = 2,	   /* "*" */
};

struct image_domain {
	struct image_str name;
	uint32_t kind;
	uint32_t vhost;
};

struct image_vhost {
	struct image_str name;	   /* "reviews.default.svc.cluster.local:9080" */
	struct image_range routes; /* in order, first match wins */
};

enum image_action {
	ACTION_ROUTE = 1,
	ACTION_PASSTHROUGH, /* original destination: PassthroughCluster */
	ACTION_STATUS,	    /* answer `status` with an empty body */
};

struct image_route {
	struct image_str name;	     /* access log ROUTE_NAME, "default" */
	struct image_range matchers; /* all must hold; none: always */
	struct image_range targets;  /* ACTION_ROUTE: 1 or more */
	uint32_t weight_sum;	     /* of the targets' weights; 1 target: 1 */
	uint32_t timeout_ms;	     /* 0: none */
	uint32_t action;	     /* enum image_action */
	uint32_t status;
};

enum image_subject {
	SUBJECT_PATH = 1, /* without query */
	SUBJECT_SCHEME,
	SUBJECT_METHOD,
	SUBJECT_AUTHORITY, /* raw Host, with port */
	SUBJECT_HEADER,
	SUBJECT_QUERY, /* first value of the parameter `name` */
};

enum image_operator {
	OP_EXACT = 1,
	OP_PREFIX,
	OP_REGEX, /* whole string */
	OP_PRESENT,
};

enum image_matcher_flags {
	MATCH_INVERT = 1,	    /* withoutHeaders */
	MATCH_IGNORE_CASE = 2,	    /* uri exact and prefix */
	MATCH_MISSING_IS_EMPTY = 4, /* withoutHeaders: a missing header is the empty string */
};

struct image_matcher {
	uint8_t subject, op;
	uint16_t flags;
	uint32_t regex;	       /* index into regexes, OP_REGEX only */
	struct image_str name; /* header (lower case) or parameter */
	struct image_str value;
};

struct image_regex {
	struct image_str pattern; /* RE2 subset, checked by validation */
};

struct image_target {
	uint32_t cluster; /* IMAGE_NONE: not defined, 503 NC */
	uint32_t weight;
	struct image_str cluster_name; /* as logged, also when undefined */
};

enum image_protocol { PROTO_TCP = 1, PROTO_HTTP1, PROTO_HTTP2, PROTO_SNIFF };

struct image_cluster {
	uint64_t id;		      /* struct cluster.id; stable over generations */
	struct image_str name;	      /* "outbound|9080|v1|reviews.default.svc.cluster.local" */
	struct image_str host;	      /* destination_service */
	struct image_str service, ns; /* destination_service_name, _namespace */
	struct image_str subset;
	uint16_t port;		    /* service port, host order */
	uint8_t lb;		    /* enum lb_policy */
	uint8_t protocol;	    /* enum image_protocol */
	struct image_range slots;   /* values are indexes into endpoints, in balancing order */
	struct image_range members; /* the same endpoints, each once: section codes */
	/* connectionPool, WEFT_NO_LIMIT: none (mesh-api 3.5) */
	uint32_t max_connections, max_pending, max_requests, max_requests_per_connection;
	uint32_t connect_timeout_ms;
	uint32_t idle_timeout_ms;   /* upstream keep-alive and TCP idle, 0: never */
	uint32_t max_connection_ms; /* 0: none */
	uint8_t keepalive;
	uint8_t pad;
	uint16_t keepalive_probes;
	uint32_t keepalive_time_s, keepalive_interval_s;
	/* outlierDetection (mesh-api 3.6); outlier 0: off */
	uint8_t outlier;
	uint8_t outlier_split_local;
	uint8_t max_ejection_percent, min_health_percent;
	uint32_t consecutive_5xx, consecutive_gateway, consecutive_local; /* 0: off */
	uint32_t outlier_interval_ms, base_ejection_ms;
	struct image_range
		outlier_codes; /* section codes: statuses that count as errors; none: 5xx */
};

struct image_endpoint {
	uint64_t id; /* struct endpoint.id */
	struct ip16 addr;
	uint16_t port; /* host order */
	uint16_t pad;
	uint32_t weight;
	uint32_t workload; /* IMAGE_NONE: unknown */
	uint32_t pad2;
};

_Static_assert(sizeof(struct image_pod) == 24, "image is ABI");
_Static_assert(sizeof(struct image_listener) == 40, "image is ABI");
_Static_assert(sizeof(struct image_route) == 40, "image is ABI");
_Static_assert(sizeof(struct image_matcher) == 24, "image is ABI");
_Static_assert(sizeof(struct image_endpoint) == 40, "image is ABI");
_Static_assert(sizeof(struct image_cluster) % 8 == 0, "image is ABI");

#endif
