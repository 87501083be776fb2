/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - where is the pod with this address? Looks through the named network namespaces and
 * those of all processes, but enters only the ones that a veth joins to our own, so that an equal
 * address in somebody else's namespace is never taken for the pod. It blocks and moves the calling
 * thread between namespaces: for a helper thread, see scout.h.
 */
#ifndef WEFT_AGENT_NETNS_H
#define WEFT_AGENT_NETNS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "weft/abi.h"

struct netns_query {
	__u64 pod_id;
	struct ip16 ips[2]; /* zero: none */
	/* the answer */
	bool found;
	ino_t netns;
	__u32 ifindex;	       /* host side, in our namespace */
	__u8 mac[6];	       /* of the pod's own device */
	char device[IFNAMSIZ]; /* name of ifindex */
};

enum { NETNS_MAX = 8192, NETNS_SCAN_MS = 2000 };

/* Fills in the answers. 0, -ETIMEDOUT after NETNS_SCAN_MS, -E2BIG above NETNS_MAX namespaces
 * (what was found so far is in place), or -errno. */
int netns_scan(struct netns_query *queries, size_t n);

#endif
