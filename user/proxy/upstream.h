/* SPDX-License-Identifier: Apache-2.0 */
/* upstream.h - one connection to an endpoint: connecting, at work for an exchange, or idle in the
 * pool. It holds one of its fleet's connections from opening to closing. */
#ifndef WEFT_PROXY_UPSTREAM_H
#define WEFT_PROXY_UPSTREAM_H

#include "proxy/exchange.h"

enum upstream_state { UPSTREAM_CONNECTING, UPSTREAM_BUSY, UPSTREAM_IDLE, UPSTREAM_DEAD };

struct upstream {
	struct wire wire;
	struct worker *w;
	struct member *member; /* a reference */
	struct exchange *x;    /* NULL: idle */
	struct list in_pool;   /* member.pools[worker] */
	struct list in_lane;   /* lane.idle */
	struct timer timer;
	uint64_t due_ms; /* 0: no deadline. Connecting, or idle too long. */
	uint64_t opened_ms;
	uint64_t expires_ms; /* maxConnectionDuration; 0: never */
	uint32_t served;     /* requests so far */
	uint32_t idle_ms;    /* 0: for ever */
	uint8_t state;
};

/*
 * Opens a connection to m for x; the fleet's reservation is taken over. 0: x->up is set, connected
 * or connecting; -errno: nothing happened, the reservation is the caller's still.
 */
int upstream_open(struct exchange *x, struct member *m);
void upstream_use(struct upstream *u, struct exchange *x);     /* an idle one */
void upstream_idle(struct upstream *u);			       /* its exchange is over, keep it */
void upstream_close(struct upstream *u);		       /* releases the reservation */
void upstream_deadline(struct upstream *u, uint64_t delay_ms); /* 0: none */
/* May it be kept, by the settings in force for x now? */
bool upstream_reusable(struct upstream *u, const struct exchange *x);

#endif
