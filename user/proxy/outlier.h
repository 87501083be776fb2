/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outlier.h - when an endpoint is taken out of service and when it returns (mesh-api 3.6). Pure
 * decisions over counters; who acts on them and under which lock is fleet.h.
 */
#ifndef WEFT_PROXY_OUTLIER_H
#define WEFT_PROXY_OUTLIER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "weft/image.h"

/* Instead of a status: the endpoint could not be reached, or it ended without an answer. */
enum { OUTLIER_LOCAL = 0 };

struct outlier {
	_Atomic uint32_t run_5xx, run_gateway, run_local; /* consecutive so far */
	_Atomic uint64_t until_ms;			  /* out of service until then; 0: in */
	_Atomic uint32_t times; /* of ejection; one less for each sweep in service */
};

/* Notes how a request ended. True: a limit was reached, the endpoint should go. */
bool outlier_note(struct outlier *o, const struct image_cluster *c, const uint32_t *codes,
		  uint32_t status);

/* May one more of `members` go when `out` are out already? The first one always may. */
bool outlier_may_eject(const struct image_cluster *c, uint32_t members, uint32_t out);

void outlier_eject(struct outlier *o, const struct image_cluster *c, uint64_t now_ms);

/* At each sweep. True: it returns to service now. */
bool outlier_sweep(struct outlier *o, uint64_t now_ms);

static inline bool outlier_is_out(const struct outlier *o)
{
	return atomic_load_explicit(&o->until_ms, memory_order_relaxed) != 0;
}

/* Too few in service: ejection is ignored (min_health_percent; 0: never). */
bool outlier_panic(const struct image_cluster *c, uint32_t members, uint32_t out);

#endif
