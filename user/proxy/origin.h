/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h - what a client dialled and which pod it is. The answer comes from the door that its
 * packets entered by (kernel connection table), never from what the client says.
 */
#ifndef WEFT_PROXY_ORIGIN_H
#define WEFT_PROXY_ORIGIN_H

#include "net/sock.h"

struct origin {
	struct sock_addr dst; /* as dialled */
	uint64_t pod_id;      /* 0: not a pod of this node */
};

struct origin_source {
	/* accepted on `at` from `peer`: 0, -ENOENT (not there, or not yet), -errno */
	int (*find)(const struct origin_source *s, const struct sock_addr *at,
		    const struct sock_addr *peer, struct origin *out);
	int map;	      /* read-only descriptor of the map conns */
	struct origin answer; /* origin_static: always this */
};

struct origin_source origin_kernel(int map);
struct origin_source origin_static(const struct origin *answer);

#endif
