// SPDX-License-Identifier: Apache-2.0
#include "proxy/tunnel.h"

#include <errno.h>

#include "base/clock.h"
#include "proxy/record.h"
#include "proxy/route.h"
#include "proxy/upstream.h"

enum { LOOK_MS = 5000 }; /* a tunnel without any deadline looks for one so often */

static void finish(struct exchange *x, bool broken)
{
	struct session *s = x->s;

	record(x);
	if (broken && x->up)
		x->up->wire.reset = true;
	if (broken)
		session_reset(s);
	else
		session_close(s);
}

void tunnel_refuse(struct exchange *x, enum reply reply)
{
	reply_note(x, reply);
	finish(x, false);
}

/* NR_REPLIES: go on. */
static enum reply choose(struct exchange *x)
{
	x->target = route_target(x->use->gen, x->s->listener->targets, worker_random(x->w));
	if (!x->target || x->target->cluster == IMAGE_NONE)
		return REPLY_no_cluster;
	x->roster = generation_roster(x->use->gen, x->target->cluster);
	if (!x->roster)
		return REPLY_no_memory;
	if (x->roster->cluster->lb == LB_PASSTHROUGH && exchange_pass_through(x))
		return REPLY_no_memory;
	return NR_REPLIES;
}

void tunnel_start(struct session *s)
{
	struct exchange *x = s->x = exchange_new(s);
	enum reply refused;

	if (!x) {
		metrics_count(s->w->metrics, PREASON_no_memory);
		session_reset(s);
		return;
	}
	x->use = worker_use(s->w);
	x->tunnel = true;
	x->req.raw = x->resp.raw = true;
	x->start_ns = clock_ns();
	x->start_us = clock_real_ms() * 1000;
	refused = choose(x);
	if (refused != NR_REPLIES) {
		tunnel_refuse(x, refused);
		return;
	}
	record_opened(x);
	exchange_dispatch(x);
}

void tunnel_begin(struct exchange *x)
{
	exchange_health(x, 200);
	session_enter(x->s, SESSION_TUNNEL);
	tunnel_pump(x, EPOLLIN, 0);
}

void tunnel_upgrade(struct exchange *x)
{
	x->tunnel = true;
	x->req.raw = x->resp.raw = true;
	x->req.done = x->resp.done = false;
	session_enter(x->s, SESSION_TUNNEL);
	tunnel_pump(x, EPOLLIN, 0);
}

/* Passes the end of one direction on once all bytes before it are through. */
static bool pass_end(struct flow *f, struct wire *to)
{
	if (!f->eof || f->shut || flow_pending(f))
		return true;
	f->shut = true;
	return !wire_shut(to);
}

static void settle(struct exchange *x, uint32_t down_got, uint32_t up_got)
{
	struct loop *l = x->w->loop;

	wire_settle(l, &x->s->down, down_got, flow_can_read(&x->req), flow_pending(&x->resp));
	wire_settle(l, &x->up->wire, up_got, flow_can_read(&x->resp), flow_pending(&x->req));
}

void tunnel_pump(struct exchange *x, uint32_t down_got, uint32_t up_got)
{
	const uint32_t in = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	struct buf_pool *pool = &x->w->bufs;
	struct wire *down = &x->s->down, *up = &x->up->wire;

	if (x->up->state == UPSTREAM_CONNECTING) {
		/* nobody could take the client's bytes yet */
		if (down_got & (EPOLLERR | EPOLLHUP))
			exchange_abandon(x);
		else
			wire_settle(x->w->loop, down, down_got, false, false);
		return;
	}
	if (flow_pump(pool, &x->req, down, up, down_got & in) ||
	    flow_pump(pool, &x->resp, up, down, up_got & in) || !pass_end(&x->req, up) ||
	    !pass_end(&x->resp, down)) {
		finish(x, true);
		return;
	}
	session_touch(x->s);
	record_progress(x);
	if (x->req.shut || x->resp.shut)
		session_deadline(x->s); /* a half-closed tunnel has less time */
	if (x->req.shut && x->resp.shut) {
		finish(x, false);
		return;
	}
	/* reset by one side while the other is blocked: no event would ever end it */
	if ((down_got | up_got) & EPOLLERR) {
		finish(x, true);
		return;
	}
	settle(x, down_got, up_got);
}

void tunnel_lost(struct exchange *x, int err, bool connecting)
{
	exchange_health(x, OUTLIER_LOCAL);
	if (connecting)
		tunnel_refuse(x, err == -ETIMEDOUT ? REPLY_connect_timeout : REPLY_connect_failed);
	else
		finish(x, true);
}

uint64_t tunnel_deadline(const struct exchange *x)
{
	const struct session *s = x->s;
	uint64_t idle = exchange_cluster(x)->idle_timeout_ms, now = loop_now_ms(x->w->loop), at;

	if (x->req.shut || x->resp.shut)
		idle = idle && idle < HALF_CLOSE_MS ? idle : HALF_CLOSE_MS;
	at = idle ? s->since_ms + idle : now + LOOK_MS;
	if (x->up && x->up->expires_ms && x->up->expires_ms < at)
		at = x->up->expires_ms;
	return at;
}

void tunnel_expire(struct exchange *x)
{
	if (x->up && x->up->expires_ms && loop_now_ms(x->w->loop) >= x->up->expires_ms)
		x->flags |= FLAG_DT;
	finish(x, false);
}
