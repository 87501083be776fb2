// SPDX-License-Identifier: Apache-2.0
#include "proxy/request.h"

#include <errno.h>

#include "base/clock.h"
#include "http/path.h"
#include "http/write.h"
#include "proxy/respond.h"
#include "proxy/route.h"

enum { ADDED_BYTES = 1024 }; /* what we put into a head at the most */

/* What is to be done with a request once its head is understood. */
struct decision {
	enum { FORWARD, ANSWER, STATUS } verdict;
	enum reply reply; /* ANSWER */
	uint32_t status;  /* STATUS */
};

static struct decision answer(enum reply reply)
{
	return (struct decision){ .verdict = ANSWER, .reply = reply };
}

static struct str note_str(struct exchange_note *n, struct str s)
{
	struct str out = { n->bytes + n->used, s.n };

	if (out.n > NOTE_MAX - n->used)
		out.n = NOTE_MAX - n->used;
	if (out.n)
		memcpy(n->bytes + n->used, s.p, out.n);
	n->used += out.n;
	return out;
}

/* What the log will want when the head is gone. The target last: it is what gets cut. */
static void take_note(struct exchange *x, const struct h1_request *r)
{
	struct exchange_note *n = &x->note;

	if (x->w->proxy->log_fd < 0 || !x->use->gen->im->access_log)
		return;
	n->method = note_str(n, r->method_name);
	n->authority = note_str(n, str_sub(r->authority, 0, 256));
	n->user_agent = note_str(n, str_sub(h1_value(&r->head, H1_K_USER_AGENT), 0, 200));
	n->forwarded_for = note_str(n, str_sub(h1_value(&r->head, H1_K_X_FORWARDED_FOR), 0, 128));
	n->path = note_str(n, r->target);
}

static void take_facts(struct exchange *x, const struct h1_request *r, size_t n)
{
	struct str id = h1_value(&r->head, H1_K_X_REQUEST_ID);
	struct str type = h1_value(&r->head, H1_K_CONTENT_TYPE);

	x->method = (uint8_t)r->method;
	x->http10 = !r->head.minor;
	x->keep = r->head.keep_alive && !x->w->stopping;
	x->upgrade = r->head.upgrade && r->head.framing == H1_NONE;
	x->grpc = str_starts(type, STR("application/grpc"));
	x->req_head = n;
	x->host = str_sub(r->authority, 0, sizeof(x->host_buf));
	if (x->host.n)
		memcpy(x->host_buf, x->host.p, x->host.n);
	x->host.p = x->host_buf;
	if (id.n && id.n <= sizeof(x->id_buf)) {
		memcpy(x->id_buf, id.p, id.n);
		x->request_id = (struct str){ x->id_buf, id.n };
	} else if (!id.n) {
		x->request_id = request_id_next(&x->w->ids, x->id_buf);
	}
	take_note(x, r);
}

static struct decision to_target(struct exchange *x)
{
	x->target = route_target(x->use->gen, x->route->targets, worker_random(x->w));
	if (!x->target)
		return answer(REPLY_no_route);
	if (x->target->cluster == IMAGE_NONE)
		return answer(REPLY_no_cluster);
	x->roster = generation_roster(x->use->gen, x->target->cluster);
	if (!x->roster || (x->roster->cluster->lb == LB_PASSTHROUGH && exchange_pass_through(x)))
		return answer(REPLY_no_memory);
	return (struct decision){ .verdict = FORWARD };
}

static struct decision decide(struct exchange *x, const struct h1_request *r, struct str path)
{
	struct generation *g = x->use->gen;
	struct match_request q = { r, path, r->scheme.n ? r->scheme : STR("http") };
	const struct image_vhost *v = route_vhost(g, x->s->listener, x->s->pod, r->authority);
	uint64_t gave_up = x->w->match.gave_up;

	if (!v || r->method == H1_CONNECT)
		return answer(REPLY_no_route);
	x->route = route_find(g, v, &q, &x->w->match);
	for (; gave_up < x->w->match.gave_up; gave_up++)
		metrics_count(x->w->metrics, PREASON_regex_limit);
	if (!x->route)
		return answer(REPLY_no_route);
	switch (x->route->action) {
	case ACTION_STATUS:
		return (struct decision){ .verdict = STATUS, .status = x->route->status };
	case ACTION_PASSTHROUGH:
		if (exchange_pass_through(x))
			return answer(REPLY_no_memory);
		return (struct decision){ .verdict = FORWARD };
	default: return to_target(x);
	}
}

/* Origin-form, whatever form the client chose, with the canonical path. */
static struct str target_of(const struct h1_request *r, struct str path)
{
	static _Thread_local char buf[MAX_HEAD_BYTES];
	size_t n = path.n + r->has_query + r->query.n;

	/* as it came when nothing changed, which is nearly always */
	if (r->form == H1_ORIGIN && path.p == r->path.p && path.n == r->path.n)
		return r->target;
	if (n > sizeof(buf))
		return (struct str){ 0 };
	memcpy(buf, path.p, path.n);
	if (r->has_query)
		buf[path.n] = '?';
	if (r->query.n)
		memcpy(buf + path.n + 1, r->query.p, r->query.n);
	return (struct str){ buf, n };
}

