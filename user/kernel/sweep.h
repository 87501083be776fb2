/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.h - ends connection-table entries whose time is over and checks the books. Call
 * kernel_sweep every CONN_SWEEP_MS and kernel_reconcile every RECONCILE_MS; both walk the table
 * inside the kernel (a `syscall` program), no entry crosses to user space.
 */
#ifndef WEFT_KERNEL_SWEEP_H
#define WEFT_KERNEL_SWEEP_H

#include "kernel/load.h"

struct sweep_stats {
	uint64_t conns;	  /* connections in the table now */
	uint64_t expired; /* ended by this call */
	uint64_t flushed; /* whose bytes went to flow_stats in this call */
};

/* Expires, flushes bytes of running connections to flow_stats, drops UDP flows to endpoints that
 * are gone. stats may be NULL. */
int kernel_sweep(struct kernel *k, struct sweep_stats *stats);

/*
 * Counts the reservations in the table and compares with cluster_state.open. A difference that two
 * calls in a row see unchanged is drift: it is put right and reported. `drift`: sum of the
 * absolute differences put right now (0 is what it should be), NULL ok.
 * Also frees numbers that fill_plan may give out again.
 */
int kernel_reconcile(struct kernel *k, uint64_t *drift);

#endif
