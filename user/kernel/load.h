/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - the kernel side in force: programs and maps, pinned below one directory of bpffs, so
 * that they outlive weftd. A second weftd with the same WEFT_ABI takes over the pinned maps with
 * all connections in them; maps of another ABI are replaced (existing connections end with RST).
 * user/kernel is the only user of libbpf. Not thread-safe; one struct kernel a process.
 */
#ifndef WEFT_KERNEL_LOAD_H
#define WEFT_KERNEL_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "weft/abi.h"

struct kernel;

struct kernel_options {
	const char *pins;   /* directory on bpffs, made when missing; NULL: nothing is pinned */
	const char *cgroup; /* v2 directory for sockops; NULL: the root found in /proc/self/mounts;
			     * "": no sockops (pools are then released by FIN, RST and expiry) */
	bool keep_cc;	    /* leave BBR on sockets between pods of this node */
	uint32_t conn_keys; /* size of the connection table, 0: MAX_CONN_KEYS */
};

/*
 * Mounts bpffs when needed, loads and verifies the programs, reuses or makes the maps, pins,
 * attaches sockops. Doors that are already attached keep their old programs until door_attach
 * replaces them in place. -EPERM: not root; -ENOENT: no cgroup v2. kernel_why() says more.
 */
int kernel_open(const struct kernel_options *o, struct kernel **out);

/* Closes descriptors and leaves the dataplane in place. NULL ok; returns NULL. */
struct kernel *kernel_close(struct kernel *k);

/*
 * Detaches every door known from the pinned map (of the current network namespace), the sockops
 * link, and removes the pins. Needs no struct kernel. 0 also when there is nothing.
 */
int kernel_cleanup(const char *pins);

bool kernel_reused(const struct kernel *k);	   /* maps of an earlier weftd were taken over */
const char *kernel_cgroup(const struct kernel *k); /* where sockops is attached, "": nowhere */
const char *kernel_why(void); /* what the last failure of kernel_open was about; static */

/*
 * Read-only descriptors for weft-proxy (BPF_F_RDONLY), the caller's to close: the order of
 * CHANNEL_SETUP. On failure none is left open.
 */
enum kernel_shared {
	SHARED_CONNS,
	SHARED_REASONS,
	SHARED_FLOW_STATS,
	SHARED_CLUSTER_STATE,
	SHARED_CLUSTERS, /* names the rows of cluster_state by id */
	NR_SHARED
};
int kernel_shared_fds(struct kernel *k, int fds[NR_SHARED]);

#endif
