/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.h - the few rtnetlink questions that weftd asks: links, addresses, ids of network
 * namespaces. A socket speaks for the namespace in which it was opened, wherever its thread is now.
 */
#ifndef WEFT_AGENT_NETLINK_H
#define WEFT_AGENT_NETLINK_H

#include <net/if.h>
#include <stdbool.h>

#include "weft/abi.h"

struct link {
	__u32 index, flags;
	__u16 type;    /* ARPHRD_* */
	__u32 peer;    /* veth: index of the other end, in the other namespace */
	int peer_nsid; /* id of that namespace in ours; -1: same namespace, or no peer */
	bool veth;
	__u8 mac[6];
	char name[IFNAMSIZ];
};

struct address {
	struct ip16 ip; /* IPv4 is v4-mapped */
	__u32 index;	/* of its link */
};

typedef void link_fn(void *arg, const struct link *l);
typedef void address_fn(void *arg, const struct address *a);

/* groups: RTMGRP_* to listen to, 0: for questions. A descriptor or -errno. */
int netlink_open(__u32 groups);

int netlink_links(int nl, link_fn *each, void *arg);	    /* 0 or -errno */
int netlink_addresses(int nl, address_fn *each, void *arg); /* 0 or -errno */

/* The id that this socket's namespace has for another one; -1: it has none. 0 or -errno. */
int netlink_nsid(int nl, int netns_fd, int *nsid);

/* Puts ip (as /32 or /128) on the link or takes it off; twice is no error. 0 or -errno. */
int netlink_address_set(int nl, __u32 index, const struct ip16 *ip, bool present);
int netlink_link_up(int nl, __u32 index);

#endif
