// SPDX-License-Identifier: Apache-2.0
#include "agent/scout.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_BYTES = 256 << 10 };

struct scout {
	struct loop *loop;
	struct source done_src; /* eventfd: the thread has ended */
	scout_done *done;
	void *arg;
	pthread_t thread;
	bool busy;
	/* the thread's while busy */
	struct netns_query *queries;
	size_t n;
	int err;
};

static void *scout_main(void *arg)
{
	struct scout *s = arg;

	s->err = netns_scan(s->queries, s->n);
	eventfd_write(s->done_src.fd, 1);
	return NULL;
}

static void scout_ready(struct source *src, uint32_t events)
{
	struct scout *s = (struct scout *)((char *)src - offsetof(struct scout, done_src));
	struct netns_query *queries = s->queries;
	eventfd_t n;

	if (eventfd_read(src->fd, &n) < 0 || !s->busy)
		return;
	pthread_join(s->thread, NULL);
	s->busy = false;
	s->queries = NULL;
	s->done(s->arg, queries, s->n, s->err);
}

int scout_new(struct loop *l, scout_done *done, void *arg, struct scout **out)
{
	struct scout *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->done = done;
	s->arg = arg;
	s->done_src.ready = scout_ready;
	s->done_src.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = s->done_src.fd < 0 ? -errno : loop_add(l, &s->done_src, EPOLLIN);
	if (err) {
		scout_free(s);
		return err;
	}
	*out = s;
	return 0;
}

struct scout *scout_free(struct scout *s)
{
	if (!s)
		return NULL;
	if (s->busy)
		pthread_join(s->thread, NULL);
	if (s->done_src.fd >= 0) {
		loop_del(s->loop, &s->done_src);
		close(s->done_src.fd);
	}
	free(s->queries);
	free(s);
	return NULL;
}

bool scout_busy(const struct scout *s)
{
	return s->busy;
}

int scout_give(struct scout *s, struct netns_query *queries, size_t n)
{
	pthread_attr_t attr;
	int err;

	if (s->busy) {
		free(queries);
		return -EBUSY;
	}
	s->queries = queries;
	s->n = n;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&s->thread, &attr, scout_main, s);
	pthread_attr_destroy(&attr);
	if (err) {
		free(queries);
		s->queries = NULL;
		return -err;
	}
	s->busy = true;
	return 0;
}
