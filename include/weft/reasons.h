/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reasons.h - every way a packet, connection or request is turned away or handled specially, as
 * data: the enum, the name in metrics and logs, and the help text come from this list. The kernel
 * counts them per CPU in the map `reasons`, the proxy per worker. Append only: ids are ABI.
 *
 * X(name, help)
 */
#ifndef WEFT_REASONS_H
#define WEFT_REASONS_H

#define KERNEL_REASONS(X)                                                                          \
	X(pass, "new connection that is not mesh traffic, passed on unchanged")                    \
	X(balanced, "new connection balanced to an endpoint in the kernel")                        \
	X(to_proxy, "new connection handed to weft-proxy")                                         \
	X(no_endpoint, "refused: the cluster has no endpoint in service")                          \
	X(pool_full, "refused: connectionPool.tcp.maxConnections reached")                         \
	X(no_cluster, "refused: the route names a subset or cluster that does not exist")          \
	X(unknown_port, "refused: the address is a mesh service, the port is not")                 \
	X(table_full, "refused: the connection table is full")                                     \
	X(no_proxy, "refused: the flow needs weft-proxy and it is not running")                    \
	X(mid_connection, "refused: packet for a mesh address that belongs to no connection")      \
	X(spoofed, "dropped: source address is not the pod's own")                                 \
	X(unparsable, "dropped: packet to the mesh that cannot be parsed safely")                  \
	X(fragment, "dropped: IP fragment of a translated flow")                                   \
	X(backstop, "dropped: packet to a pod that demands the proxy came around it")              \
	X(denied, "refused by policy")                                                             \
	X(port_clash, "refused: the translated tuple is in use by another connection")             \
	X(icmp_translated, "ICMP error about a translated flow, translated")                       \
	X(released_close, "pool reservation released by a socket close")                           \
	X(released_table, "pool reservation released by FIN or RST in the table")                  \
	X(released_expiry, "pool reservation released by expiry")                                  \
	X(redirected, "new connection whose packets go straight into a pod of this node")          \
	X(error, "refused: a kernel helper failed while handling the packet")                      \
	X(stats_full, "telemetry of a connection dropped: flow_stats is full")

#define PROXY_REASONS(X)                                                                           \
	X(bad_request, "request refused with 400: not HTTP, or ambiguous")                         \
	X(head_too_large, "request refused with 431: head above the limit")                        \
	X(head_timeout, "request refused with 408: head not complete in time")                     \
	X(no_route, "request refused with 404 NR")                                                 \
	X(cluster_missing, "request refused with 503 NC: cluster or subset not defined")           \
	X(no_healthy, "request refused with 503 UH: no endpoint in service")                       \
	X(overflow, "request refused with 503 UO: connection pool limit")                          \
	X(connect_failed, "request refused with 503 UF: connect failed or timed out")              \
	X(upstream_closed, "request refused with 503 UC: upstream closed before answering")        \
	X(upstream_protocol, "request refused with 502 UPE: upstream did not speak HTTP")          \
	X(route_timeout, "request refused with 504 UT: route timeout")                             \
	X(stream_idle, "request ended by SI: no byte for too long")                                \
	X(downstream_closed, "client went away before the response ended (DC)")                    \
	X(no_origin, "connection closed: no entry in the connection table")                        \
	X(no_listener, "connection closed: the image has no listener for its destination")         \
	X(sessions_full, "connection closed: too many downstream connections")                     \
	X(pending_full, "request refused: too many requests wait for a connection")                \
	X(no_memory, "connection closed: out of memory or descriptors")                            \
	X(bad_image, "image refused by the checker")                                               \
	X(regex_limit, "regular expression gave up: counted as no match")                          \
	X(series_full, "metric series dropped: too many label combinations")                       \
	X(log_lost, "access log line lost: nobody reads the output fast enough")

#define REASON_ENUM(name, help)	      REASON_##name,
#define PROXY_REASON_ENUM(name, help) PREASON_##name,

enum kernel_reason { KERNEL_REASONS(REASON_ENUM) NR_KERNEL_REASONS };
enum proxy_reason { PROXY_REASONS(PROXY_REASON_ENUM) NR_PROXY_REASONS };

#endif
