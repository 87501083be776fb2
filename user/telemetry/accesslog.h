/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accesslog.h - one line about one request or TCP connection, as text or JSON (mesh-api 21.1).
 * Allocates nothing. Whatever bytes a peer sent, the line stays one line and its quotes balance.
 */
#ifndef WEFT_TELEMETRY_ACCESSLOG_H
#define WEFT_TELEMETRY_ACCESSLOG_H

#include "base/str.h"

enum { ACCESS_LINE_MAX = 16 << 10 };

/* An empty string means: not there ("-", null). A TCP connection has neither method nor path. */
struct access_record {
	uint64_t start_us; /* wall clock, microseconds since 1970 */
	struct str method, path, protocol;
	uint32_t code;	/* 0: no response was sent */
	uint32_t flags; /* enum response_flag */
	struct str details, termination, transport_failure;
	uint64_t bytes_received, bytes_sent; /* of bodies */
	uint64_t duration_ms;
	int64_t service_time_ms; /* x-envoy-upstream-service-time, -1: none */
	struct str forwarded_for, user_agent, request_id, authority;
	struct str upstream_host, upstream_cluster, upstream_local;
	struct str downstream_local, downstream_remote;
	struct str sni, route;
};

/*
 * The line with its newline; its length. cap must be ACCESS_LINE_MAX at least. Fields that are so
 * long that the line would not fit are cut.
 */
size_t access_text(const struct access_record *r, char *buf, size_t cap);
size_t access_json(const struct access_record *r, char *buf, size_t cap);

#endif
