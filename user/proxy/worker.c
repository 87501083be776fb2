// SPDX-License-Identifier: Apache-2.0
#include "proxy/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/record.h"
#include "proxy/session.h"

enum { ACCEPT_PAUSE_MS = 50, DRAIN_IDLE_MS = 2000, LISTING_LINE = 512 };

uint32_t worker_random(struct worker *w)
{
	/* xorshift64*: the upper half is good enough for choices */
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return (uint32_t)((w->rng * 0x2545f4914f6cdd1dull) >> 32);
}

struct str worker_date(struct worker *w)
{
	uint64_t now = loop_now_ms(w->loop);
	time_t t;
	struct tm tm;

	if (!w->date[0] || now - w->date_at_ms >= 1000) {
		t = time(NULL);
		gmtime_r(&t, &tm);
		strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		w->date_at_ms = now;
	}
	return str_of(w->date);
}

void proxy_wake(struct proxy *p)
{
	uint64_t one = 1;

	if (p->main_wake >= 0)
		while (write(p->main_wake, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

void proxy_ejected(struct proxy *p)
{
	atomic_store(&p->ejections_changed, true);
	proxy_wake(p);
}

struct image_use *worker_use(struct worker *w)
{
	if (w->use)
		w->use->refs++;
	return w->use;
}

void worker_put_use(struct worker *w, struct image_use *use)
{
	if (--use->refs)
		return;
	generation_put(use->gen);
	free(use);
	for (unsigned int i = 0; i < w->proxy->nr_workers; i++)
		if (w->proxy->workers[i])
			worker_order(w->proxy->workers[i], ORDER_UNLIST);
}

void worker_order(struct worker *w, uint32_t orders)
{
	uint64_t one = 1;

	if (!atomic_fetch_or(&w->orders, orders))
		while (write(w->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

void worker_give_image(struct worker *w, struct generation *g)
{
	struct generation *unseen;

	atomic_fetch_add(&g->refs, 1);
	unseen = atomic_exchange(&w->incoming, g);
	generation_put(unseen); /* overtaken before the worker looked */
	worker_order(w, ORDER_IMAGE);
}

static void take_image(struct worker *w)
{
	struct generation *g = atomic_exchange(&w->incoming, NULL);
	struct image_use *use, *old = w->use;

	if (!g)
		return;
	use = calloc(1, sizeof(*use));
	if (!use)
		abort(); /* the mesh must not be two generations at once for long */
	*use = (struct image_use){ g, old ? old->serial + 1 : 1, 1 };
	w->use = use;
	if (old)
		worker_put_use(w, old);
	atomic_store(&w->in_force, g->number);
	proxy_wake(w->proxy);
}

static void list_session(const struct session *s, struct text *out)
{
	char peer[SOCK_ADDR_TEXT], dst[SOCK_ADDR_TEXT], up[SOCK_ADDR_TEXT] = "", line[LISTING_LINE];
	const struct exchange *x = s->x;
	struct str cluster = { 0 };
	int n;

	if (x && x->up && x->member)
		sock_text(&x->member->at, up);
	if (x && x->roster && x->use)
		cluster = image_str(x->use->gen->im, x->roster->cluster->name);
	n = snprintf(line, sizeof(line),
		     "{\"client\":\"%s\",\"dialled\":\"%s\",\"state\":\"%s\",\"upstream\":\"%s\","
		     "\"cluster\":\"" STR_FMT "\",\"requests\":%u,\"age_ms\":%llu}\n",
		     sock_text(&s->peer, peer), sock_text(&s->origin.dst, dst),
		     session_state_name(s->state), up, STR_ARG(str_sub(cluster, 0, 200)), s->served,
		     (unsigned long long)(loop_now_ms(s->w->loop) - s->opened_ms));
	if (n > 0)
		text_put(out, (struct str){ line, (size_t)n });
}

static void write_listing(struct worker *w)
{
	text_done(&w->listing);
	for (struct list *l = w->sessions.next; l != &w->sessions; l = l->next)
		list_session(container_of(l, struct session, in_worker), &w->listing);
	atomic_fetch_add(&w->listed, 1);
	proxy_wake(w->proxy);
}

static void end_if_empty(struct worker *w)
{
	if (w->stopping && !w->nr_sessions)
		loop_stop(w->loop);
}

static void close_idle(struct worker *w)
{
	struct list *l = w->sessions.next;

	while (l != &w->sessions) {
		struct session *s = container_of(l, struct session, in_worker);

		l = l->next;
		if (s->state == SESSION_IDLE)
			session_close(s);
	}
	end_if_empty(w);
}

/* Again and again: a session may have become idle after the last look. */
static void drain_on_time(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, drain);

	close_idle(w);
	if (w->nr_sessions)
		timer_set(w->loop, t, DRAIN_IDLE_MS / 4);
}

static void stop(struct worker *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	timer_stop(w->loop, &w->accept_pause);
	for (unsigned int i = 0; i < w->nr_listeners; i++) {
		loop_del(w->loop, &w->listeners[i].src);
		close(w->listeners[i].src.fd);
		w->listeners[i].src.fd = -1;
	}
	/* a client may be sending into an idle connection just now: it gets an answer that says
	 * "connection: close", and only those that stay silent are closed */
	timer_set(w->loop, &w->drain, DRAIN_IDLE_MS);
	end_if_empty(w);
}

static void woken(struct source *src, uint32_t events)
{
	struct worker *w = container_of(src, struct worker, wake);
	uint64_t count;
	uint32_t orders;

	while (read(src->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	orders = atomic_exchange(&w->orders, 0);
	if (orders & ORDER_IMAGE)
		take_image(w);
	if (orders & ORDER_LANES)
		pool_asked(w);
	if (orders & ORDER_UNLIST)
		pool_unlist(w);
	if (orders & ORDER_LIST)
		write_listing(w);
	if (orders & ORDER_STOP)
		stop(w);
	worker_settle(w);
}

void worker_settle(struct worker *w)
{
	if (w->settling)
		return;
	w->settling = true;
	while (!list_empty(&w->lanes_due)) {
		struct lane *lane = container_of(w->lanes_due.next, struct lane, due);

		list_del(&lane->due);
		pool_serve(w, lane);
	}
	w->settling = false;
	end_if_empty(w);
}

/* After every batch of events. */
static void write_due(void *arg)
{
	struct worker *w = arg;

	while (!list_empty(&w->writes)) {
		struct exchange *x = container_of(w->writes.next, struct exchange, due);
		struct session *s = x->s;

		list_del(&x->due);
		exchange_pump(x, 0, 0);
		session_drive(s);
	}
}

static void pause_accept(struct worker *w)
{
	metrics_count(w->metrics, PREASON_no_memory);
	for (unsigned int i = 0; i < w->nr_listeners; i++)
		(void)loop_mod(w->loop, &w->listeners[i].src, 0);
	timer_set(w->loop, &w->accept_pause, ACCEPT_PAUSE_MS);
}

static void resume_accept(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, accept_pause);

	for (unsigned int i = 0; i < w->nr_listeners; i++)
		(void)loop_mod(w->loop, &w->listeners[i].src, EPOLLIN);
}

static void accept_ready(struct source *src, uint32_t events)
{
	struct listener *l = container_of(src, struct listener, src);
	struct worker *w = l->w;

	for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
		struct sock_addr peer, at = l->at;
		int fd, err = sock_accept(src->fd, &fd, &peer);

		if (err == -EAGAIN)
			return;
		if ((err == -EMFILE || err == -ENFILE) && pool_give_up_one(w))
			continue;
		if (err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM) {
			pause_accept(w);
			return;
		}
		if (err)
			continue; /* that client is gone already */
		if (l->any)
			(void)sock_local(fd, &at);
		session_accept(w, fd, &peer, &at);
	}
}

int worker_listen(struct worker *w, int fd)
{
	static const struct ip16 any6, any4 = { .w = { 0, 0, 0xffff0000u, 0 } };
	struct listener *l = &w->listeners[w->nr_listeners];
	int err;

	if (w->nr_listeners == sizeof(w->listeners) / sizeof(w->listeners[0]))
		return -ENOSPC;
	err = sock_local(fd, &l->at);
	if (err)
		return err;
	l->any = !memcmp(&l->at.ip, &any6, sizeof(any6)) || !memcmp(&l->at.ip, &any4, sizeof(any4));
	l->w = w;
	l->src = (struct source){ .fd = fd, .ready = accept_ready };
	err = loop_add(w->loop, &l->src, EPOLLIN);
	if (!err)
		w->nr_listeners++;
	return err;
}

static int init(struct worker *w)
{
	w->loop = loop_new();
	w->metrics = metrics_new();
	w->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->wake.ready = woken;
	if (w->proxy->log_fd >= 0)
		w->log = worker_log_new(w);
	if (!w->loop || !w->metrics || w->wake.fd < 0 || match_scratch_init(&w->match) ||
	    request_ids_init(&w->ids) || (w->proxy->log_fd >= 0 && !w->log))
		return -ENOMEM;
	w->rng = (clock_ns() ^ (uint64_t)(w->index + 1) << 56 ^ (uint64_t)getpid() << 32) | 1;
	loop_after(w->loop, write_due, w);
	return loop_add(w->loop, &w->wake, EPOLLIN);
}

struct worker *worker_new(struct proxy *p, unsigned int index)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->proxy = p;
	w->index = index;
	list_init(&w->sessions);
	list_init(&w->lanes);
	list_init(&w->lanes_due);
	list_init(&w->spare);
	list_init(&w->writes);
	w->accept_pause.fire = resume_accept;
	w->drain.fire = drain_on_time;
	return init(w) ? worker_free(w) : w;
}

static void free_spare(struct worker *w)
{
	struct list *l = w->spare.next;

	while (l != &w->spare) {
		struct exchange *x = container_of(l, struct exchange, link);

		l = l->next;
		free(x);
	}
}

struct worker *worker_free(struct worker *w)
{
	if (!w)
		return NULL;
	while (!list_empty(&w->sessions))
		session_close(container_of(w->sessions.next, struct session, in_worker));
	pool_close_all(w);
	for (unsigned int i = 0; i < w->nr_listeners; i++)
		if (w->listeners[i].src.fd >= 0)
			close(w->listeners[i].src.fd);
	free_spare(w);
	generation_put(atomic_exchange(&w->incoming, NULL));
	if (w->use && !--w->use->refs) {
		generation_put(w->use->gen);
		free(w->use);
	}
	loop_free(w->loop);
	w->log = worker_log_free(w->log);
	if (w->wake.fd >= 0)
		close(w->wake.fd);
	metrics_free(w->metrics);
	match_scratch_done(&w->match);
	buf_pool_done(&w->bufs);
	text_done(&w->listing);
	free(w);
	return NULL;
}

void worker_run(struct worker *w)
{
	take_image(w); /* before the first connection is accepted */
	(void)loop_run(w->loop);
	atomic_store(&w->ended, true);
	proxy_wake(w->proxy);
}
