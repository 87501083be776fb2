/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - who gets which connection. Idle ones belong to the worker that opened them; the limit
 * and the queue belong to the whole process:
 *
 *	maxConnections reached -> the request waits in its worker's lane, up to
 *http1MaxPendingRequests a connection gets free -> the head of this lane, in turn with the other
 *workers' lanes: for those it is closed, and its place is offered to them
 *
 * While anyone waits, newcomers queue up behind.
 */
#ifndef WEFT_PROXY_POOL_H
#define WEFT_PROXY_POOL_H

#include "proxy/upstream.h"

enum pool_result {
	POOL_READY,	 /* x->up is an established connection */
	POOL_CONNECTING, /* exchange_connected or exchange_lost comes */
	POOL_QUEUED,	 /* a connection comes later */
	POOL_NONE,	 /* no endpoint in service */
	POOL_OVERFLOW,
	POOL_QUEUE_FULL, /* MAX_PENDING, whatever the cluster allows */
	POOL_FAILED,	 /* the endpoint cannot be connected to */
};

enum pool_result pool_get(struct exchange *x);
enum pool_result pool_get_fresh(struct exchange *x); /* never an idle one */
void pool_cancel(struct exchange *x);		     /* out of the queue */
/* There are more connections than its cluster allows now: the limit was lowered. */
bool pool_excess(const struct exchange *x);

void pool_put(struct upstream *u);    /* idle now: into the pool or to who waits */
void pool_forget(struct upstream *u); /* out of the pool's lists; it is being closed */
void pool_released(struct worker *w, struct fleet *f); /* a place is free */
void pool_serve(struct worker *w, struct lane *lane);  /* starts what can start */
/* Out of descriptors: closes one idle connection. False: there is none. */
bool pool_give_up_one(struct worker *w);
void pool_asked(struct worker *w);     /* another worker waits or gave a place back */
void pool_unlist(struct worker *w);    /* closes idle connections to unlisted members */
void pool_close_all(struct worker *w); /* and to all others */

#endif
