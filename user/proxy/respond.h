/* SPDX-License-Identifier: Apache-2.0 */
/* respond.h - answers of our own (mesh-api 20.2): status, body, flag and counter belong together.
 */
#ifndef WEFT_PROXY_RESPOND_H
#define WEFT_PROXY_RESPOND_H

#include "proxy/exchange.h"

#define RESET_BODY "upstream connect error or disconnect/reset before headers. reset reason: "

/* X(name, status, flag, counter, details, body) */
#define REPLIES(X)                                                                                 \
	X(no_route, 404, FLAG_NR, PREASON_no_route, "route_not_found", "")                         \
	X(no_cluster, 503, FLAG_NC, PREASON_cluster_missing, "cluster_not_found", "")              \
	X(no_healthy, 503, FLAG_UH, PREASON_no_healthy, "no_healthy_upstream",                     \
	  "no healthy upstream")                                                                   \
	X(overflow, 503, FLAG_UO, PREASON_overflow, "overflow", RESET_BODY "overflow")             \
	X(queue_full, 503, FLAG_UO, PREASON_pending_full, "overflow", RESET_BODY "overflow")       \
	X(connect_failed, 503, FLAG_UF, PREASON_connect_failed,                                    \
	  "upstream_reset_before_response_started{remote_connection_failure}",                     \
	  RESET_BODY "remote connection failure")                                                  \
	X(connect_timeout, 503, FLAG_UF, PREASON_connect_failed,                                   \
	  "upstream_reset_before_response_started{connection_timeout}",                            \
	  RESET_BODY "connection timeout")                                                         \
	X(upstream_closed, 503, FLAG_UC, PREASON_upstream_closed,                                  \
	  "upstream_reset_before_response_started{connection_termination}",                        \
	  RESET_BODY "connection termination")                                                     \
	X(upstream_protocol, 502, FLAG_UPE, PREASON_upstream_protocol,                             \
	  "upstream_reset_before_response_started{protocol_error}", RESET_BODY "protocol error")   \
	X(timeout, 504, FLAG_UT, PREASON_route_timeout, "response_timeout",                        \
	  "upstream request timeout")                                                              \
	X(stream_idle, 504, FLAG_SI, PREASON_stream_idle, "stream_idle_timeout", "stream timeout") \
	X(request_idle, 408, FLAG_SI, PREASON_stream_idle, "stream_idle_timeout",                  \
	  "stream timeout")                                                                        \
	X(head_timeout, 408, FLAG_DPE, PREASON_head_timeout, "request_header_timeout",             \
	  "request header timeout")                                                                \
	X(no_memory, 503, FLAG_OM, PREASON_no_memory, "overload", "envoy overloaded")

#define REPLY_ENUM(name, status, flag, reason, details, body) REPLY_##name,
enum reply { REPLIES(REPLY_ENUM) NR_REPLIES };

/* Before any byte of a response went to the client. Ends the exchange in its time. */
void respond(struct exchange *x, enum reply reply);
void respond_bad(struct exchange *x, int h1_error); /* what the client sent is refused; closes */
void respond_status(struct exchange *x, uint32_t status); /* route action: empty body */
void reply_note(struct exchange *x, enum reply reply);	  /* flag, details and counter only */
void reply_pump(struct exchange *x);			  /* the client takes more of it */

#endif
