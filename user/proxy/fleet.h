/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the live side of clusters, shared by all workers and kept over image generations:
 * a fleet for each cluster id (what of its limits is in use), a member for each endpoint in it
 * (active requests, health, and one connection pool a worker). Only what is used exists.
 *
 * Counters are atomics. The tables and reference counts are behind one mutex, which is taken when a
 * generation meets a cluster for the first time and when a connection opens or closes, never for a
 * request on a connection that is there.
 */
#ifndef WEFT_PROXY_FLEET_H
#define WEFT_PROXY_FLEET_H

#include <pthread.h>

#include "net/sock.h"
#include "base/str.h"
#include "proxy/list.h"
#include "proxy/outlier.h"

struct fleets;

/* One worker's part of a fleet; aligned so that workers do not share lines. */
struct lane {
	struct list pending;   /* exchanges that wait for a connection, oldest first */
	struct list idle;      /* upstreams of all members, oldest first */
	struct list in_worker; /* worker.lanes: there is something in it */
	struct list due;       /* worker.lanes_due */
	struct fleet *fleet;
	bool gave; /* the last free place went to another worker */
	/* read by other workers */
	_Atomic uint32_t nr_pending, nr_idle;
	_Atomic bool asked; /* another worker wants us to look: it waits, or gave a slot back */
} __attribute__((aligned(64)));

struct fleet {
	uint64_t id;
	uint32_t refs;
	struct fleet *next_hash;
	_Atomic uint32_t conns, pending, requests; /* in use now */
	_Atomic uint32_t out;			   /* members ejected */
	_Atomic uint64_t cursor;		   /* round robin */
	_Atomic uint64_t conns_total, conns_overflow, pending_overflow, requests_overflow;
	_Atomic uint64_t ejections_total;
	uint32_t sweep_every_ms; /* of the newest generation; 0: no outlier detection */
	uint64_t sweep_at_ms;
	struct list members;
	char name[200]; /* cut to fit: for metrics */
	struct lane lanes[];
};

struct member {
	uint64_t id;
	struct fleet *fleet;
	struct sock_addr at;
	uint32_t refs;
	_Atomic uint32_t listed; /* generations that name it; 0: close what is idle */
	_Atomic int64_t active;	 /* requests, or TCP connections */
	struct outlier health;
	struct member *next_hash;
	struct list in_fleet;
	struct list pools[]; /* idle upstreams, last used first; one a worker */
};

struct fleets *fleets_new(unsigned int workers);
struct fleets *fleets_free(struct fleets *f); /* all members must be put */

/* Found or made, one reference the caller's. NULL: no memory. */
struct fleet *fleet_get(struct fleets *fs, uint64_t id, struct str name);
void fleet_put(struct fleets *fs, struct fleet *f);
/* Only if it is there. */
struct fleet *fleet_peek(struct fleets *fs, uint64_t id);

struct member *member_get(struct fleets *fs, struct fleet *f, uint64_t id,
			  const struct sock_addr *at);
void member_hold(struct fleets *fs, struct member *m);
void member_put(struct fleets *fs, struct member *m);

/* One more of *used, unless that would exceed max. */
bool fleet_reserve(_Atomic uint32_t *used, uint32_t max);
static inline void fleet_release(_Atomic uint32_t *used)
{
	atomic_fetch_sub(used, 1);
}

/* Takes m out of service when that is allowed. True: it is out now, because of this call. */
bool fleet_eject(struct fleets *fs, struct member *m, const struct image_cluster *c,
		 uint32_t members, uint64_t now_ms);
/* Returns who may return. *next_ms: wait until the next sweep, 0: none needed. */
bool fleets_sweep(struct fleets *fs, uint64_t now_ms, uint64_t *next_ms);
/* Endpoint ids out of service, at most cap; returns how many. */
size_t fleets_ejected(struct fleets *fs, uint64_t *ids, size_t cap);

void fleets_each(struct fleets *fs, void (*fn)(const struct fleet *f, void *arg), void *arg);
unsigned int fleets_workers(const struct fleets *fs);

#endif
