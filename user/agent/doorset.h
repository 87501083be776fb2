/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doorset.h - which devices of the node are doors, and as what. Every ordinary device is a door
 * (answers come in through it); those of enrolled pods are doors of that pod; those of pods that
 * are not to be enrolled are none. Doors of an earlier weftd stay what they are until they are put
 * again or their device is gone.
 */
#ifndef WEFT_AGENT_DOORSET_H
#define WEFT_AGENT_DOORSET_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/netlink.h"
#include "kernel/doors.h"

struct doorset;

/* Takes over what is published in the kernel now. NULL: no memory. */
struct doorset *doorset_new(struct kernel *k);
struct doorset *doorset_free(struct doorset *s); /* leaves the doors in the kernel */

/* Attaches or changes; does nothing when it is so already. 0 or -errno of door_attach. */
int doorset_put(struct doorset *s, __u32 ifindex, const struct door *d);

/* The door of this device, or NULL. */
const struct door *doorset_get(const struct doorset *s, __u32 ifindex);

/* The device is nobody's any more: an ordinary door of the node. */
void doorset_release(struct doorset *s, __u32 ifindex);

/* No door at all: the device of a pod that takes no part (an ordinary door would take what it
 * sends for spoofed). */
int doorset_bare(struct doorset *s, __u32 ifindex);

/* Devices as they are now: ordinary doors for new ones, entries of gone ones are removed. */
void doorset_links(struct doorset *s, const struct link *links, size_t n);

/* Reads back one door, the next in turn, and attaches it again when somebody took it off. */
void doorset_verify_next(struct doorset *s);

size_t doorset_count(const struct doorset *s);
const struct door *doorset_at(const struct doorset *s, size_t i, __u32 *ifindex);

#endif
