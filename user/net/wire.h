/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - one connection as the layers above see it: bytes in, bytes out, an end for each
 * direction. What carries the bytes is a transport (TCP now), so that TLS changes nothing above.
 */
#ifndef WEFT_NET_WIRE_H
#define WEFT_NET_WIRE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "loop/loop.h"

struct wire;

struct transport {
	/* > 0 bytes, 0 the peer ended its direction, -EAGAIN, -errno */
	ssize_t (*read)(struct wire *w, void *p, size_t n);
	/* bytes taken (maybe fewer), -EAGAIN, -errno */
	ssize_t (*writev)(struct wire *w, const struct iovec *iov, int n);
	int (*shut)(struct wire *w);   /* ends our direction */
	void (*close)(struct wire *w); /* gives all resources back */
};

/* Embedded in its owner; src.ready is the owner's. */
struct wire {
	struct source src;
	const struct transport *via;
	bool reset; /* close with RST: what was sent is not complete */
};

extern const struct transport transport_tcp;

static inline ssize_t wire_read(struct wire *w, void *p, size_t n)
{
	return w->via->read(w, p, n);
}

static inline ssize_t wire_writev(struct wire *w, const struct iovec *iov, int n)
{
	return w->via->writev(w, iov, n);
}

void wire_init(struct wire *w, int fd, void (*ready)(struct source *s, uint32_t events));
int wire_shut(struct wire *w);
/* Closed, and so out of the loop; ok when it never was in. fd is -1 afterwards. */
void wire_close(struct wire *w);

/*
 * Tells the loop what the owner can use now. Readability is level-triggered and stays asked for as
 * long as nobody is bothered: it is taken back only when an event came that cannot be served
 * (got & EPOLLIN and not can_read), so that steady traffic costs no epoll_ctl.
 */
void wire_settle(struct loop *l, struct wire *w, uint32_t got, bool can_read, bool want_write);

#endif
