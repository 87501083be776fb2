/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - linear byte buffer whose storage comes from a pool of the thread, so that an idle
 * connection holds none. Bytes enter at the tail and leave at the head:
 *
 *	p            head             tail            cap
 *	|  eaten     |  readable      |  room         |
 *
 * Two sizes: CONN_BUFFER for everything, BUF_LARGE for a message head that does not fit.
 */
#ifndef WEFT_NET_BUF_H
#define WEFT_NET_BUF_H

#include "base/str.h"
#include "net/pipe.h"
#include "weft/limits.h"

/* a head of MAX_HEAD_BYTES and what we add to it */
enum { BUF_LARGE = MAX_HEAD_BYTES + (8 << 10), BUF_POOL_KEEP = 128 };

struct buf {
	char *p; /* NULL: no storage */
	uint32_t cap, head, tail;
};

struct buf_pool {
	void *free; /* linked through their first word */
	uint32_t nr_free, nr_lent;
	struct pipe_pool pipes;
};

void buf_pool_done(struct buf_pool *pool); /* frees what is not lent */

int buf_take(struct buf_pool *pool, struct buf *b);  /* has storage afterwards; -ENOMEM */
int buf_grow(struct buf_pool *pool, struct buf *b);  /* to BUF_LARGE; -EMSGSIZE: it is already */
void buf_drop(struct buf_pool *pool, struct buf *b); /* gives the storage back, bytes lost */
void buf_pack(struct buf *b);			     /* moves the bytes to the front */

/* Gives the storage back when nothing is in it. */
static inline void buf_rest(struct buf_pool *pool, struct buf *b)
{
	if (b->p && b->head == b->tail)
		buf_drop(pool, b);
}

static inline uint32_t buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

static inline uint32_t buf_room(const struct buf *b)
{
	return b->cap - b->tail;
}

static inline struct str buf_view(const struct buf *b)
{
	return (struct str){ b->p + b->head, b->tail - b->head };
}

static inline char *buf_space(struct buf *b)
{
	return b->p + b->tail;
}

static inline void buf_add(struct buf *b, size_t n)
{
	b->tail += (uint32_t)n;
}

static inline void buf_eat(struct buf *b, size_t n)
{
	b->head += (uint32_t)n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

#endif
