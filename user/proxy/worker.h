/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one thread: a loop, its listeners, its sessions and upstream connections, its metrics.
 * Nothing in it is touched by other threads but the mailbox (orders, incoming).
 */
#ifndef WEFT_PROXY_WORKER_H
#define WEFT_PROXY_WORKER_H

#include "loop/loop.h"
#include "net/buf.h"
#include "proxy/match.h"
#include "proxy/origin.h"
#include "telemetry/metrics.h"
#include "telemetry/request_id.h"

struct worker;
struct worker_log;

/* What the workers of the process share. */
struct proxy {
	unsigned int nr_workers;
	struct worker *workers[MAX_WORKERS];
	struct fleets *fleets;
	struct origin_source origin;
	char node[64];
	int log_fd; /* access log; -1: none */
	_Atomic uint32_t sessions;
	_Atomic bool ejections_changed;
	int main_wake; /* eventfd of the main thread; -1: none */
};

/* A generation as one worker uses it: requests hold it without touching shared counters. */
struct image_use {
	struct generation *gen;
	uint64_t serial; /* of this worker; 1 and up */
	uint32_t refs;
};

enum worker_order {
	ORDER_IMAGE = 1, /* `incoming` is there */
	ORDER_LANES = 2, /* some lane was asked */
	ORDER_STOP = 4,	 /* stop accepting, end when the last session has */
	ORDER_LIST = 8,	 /* write `listing` */
	ORDER_UNLIST =
		16, /* a generation ended: close idle connections to members it alone named */
};

struct listener {
	struct source src;
	struct worker *w;
	struct sock_addr at;
	bool any; /* bound to all addresses: ask the accepted socket */
};

struct worker {
	struct proxy *proxy;
	unsigned int index;
	struct loop *loop;
	struct buf_pool bufs;
	struct image_use *use; /* NULL before the first image */
	struct match_scratch match;
	struct metrics *metrics;
	struct request_ids ids;
	uint64_t rng;

	struct listener listeners[2];
	unsigned int nr_listeners;
	struct list sessions;
	uint32_t nr_sessions, nr_pending;
	struct list lanes;     /* with something pending or idle */
	struct list lanes_due; /* to be served when the handler ends */
	struct list writes;    /* exchanges with something to write when the batch ends */
	struct list spare;     /* exchanges, kept for the next request */
	unsigned int nr_spare;
	bool stopping, settling;
	struct worker_log *log;
	struct timer accept_pause; /* out of descriptors */
	struct timer drain;	   /* stopping: closes who stays idle */
	char date[32];
	uint64_t date_at_ms;

	struct source wake; /* eventfd */
	_Atomic uint32_t orders;
	_Atomic(struct generation *) incoming;
	_Atomic uint64_t in_force; /* number of the generation in use; for acks */
	_Atomic uint32_t listed;   /* listings written */
	struct text listing;	   /* JSON lines of sessions, main's to read after `listed` */
	_Atomic bool ended;
};

void proxy_wake(struct proxy *p);    /* main has something to look at */
void proxy_ejected(struct proxy *p); /* an endpoint went out of service */

struct worker *worker_new(struct proxy *p, unsigned int index); /* NULL: no memory, descriptors */
struct worker *worker_free(struct worker *w);
int worker_listen(struct worker *w, int fd);			/* takes fd; 0 or -errno */
void worker_run(struct worker *w);				/* until stopped */
void worker_order(struct worker *w, uint32_t orders);		/* from any thread */
void worker_give_image(struct worker *w, struct generation *g); /* takes a reference of its own */

/* The generation for a new request; worker_put_use when it ends. NULL: no image yet. */
struct image_use *worker_use(struct worker *w);
void worker_put_use(struct worker *w, struct image_use *use);

uint32_t worker_random(struct worker *w);
struct str worker_date(struct worker *w); /* for the header date */
/* Ends what a handler began: requests that got a connection, lines of the log. */
void worker_settle(struct worker *w);

#endif