static void put_added(const struct exchange *x, const struct h1_request *r, struct h1_writer *w)
{
	if (!h1_known(&r->head, H1_K_X_FORWARDED_PROTO))
		h1_put_header(w, STR("x-forwarded-proto"), STR("http"));
	if (!h1_value(&r->head, H1_K_X_REQUEST_ID).n)
		h1_put_header(w, STR("x-request-id"), x->request_id);
	if (r->head.framing == H1_CHUNKED)
		h1_put_header(w, STR("transfer-encoding"), STR("chunked"));
	if (x->upgrade) {
		h1_put_header(w, STR("connection"), STR("upgrade"));
		h1_put_header(w, STR("upgrade"), h1_value(&r->head, H1_K_UPGRADE));
	} else if (r->head.te_trailers) {
		h1_put_header(w, STR("te"), STR("trailers"));
		h1_put_header(w, STR("connection"), STR("te"));
	}
}

/* A host for those who name none: HTTP/1.0. */
static struct str own_host(const struct exchange *x, char text[SOCK_ADDR_TEXT])
{
	if (x->roster)
		return image_str(x->use->gen->im, x->roster->cluster->host);
	return str_of(sock_text(&x->s->origin.dst, text));
}

static bool write_head(struct exchange *x, const struct h1_request *r, struct str path, size_t n)
{
	struct buf_pool *pool = &x->w->bufs;
	struct buf *out = &x->req.out;
	const uint64_t host = 1ull << H1_K_HOST;
	uint64_t skip = r->form == H1_ABSOLUTE || !r->authority.n ? host : 0;
	char text[SOCK_ADDR_TEXT];
	struct h1_writer w;

	if (!h1_value(&r->head, H1_K_X_REQUEST_ID).n)
		skip |= 1ull << H1_K_X_REQUEST_ID;
	if (buf_take(pool, out) || (buf_room(out) < n + ADDED_BYTES && buf_grow(pool, out)))
		return false;
	w = h1_writer_of(buf_space(out), buf_room(out));
	h1_put_request_line(&w, r->method_name, target_of(r, path));
	if (skip & host)
		h1_put_header(&w, STR("host"), r->authority.n ? r->authority : own_host(x, text));
	h1_put_end_to_end(&w, &r->head, skip);
	put_added(x, r, &w);
	h1_put_end(&w);
	if (w.failed)
		return false;
	out->tail = (uint32_t)(w.p - out->p);
	x->head_len = out->tail;
	return true;
}

static void begin(struct exchange *x, const struct h1_request *r, size_t n)
{
	static _Thread_local char path_buf[MAX_HEAD_BYTES];
	struct decision d;
	struct str path = { 0 };

	x->use = worker_use(x->w);
	if (!session_bind(x->s)) {
		session_close(x->s);
		return;
	}
	take_facts(x, r, n);
	if (r->method != H1_CONNECT &&
	    path_normalize(r->path, PATH_BASE, path_buf, sizeof(path_buf), &path)) {
		respond_bad(x, H1_BAD_target);
		return;
	}
	d = decide(x, r, path);
	if (d.verdict == FORWARD && !write_head(x, r, path, n)) {
		respond_bad(x, H1_BAD_head_large);
		return;
	}
	/* from here on r is not valid any more */
	flow_message(&x->req, &r->head);
	buf_eat(&x->req.in, n);
	if (flow_take(&x->w->bufs, &x->req)) {
		respond_bad(x, H1_BAD_chunk);
		return;
	}
	if (d.verdict == FORWARD)
		exchange_dispatch(x);
	else if (d.verdict == STATUS)
		respond_status(x, d.status);
	else
		respond(x, d.reply);
}

static void wait_for_more(struct exchange *x)
{
	struct buf *in = &x->req.in;

	if (x->s->state != SESSION_HEAD)
		session_enter(x->s, SESSION_HEAD);
	if (!buf_room(in) && in->head)
		buf_pack(in);
	else if (!buf_room(in) && buf_grow(&x->w->bufs, in))
		respond_bad(x, H1_BAD_head_large);
}

void request_parse(struct exchange *x)
{
	struct h1_request r;
	ssize_t n;

	if (!buf_len(&x->req.in))
		return;
	if (!x->start_ns) {
		x->start_ns = clock_ns();
		x->start_us = clock_real_ms() * 1000;
	}
	n = h1_request(&x->scan, buf_view(&x->req.in), &r);
	if (n < 0) {
		x->use = worker_use(x->w);
		respond_bad(x, (int)n);
		return;
	}
	if (!n) {
		wait_for_more(x);
		return;
	}
	x->scan = (struct h1_scan){ 0 };
	begin(x, &r, (size_t)n);
}

void request_read(struct session *s)
{
	struct exchange *x = s->x;
	struct buf *in;
	ssize_t n;

	if (!x) {
		x = s->x = exchange_new(s);
		if (!x) {
			metrics_count(s->w->metrics, PREASON_no_memory);
			session_close(s);
			return;
		}
	}
	in = &x->req.in;
	if (buf_take(&s->w->bufs, in)) {
		metrics_count(s->w->metrics, PREASON_no_memory);
		session_close(s);
		return;
	}
	n = wire_read(&s->down, buf_space(in), buf_room(in));
	if (n > 0) {
		buf_add(in, (size_t)n);
		request_parse(x);
		return;
	}
	if (n != -EAGAIN) {
		session_close(s); /* between requests: nothing is lost */
		return;
	}
	if (!buf_len(in)) {
		s->x = NULL;
		exchange_free(x);
	}
}
