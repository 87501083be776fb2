// SPDX-License-Identifier: Apache-2.0
#include "proxy/response.h"

#include <errno.h>

#include "base/clock.h"
#include "http/write.h"
#include "proxy/respond.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"

enum { ADDED_BYTES = 512 }; /* what we put into a head at the most */

/* Room for a head of n bytes and what we add. */
static bool make_room(struct exchange *x, size_t n)
{
	struct buf_pool *pool = &x->w->bufs;
	struct buf *out = &x->resp.out;

	if (buf_take(pool, out))
		return false;
	if (buf_room(out) < n + ADDED_BYTES && buf_grow(pool, out))
		return false;
	return buf_room(out) >= n + ADDED_BYTES;
}

static bool written(struct exchange *x, const struct h1_writer *w)
{
	if (w->failed)
		return false;
	x->resp.out.tail = (uint32_t)(w->p - x->resp.out.p);
	return true;
}

static struct h1_writer writer_of(struct buf *out)
{
	return h1_writer_of(buf_space(out), buf_room(out));
}

static bool write_interim(struct exchange *x, const struct h1_response *r, size_t n)
{
	struct h1_writer w;

	if (x->http10) /* it does not know them */
		return true;
	if (!make_room(x, n))
		return false;
	w = writer_of(&x->resp.out);
	h1_put_status_line(&w, r->status);
	h1_put_end_to_end(&w, &r->head, 0);
	h1_put_end(&w);
	return written(x, &w);
}

static void put_connection(const struct exchange *x, const struct h1_response *r,
			   struct h1_writer *w)
{
	if (r->tunnel) {
		h1_put_header(w, STR("connection"), STR("upgrade"));
		h1_put_header(w, STR("upgrade"), h1_value(&r->head, H1_K_UPGRADE));
	} else if (!x->keep) {
		h1_put_header(w, STR("connection"), STR("close"));
	} else if (x->http10) {
		h1_put_header(w, STR("connection"), STR("keep-alive"));
	}
}

static bool write_final(struct exchange *x, const struct h1_response *r, size_t n)
{
	const uint64_t ours = 1ull << H1_K_SERVER | 1ull << H1_K_X_ENVOY_UPSTREAM_SERVICE_TIME;
	struct h1_writer w;

	if (!make_room(x, n))
		return false;
	w = writer_of(&x->resp.out);
	h1_put_status_line(&w, r->status);
	h1_put_end_to_end(&w, &r->head, ours);
	if (r->head.framing == H1_CHUNKED && !x->http10)
		h1_put_header(&w, STR("transfer-encoding"), STR("chunked"));
	h1_put_header_u64(&w, STR("x-envoy-upstream-service-time"), (uint64_t)x->service_ms);
	h1_put_header(&w, STR("server"), STR("envoy"));
	if (!h1_known(&r->head, H1_K_DATE))
		h1_put_header(&w, STR("date"), worker_date(x->w));
	put_connection(x, r, &w);
	h1_put_end(&w);
	return written(x, &w);
}

static bool begin_final(struct exchange *x, const struct h1_response *r, size_t n)
{
	if (r->tunnel && !x->upgrade)
		return false;
	x->answered = true;
	x->status = r->status;
	x->resp_head += n;
	x->answered_ns = clock_ns();
	x->service_ms = (int64_t)((x->answered_ns - x->start_ns) / 1000000);
	x->details = STR("via_upstream");
	x->up_keep = r->head.keep_alive;
	if (r->head.framing == H1_UNTIL_CLOSE || (r->head.framing == H1_CHUNKED && x->http10) ||
	    x->w->stopping)
		x->keep = false;
	if (!write_final(x, r, n))
		return false;
	x->begun = true;
	x->resp.strip = r->head.framing == H1_CHUNKED && x->http10;
	flow_message(&x->resp, &r->head);
	x->req.hold = false;
	if (!buf_len(&x->req.out))
		buf_drop(&x->w->bufs, &x->req.out);
	exchange_health(x, r->status);
	return true;
}

static bool protocol_error(struct exchange *x)
{
	exchange_health(x, OUTLIER_LOCAL);
	exchange_leave(x, false);
	x->answered = false;
	respond(x, REPLY_upstream_protocol);
	return false;
}

static bool need_more(struct exchange *x)
{
	struct buf *in = &x->resp.in;

	if (buf_room(in))
		return true;
	if (in->head) {
		buf_pack(in);
		return true;
	}
	return !buf_grow(&x->w->bufs, in);
}

static bool parse(struct exchange *x)
{
	while (!x->answered) {
		struct h1_response r;
		ssize_t n =
			h1_response(&x->scan, buf_view(&x->resp.in), (enum h1_method)x->method, &r);

		if (n < 0)
			return protocol_error(x);
		if (!n)
			return need_more(x) || protocol_error(x);
		x->scan = (struct h1_scan){ 0 };
		x->retried = true; /* it lives and has our request: never twice */
		if (!(r.interim ? write_interim(x, &r, (size_t)n) : begin_final(x, &r, (size_t)n)))
			return protocol_error(x);
		buf_eat(&x->resp.in, (size_t)n);
		if (r.tunnel) {
			tunnel_upgrade(x);
			return false;
		}
	}
	return true;
}

bool response_read(struct exchange *x)
{
	struct buf *in = &x->resp.in;
	ssize_t n;

	if (buf_take(&x->w->bufs, in)) {
		respond(x, REPLY_no_memory);
		return false;
	}
	n = wire_read(&x->up->wire, buf_space(in), buf_room(in));
	if (n == -EAGAIN) {
		buf_rest(&x->w->bufs, in);
		return true;
	}
	if (n <= 0) {
		exchange_lost(x, (int)n);
		return false;
	}
	buf_add(in, (size_t)n);
	return parse(x);
}
