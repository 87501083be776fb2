// SPDX-License-Identifier: Apache-2.0
#include "proxy/pool.h"

#include <errno.h>

#include "proxy/balance.h"

static struct lane *lane_of(const struct worker *w, struct fleet *f)
{
	return &f->lanes[w->index];
}

/* The worker looks at lanes with something in them when it is asked. */
static void lane_listed(struct worker *w, struct lane *lane)
{
	bool used = atomic_load(&lane->nr_pending) || atomic_load(&lane->nr_idle);

	if (used && list_empty(&lane->in_worker))
		list_add(w->lanes.prev, &lane->in_worker);
	if (!used) {
		list_del(&lane->in_worker);
		list_del(&lane->due);
	}
}

static void lane_due(struct worker *w, struct lane *lane)
{
	if (list_empty(&lane->due))
		list_add(w->lanes_due.prev, &lane->due);
}

/* The next worker that waits for this fleet is told to try; true: there is one. */
static bool wake_next(const struct worker *w, struct fleet *f)
{
	unsigned int n = w->proxy->nr_workers;

	for (unsigned int i = 1; i < n; i++) {
		unsigned int k = (w->index + i) % n;

		if (!atomic_load(&f->lanes[k].nr_pending))
			continue;
		atomic_store(&f->lanes[k].asked, true);
		worker_order(w->proxy->workers[k], ORDER_LANES);
		return true;
	}
	return false;
}

/* Whoever keeps idle connections of this fleet is asked to give one up. */
static void ask_for_idle(const struct worker *w, struct fleet *f)
{
	for (unsigned int k = 0; k < w->proxy->nr_workers; k++) {
		if (k == w->index || !atomic_load(&f->lanes[k].nr_idle))
			continue;
		atomic_store(&f->lanes[k].asked, true);
		worker_order(w->proxy->workers[k], ORDER_LANES);
		return;
	}
}

static uint32_t random_of(void *w)
{
	return worker_random(w);
}

bool pool_excess(const struct exchange *x)
{
	return atomic_load(&exchange_fleet(x)->conns) > exchange_cluster(x)->max_connections;
}

static bool pick(struct exchange *x)
{
	uint32_t i;

	if (x->own) {
		x->member = x->own;
		return true;
	}
	i = balance_pick(x->roster, &x->s->peer.ip, random_of, x->w);
	if (i == IMAGE_NONE)
		return false;
	x->member = x->roster->members[i].member;
	x->endpoint = x->roster->members[i].endpoint;
	return true;
}

static enum pool_result open_reserved(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);

	if (!upstream_open(x, x->member))
		return POOL_CONNECTING;
	fleet_release(&f->conns);
	pool_released(x->w, f);
	return POOL_FAILED;
}

static bool close_oldest_idle(const struct worker *w, struct fleet *f)
{
	struct lane *lane = lane_of(w, f);

	if (list_empty(&lane->idle))
		return false;
	upstream_close(container_of(lane->idle.next, struct upstream, in_lane));
	return true;
}

/* Idle connections beyond a limit that was lowered go, the oldest first. */
static void close_excess(const struct exchange *x)
{
	while (pool_excess(x) && close_oldest_idle(x->w, exchange_fleet(x)))
		;
}

/* A place below the limit, if need be that of an idle connection to another endpoint. */
static bool reserve(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);
	uint32_t max = exchange_cluster(x)->max_connections;

	if (fleet_reserve(&f->conns, max))
		return true;
	return close_oldest_idle(x->w, f) && fleet_reserve(&f->conns, max);
}

static enum pool_result enqueue(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);
	struct lane *lane = lane_of(x->w, f);

	if (x->w->nr_pending >= MAX_PENDING / x->w->proxy->nr_workers)
		return POOL_QUEUE_FULL;
	if (!fleet_reserve(&f->pending, exchange_cluster(x)->max_pending)) {
		atomic_fetch_add(&f->pending_overflow, 1);
		return POOL_OVERFLOW;
	}
	list_add(lane->pending.prev, &x->link);
	x->queued = true;
	x->w->nr_pending++;
	atomic_fetch_add(&lane->nr_pending, 1);
	lane_listed(x->w, lane);
	ask_for_idle(x->w, f);
	/* a place may have become free between the refusal and our name in the queue: whoever
	 * released it then saw nobody waiting */
	lane_due(x->w, lane);
	return POOL_QUEUED;
}

static void dequeue(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);

	list_del(&x->link);
	x->queued = false;
	x->w->nr_pending--;
	atomic_fetch_sub(&lane_of(x->w, f)->nr_pending, 1);
	fleet_release(&f->pending);
	lane_listed(x->w, lane_of(x->w, f));
}

void pool_cancel(struct exchange *x)
{
	if (!x->queued)
		return;
	dequeue(x);
	/* a place may have been offered to us just now: it goes to the next */
	pool_released(x->w, exchange_fleet(x));
}

/* A connection to be opened, now or when it is our turn. */
static enum pool_result get_other(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);
	bool limited = exchange_cluster(x)->max_connections != WEFT_NO_LIMIT;

	/* whoever came first is served first; bytes without a request do not wait at all */
	if (!(limited && !x->tunnel && atomic_load(&f->pending)) && reserve(x))
		return open_reserved(x);
	if (!x->tunnel)
		return enqueue(x);
	atomic_fetch_add(&f->conns_overflow, 1);
	return POOL_OVERFLOW;
}

