// SPDX-License-Identifier: Apache-2.0
#include "telemetry/families.h"

/* clang-format off */
#define S(text) { text, sizeof(text) - 1 }

const struct family families[] = {
	{ S("istio_requests_total"), FAMILY_COUNTER, SET_HTTP, HTTP_REQUESTS, false,
	  S("Completed HTTP requests") },
	{ S("istio_request_duration_milliseconds"), FAMILY_HISTOGRAM, SET_HTTP, HTTP_DURATION, true,
	  S("From the first byte of a request to the last byte of its response") },
	{ S("istio_request_bytes"), FAMILY_HISTOGRAM, SET_HTTP, HTTP_REQUEST_BYTES, false,
	  S("Bytes of requests with their heads") },
	{ S("istio_response_bytes"), FAMILY_HISTOGRAM, SET_HTTP, HTTP_RESPONSE_BYTES, false,
	  S("Bytes of responses with their heads") },
	{ S("istio_tcp_connections_opened_total"), FAMILY_COUNTER, SET_TCP, TCP_OPENED, false,
	  S("TCP connections opened") },
	{ S("istio_tcp_connections_closed_total"), FAMILY_COUNTER, SET_TCP, TCP_CLOSED, false,
	  S("TCP connections closed") },
	{ S("istio_tcp_sent_bytes_total"), FAMILY_COUNTER, SET_TCP, TCP_SENT, false,
	  S("Bytes sent to clients of TCP connections") },
	{ S("istio_tcp_received_bytes_total"), FAMILY_COUNTER, SET_TCP, TCP_RECEIVED, false,
	  S("Bytes received from clients of TCP connections") },
	{ S("weft_tcp_rtt_microseconds"), FAMILY_SUMMARY, SET_TCP, TCP_RTT_SUM, false,
	  S("Smoothed round-trip time of local sockets, sampled when they close") },
	{ S("envoy_cluster_upstream_rq_pending_overflow"), FAMILY_COUNTER, SET_CLUSTER,
	  CLUSTER_PENDING_OVERFLOW, false, S("Requests refused: too many wait for a connection") },
	{ S("envoy_cluster_upstream_cx_overflow"), FAMILY_COUNTER, SET_CLUSTER, CLUSTER_CX_OVERFLOW,
	  false, S("Times that the connection limit of the cluster was met") },
	{ S("envoy_cluster_upstream_cx_total"), FAMILY_COUNTER, SET_CLUSTER, CLUSTER_CX_OPENED,
	  false, S("Connections opened to the cluster") },
	{ S("envoy_cluster_upstream_cx_active"), FAMILY_GAUGE, SET_CLUSTER, CLUSTER_CX_ACTIVE,
	  false, S("Connections open to the cluster") },
	{ S("envoy_cluster_outlier_detection_ejections_active"), FAMILY_GAUGE, SET_CLUSTER,
	  CLUSTER_EJECTED, false, S("Endpoints ejected by outlier detection") },
	{ .name = { 0 } },
};

const struct family family_kernel_events = {
	S("weft_kernel_events_total"), FAMILY_COUNTER, NR_METRICS_SETS, 0, false,
	S("Decisions of the kernel programs, by reason") };
const struct family family_proxy_events = {
	S("weft_proxy_events_total"), FAMILY_COUNTER, NR_METRICS_SETS, 0, false,
	S("What weft-proxy refused or ended, by reason") };
const struct family family_build = {
	S("istio_build"), FAMILY_GAUGE, NR_METRICS_SETS, 0, false, S("1, labelled with the version") };
const struct family family_series = {
	S("weft_metric_series"), FAMILY_GAUGE, NR_METRICS_SETS, 0, false,
	S("Label sets kept, at most MAX_METRIC_SERIES") };

/* mesh-api 21.3 */
const uint64_t family_bounds[METRICS_BUCKETS - 1] = {
	500, 1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
	10000000, 30000000, 60000000, 300000000, 600000000, 1800000000, 3600000000,
};
const unsigned int family_values[NR_METRICS_SETS] = {
	[SET_HTTP] = NR_HTTP_VALUES, [SET_TCP] = NR_TCP_VALUES, [SET_CLUSTER] = NR_CLUSTER_VALUES,
};

#define LABEL_NAME(name, missing) ", " #name
static const char http_names[] = "" HTTP_LABELS(LABEL_NAME);
static const char tcp_names[] = "" TCP_LABELS(LABEL_NAME);
/* clang-format on */

struct str family_label_names(enum metrics_set set)
{
	switch (set) {
	case SET_HTTP: return (struct str){ http_names + 2, sizeof(http_names) - 3 };
	case SET_TCP: return (struct str){ tcp_names + 2, sizeof(tcp_names) - 3 };
	case SET_CLUSTER: return STR("cluster_name");
	default: return STR("");
	}
}

struct str family_type_name(enum family_type t)
{
	switch (t) {
	case FAMILY_COUNTER: return STR("counter");
	case FAMILY_GAUGE: return STR("gauge");
	case FAMILY_HISTOGRAM: return STR("histogram");
	default: return STR("summary");
	}
}

/*
 * The exposition format wants '\', '"' and LF escaped and the whole to be UTF-8: bytes that a peer
 * chose (an unknown Host) are kept printable ASCII.
 */
static void escaped(struct text *t, struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			continue;
		text_put(t, str_sub(s, from, i - from));
		from = i + 1;
		if (c == '"' || c == '\\') {
			text_put(t, STR("\\"));
			from = i;
		} else {
			text_put(t, c == '\n' ? STR("\\n") : STR("?"));
		}
	}
	text_put(t, str_sub(s, from, s.n));
}

void family_label(struct text *t, struct str name, struct str value, struct str missing)
{
	if (t->n && t->p[t->n - 1] == '"')
		text_put(t, STR(","));
	text_put(t, name);
	text_put(t, STR("=\""));
	escaped(t, value.n ? value : missing);
	text_put(t, STR("\""));
}

#define PUT_LABEL(name, missing) family_label(t, STR(#name), l->name, STR(missing));

void family_labels(struct text *t, enum metrics_set set, const struct metrics_labels *l)
{
	if (set == SET_CLUSTER) {
		family_label(t, STR("cluster_name"), l->cluster_name, STR("unknown"));
	} else if (set == SET_HTTP) {
		HTTP_LABELS(PUT_LABEL)
	} else {
		TCP_LABELS(PUT_LABEL)
	}
}
