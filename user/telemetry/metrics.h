/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - what is counted, by label set. Each worker has a struct metrics that it alone writes;
 * any thread may render at the same time (no lock, no atomic read-modify-write on the hot path).
 * A label set is interned once per key and then only incremented:
 *
 *	s = metrics_find(m, SET_HTTP, &key);
 *	if (!s)
 *		s = metrics_intern(m, SET_HTTP, &key, &labels);
 *	metrics_request(s, us, request_bytes, response_bytes);
 */
#ifndef WEFT_TELEMETRY_METRICS_H
#define WEFT_TELEMETRY_METRICS_H

#include <stdio.h>

#include "base/str.h"
#include "telemetry/text.h"
#include "weft/abi.h"
#include "weft/limits.h"
#include "weft/reasons.h"

/* Labels in order of mesh-api 21.3. X(name, value when empty) */
#define TCP_LABELS(X)                                                                              \
	X(reporter, "source")                                                                      \
	X(source_workload, "unknown")                                                              \
	X(source_workload_namespace, "unknown")                                                    \
	X(source_principal, "unknown")                                                             \
	X(source_app, "unknown")                                                                   \
	X(source_version, "unknown")                                                               \
	X(source_canonical_service, "unknown")                                                     \
	X(source_canonical_revision, "latest")                                                     \
	X(source_cluster, "unknown")                                                               \
	X(destination_workload, "unknown")                                                         \
	X(destination_workload_namespace, "unknown")                                               \
	X(destination_principal, "unknown")                                                        \
	X(destination_app, "unknown")                                                              \
	X(destination_version, "unknown")                                                          \
	X(destination_service, "unknown")                                                          \
	X(destination_service_name, "unknown")                                                     \
	X(destination_service_namespace, "unknown")                                                \
	X(destination_canonical_service, "unknown")                                                \
	X(destination_canonical_revision, "latest")                                                \
	X(destination_cluster, "unknown")                                                          \
	X(request_protocol, "unknown")                                                             \
	X(connection_security_policy, "unknown")                                                   \
	X(response_flags, "-")
#define HTTP_LABELS(X)                                                                             \
	TCP_LABELS(X)                                                                              \
	X(response_code, "0")                                                                      \
	X(grpc_response_status, "")

#define METRICS_LABEL_FIELD(name, missing) struct str name;
struct metrics_labels {
	HTTP_LABELS(METRICS_LABEL_FIELD)
	struct str cluster_name; /* the one label of SET_CLUSTER */
};

enum metrics_set { SET_HTTP, SET_TCP, SET_CLUSTER, NR_METRICS_SETS };

/* What distinguishes label sets; compared bytewise, so start from zero. */
struct metrics_key {
	uint64_t source, cluster, endpoint; /* ids */
	uint64_t other;			    /* hash of a Host that no configuration knows, else 0 */
	uint32_t flags;			    /* enum response_flag */
	uint16_t code;
	uint8_t protocol; /* caller's choice: http, grpc, tcp */
	uint8_t grpc_status;
};
_Static_assert(sizeof(struct metrics_key) == 40, "no padding in metrics_key");

enum { METRICS_BUCKETS = 20 }; /* of every histogram, with +Inf */

/* Values of a series, by set. A histogram is METRICS_BUCKETS counts and then the sum. */
enum http_value {
	HTTP_REQUESTS,
	HTTP_DURATION, /* buckets in ms, sum in us */
	HTTP_REQUEST_BYTES = HTTP_DURATION + METRICS_BUCKETS + 1,
	HTTP_RESPONSE_BYTES = HTTP_REQUEST_BYTES + METRICS_BUCKETS + 1,
	NR_HTTP_VALUES = HTTP_RESPONSE_BYTES + METRICS_BUCKETS + 1,
};
enum tcp_value {
	TCP_OPENED,
	TCP_CLOSED,
	TCP_SENT,
	TCP_RECEIVED,
	TCP_RTT_SUM,
	TCP_RTT_COUNT,
	NR_TCP_VALUES
};
enum cluster_value {
	CLUSTER_PENDING_OVERFLOW,
	CLUSTER_CX_OVERFLOW,
	CLUSTER_CX_OPENED,
	CLUSTER_CX_ACTIVE, /* gauge */
	CLUSTER_EJECTED,   /* gauge */
	NR_CLUSTER_VALUES
};

struct series {
	struct series *next, *next_in_slot;
	struct metrics_key key;
	enum metrics_set set;
	struct str labels; /* rendered: name="value",... */
	uint64_t v[];	   /* written by one thread, read by any */
};

struct metrics;
struct metrics *metrics_new(void); /* NULL: out of memory */
struct metrics *metrics_free(struct metrics *m);

struct series *metrics_find(const struct metrics *m, enum metrics_set set,
			    const struct metrics_key *key); /* NULL: not interned yet */
/*
 * Copies the labels. When clients have made up MAX_METRIC_HOSTS hosts, further ones share a series
 * whose destination_service is unknown (counted as PREASON_series_full). Never NULL: above
 * MAX_METRIC_SERIES (all workers) or without memory it is a series that is not shown, and
 * PREASON_series_full is counted.
 */
struct series *metrics_intern(struct metrics *m, enum metrics_set set,
			      const struct metrics_key *key, const struct metrics_labels *labels);

/* Only by the thread that owns the series. */
static inline void series_add(struct series *s, unsigned int value, uint64_t n)
{
	__atomic_store_n(&s->v[value], s->v[value] + n, __ATOMIC_RELAXED);
}

static inline void series_set(struct series *s, unsigned int value, uint64_t n)
{
	__atomic_store_n(&s->v[value], n, __ATOMIC_RELAXED);
}

void metrics_request(struct series *s, uint64_t duration_us, uint64_t request_bytes,
		     uint64_t response_bytes);
void metrics_count(struct metrics *m, enum proxy_reason reason);
uint64_t metrics_counted(const struct metrics *m, enum proxy_reason reason);

/* What the kernel counted, as read from the maps. */
struct kernel_flow {
	struct metrics_labels labels;
	struct flow_stats stats;
};

struct kernel_cluster {
	struct str name;
	struct cluster_state state;
};

struct metrics_view {
	const struct metrics *const *workers;
	size_t nr_workers;
	const uint64_t *reasons; /* NR_KERNEL_REASONS sums over CPUs; NULL: not known */
	const struct kernel_flow *flows;
	size_t nr_flows;
	const struct kernel_cluster *clusters;
	size_t nr_clusters;
	struct str version; /* of weft, for istio_build */
};

/* Prometheus text, appended; equal label sets are added up. 0, -ENOMEM. */
int metrics_render(const struct metrics_view *view, struct text *out);

/*
 * The same in pieces: a series with its histograms takes 53 KB. render_more appends until out holds
 * `enough` bytes (and a series more): 1 there is more, 0 that was all, -ENOMEM. The workers of the
 * view must outlive the render; the rest of the view is not needed after render_new.
 */
struct render;
struct render *render_new(const struct metrics_view *view); /* NULL: out of memory */
int render_more(struct render *r, struct text *out, size_t enough);
struct render *render_free(struct render *r);

/* The reference page (Markdown), from the table that the rendering uses. */
void metrics_reference(FILE *f);

#endif