enum pool_result pool_get_fresh(struct exchange *x)
{
	return pick(x) ? get_other(x) : POOL_NONE;
}

/* The last used connection to the chosen member that may still be used; NULL: none. */
static struct upstream *idle_to(const struct exchange *x)
{
	const struct list *pool = &x->member->pools[x->w->index];

	close_excess(x);
	return list_empty(pool) ? NULL : container_of(pool->next, struct upstream, in_pool);
}

enum pool_result pool_get(struct exchange *x)
{
	struct upstream *u;

	if (x->tunnel)
		return pool_get_fresh(x);
	if (!pick(x))
		return POOL_NONE;
	u = idle_to(x);
	if (!u)
		return get_other(x);
	upstream_use(u, x);
	return POOL_READY;
}

void pool_forget(struct upstream *u)
{
	struct lane *lane = lane_of(u->w, u->member->fleet);

	if (list_empty(&u->in_lane))
		return;
	list_del(&u->in_pool);
	list_del(&u->in_lane);
	atomic_fetch_sub(&lane->nr_idle, 1);
	lane_listed(u->w, lane);
}

void pool_put(struct upstream *u)
{
	struct fleet *f = u->member->fleet;
	struct lane *lane = lane_of(u->w, f);

	list_add(&u->member->pools[u->w->index], &u->in_pool);
	list_add(lane->idle.prev, &u->in_lane);
	atomic_fetch_add(&lane->nr_idle, 1);
	lane_listed(u->w, lane);
	if (atomic_load(&f->pending))
		lane_due(u->w, lane);
}

/* Every second time the place goes to another worker, if one waits: nobody starves. */
static bool others_turn(const struct worker *w, struct lane *lane)
{
	struct fleet *f = lane->fleet;

	if (atomic_load(&f->pending) <= atomic_load(&lane->nr_pending))
		return false;
	if (list_empty(&lane->pending))
		return true;
	lane->gave = !lane->gave;
	return lane->gave;
}

void pool_released(struct worker *w, struct fleet *f)
{
	if (!atomic_load(&f->pending))
		return;
	if (others_turn(w, lane_of(w, f)) && wake_next(w, f))
		return;
	if (atomic_load(&lane_of(w, f)->nr_pending))
		lane_due(w, lane_of(w, f));
}

/* The head of the queue gets any idle connection of this lane, else a place of its own. */
static bool start_one(struct worker *w, struct lane *lane)
{
	struct exchange *x = container_of(lane->pending.next, struct exchange, link);
	struct session *s = x->s;
	enum pool_result r = POOL_READY;

	close_excess(x);
	if (!list_empty(&lane->idle)) {
		struct upstream *u = container_of(lane->idle.prev, struct upstream, in_lane);

		dequeue(x);
		x->member = u->member;
		for (uint32_t i = 0; x->roster && i < x->roster->count; i++)
			if (x->roster->members[i].member == u->member)
				x->endpoint = x->roster->members[i].endpoint;
		upstream_use(u, x);
	} else {
		if (!fleet_reserve(&lane->fleet->conns, exchange_cluster(x)->max_connections)) {
			/* one place was not enough when the limit has been lowered */
			ask_for_idle(w, lane->fleet);
			return false;
		}
		dequeue(x);
		if (pick(x)) {
			r = open_reserved(x);
		} else {
			fleet_release(&lane->fleet->conns);
			r = POOL_NONE;
		}
	}
	exchange_granted(x, r);
	session_drive(s);
	return true;
}

void pool_serve(struct worker *w, struct lane *lane)
{
	/* closing it wakes the other worker, or puts this lane back on the list */
	if (!list_empty(&lane->idle) && others_turn(w, lane)) {
		upstream_close(container_of(lane->idle.next, struct upstream, in_lane));
		return;
	}
	while (!list_empty(&lane->pending))
		if (!start_one(w, lane))
			return;
}

bool pool_give_up_one(struct worker *w)
{
	for (struct list *l = w->lanes.next; l != &w->lanes; l = l->next)
		if (close_oldest_idle(w, container_of(l, struct lane, in_worker)->fleet))
			return true;
	return false;
}

void pool_asked(struct worker *w)
{
	struct list *l = w->lanes.next;

	while (l != &w->lanes) {
		struct lane *lane = container_of(l, struct lane, in_worker);

		l = l->next;
		if (atomic_exchange(&lane->asked, false))
			lane_due(w, lane);
	}
}

static bool unlisted(const struct upstream *u)
{
	return !atomic_load(&u->member->listed);
}

static bool any(const struct upstream *u)
{
	return true;
}

static void close_where(struct worker *w, bool (*unwanted)(const struct upstream *u))
{
	struct list *l = w->lanes.next;

	while (l != &w->lanes) {
		struct lane *lane = container_of(l, struct lane, in_worker);
		struct list *i = lane->idle.next;

		/* the lane may go with the last of its connections */
		l = l->next;
		while (i != &lane->idle) {
			struct upstream *u = container_of(i, struct upstream, in_lane);

			i = i->next;
			if (unwanted(u))
				upstream_close(u);
		}
	}
}

void pool_unlist(struct worker *w)
{
	close_where(w, unlisted);
}

void pool_close_all(struct worker *w)
{
	close_where(w, any);
}
