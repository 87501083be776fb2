/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranges.h - which elements of the slots table are free, as a sorted list of gaps. A range given
 * back rests for a while before it is handed out again: a packet on another CPU may still be
 * drawing from it.
 */
#ifndef WEFT_KERNEL_RANGES_H
#define WEFT_KERNEL_RANGES_H

#include <stdint.h>

struct range {
	uint32_t base, count;
	uint64_t freed_ns;
};

struct ranges {
	struct range *gaps; /* sorted by base, never touching one another */
	uint32_t nr_gaps, cap_gaps;
	struct range *resting;
	uint32_t nr_resting, cap_resting;
};

enum { RANGE_REST_MS = 1000 };

int ranges_init(struct ranges *r, uint32_t size); /* all free */
void ranges_done(struct ranges *r);
int ranges_claim(struct ranges *r, uint32_t base,
		 uint32_t count); /* found in use after a restart */
int ranges_get(struct ranges *r, uint32_t count, uint64_t now_ns, uint32_t *base); /* -ENOSPC */
int ranges_put(struct ranges *r, uint32_t base, uint32_t count, uint64_t now_ns);
uint32_t ranges_free(const struct ranges *r); /* elements free now or soon */

#endif
