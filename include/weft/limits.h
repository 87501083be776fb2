/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - every bound in one place. Each one has a counter in reasons.h, or an error message,
 * for when it bites. Sizes in bytes, times as named.
 */
#ifndef WEFT_LIMITS_H
#define WEFT_LIMITS_H

enum {
	/* kernel tables (map sizes; defaults that weftd may lower before load) */
	MAX_CONN_KEYS = 1 << 18,	   /* connection-table keys: two a connection */
	MAX_POD_CONNS = MAX_CONN_KEYS / 4, /* of one pod: no pod can fill the table alone */
	MAX_VIPS = 1 << 17,
	MAX_CIDRS = 1 << 14,
	MAX_CLUSTERS = 1 << 14,
	MAX_ENDPOINTS = 1 << 17,
	MAX_SLOTS = 1 << 20, /* balancing slots of all clusters together */
	MAX_DOORS = 1 << 12,
	MAX_PODS = 1 << 16,
	MAX_FLOW_STATS = 1 << 15,
	CLUSTER_SLOTS = 4096, /* slots of one weighted cluster at the most */
	MAGLEV_SLOTS = 4093,  /* default table of a source-IP hash: prime */
	SPLIT_SLOTS = 1000,   /* resolution of a weighted TCP split */
	LEAST_TRIES = 8,      /* ejected slots passed over before giving up the draw */

	/* connection table, milliseconds */
	CONN_SYN_MS = 60 * 1000,
	CONN_OPEN_MS = 2 * 3600 * 1000 + 600 * 1000, /* above the default TCP keepalive time */
	CONN_CLOSING_MS = 10 * 1000,
	CONN_DOUBT_MS = 15 * 60 * 1000, /* reset by the network, not believed by the client yet */
	CONN_UDP_MS = 60 * 1000,
	CONN_SWEEP_MS = 1000,
	RECONCILE_MS = 30 * 1000,

	/* HTTP/1 (mesh-api 20.2: 431 above) */
	MAX_HEAD_BYTES = 60 << 10,
	MAX_HEADERS = 100,
	MAX_CHUNK_LINE = 1024, /* size and extensions of one chunk */
	MAX_TRAILER_BYTES = 8 << 10,
	MAX_CONNECTION_NAMES = 32, /* header names listed in Connection */

	/* proxy */
	CONN_BUFFER = 16 << 10, /* one direction of one connection */
	MAX_SESSIONS = 16384,	/* downstream connections of all workers */
	MAX_PENDING = 8192,	/* requests waiting for an upstream connection */
	ACCEPTS_PER_WAKE = 64,
	HEAD_TIMEOUT_MS = 60 * 1000,  /* whole request head, from its first byte */
	KEEPALIVE_MS = 3600 * 1000,   /* downstream idle between requests */
	STREAM_IDLE_MS = 300 * 1000,  /* no byte either way inside a request: 408 or 504 SI */
	TUNNEL_IDLE_MS = 3600 * 1000, /* TCP and upgraded connections */
	HALF_CLOSE_MS = 300 * 1000,   /* one side has ended, the other is silent */
	CLIENT_GONE_MS = 1000, /* a client that has ended its direction still gets an answer */
	LINGER_MS = 5 * 1000,  /* after a final response the rest of the request is drained */
	DRAIN_MS = 45 * 1000,  /* a stopping proxy: its connections end by then */
	CONNECT_TIMEOUT_MS = 10 * 1000, /* mesh default, mesh-api 3.5 */
	MAX_WORKERS = 64,
	MAX_METRIC_SERIES = 20000,
	MAX_METRIC_HOSTS = 256, /* label sets of hosts that only a client named, per worker */

	/* config */
	MAX_FILE_BYTES = 64 << 20,
	MAX_DOC_DEPTH = 64,
	MAX_DOC_NODES = 2 << 20, /* YAML nodes of one file, aliases counted as often as used */
	MAX_REGEX_BYTES = 1024,
	MAX_ERRORS_PER_OBJECT = 32,
	DEBOUNCE_MS = 10,
	DEBOUNCE_MAX_MS = 50,

	/* agent */
	PROXY_RESTART_MS = 20, /* first restart; doubles while it keeps dying */
	PROXY_RESTART_MAX_MS = 5000,
	CONTROL_CLIENTS = 32,
	MAX_IMAGE_BYTES = 256 << 20,
	REGEX_MATCH_LIMIT = 100000, /* PCRE2 match limit; above: no match, counted */
};

#endif
