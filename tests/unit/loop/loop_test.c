// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"

#define OWNER(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

struct end {
	struct source src;
	struct loop *l;
	struct end *victim;
	int calls, disposed;
};

static void dispose(struct source *s)
{
	OWNER(s, struct end, src)->disposed++;
}

static void retire_the_other(struct source *s, uint32_t events)
{
	struct end *e = OWNER(s, struct end, src);

	e->calls++;
	if (!e->victim->src.retired)
		loop_retire(e->l, &e->victim->src, dispose);
	loop_del(e->l, s);
}

static void a_source_retired_in_a_batch_is_not_called_again_in_it(void **state)
{
	struct loop *l = loop_new();
	struct end a = { .l = l }, b = { .l = l };
	int p[2], q[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	a.victim = &b;
	b.victim = &a;
	a.src = (struct source){ .fd = p[0], .ready = retire_the_other };
	b.src = (struct source){ .fd = q[0], .ready = retire_the_other };
	assert_int_equal(loop_add(l, &a.src, EPOLLIN), 0);
	assert_int_equal(loop_add(l, &b.src, EPOLLIN), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(write(q[1], "x", 1), 1);
	assert_int_equal(loop_once(l, 100), 0);
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(a.disposed + b.disposed, 1);
	loop_free(l);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

struct tick {
	struct timer t;
	struct loop *l;
	uint64_t fired_at;
	int count, rearm;
};

static int order[8], nr_order;

static void on_tick(struct timer *t)
{
	struct tick *k = OWNER(t, struct tick, t);

	k->count++;
	k->fired_at = loop_now_ms(k->l);
	if (nr_order < 8)
		order[nr_order++] = k->rearm;
	if (k->rearm == 99)
		timer_set(k->l, t, 0);
}

static void timers_fire_in_order_and_not_before_their_time(void **state)
{
	struct loop *l = loop_new();
	struct tick k[3] = { { .l = l, .rearm = 3 },
			     { .l = l, .rearm = 1 },
			     { .l = l, .rearm = 2 } };
	static const uint64_t delay[] = { 30, 10, 20 };
	uint64_t start;

	nr_order = 0;
	loop_once(l, 0);
	start = loop_now_ms(l);
	for (int i = 0; i < 3; i++) {
		k[i].t.fire = on_tick;
		timer_set(l, &k[i].t, delay[i]);
	}
	while (nr_order < 3)
		loop_once(l, 100);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(order[i], i + 1);
		assert_true(k[i].fired_at >= start + delay[i]);
		assert_int_equal(k[i].t.heap_slot, 0);
	}
	loop_free(l);
}

static void a_stopped_timer_does_not_fire_and_a_moved_one_fires_once(void **state)
{
	struct loop *l = loop_new();
	struct tick a = { .l = l }, b = { .l = l };

	a.t.fire = b.t.fire = on_tick;
	timer_set(l, &a.t, 1);
	timer_set(l, &b.t, 1000);
	timer_stop(l, &a.t);
	timer_stop(l, &a.t);
	timer_set(l, &b.t, 5);
	while (!b.count)
		loop_once(l, 100);
	loop_once(l, 10);
	assert_int_equal(a.count, 0);
	assert_int_equal(b.count, 1);
	loop_free(l);
}

static void a_timer_that_rearms_itself_with_zero_does_not_stall_the_loop(void **state)
{
	struct loop *l = loop_new();
	struct tick a = { .l = l, .rearm = 99 };

	a.t.fire = on_tick;
	timer_set(l, &a.t, 0);
	for (int i = 0; i < 5; i++)
		loop_once(l, 100);
	assert_in_range(a.count, 1, 5);
	timer_stop(l, &a.t);
	loop_free(l);
}

static void the_heap_holds_under_random_sets_and_stops(void **state)
{
	enum { N = 500 };
	struct loop *l = loop_new();
	struct tick *k = calloc(N, sizeof(*k));
	int armed = 0, fired = 0;

	srand(7);
	for (int i = 0; i < N; i++) {
		k[i].l = l;
		k[i].t.fire = on_tick;
	}
	for (int i = 0; i < 20 * N; i++) {
		struct tick *t = &k[rand() % N];

		if (rand() % 3)
			timer_set(l, &t->t, (uint64_t)(rand() % 20));
		else
			timer_stop(l, &t->t);
	}
	for (int i = 0; i < N; i++)
		armed += k[i].t.heap_slot != 0;
	for (uint64_t end = clock_ms() + 60; clock_ms() < end;)
		loop_once(l, 5);
	for (int i = 0; i < N; i++)
		fired += k[i].count;
	assert_int_equal(fired, armed);
	free(k);
	loop_free(l);
}

static void stop_on_signal(void *arg, int signo)
{
	assert_int_equal(signo, SIGUSR1);
	loop_stop(arg);
}

static void a_signal_arrives_in_the_loop(void **state)
{
	struct loop *l = loop_new();

	assert_int_equal(loop_signal(l, SIGUSR1, stop_on_signal, l), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_run(l), 0);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_retired_in_a_batch_is_not_called_again_in_it),
		cmocka_unit_test(timers_fire_in_order_and_not_before_their_time),
		cmocka_unit_test(a_stopped_timer_does_not_fire_and_a_moved_one_fires_once),
		cmocka_unit_test(a_timer_that_rearms_itself_with_zero_does_not_stall_the_loop),
		cmocka_unit_test(the_heap_holds_under_random_sets_and_stops),
		cmocka_unit_test(a_signal_arrives_in_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
