// SPDX-License-Identifier: Apache-2.0
#include "proxy/exchange.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "proxy/pool.h"
#include "proxy/record.h"
#include "proxy/respond.h"
#include "proxy/response.h"
#include "proxy/tunnel.h"

enum { SPARE_EXCHANGES = 128 };

static const struct image_cluster passthrough_settings = {
	.max_connections = WEFT_NO_LIMIT,
	.max_pending = WEFT_NO_LIMIT,
	.max_requests = WEFT_NO_LIMIT,
	.max_requests_per_connection = WEFT_NO_LIMIT,
	.connect_timeout_ms = CONNECT_TIMEOUT_MS,
	.idle_timeout_ms = TUNNEL_IDLE_MS,
};

static void reset(struct exchange *x, struct session *s)
{
	/* the bytes of the note are valid up to note.used only */
	memset(x, 0, offsetof(struct exchange, note.bytes));
	list_init(&x->link);
	list_init(&x->due);
	x->s = s;
	x->w = s->w;
	x->endpoint = IMAGE_NONE;
	x->service_ms = -1;
}

struct exchange *exchange_new(struct session *s)
{
	struct worker *w = s->w;
	struct exchange *x;

	if (list_empty(&w->spare)) {
		x = malloc(sizeof(*x));
	} else {
		x = container_of(w->spare.next, struct exchange, link);
		list_del(&x->link);
		w->nr_spare--;
	}
	if (x)
		reset(x, s);
	return x;
}

/* Everything but the buffers of the request. */
static void release(struct exchange *x)
{
	list_del(&x->due);
	pool_cancel(x);
	exchange_leave(x, false);
	if (x->counted)
		fleet_release(&exchange_fleet(x)->requests);
	if (x->active)
		atomic_fetch_sub_explicit(&x->member->active, 1, memory_order_relaxed);
	x->counted = x->active = false;
	buf_drop(&x->w->bufs, &x->req.out);
	flow_drop(&x->w->bufs, &x->resp);
	if (x->own)
		member_put(x->w->proxy->fleets, x->own);
	if (x->use)
		worker_put_use(x->w, x->use);
	x->own = NULL;
	x->use = NULL;
}

void exchange_free(struct exchange *x)
{
	struct worker *w = x->w;

	release(x);
	buf_drop(&w->bufs, &x->req.in);
	if (w->nr_spare == SPARE_EXCHANGES) {
		free(x);
		return;
	}
	list_add(&w->spare, &x->link);
	w->nr_spare++;
}

void exchange_recycle(struct exchange *x)
{
	struct buf in = x->req.in;

	release(x);
	reset(x, x->s);
	x->req.in = in;
}

const struct image_cluster *exchange_cluster(const struct exchange *x)
{
	return x->roster ? x->roster->cluster : &passthrough_settings;
}

struct fleet *exchange_fleet(const struct exchange *x)
{
	return x->roster ? x->roster->fleet : x->own->fleet;
}

int exchange_pass_through(struct exchange *x)
{
	const struct str name = STR("PassthroughCluster");
	struct fleets *fs = x->w->proxy->fleets;
	/* a cluster without endpoints of its own (ServiceEntry NONE) keeps its limits and names */
	struct fleet *none = x->roster ? NULL : fleet_get(fs, str_hash(name), name);
	struct fleet *f = x->roster ? x->roster->fleet : none;
	char text[SOCK_ADDR_TEXT];

	if (!f)
		return -ENOMEM;
	sock_text(&x->s->origin.dst, text);
	x->own = member_get(fs, f, str_hash(str_of(text)), &x->s->origin.dst);
	fleet_put(fs, none);
	if (!x->own)
		return -ENOMEM;
	/* no image lists it: its connections may be kept */
	atomic_store(&x->own->listed, 1);
	x->member = x->own;
	return 0;
}

void exchange_health(struct exchange *x, uint32_t status)
{
	const struct image_cluster *c = exchange_cluster(x);
	struct proxy *p = x->w->proxy;

	if (!c->outlier || !x->roster || !x->member)
		return;
	if (!outlier_note(&x->member->health, c, image_codes(x->use->gen->im), status))
		return;
	if (fleet_eject(p->fleets, x->member, c, x->roster->count, clock_ms()))
		proxy_ejected(p);
}

bool exchange_request_complete(const struct exchange *x)
{
	return x->req.done && !flow_pending(&x->req);
}

