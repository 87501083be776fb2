// SPDX-License-Identifier: Apache-2.0
#include "proxy/respond.h"

#include "http/write.h"
#include "proxy/pool.h"
#include "proxy/record.h"

struct reply_row {
	uint32_t status, flag;
	enum proxy_reason reason;
	struct str details, body;
};

#define REPLY_ROW(name, st, fl, why, det, text)                                                    \
	[REPLY_##name] = { st, fl, why, { det, sizeof(det) - 1 }, { text, sizeof(text) - 1 } },
static const struct reply_row rows[NR_REPLIES] = { REPLIES(REPLY_ROW) };

static bool write_reply(struct exchange *x, uint32_t status, struct str body, bool overloaded)
{
	struct buf *out = &x->resp.out;
	struct h1_writer w;

	if (buf_take(&x->w->bufs, out))
		return false;
	w = h1_writer_of(buf_space(out), buf_room(out));
	h1_put_status_line(&w, (int)status);
	h1_put_header_u64(&w, STR("content-length"), body.n);
	if (body.n)
		h1_put_header(&w, STR("content-type"), STR("text/plain"));
	if (overloaded)
		h1_put_header(&w, STR("x-envoy-overloaded"), STR("true"));
	h1_put_header(&w, STR("date"), worker_date(x->w));
	h1_put_header(&w, STR("server"), STR("envoy"));
	if (!x->keep)
		h1_put_header(&w, STR("connection"), STR("close"));
	else if (x->http10)
		h1_put_header(&w, STR("connection"), STR("keep-alive"));
	h1_put_end(&w);
	if (w.failed || (size_t)(w.end - w.p) < body.n)
		return false;
	if (body.n && x->method != H1_HEAD) {
		memcpy(w.p, body.p, body.n);
		w.p += body.n;
	}
	out->tail = (uint32_t)(w.p - out->p);
	return true;
}

/* The answer stands in resp.out: it goes out, now or when the client takes it. */
static void send_reply(struct exchange *x)
{
	x->begun = true;
	x->resp.done = true;
	/* the rest of the request is of no interest */
	buf_drop(&x->w->bufs, &x->req.out);
	session_enter(x->s, SESSION_REPLY);
	reply_pump(x);
}

static void finish(struct exchange *x, uint32_t status, struct str body, bool overloaded)
{
	pool_cancel(x);
	exchange_leave(x, false);
	flow_drop(&x->w->bufs, &x->resp);
	x->status = status;
	x->keep = x->keep && x->req.done && !x->w->stopping;
	if (write_reply(x, status, body, overloaded)) {
		send_reply(x);
		return;
	}
	metrics_count(x->w->metrics, PREASON_no_memory);
	x->failed = true;
	record(x);
	session_reset(x->s);
}

void reply_note(struct exchange *x, enum reply reply)
{
	const struct reply_row *row = &rows[reply];

	x->flags |= row->flag;
	x->details = row->details;
	metrics_count(x->w->metrics, row->reason);
}

/* Is something out that another answer would be mixed up with: one, or a part of an interim one? */
static bool is_begun(const struct exchange *x)
{
	return x->begun || (x->resp.sent && flow_pending(&x->resp));
}

void respond(struct exchange *x, enum reply reply)
{
	const struct reply_row *row = &rows[reply];

	reply_note(x, reply);
	if (!is_begun(x)) {
		finish(x, row->status, row->body, row->flag == FLAG_UO);
		return;
	}
	/* half an answer is out: only breaking the connection tells the client */
	x->failed = true;
	record(x);
	session_reset(x->s);
}

void respond_bad(struct exchange *x, int h1_error)
{
	uint32_t status = (uint32_t)h1_error_status(h1_error);

	x->flags |= FLAG_DPE;
	x->details = STR("http1.codec_error");
	metrics_count(x->w->metrics, status == 431 ? PREASON_head_too_large : PREASON_bad_request);
	x->keep = false;
	if (is_begun(x)) {
		x->failed = true;
		record(x);
		session_reset(x->s);
		return;
	}
	finish(x, status, h1_reason((int)status), false);
}

void respond_status(struct exchange *x, uint32_t status)
{
	x->details = STR("direct_response");
	finish(x, status, (struct str){ 0 }, false);
}

void reply_pump(struct exchange *x)
{
	struct session *s = x->s;

	if (flow_flush(&x->w->bufs, &x->resp, &s->down) != FLOW_OK) {
		exchange_abandon(x);
		return;
	}
	if (flow_pending(&x->resp)) {
		wire_settle(x->w->loop, &s->down, EPOLLIN, false, true);
		return;
	}
	record(x);
	if (x->keep)
		session_next(s);
	else
		session_linger(s);
}
