// SPDX-License-Identifier: Apache-2.0
#include "net/buf.h"

#include <errno.h>
#include <stdlib.h>

static void *small_get(struct buf_pool *pool)
{
	void *p = pool->free;

	if (!p)
		return malloc(CONN_BUFFER);
	memcpy(&pool->free, p, sizeof(void *));
	pool->nr_free--;
	return p;
}

static void small_put(struct buf_pool *pool, void *p)
{
	if (pool->nr_free == BUF_POOL_KEEP) {
		free(p);
		return;
	}
	memcpy(p, &pool->free, sizeof(void *));
	pool->free = p;
	pool->nr_free++;
}

void buf_pool_done(struct buf_pool *pool)
{
	while (pool->nr_free)
		free(small_get(pool));
	pipe_pool_done(&pool->pipes);
}

int buf_take(struct buf_pool *pool, struct buf *b)
{
	if (b->p)
		return 0;
	b->p = small_get(pool);
	if (!b->p)
		return -ENOMEM;
	b->cap = CONN_BUFFER;
	b->head = b->tail = 0;
	pool->nr_lent++;
	return 0;
}

int buf_grow(struct buf_pool *pool, struct buf *b)
{
	char *large;

	if (b->cap == BUF_LARGE)
		return -EMSGSIZE;
	large = malloc(BUF_LARGE);
	if (!large)
		return -ENOMEM;
	if (b->p) {
		memcpy(large, b->p + b->head, buf_len(b));
		small_put(pool, b->p);
	} else {
		pool->nr_lent++;
	}
	*b = (struct buf){ .p = large, .cap = BUF_LARGE, .tail = buf_len(b) };
	return 0;
}

void buf_drop(struct buf_pool *pool, struct buf *b)
{
	if (!b->p)
		return;
	if (b->cap == CONN_BUFFER)
		small_put(pool, b->p);
	else
		free(b->p);
	pool->nr_lent--;
	*b = (struct buf){ 0 };
}

void buf_pack(struct buf *b)
{
	uint32_t n = buf_len(b);

	if (!b->head)
		return;
	memmove(b->p, b->p + b->head, n);
	b->head = 0;
	b->tail = n;
}
