// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "proxy/pool.h"

static void dispose(struct source *s)
{
	free(container_of(s, struct upstream, wire.src));
}

static void failed(struct upstream *u, int err)
{
	struct session *s = u->x->s;

	exchange_lost(u->x, err);
	session_drive(s);
}

static void ready(struct source *src, uint32_t events)
{
	struct upstream *u = container_of(src, struct upstream, wire.src);
	struct worker *w = u->w;
	struct session *s = u->x ? u->x->s : NULL;
	int err;

	if (!u->x && u->state != UPSTREAM_IDLE) /* dead */
		return;
	switch (u->state) {
	case UPSTREAM_CONNECTING:
		err = sock_error(src->fd);
		if (err) {
			failed(u, err);
			return;
		}
		if (events & EPOLLOUT)
			exchange_connected(u->x);
		break;
	case UPSTREAM_BUSY: exchange_pump(u->x, 0, events); break;
	case UPSTREAM_IDLE:
		/* it ends, or speaks without being asked: of no use either way */
		upstream_close(u);
		worker_settle(w);
		return;
	default: return;
	}
	session_drive(s);
}

static void on_time(struct timer *t)
{
	struct upstream *u = container_of(t, struct upstream, timer);
	struct worker *w = u->w;
	uint64_t now = loop_now_ms(w->loop);

	if (!u->due_ms)
		return;
	if (now < u->due_ms) {
		timer_set(w->loop, t, u->due_ms - now);
		return;
	}
	if (u->state == UPSTREAM_CONNECTING) {
		failed(u, -ETIMEDOUT);
		return;
	}
	if (u->state == UPSTREAM_IDLE)
		upstream_close(u);
	worker_settle(w);
}

void upstream_deadline(struct upstream *u, uint64_t delay_ms)
{
	uint64_t now = loop_now_ms(u->w->loop);

	u->due_ms = delay_ms ? now + delay_ms : 0;
	/* a timer that fires too early looks again: it is moved only when it would be late */
	if (u->due_ms && (!u->timer.heap_slot || u->timer.at_ms > u->due_ms))
		timer_set(u->w->loop, &u->timer, delay_ms);
}

static void set_limits(struct upstream *u, const struct image_cluster *c)
{
	u->idle_ms = c->idle_timeout_ms;
	u->expires_ms = c->max_connection_ms ? u->opened_ms + c->max_connection_ms : 0;
}

int upstream_open(struct exchange *x, struct member *m)
{
	struct upstream *u = calloc(1, sizeof(*u));
	const struct image_cluster *c = exchange_cluster(x);
	int fd, err;

	if (!u)
		return -ENOMEM;
	err = sock_connect(&m->at, &fd);
	if ((err == -EMFILE || err == -ENFILE) && pool_give_up_one(x->w))
		err = sock_connect(&m->at, &fd);
	if (err && err != -EINPROGRESS) {
		free(u);
		return err;
	}
	u->w = x->w;
	wire_init(&u->wire, fd, ready);
	if (loop_add(u->w->loop, &u->wire.src, EPOLLOUT | EPOLLIN | EPOLLRDHUP)) {
		wire_close(&u->wire);
		free(u);
		return -ENOMEM;
	}
	list_init(&u->in_pool);
	list_init(&u->in_lane);
	u->timer.fire = on_time;
	u->opened_ms = loop_now_ms(u->w->loop);
	u->member = m;
	member_hold(u->w->proxy->fleets, m);
	atomic_fetch_add(&m->fleet->conns_total, 1);
	set_limits(u, c);
	if (c->keepalive)
		(void)sock_keepalive(fd, c->keepalive_probes, c->keepalive_time_s,
				     c->keepalive_interval_s);
	if (!x->own)
		sock_near(fd);
	u->x = x;
	x->up = u;
	u->state = UPSTREAM_CONNECTING;
	upstream_deadline(u, c->connect_timeout_ms ? c->connect_timeout_ms : CONNECT_TIMEOUT_MS);
	return 0;
}

void upstream_use(struct upstream *u, struct exchange *x)
{
	pool_forget(u);
	u->state = UPSTREAM_BUSY;
	u->x = x;
	x->up = u;
	u->due_ms = 0;
}

void upstream_idle(struct upstream *u)
{
	u->x = NULL;
	u->state = UPSTREAM_IDLE;
	/* an end that comes now must be seen */
	wire_settle(u->w->loop, &u->wire, 0, true, false);
	upstream_deadline(u, u->idle_ms);
	pool_put(u);
}

bool upstream_reusable(struct upstream *u, const struct exchange *x)
{
	const struct image_cluster *c = exchange_cluster(x);

	/* the connection may be older than the settings */
	set_limits(u, c);
	return u->served < c->max_requests_per_connection && !pool_excess(x) &&
	       (!u->expires_ms || loop_now_ms(u->w->loop) < u->expires_ms) &&
	       atomic_load(&u->member->listed);
}

void upstream_close(struct upstream *u)
{
	struct worker *w = u->w;
	struct fleet *f = u->member->fleet;

	if (u->state == UPSTREAM_DEAD)
		return;
	u->state = UPSTREAM_DEAD;
	u->x = NULL;
	timer_stop(w->loop, &u->timer);
	pool_forget(u);
	wire_close(&u->wire);
	fleet_release(&f->conns);
	pool_released(w, f);
	member_put(w->proxy->fleets, u->member);
	loop_retire(w->loop, &u->wire.src, dispose);
}