void exchange_leave(struct exchange *x, bool reusable)
{
	struct upstream *u = x->up;

	if (!u)
		return;
	x->up = NULL;
	u->served++;
	if (reusable && upstream_reusable(u, x))
		upstream_idle(u);
	else
		upstream_close(u);
}

void exchange_dispatch(struct exchange *x)
{
	struct fleet *f = exchange_fleet(x);

	if (!x->tunnel) {
		if (!fleet_reserve(&f->requests, exchange_cluster(x)->max_requests)) {
			atomic_fetch_add(&f->requests_overflow, 1);
			exchange_granted(x, POOL_OVERFLOW);
			return;
		}
		x->counted = true;
	}
	exchange_granted(x, (int)pool_get(x));
}

static void refuse(struct exchange *x, enum reply reply)
{
	if (x->tunnel)
		tunnel_refuse(x, reply);
	else
		respond(x, reply);
}

static void set_active(struct exchange *x)
{
	x->active = true;
	atomic_fetch_add_explicit(&x->member->active, 1, memory_order_relaxed);
}

void exchange_granted(struct exchange *x, int result)
{
	switch ((enum pool_result)result) {
	case POOL_READY:
		set_active(x);
		exchange_connected(x);
		return;
	case POOL_CONNECTING:
		set_active(x);
		session_enter(x->s, SESSION_CONNECT);
		/* on the same machine it is established already: try at once */
		if (!x->tunnel)
			exchange_pump_later(x);
		return;
	case POOL_QUEUED: session_enter(x->s, SESSION_WAIT); return;
	case POOL_NONE: refuse(x, REPLY_no_healthy); return;
	case POOL_OVERFLOW: refuse(x, REPLY_overflow); return;
	case POOL_QUEUE_FULL: refuse(x, REPLY_queue_full); return;
	case POOL_FAILED:
		exchange_health(x, OUTLIER_LOCAL);
		refuse(x, REPLY_connect_failed);
		return;
	}
}

void exchange_connected(struct exchange *x)
{
	struct upstream *u = x->up;

	if (u->state == UPSTREAM_CONNECTING) {
		u->state = UPSTREAM_BUSY;
		u->due_ms = 0;
	}
	x->up_at = x->member->at;
	if (x->tunnel) {
		tunnel_begin(x);
		return;
	}
	session_enter(x->s, SESSION_EXCHANGE);
	/* a reused connection may die under the request: its head is kept for a second try */
	x->req.hold = u->served && !x->retried;
	exchange_pump_later(x);
}

void exchange_pump_later(struct exchange *x)
{
	if (list_empty(&x->due))
		list_add(x->w->writes.prev, &x->due);
}

/* May the request be sent again after its upstream connection died without a word? */
static bool may_retry(const struct exchange *x)
{
	enum h1_method m = x->method;
	bool safe = m == H1_GET || m == H1_HEAD || m == H1_OPTIONS || m == H1_TRACE ||
		    m == H1_PUT || m == H1_DELETE;

	if (!x->req.hold || x->retried || x->begun || buf_len(&x->resp.in))
		return false;
	return !x->req.sent || (safe && x->req.sent <= x->head_len);
}

static void try_again(struct exchange *x)
{
	struct buf *head = &x->req.out;

	x->retried = true;
	x->req_cut = false;
	x->req.hold = false;
	x->req.sent = 0;
	head->head = 0;
	head->tail = x->head_len;
	exchange_leave(x, false);
	if (x->active)
		atomic_fetch_sub_explicit(&x->member->active, 1, memory_order_relaxed);
	x->active = false;
	x->scan = (struct h1_scan){ 0 };
	exchange_granted(x, (int)pool_get_fresh(x));
}

void exchange_lost(struct exchange *x, int err)
{
	bool connecting = x->up && x->up->state == UPSTREAM_CONNECTING;

	if (x->tunnel) {
		tunnel_lost(x, err, connecting);
		return;
	}
	if (connecting) {
		exchange_health(x, OUTLIER_LOCAL);
		exchange_leave(x, false);
		respond(x, err == -ETIMEDOUT ? REPLY_connect_timeout : REPLY_connect_failed);
		return;
	}
	if (may_retry(x)) {
		try_again(x);
		return;
	}
	exchange_health(x, OUTLIER_LOCAL);
	exchange_leave(x, false);
	respond(x, REPLY_upstream_closed);
}

void exchange_abandon(struct exchange *x)
{
	struct session *s = x->s;

	x->flags |= FLAG_DC;
	x->details = STR("downstream_remote_disconnect");
	x->failed = true;
	metrics_count(x->w->metrics, PREASON_downstream_closed);
	record(x);
	session_close(s);
}

