// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/write.h"
#include "net/sock.h"
#include "net/wire.h"
#include "proxy/list.h"

enum {
	CLIENTS = 16,
	HEAD_BYTES = 8 << 10,
	REPLY_HEAD = 512,
	PIECE_BYTES = 64 << 10,
	CLIENT_MS = 10 * 1000,
};

struct admin {
	struct loop *loop;
	struct source listener;
	struct stats *(*page)(void *arg);
	void *arg;
	struct list clients;
	unsigned int nr_clients;
};

struct client {
	struct wire wire;
	struct admin *a;
	struct list link;
	struct timer timer;
	struct h1_scan scan;
	struct text reply;   /* what is being written */
	struct stats *stats; /* what follows; NULL: nothing */
	size_t used, sent;
	char head[HEAD_BYTES];
};

static void dispose(struct source *s)
{
	free(container_of(s, struct client, wire.src));
}

static void client_end(struct client *c)
{
	timer_stop(c->a->loop, &c->timer);
	wire_close(&c->wire);
	list_del(&c->link);
	c->a->nr_clients--;
	text_done(&c->reply);
	stats_free(c->stats);
	loop_retire(c->a->loop, &c->wire.src, dispose);
}

static void client_expired(struct timer *t)
{
	client_end(container_of(t, struct client, timer));
}

/* The next piece of the page into the empty reply. False: that was all. */
static bool refill(struct client *c)
{
	int more;

	if (!c->stats)
		return false;
	c->reply.n = c->sent = 0;
	more = stats_more(c->stats, &c->reply, PIECE_BYTES);
	if (more <= 0)
		c->stats = stats_free(c->stats);
	return more >= 0 && c->reply.n;
}

static void write_reply(struct client *c)
{
	while (c->sent < c->reply.n || refill(c)) {
		struct iovec iov = { c->reply.p + c->sent, c->reply.n - c->sent };
		ssize_t n = wire_writev(&c->wire, &iov, 1);

		if (n == -EAGAIN) {
			wire_settle(c->a->loop, &c->wire, EPOLLIN, false, true);
			return;
		}
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	client_end(c);
}

/* The end of the connection is the end of the page: its length is not known in advance. */
static void compose(struct client *c, int status, struct str type, struct str body)
{
	char head[REPLY_HEAD];
	struct h1_writer w = h1_writer_of(head, sizeof(head));

	h1_put_status_line(&w, status);
	h1_put_header(&w, STR("content-type"), type);
	h1_put_header(&w, STR("connection"), STR("close"));
	if (!c->stats)
		h1_put_header_u64(&w, STR("content-length"), body.n);
	h1_put_end(&w);
	text_put(&c->reply, (struct str){ head, (size_t)(w.p - head) });
	text_put(&c->reply, body);
	if (c->reply.failed)
		client_end(c);
	else
		write_reply(c);
}

static void answer(struct client *c, const struct h1_request *r)
{
	const struct str plain = STR("text/plain; charset=utf-8");
	bool stats = str_eq(r->path, STR("/stats/prometheus")) || str_eq(r->path, STR("/metrics"));
	bool ready = str_eq(r->path, STR("/healthz/ready")) || str_eq(r->path, STR("/ready"));

	if (r->method != H1_GET) {
		compose(c, 405, plain, (struct str){ 0 });
	} else if (ready) {
		compose(c, 200, plain, STR("LIVE\n"));
	} else if (stats) {
		c->stats = c->a->page(c->a->arg);
		compose(c, c->stats ? 200 : 500, STR("text/plain; version=0.0.4; charset=utf-8"),
			(struct str){ 0 });
	} else {
		compose(c, 404, plain, (struct str){ 0 });
	}
}

static void client_ready(struct source *s, uint32_t events)
{
	struct client *c = container_of(s, struct client, wire.src);
	struct h1_request r;
	ssize_t n;

	if (c->reply.n) {
		write_reply(c);
		return;
	}
	n = wire_read(&c->wire, c->head + c->used, sizeof(c->head) - c->used);
	if (n == -EAGAIN)
		return;
	if (n > 0) {
		c->used += (size_t)n;
		n = h1_request(&c->scan, (struct str){ c->head, c->used }, &r);
		if (n > 0) {
			answer(c, &r);
			return;
		}
		if (!n && c->used < sizeof(c->head))
			return;
	}
	client_end(c);
}

static void accepted(struct admin *a, int fd)
{
	struct client *c = a->nr_clients < CLIENTS ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	c->a = a;
	c->timer.fire = client_expired;
	wire_init(&c->wire, fd, client_ready);
	list_add(&a->clients, &c->link);
	a->nr_clients++;
	timer_set(a->loop, &c->timer, CLIENT_MS);
	if (loop_add(a->loop, &c->wire.src, EPOLLIN))
		client_end(c);
}

static void listener_ready(struct source *s, uint32_t events)
{
	struct admin *a = container_of(s, struct admin, listener);
	struct sock_addr peer;
	int fd;

	for (int i = 0; i < CLIENTS && !sock_accept(s->fd, &fd, &peer); i++)
		accepted(a, fd);
}

struct admin *admin_new(struct loop *l, int listener, struct stats *(*page)(void *arg), void *arg)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->loop = l;
	a->page = page;
	a->arg = arg;
	list_init(&a->clients);
	a->listener = (struct source){ .fd = listener, .ready = listener_ready };
	if (loop_add(l, &a->listener, EPOLLIN)) {
		free(a);
		return NULL;
	}
	return a;
}

struct admin *admin_free(struct admin *a)
{
	if (!a)
		return NULL;
	while (!list_empty(&a->clients))
		client_end(container_of(a->clients.next, struct client, link));
	loop_del(a->loop, &a->listener);
	close(a->listener.fd);
	free(a);
	return NULL;
}
