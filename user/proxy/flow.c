// SPDX-License-Identifier: Apache-2.0
#include "proxy/flow.h"

#include <errno.h>

enum { JOIN_BYTES = 1024, BULK_BYTES = 32 << 10 };
enum { ROUNDS = 16 }; /* buffers moved for one event: a fast peer must not starve the others */

void flow_message(struct flow *f, const struct h1_head *head)
{
	h1_body_init(&f->body, head);
	f->done = f->body.done;
}

void flow_drop(struct buf_pool *pool, struct flow *f)
{
	buf_drop(pool, &f->in);
	buf_drop(pool, &f->out);
	pipe_put(&pool->pipes, f->pipe);
	f->pipe = NULL;
	f->pass = 0;
}

static enum flow_end source_ended(struct flow *f)
{
	f->eof = true;
	if (f->raw)
		return FLOW_OK;
	if (h1_body_eof(&f->body))
		return FLOW_SOURCE;
	f->done = true;
	return FLOW_OK;
}

enum flow_end flow_fill(struct buf_pool *pool, struct flow *f, struct wire *from, bool *full)
{
	ssize_t n;
	uint32_t room;

	*full = false;
	if (buf_take(pool, &f->in))
		return FLOW_MEMORY;
	if (!buf_room(&f->in))
		buf_pack(&f->in);
	room = buf_room(&f->in);
	if (!room)
		return FLOW_OK;
	n = wire_read(from, buf_space(&f->in), room);
	if (n > 0) {
		buf_add(&f->in, (size_t)n);
		*full = (uint32_t)n == room;
		return FLOW_OK;
	}
	buf_rest(pool, &f->in);
	if (n == -EAGAIN)
		return FLOW_OK;
	return n < 0 ? FLOW_SOURCE : source_ended(f);
}

/* What of the bytes not looked at may be offered to the decoder now. */
static struct str fresh(const struct flow *f)
{
	struct str v = buf_view(&f->in);

	v = str_sub(v, f->pass, v.n);
	if (f->strip && v.n > buf_room(&f->out))
		v.n = buf_room(&f->out);
	return v;
}

/*
 * n bytes of a chunked body behind those that pass were accepted, `behind` of them (content,
 * trailers) after the framing. Takes the extensions out of the framing; how many bytes are left.
 */
static uint32_t drop_extensions(struct flow *f, uint32_t n, size_t behind)
{
	char *from = f->in.p + f->in.head + f->pass, *to = from;
	const char *end = from + (n - behind);

	if (!f->in_ext && !memchr(from, ';', n - behind))
		return n;
	for (const char *p = from; p < end; p++) {
		if (*p == ';')
			f->in_ext = true;
		else if (*p == '\r')
			f->in_ext = false;
		if (!f->in_ext)
			*to++ = *p;
	}
	n -= (uint32_t)(end - to);
	memmove(to, end, (size_t)(f->in.p + f->in.tail - end));
	f->in.tail -= (uint32_t)(end - to);
	return n;
}

static enum flow_end take_body(struct buf_pool *pool, struct flow *f)
{
	while (!f->done) {
		struct str v = fresh(f), data, trailers;
		ssize_t n = v.n ? h1_body(&f->body, v, &data, &trailers) : 0;

		if (n < 0)
			return FLOW_BAD;
		f->done = f->body.done;
		if (!n)
			break;
		f->content += data.n;
		if (!f->strip) {
			bool chunked = f->body.framing == H1_CHUNKED;

			f->pass += chunked ? drop_extensions(f, (uint32_t)n, data.n + trailers.n)
					   : (uint32_t)n;
			continue;
		}
		if (data.n)
			memcpy(buf_space(&f->out), data.p, data.n);
		buf_add(&f->out, data.n);
		buf_eat(&f->in, (size_t)n);
	}
	buf_rest(pool, &f->in);
	return FLOW_OK;
}

enum flow_end flow_take(struct buf_pool *pool, struct flow *f)
{
	if (f->raw) {
		f->content += buf_len(&f->in) - f->pass;
		f->pass = buf_len(&f->in);
		return FLOW_OK;
	}
	if (f->strip && buf_take(pool, &f->out))
		return FLOW_MEMORY;
	return take_body(pool, f);
}

static void sent(struct buf_pool *pool, struct flow *f, size_t n)
{
	size_t head = buf_len(&f->out) < n ? buf_len(&f->out) : n;

	f->sent += n;
	buf_eat(&f->out, head);
	buf_eat(&f->in, n - head);
	f->pass -= (uint32_t)(n - head);
	if (!f->hold)
		buf_rest(pool, &f->out);
	buf_rest(pool, &f->in);
}

