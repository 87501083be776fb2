/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe.h - kernel pipes for splice(2): bytes of a large body go from socket to socket without
 * coming to user space. Pipes are lent by a pool of the thread; only empty ones come back to it.
 */
#ifndef WEFT_NET_PIPE_H
#define WEFT_NET_PIPE_H

#include <stdint.h>
#include <sys/types.h>

enum { PIPE_BYTES = 64 << 10, PIPE_KEEP = 32, PIPES_MAX = 512 };

struct pipe {
	struct pipe *next; /* in the pool */
	int in, out;	   /* write end, read end */
	uint32_t n;	   /* bytes inside */
};

struct pipe_pool {
	struct pipe *free;
	uint32_t nr_free, nr_lent;
};

struct pipe *pipe_get(struct pipe_pool *pool);	       /* NULL: none to be had, copy instead */
void pipe_put(struct pipe_pool *pool, struct pipe *p); /* NULL ok; closed when not empty */
void pipe_pool_done(struct pipe_pool *pool);

/* At most n bytes from fd into the pipe, or all it holds out of it: bytes, 0 the end, -errno. */
ssize_t pipe_fill(struct pipe *p, int fd, size_t n);
ssize_t pipe_drain(struct pipe *p, int fd);

#endif