void exchange_complete(struct exchange *x)
{
	struct session *s = x->s;
	bool whole = exchange_request_complete(x);
	/* what the answer has announced is kept: a stopping worker says "close" in the next one */
	bool keep = x->keep && whole;

	record(x);
	exchange_leave(x, x->up_keep && whole && !x->req_cut && !buf_len(&x->resp.in));
	if (keep)
		session_next(s);
	else
		session_linger(s);
}

/* Request towards the upstream. False: the exchange is over. */
static bool pump_request(struct exchange *x, uint32_t down_got)
{
	bool read = down_got & (EPOLLIN | EPOLLRDHUP);
	enum flow_end end;

	if (x->req_cut || (x->req.done && !flow_pending(&x->req)))
		return true;
	end = flow_pump(&x->w->bufs, &x->req, &x->s->down, &x->up->wire, read);
	if (x->req.eof)
		x->s->ended = true;
	switch (end) {
	case FLOW_OK: break;
	case FLOW_TARGET:
		/* it may have answered before it closed: that answer is looked for first */
		if (x->up->state == UPSTREAM_CONNECTING) {
			exchange_lost(x, sock_error(x->up->wire.src.fd));
			return false;
		}
		x->req_cut = true;
		break;
	case FLOW_BAD: respond_bad(x, H1_BAD_chunk); return false;
	case FLOW_MEMORY: respond(x, REPLY_no_memory); return false;
	case FLOW_SOURCE: exchange_abandon(x); return false;
	}
	if (x->req.sent && x->up->state == UPSTREAM_CONNECTING) {
		x->up->state = UPSTREAM_BUSY;
		x->up->due_ms = 0;
		x->up_at = x->member->at;
		session_enter(x->s, SESSION_EXCHANGE);
	}
	if (!x->complete_ms && exchange_request_complete(x)) {
		x->complete_ms = loop_now_ms(x->w->loop);
		session_deadline(x->s);
	}
	return true;
}

/* Response towards the client. False: the exchange is over. */
static bool pump_response(struct exchange *x, uint32_t up_got)
{
	bool read = up_got & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
	enum flow_end end;

	/* interim answers that the client does not take hold up what follows */
	if (!x->answered && !flow_pending(&x->resp) && (read || x->req_cut)) {
		if (!response_read(x))
			return false;
		if (x->answered && up_got) {
			exchange_pump_later(x);
			return false;
		}
		read = false; /* what was there has been read */
	}
	if (x->answered)
		end = flow_pump(&x->w->bufs, &x->resp, &x->up->wire, &x->s->down, read);
	else
		end = flow_flush(&x->w->bufs, &x->resp, &x->s->down); /* of 1xx */
	switch (end) {
	case FLOW_OK: break;
	case FLOW_TARGET: exchange_abandon(x); return false;
	case FLOW_SOURCE: exchange_lost(x, 0); return false;
	case FLOW_BAD:
		exchange_leave(x, false);
		respond(x, REPLY_upstream_protocol);
		return false;
	case FLOW_MEMORY: respond(x, REPLY_no_memory); return false;
	}
	return true;
}

static void settle(struct exchange *x, uint32_t down_got, uint32_t up_got)
{
	struct loop *l = x->w->loop;
	bool connecting = x->up->state == UPSTREAM_CONNECTING;

	wire_settle(l, &x->s->down, down_got, !x->req_cut && flow_can_read(&x->req),
		    flow_pending(&x->resp));
	wire_settle(l, &x->up->wire, up_got,
		    x->answered ? flow_can_read(&x->resp) : !flow_pending(&x->resp),
		    connecting || (!x->req_cut && flow_pending(&x->req)));
}

void exchange_pump(struct exchange *x, uint32_t down_got, uint32_t up_got)
{
	if (x->tunnel) {
		tunnel_pump(x, down_got, up_got);
		return;
	}
	if (down_got & (EPOLLERR | EPOLLHUP)) {
		exchange_abandon(x);
		return;
	}
	if (!x->up) /* queued: the body waits in the client's socket */
		return;
	if (!pump_request(x, down_got) || !x->up || !pump_response(x, up_got))
		return;
	if (x->tunnel || !x->up) /* upgraded, or tried again on another connection */
		return;
	session_touch(x->s);
	if (x->answered && x->resp.done && !flow_pending(&x->resp)) {
		exchange_complete(x);
		return;
	}
	settle(x, down_got, up_got);
}
