/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doors.h - devices with weft's tc programs, and the small tables beside them. Devices are those
 * of the current network namespace. Everything here takes effect at once.
 */
#ifndef WEFT_KERNEL_DOORS_H
#define WEFT_KERNEL_DOORS_H

#include "kernel/load.h"

/*
 * Publishes `d` and attaches (or replaces in place, without a gap) both programs, then reads back
 * that the kernel runs ours; when anything fails nothing is left attached and -errno returned.
 * -ENODEV: no such device; -EOPNOTSUPP: not an Ethernet device. Also updates an attached door.
 */
int door_attach(struct kernel *k, uint32_t ifindex, const struct door *d);

/* Removes filters and entry. A device that is gone is no error. */
int door_detach(struct kernel *k, uint32_t ifindex);

/* Are both programs of this kernel attached to it right now? 0, -ENOENT, -ENODEV, ... */
int door_check(struct kernel *k, uint32_t ifindex);

/* What is published now (also by an earlier weftd): fills up to cap, returns how many there are. */
struct door_entry {
	uint32_t ifindex;
	struct door door;
};
int doors_list(struct kernel *k, struct door_entry *out, int cap);

/* Pods of this node by address; one entry for each of its addresses. */
struct pod_entry {
	struct ip16 addr;
	struct pod pod;
};
int pod_put(struct kernel *k, const struct ip16 *addr, const struct pod *p);
int pod_del(struct kernel *k, const struct ip16 *addr); /* absent is no error */
int pods_list(struct kernel *k, struct pod_entry *out, int cap);

/* Where weft-proxy listens. port 0: nowhere, flows that need it are refused (no_proxy). */
int proxy_put(struct kernel *k, const struct proxy_at *at);

#endif
