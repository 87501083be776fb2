/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - weft asks weftd over the stream socket `weft.sock` of the run directory: one line
 * in, one answer out, then the end. Request: a word of CONTROL_WORDS, optionally one argument
 * behind a blank, "\n". Answer: JSON (text for metrics). Errors: {"error":"..."}.
 * Only root and the socket's group can connect (mode 0660); nothing here changes state.
 */
#ifndef WEFT_CONTROL_H
#define WEFT_CONTROL_H

#include <stdint.h>

#define WEFT_VERSION "0.2.0"

#define CONTROL_SOCKET	 "weft.sock"
#define CONTROL_RUN_DIR	 "/run/weft"
#define CONTROL_LINE_MAX 512
#define METRICS_PORT	 15020
#define PROXY_PORT	 15001
#define PROXY_IP4	 "169.254.77.1"
#define PROXY_IP6	 "fd77:6566:74::1"

/* X(word, help) */
#define CONTROL_WORDS(X)                                                                           \
	X(status, "node, proxy, objects applied, warned and rejected with reasons")                \
	X(services, "mesh destinations: address, port, verdict and why")                           \
	X(endpoints, "clusters with their endpoints, open connections and limits")                 \
	X(routes, "HTTP routes, of one host when given")                                           \
	X(connections, "the connection table, newest first")                                       \
	X(pods, "pods of this node: enrolled or not, and why")                                     \
	X(image, "the image in force, dumped")                                                     \
	X(metrics, "Prometheus text")                                                              \
	X(version, "version of weftd")

#endif
