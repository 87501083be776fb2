// SPDX-License-Identifier: Apache-2.0
#include "agent/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int channel_pair(int ends[2])
{
	int flags;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	flags = fcntl(ends[0], F_GETFL);
	if (flags < 0 || fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) < 0) {
		int err = -errno;

		close(ends[0]);
		close(ends[1]);
		return err;
	}
	return 0;
}

int channel_send(int sock, uint32_t type, const void *body, size_t size, const int *fds,
		 size_t nr_fds)
{
	struct channel_msg head = { CHANNEL_VERSION, type, (uint32_t)size, (uint32_t)nr_fds };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, size } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };

	if (size > CHANNEL_BODY_MAX || nr_fds > CHANNEL_FDS_MAX)
		return -E2BIG;
	if (nr_fds) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nr_fds * sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return 0;
}

/* Keeps the first descriptor, closes all others; returns how many there were. */
static size_t take_fds(struct msghdr *msg, int *first)
{
	size_t total = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++, total++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*first < 0)
				*first = fd;
			else
				close(fd);
		}
	}
	return total;
}

static bool type_known(uint32_t type)
{
	return type >= CHANNEL_READY && type <= CHANNEL_LOG;
}

static bool type_has_fd(uint32_t type)
{
	return type == CHANNEL_STATS_REPLY || type == CHANNEL_SESSIONS_REPLY;
}

int channel_recv(int sock, struct channel_in *in)
{
	struct channel_msg head;
	struct iovec iov[2] = { { &head, sizeof(head) }, { in->body, CHANNEL_BODY_MAX } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t nr_fds;

	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	in->fd = -1;
	nr_fds = take_fds(&msg, &in->fd);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (size_t)n < sizeof(head) ||
	    head.version != CHANNEL_VERSION || head.size != (size_t)n - sizeof(head) ||
	    head.nr_fds != nr_fds || !type_known(head.type) || nr_fds != type_has_fd(head.type)) {
		if (in->fd >= 0)
			close(in->fd);
		in->fd = -1;
		return -EPROTO;
	}
	in->type = head.type;
	in->size = head.size;
	in->body[head.size] = 0;
	return 0;
}
