/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkwatch.h - the devices of our network namespace, read again a moment after any of them comes,
 * goes or changes.
 */
#ifndef WEFT_AGENT_LINKWATCH_H
#define WEFT_AGENT_LINKWATCH_H

#include "agent/netlink.h"
#include "loop/loop.h"

struct linkwatch;

enum { LINK_SETTLE_MS = 5, LINKS_MAX = 1 << 14 };

typedef void links_changed(void *arg, const struct link *links, size_t n);

/* Calls changed once soon after the loop starts, then after every change. 0 or -errno. */
int linkwatch_new(struct loop *l, links_changed *changed, void *arg, struct linkwatch **out);
struct linkwatch *linkwatch_free(struct linkwatch *w);

#endif
