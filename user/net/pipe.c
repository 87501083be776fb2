// SPDX-License-Identifier: Apache-2.0
#include "net/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void pipe_close(struct pipe *p)
{
	close(p->in);
	close(p->out);
	free(p);
}

struct pipe *pipe_get(struct pipe_pool *pool)
{
	struct pipe *p = pool->free;
	int ends[2];

	if (p) {
		pool->free = p->next;
		pool->nr_free--;
		pool->nr_lent++;
		return p;
	}
	if (pool->nr_lent >= PIPES_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p || pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	p->out = ends[0];
	p->in = ends[1];
	pool->nr_lent++;
	return p;
}

void pipe_put(struct pipe_pool *pool, struct pipe *p)
{
	if (!p)
		return;
	pool->nr_lent--;
	if (p->n || pool->nr_free == PIPE_KEEP) {
		pipe_close(p);
		return;
	}
	p->next = pool->free;
	pool->free = p;
	pool->nr_free++;
}

void pipe_pool_done(struct pipe_pool *pool)
{
	while (pool->free) {
		struct pipe *p = pool->free;

		pool->free = p->next;
		pipe_close(p);
	}
	pool->nr_free = 0;
}

static ssize_t move(int from, int to, size_t n)
{
	for (;;) {
		ssize_t moved = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (moved >= 0)
			return moved;
		if (errno != EINTR)
			return -errno;
	}
}

ssize_t pipe_fill(struct pipe *p, int fd, size_t n)
{
	ssize_t moved = move(fd, p->in, n);

	if (moved > 0)
		p->n += (uint32_t)moved;
	return moved;
}

ssize_t pipe_drain(struct pipe *p, int fd)
{
	ssize_t moved = move(p->out, fd, p->n);

	if (moved > 0)
		p->n -= (uint32_t)moved;
	return moved;
}
