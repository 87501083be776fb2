// SPDX-License-Identifier: Apache-2.0
#include "net/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"

static ssize_t tcp_read(struct wire *w, void *p, size_t n)
{
	for (;;) {
		ssize_t got = recv(w->src.fd, p, n, 0);

		if (got >= 0)
			return got;
		if (errno != EINTR)
			return -errno;
	}
}

static ssize_t tcp_writev(struct wire *w, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };

	for (;;) {
		ssize_t put = n == 1 ? send(w->src.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
				     : sendmsg(w->src.fd, &msg, MSG_NOSIGNAL);

		if (put >= 0)
			return put;
		if (errno != EINTR)
			return -errno;
	}
}

static int tcp_shut(struct wire *w)
{
	return shutdown(w->src.fd, SHUT_WR) < 0 ? -errno : 0;
}

static void tcp_close(struct wire *w)
{
	if (w->reset)
		sock_reset_on_close(w->src.fd);
	close(w->src.fd);
}

const struct transport transport_tcp = { tcp_read, tcp_writev, tcp_shut, tcp_close };

void wire_init(struct wire *w, int fd, void (*ready)(struct source *s, uint32_t events))
{
	*w = (struct wire){ .src = { .fd = fd, .ready = ready }, .via = &transport_tcp };
}

int wire_shut(struct wire *w)
{
	return w->via->shut(w);
}

void wire_close(struct wire *w)
{
	if (w->src.fd < 0)
		return;
	/* close takes it out of epoll: the descriptor is never shared */
	w->src.added = false;
	w->via->close(w);
	w->src.fd = -1;
}

void wire_settle(struct loop *l, struct wire *w, uint32_t got, bool can_read, bool want_write)
{
	uint32_t want = w->src.events & ~(uint32_t)EPOLLOUT;

	if (can_read)
		want |= EPOLLIN | EPOLLRDHUP;
	else
		want &= ~(got & (EPOLLIN | EPOLLRDHUP));
	if (want_write)
		want |= EPOLLOUT;
	/* cannot fail: the descriptor is ours and registered */
	(void)loop_mod(l, &w->src, want);
}
