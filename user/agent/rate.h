/* SPDX-License-Identifier: Apache-2.0 */
/* rate.h - lets so many things through a second, and counts those that it held back. */
#ifndef WEFT_AGENT_RATE_H
#define WEFT_AGENT_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t second;
	unsigned passed, held;
};

/* *missed: how many were held back in the second that ended with this one, else 0 */
static inline bool rate_pass(struct rate *r, uint64_t now_ms, unsigned per_second, unsigned *missed)
{
	*missed = 0;
	if (now_ms / 1000 != r->second) {
		*missed = r->held;
		*r = (struct rate){ .second = now_ms / 1000 };
	}
	if (r->passed < per_second) {
		r->passed++;
		return true;
	}
	r->held++;
	return false;
}

#endif
