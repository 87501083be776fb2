/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - one epoll loop of one thread: sources, timers, signals. The loop owns time and death:
 * handlers never block and do bounded work; a source that ends is retired, not freed, because a
 * later event of the same batch may still name it.
 */
#ifndef WEFT_LOOP_LOOP_H
#define WEFT_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* Embedded in its owner. fd and ready are set before loop_add; the rest belongs to the loop. */
struct source {
	int fd;
	void (*ready)(struct source *s, uint32_t events); /* EPOLL* bits */
	uint32_t events;				  /* what is asked for now */
	bool added, retired;
	struct source *next_dead;
	void (*dispose)(struct source *s);
};

/* Embedded in its owner, zeroed at first. One-shot: set it again in fire for a period. */
struct timer {
	void (*fire)(struct timer *t);
	uint64_t at_ms;	  /* on the loop's clock; meaningful while armed */
	size_t heap_slot; /* 0: not armed */
};

struct loop *loop_new(void); /* NULL: no memory or no descriptors */
struct loop *loop_free(struct loop *l);

int loop_add(struct loop *l, struct source *s, uint32_t events); /* 0 or -errno */
int loop_mod(struct loop *l, struct source *s, uint32_t events); /* no-op when nothing changes */
void loop_del(struct loop *l, struct source *s);		 /* keeps the fd open */

/* Takes s out now; dispose(s) runs after the current batch and may free its owner. Once only. */
void loop_retire(struct loop *l, struct source *s, void (*dispose)(struct source *s));

void timer_set(struct loop *l, struct timer *t, uint64_t delay_ms); /* arms or moves it */
void timer_stop(struct loop *l, struct timer *t);		    /* ok when not armed */

/* Blocks SIGNO for the thread and calls back in the loop; call before other threads start. */
int loop_signal(struct loop *l, int signo, void (*on)(void *arg, int signo), void *arg);

/* fn(arg) once after the handlers of every batch: work that goes better in one go. NULL: none. */
void loop_after(struct loop *l, void (*fn)(void *arg), void *arg);

uint64_t loop_now_ms(const struct loop *l);    /* taken once a batch: cheap */
int loop_run(struct loop *l);		       /* until loop_stop; 0 or -errno */
int loop_once(struct loop *l, int timeout_ms); /* one batch; for tests and drains */
void loop_stop(struct loop *l);		       /* from a handler */

#endif
