// SPDX-License-Identifier: Apache-2.0
#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/record.h"
#include "proxy/request.h"
#include "proxy/respond.h"
#include "proxy/tunnel.h"

enum { ORIGIN_TRIES = 4, ORIGIN_WAIT_MS = 1, DISCARDS = 8, DISCARD_BYTES = 4096 };

#define STATE_NAME(name, meaning) #name,
static const char *const state_names[] = { SESSION_STATES(STATE_NAME) };

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

static void dispose(struct source *src)
{
	free(container_of(src, struct session, down.src));
}

void session_close(struct session *s)
{
	struct worker *w = s->w;

	if (s->state == SESSION_DEAD)
		return;
	s->state = SESSION_DEAD;
	timer_stop(w->loop, &s->timer);
	if (s->x)
		exchange_free(s->x);
	s->x = NULL;
	wire_close(&s->down);
	list_del(&s->in_worker);
	w->nr_sessions--;
	atomic_fetch_sub(&w->proxy->sessions, 1);
	loop_retire(w->loop, &s->down.src, dispose);
}

void session_reset(struct session *s)
{
	s->down.reset = true;
	session_close(s);
}

/* When this state has lasted too long, on the loop's clock; 0: never. */
static uint64_t deadline(const struct session *s)
{
	const struct exchange *x = s->x;
	uint64_t at;

	switch ((enum session_state)s->state) {
	case SESSION_ORIGIN: return s->since_ms + ((uint64_t)ORIGIN_WAIT_MS << s->tries);
	case SESSION_IDLE: return s->since_ms + KEEPALIVE_MS;
	case SESSION_HEAD: return s->since_ms + HEAD_TIMEOUT_MS;
	case SESSION_LINGER: return s->since_ms + LINGER_MS;
	case SESSION_TUNNEL: return tunnel_deadline(x);
	case SESSION_WAIT:
	case SESSION_CONNECT:
	case SESSION_EXCHANGE:
		at = s->since_ms + STREAM_IDLE_MS;
		if (s->left_ms && s->left_ms + CLIENT_GONE_MS < at)
			at = s->left_ms + CLIENT_GONE_MS;
		if (x->route && x->route->timeout_ms && x->complete_ms &&
		    x->complete_ms + x->route->timeout_ms < at)
			at = x->complete_ms + x->route->timeout_ms;
		return at;
	default: return s->since_ms + STREAM_IDLE_MS;
	}
}

void session_deadline(struct session *s)
{
	uint64_t now = loop_now_ms(s->w->loop), at = deadline(s);

	/* a timer that fires too early looks again: it is moved only when it would be late */
	if (at && (!s->timer.heap_slot || s->timer.at_ms > at))
		timer_set(s->w->loop, &s->timer, at > now ? at - now : 1);
}

void session_touch(struct session *s)
{
	s->since_ms = loop_now_ms(s->w->loop);
}

void session_enter(struct session *s, enum session_state state)
{
	s->state = (uint8_t)state;
	session_touch(s);
	session_deadline(s);
}

bool session_bind(struct session *s)
{
	struct image_use *use = s->w->use;
	const struct image_header *im;

	if (!use) {
		metrics_count(s->w->metrics, PREASON_no_listener);
		return false;
	}
	if (s->serial != use->serial) {
		im = use->gen->im;
		s->serial = use->serial;
		s->pod = image_find_pod(im, s->origin.pod_id);
		s->listener = image_find_listener(im, s->pod ? s->pod->view : 0, &s->origin.dst.ip,
						  s->origin.dst.port);
	}
	if (!s->listener)
		metrics_count(s->w->metrics, PREASON_no_listener);
	return s->listener;
}

/* The original destination is known: bytes or HTTP? */
static void start(struct session *s)
{
	if (!session_bind(s)) {
		session_reset(s);
		return;
	}
	sock_near(s->down.src.fd);
	if (s->listener->kind == LISTEN_TCP) {
		tunnel_start(s);
		return;
	}
	session_enter(s, SESSION_IDLE);
	request_read(s); /* the request is often here already */
}

static void find_origin(struct session *s)
{
	struct origin_source *o = &s->w->proxy->origin;
	int err = o->find(o, &s->at, &s->peer, &s->origin);

	if (!err) {
		start(s);
		return;
	}
	if (++s->tries < ORIGIN_TRIES) {
		session_enter(s, SESSION_ORIGIN);
		return;
	}
	metrics_count(s->w->metrics, PREASON_no_origin);
	session_reset(s);
}

/* Up to the client's end, what it still sends is thrown away: unread bytes would turn our close
 * into a reset, and that could destroy the answer on its way. */
static void discard(struct session *s)
{
	char bytes[DISCARD_BYTES];

	for (int i = 0; i < DISCARDS; i++) {
		ssize_t n = wire_read(&s->down, bytes, sizeof(bytes));

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			session_close(s);
			return;
		}
	}
}

void session_linger(struct session *s)
{
	if (s->x)
		exchange_free(s->x);
	s->x = NULL;
	if (s->ended || wire_shut(&s->down)) {
		session_close(s);
		return;
	}
	session_enter(s, SESSION_LINGER);
	wire_settle(s->w->loop, &s->down, 0, true, false);
	discard(s);
}

