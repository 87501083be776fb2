// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { BATCH = 128, SIGNALS_MAX = 8 };

struct signal_slot {
	int signo;
	void (*on)(void *arg, int signo);
	void *arg;
};

struct loop {
	int epfd;
	bool stop;
	uint64_t now_ms;
	void (*after)(void *arg);
	void *after_arg;
	struct source *dead;
	struct timer **heap; /* 1-based binary heap by at_ms */
	size_t nr_timers, heap_cap;
	struct source signals;
	sigset_t mask;
	struct signal_slot slots[SIGNALS_MAX];
	size_t nr_slots;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->signals.fd = -1;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->now_ms = clock_ms();
	sigemptyset(&l->mask);
	return l->epfd < 0 ? loop_free(l) : l;
}

static void bury(struct loop *l)
{
	while (l->dead) {
		struct source *s = l->dead;

		l->dead = s->next_dead;
		s->dispose(s);
	}
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	bury(l);
	if (l->signals.fd >= 0)
		close(l->signals.fd);
	if (l->epfd >= 0)
		close(l->epfd);
	free(l->heap);
	free(l);
	return NULL;
}

static int ctl(struct loop *l, int op, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epfd, op, s->fd, &ev) < 0)
		return -errno;
	s->events = events;
	return 0;
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
	int err = ctl(l, EPOLL_CTL_ADD, s, events);

	if (err)
		return err;
	s->added = true;
	s->retired = false;
	return 0;
}

int loop_mod(struct loop *l, struct source *s, uint32_t events)
{
	if (s->events == events || !s->added)
		return 0;
	return ctl(l, EPOLL_CTL_MOD, s, events);
}

void loop_del(struct loop *l, struct source *s)
{
	if (s->added)
		epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	s->added = false;
	s->events = 0;
}

void loop_retire(struct loop *l, struct source *s, void (*dispose)(struct source *s))
{
	if (s->retired)
		return;
	loop_del(l, s);
	s->retired = true;
	s->dispose = dispose;
	s->next_dead = l->dead;
	l->dead = s;
}

static void heap_put(struct loop *l, size_t at, struct timer *t)
{
	l->heap[at] = t;
	t->heap_slot = at;
}

static size_t heap_up(struct loop *l, size_t at)
{
	struct timer *t = l->heap[at];

	for (; at > 1 && l->heap[at / 2]->at_ms > t->at_ms; at /= 2)
		heap_put(l, at, l->heap[at / 2]);
	heap_put(l, at, t);
	return at;
}

static void heap_down(struct loop *l, size_t at)
{
	struct timer *t = l->heap[at];

	for (;;) {
		size_t kid = at * 2;

		if (kid > l->nr_timers)
			break;
		if (kid < l->nr_timers && l->heap[kid + 1]->at_ms < l->heap[kid]->at_ms)
			kid++;
		if (l->heap[kid]->at_ms >= t->at_ms)
			break;
		heap_put(l, at, l->heap[kid]);
		at = kid;
	}
	heap_put(l, at, t);
}

void timer_stop(struct loop *l, struct timer *t)
{
	size_t at = t->heap_slot;
	struct timer *last;

	if (!at)
		return;
	last = l->heap[l->nr_timers--];
	t->heap_slot = 0;
	if (last == t)
		return;
	heap_put(l, at, last);
	heap_down(l, heap_up(l, at));
}

void timer_set(struct loop *l, struct timer *t, uint64_t delay_ms)
{
	/* From now, not from when the batch began: its handlers may have taken seconds. Never in
	 * this batch again: a timer that re-arms itself with 0 must not stall the loop. */
	uint64_t at_ms = clock_ms() + (delay_ms ? delay_ms : 1);

	if (t->heap_slot) {
		t->at_ms = at_ms;
		heap_down(l, heap_up(l, t->heap_slot));
		return;
	}
	if (l->nr_timers + 2 > l->heap_cap) {
		size_t cap = l->heap_cap ? l->heap_cap * 2 : 64;
		struct timer **heap = realloc(l->heap, cap * sizeof(*heap));

		if (!heap)
			abort(); /* a lost timeout would be a leak nobody sees */
		l->heap = heap;
		l->heap_cap = cap;
	}
	t->at_ms = at_ms;
	l->heap[++l->nr_timers] = t;
	t->heap_slot = l->nr_timers;
	heap_up(l, l->nr_timers);
}

static void fire_due(struct loop *l)
{
	while (l->nr_timers && l->heap[1]->at_ms <= l->now_ms) {
		struct timer *t = l->heap[1];

		timer_stop(l, t);
		t->fire(t);
	}
}

static int next_wait(const struct loop *l, int timeout_ms)
{
	uint64_t left;

	if (!l->nr_timers)
		return timeout_ms;
	left = l->heap[1]->at_ms > l->now_ms ? l->heap[1]->at_ms - l->now_ms : 0;
	if (left > 3600000)
		left = 3600000;
	return timeout_ms >= 0 && timeout_ms < (int)left ? timeout_ms : (int)left;
}

int loop_once(struct loop *l, int timeout_ms)
{
	struct epoll_event evs[BATCH];
	int n;

	l->now_ms = clock_ms();
	n = epoll_wait(l->epfd, evs, BATCH, next_wait(l, timeout_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	l->now_ms = clock_ms();
	for (int i = 0; i < n; i++) {
		struct source *s = evs[i].data.ptr;

		/* an earlier handler of this batch may have taken it out or asked for less */
		if (s->added && !s->retired)
			s->ready(s, evs[i].events);
	}
	fire_due(l);
	if (l->after)
		l->after(l->after_arg);
	bury(l);
	return 0;
}

int loop_run(struct loop *l)
{
	l->stop = false;
	while (!l->stop) {
		int err = loop_once(l, -1);

		if (err)
			return err;
	}
	return 0;
}

void loop_after(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->after = fn;
	l->after_arg = arg;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

static void signals_ready(struct source *s, uint32_t events)
{
	struct loop *l = (struct loop *)((char *)s - offsetof(struct loop, signals));
	struct signalfd_siginfo si;

	(void)events;
	while (read(s->fd, &si, sizeof(si)) == sizeof(si))
		for (size_t i = 0; i < l->nr_slots; i++)
			if (l->slots[i].signo == (int)si.ssi_signo)
				l->slots[i].on(l->slots[i].arg, l->slots[i].signo);
}

int loop_signal(struct loop *l, int signo, void (*on)(void *arg, int signo), void *arg)
{
	bool first = l->signals.fd < 0;
	int fd;

	if (l->nr_slots == SIGNALS_MAX)
		return -ENOSPC;
	sigaddset(&l->mask, signo);
	if (sigprocmask(SIG_BLOCK, &l->mask, NULL) < 0)
		return -errno;
	fd = signalfd(l->signals.fd, &l->mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	l->slots[l->nr_slots++] = (struct signal_slot){ signo, on, arg };
	if (!first)
		return 0;
	l->signals.fd = fd;
	l->signals.ready = signals_ready;
	return loop_add(l, &l->signals, EPOLLIN);
}
