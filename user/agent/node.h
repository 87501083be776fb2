/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - what weftd needs of the machine and of the network namespace that it runs in: limits,
 * the lock of the run directory, weft-proxy's addresses on `lo`, forwarding.
 */
#ifndef WEFT_AGENT_NODE_H
#define WEFT_AGENT_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "weft/abi.h"

/* Raises the descriptor limit to its maximum, lifts the locked-memory limit where possible. */
void node_limits(void);

/* Makes the run directory and locks it for the life of the process; *fd holds the lock.
 * -EBUSY: another weftd has it; why says who. */
int node_lock(const char *run, int *fd, char *why, size_t cap);

struct node_addresses {
	struct ip16 ip4, ip6; /* zero: the node has no such family */
};

void node_addresses(struct node_addresses *out); /* weft-proxy's, of both families */

/* Puts the addresses on lo, sees to it that lo is up and IPv4 is forwarded. */
int node_prepare(struct node_addresses *out);
void node_restore(void); /* takes the addresses off again */

#endif
