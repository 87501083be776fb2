/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - what weftd and weft-proxy say to each other over one SOCK_SEQPACKET socketpair
 * (descriptor CHANNEL_FD of the proxy). One message a packet: struct channel_msg, then a body of
 * `size` bytes, descriptors in SCM_RIGHTS. Both run the same build: a different version ends the
 * proxy. Unknown types are an error, never skipped.
 *
 * weftd -> proxy              body                       descriptors
 *   CHANNEL_SETUP             struct channel_setup       1: read-only map conns, 2: reasons,
 *                                                        3: flow_stats, 4: cluster_state,
 *                                                        5 (may be missing): clusters; none of
 *                                                        them without has_maps; then the listener
 *                                                        of metrics
 *   CHANNEL_LISTENERS         -                          TCP listeners, one of each family a worker
 *   CHANNEL_IMAGE             u64 generation             1: sealed memfd
 *   CHANNEL_STATS             -                          asks for CHANNEL_STATS_REPLY
 *   CHANNEL_SESSIONS          -                          asks for CHANNEL_SESSIONS_REPLY
 *   CHANNEL_AGENT             struct channel_agent       weftd's own figures, for metrics
 *   CHANNEL_STOP              -                          drain and exit
 * proxy -> weftd
 *   CHANNEL_READY             u32 pid                    set-up done, before the first image
 *   CHANNEL_ACK               struct channel_ack         image in force, or refused and why
 *   CHANNEL_STATS_REPLY       -                          1: memfd, Prometheus text
 *   CHANNEL_SESSIONS_REPLY    -                          1: memfd, JSON lines (weft connections)
 *   CHANNEL_EJECTIONS         u64 endpoint ids, now out  -
 *   CHANNEL_LOG               text                       one warning worth weftd's log
 */
#ifndef WEFT_CHANNEL_H
#define WEFT_CHANNEL_H

#include <stdint.h>
#include "weft/abi.h"

enum { CHANNEL_FD = 3, CHANNEL_VERSION = 1, CHANNEL_BODY_MAX = 4096, CHANNEL_FDS_MAX = 160 };

enum channel_type {
	CHANNEL_SETUP = 1,
	CHANNEL_LISTENERS,
	CHANNEL_IMAGE,
	CHANNEL_STATS,
	CHANNEL_SESSIONS,
	CHANNEL_AGENT,
	CHANNEL_STOP,
	CHANNEL_READY = 64,
	CHANNEL_ACK,
	CHANNEL_STATS_REPLY,
	CHANNEL_SESSIONS_REPLY,
	CHANNEL_EJECTIONS,
	CHANNEL_LOG,
};

struct channel_msg {
	uint32_t version; /* CHANNEL_VERSION */
	uint32_t type;	  /* enum channel_type */
	uint32_t size;	  /* of the body */
	uint32_t nr_fds;
};

struct channel_setup {
	uint32_t workers;  /* threads */
	uint32_t has_maps; /* 1: the map descriptors come first */
	char node[64];	   /* NUL-terminated */
};

struct channel_ack {
	uint64_t generation;
	int32_t err; /* 0: in force; -errno: the old image stays */
	char why[244];
};

struct channel_agent {
	uint64_t objects_applied, objects_warned, objects_rejected;
	uint64_t pushes, push_failures, push_us_last;
	uint64_t pods_enrolled, pods_failed;
	uint64_t pool_drift, proxy_restarts, rss_kb;
};

#endif
