/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.h - brings clusters, endpoints, slots, vips and cidrs to what a plan says, and touches only
 * what differs. No connection sees half a change: new endpoints, slots and clusters first, then
 * each address in one atomic update, then removals. Numbers follow ids, also over a restart; a
 * number is given to another id only when no connection refers to it any more.
 * Doors, pods and proxy_at are the caller's (doors.h): plan.pods is not looked at.
 */
#ifndef WEFT_KERNEL_FILL_H
#define WEFT_KERNEL_FILL_H

#include "kernel/load.h"
#include "weft/plan.h"

struct fill_stats {
	uint32_t endpoints_added, endpoints_removed;
	uint32_t clusters_added, clusters_changed, clusters_removed;
	uint32_t vips_written, vips_removed; /* of vips and cidrs together */
	uint64_t ns;
};

/*
 * -ENOSPC: a table is too small (fill_why says which); what was in force stays in force.
 * Other errors may leave additions behind, never a removed or half-written destination; call
 * again. stats may be NULL.
 */
int fill_plan(struct kernel *k, const struct plan *p, struct fill_stats *stats);
const char *fill_why(void); /* of the last failure; static */

/* Outlier detection: the endpoint is passed over (or not). -ENOENT: no such endpoint. */
int fill_eject(struct kernel *k, uint64_t endpoint_id, bool ejected);

/* Exactly these are ejected, all others are not; unknown ids are skipped. */
int fill_set_ejected(struct kernel *k, const uint64_t *ids, uint32_t n);

#endif