/* A small body goes out behind its head in one piece: cheaper than a vector of two. */
static void join_small(struct flow *f)
{
	if (!f->pass || f->pass > JOIN_BYTES || !buf_len(&f->out) || f->hold ||
	    buf_room(&f->out) < f->pass)
		return;
	memcpy(buf_space(&f->out), f->in.p + f->in.head, f->pass);
	buf_add(&f->out, f->pass);
	buf_eat(&f->in, f->pass);
	f->pass = 0;
}

enum flow_end flow_flush(struct buf_pool *pool, struct flow *f, struct wire *to)
{
	join_small(f);
	while (flow_pending(f)) {
		struct iovec iov[2];
		int count = 0;
		size_t want = buf_len(&f->out) + f->pass;
		ssize_t n;

		if (buf_len(&f->out))
			iov[count++] = (struct iovec){ f->out.p + f->out.head, buf_len(&f->out) };
		if (f->pass)
			iov[count++] = (struct iovec){ f->in.p + f->in.head, f->pass };
		n = wire_writev(to, iov, count);
		if (n == -EAGAIN)
			return FLOW_OK;
		if (n < 0)
			return FLOW_TARGET;
		sent(pool, f, (size_t)n);
		if ((size_t)n < want)
			return FLOW_OK;
	}
	return FLOW_OK;
}

/* Can what comes go on without being looked at? How much of it at the most. */
static size_t unseen(const struct flow *f, const struct wire *from, const struct wire *to)
{
	if (!f->bulk || f->strip || buf_len(&f->in) || from->via != &transport_tcp ||
	    to->via != &transport_tcp)
		return 0;
	if (f->raw || f->body.framing == H1_UNTIL_CLOSE)
		return PIPE_BYTES;
	if (f->body.framing != H1_LENGTH || f->body.left < BULK_BYTES)
		return 0;
	return f->body.left < PIPE_BYTES ? (size_t)f->body.left : PIPE_BYTES;
}

/* As flow_fill and flow_take, into a pipe. n: what unseen() allows. */
static enum flow_end fill_pipe(struct buf_pool *pool, struct flow *f, struct wire *from, size_t n,
			       bool *more)
{
	ssize_t got;

	f->pipe = pipe_get(&pool->pipes);
	if (!f->pipe) {
		f->bulk = false;
		return FLOW_OK;
	}
	got = pipe_fill(f->pipe, from->src.fd, n);
	if (got <= 0) {
		pipe_put(&pool->pipes, f->pipe);
		f->pipe = NULL;
		*more = false;
		if (got == -EAGAIN)
			return FLOW_OK;
		return got < 0 ? FLOW_SOURCE : source_ended(f);
	}
	f->content += (uint64_t)got;
	f->bulk = got >= CONN_BUFFER;
	if (f->body.framing == H1_LENGTH && !f->raw) {
		f->body.left -= (uint64_t)got;
		f->done = f->body.done = !f->body.left;
	}
	return FLOW_OK;
}

static enum flow_end drain_pipe(struct buf_pool *pool, struct flow *f, struct wire *to)
{
	ssize_t n = pipe_drain(f->pipe, to->src.fd);

	if (n == -EAGAIN)
		return FLOW_OK;
	if (n <= 0)
		return FLOW_TARGET;
	f->sent += (uint64_t)n;
	if (f->pipe->n)
		return FLOW_OK;
	pipe_put(&pool->pipes, f->pipe);
	f->pipe = NULL;
	return FLOW_OK;
}

/* Once: what came in goes as far as it can. */
static enum flow_end advance(struct buf_pool *pool, struct flow *f, struct wire *to)
{
	enum flow_end end = FLOW_OK;

	if (f->pipe)
		end = drain_pipe(pool, f, to);
	if (end != FLOW_OK || f->pipe)
		return end;
	end = flow_take(pool, f);
	return end == FLOW_OK ? flow_flush(pool, f, to) : end;
}

enum flow_end flow_pump(struct buf_pool *pool, struct flow *f, struct wire *from, struct wire *to,
			bool more)
{
	enum flow_end end;

	for (int round = 0;; round++) {
		size_t n;

		end = advance(pool, f, to);
		/* what was read is always looked at: no event would come for it again */
		if (end != FLOW_OK || !more || round == ROUNDS || !flow_can_read(f))
			return end;
		n = unseen(f, from, to);
		if (n) {
			end = fill_pipe(pool, f, from, n, &more);
		} else {
			end = flow_fill(pool, f, from, &more);
			f->bulk = more;
		}
		if (end != FLOW_OK)
			return end;
	}
}