void session_next(struct session *s)
{
	struct exchange *x = s->x;

	s->served++;
	s->left_ms = 0;
	if (buf_len(&x->req.in)) {
		exchange_recycle(x);
		session_enter(s, SESSION_HEAD);
		s->again = true;
		return;
	}
	exchange_free(x);
	s->x = NULL;
	if (s->ended) {
		session_close(s);
		return;
	}
	session_enter(s, SESSION_IDLE);
	wire_settle(s->w->loop, &s->down, 0, true, false);
}

static void drive_one(struct session *s)
{
	s->again = false;
	request_parse(s->x);
	if (s->state == SESSION_HEAD && !s->again) {
		/* only a part of it: the rest has to come */
		if (s->ended)
			session_close(s);
		else
			wire_settle(s->w->loop, &s->down, 0, true, false);
	}
}

void session_drive(struct session *s)
{
	struct worker *w = s->w;

	while (s->state == SESSION_HEAD && s->again)
		drive_one(s);
	worker_settle(w);
}

/*
 * The client has ended its direction while its request is served. Mostly it is gone altogether,
 * which cannot be told apart: an answer that comes soon is still delivered (mesh-api 20.2 DC).
 */
static void client_left(struct session *s)
{
	if (s->left_ms || s->x->tunnel)
		return;
	s->left_ms = loop_now_ms(s->w->loop);
	session_deadline(s);
}

static void ready(struct source *src, uint32_t events)
{
	struct session *s = container_of(src, struct session, down.src);

	switch ((enum session_state)s->state) {
	case SESSION_IDLE:
	case SESSION_HEAD: request_read(s); break;
	case SESSION_WAIT:
	case SESSION_CONNECT:
	case SESSION_EXCHANGE:
	case SESSION_TUNNEL:
		if (events & EPOLLRDHUP)
			client_left(s);
		if (s->x->up) {
			exchange_pump(s->x, events, 0);
			break;
		}
		if (events & (EPOLLERR | EPOLLHUP))
			exchange_abandon(s->x);
		else
			wire_settle(s->w->loop, &s->down, events, false, false);
		break;
	case SESSION_REPLY:
		if (events & (EPOLLERR | EPOLLHUP))
			exchange_abandon(s->x);
		else
			reply_pump(s->x);
		break;
	case SESSION_LINGER: discard(s); break;
	case SESSION_ORIGIN: wire_settle(s->w->loop, &s->down, events, false, false); break;
	case SESSION_DEAD:
	case NR_SESSION_STATES: return;
	}
	session_drive(s);
}

/* The deadline has passed. */
static void expire(struct session *s)
{
	struct exchange *x = s->x;

	switch ((enum session_state)s->state) {
	case SESSION_ORIGIN: find_origin(s); return;
	case SESSION_HEAD:
		x->use = worker_use(s->w);
		x->keep = false;
		respond(x, REPLY_head_timeout);
		return;
	case SESSION_WAIT:
	case SESSION_CONNECT:
	case SESSION_EXCHANGE:
		if (s->left_ms && loop_now_ms(s->w->loop) >= s->left_ms + CLIENT_GONE_MS) {
			exchange_abandon(x);
		} else if (loop_now_ms(s->w->loop) < s->since_ms + STREAM_IDLE_MS) {
			exchange_health(x, 504);
			respond(x, REPLY_timeout);
		} else {
			respond(x, x->complete_ms ? REPLY_stream_idle : REPLY_request_idle);
		}
		return;
	case SESSION_TUNNEL: tunnel_expire(x); return;
	case SESSION_REPLY: exchange_abandon(x); return;
	default: session_close(s); return;
	}
}

static void on_time(struct timer *t)
{
	struct session *s = container_of(t, struct session, timer);
	uint64_t at = deadline(s);

	if (!at)
		return;
	if (loop_now_ms(s->w->loop) < at) {
		session_deadline(s);
		return;
	}
	expire(s);
	session_drive(s);
}

static bool admit(struct worker *w, int fd)
{
	if (atomic_fetch_add(&w->proxy->sessions, 1) < MAX_SESSIONS)
		return true;
	atomic_fetch_sub(&w->proxy->sessions, 1);
	metrics_count(w->metrics, PREASON_sessions_full);
	sock_reset_on_close(fd);
	return false;
}

void session_accept(struct worker *w, int fd, const struct sock_addr *peer,
		    const struct sock_addr *at)
{
	struct session *s = admit(w, fd) ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		close(fd);
		return;
	}
	s->w = w;
	s->peer = *peer;
	s->at = *at;
	s->opened_ms = loop_now_ms(w->loop);
	s->timer.fire = on_time;
	wire_init(&s->down, fd, ready);
	list_add(w->sessions.prev, &s->in_worker);
	w->nr_sessions++;
	if (loop_add(w->loop, &s->down.src, EPOLLIN | EPOLLRDHUP)) {
		metrics_count(w->metrics, PREASON_no_memory);
		session_reset(s);
		return;
	}
	find_origin(s);
	session_drive(s);
}
