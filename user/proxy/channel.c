// SPDX-License-Identifier: Apache-2.0
#include "proxy/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union fd_space {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
};

void channel_drop_fds(struct channel_packet *p)
{
	for (uint32_t i = 0; i < p->nr_fds; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->nr_fds = 0;
}

static void take_fds(struct msghdr *msg, struct channel_packet *p)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* cannot exceed CHANNEL_FDS_MAX: the control buffer holds no more */
		memcpy(p->fds + p->nr_fds, CMSG_DATA(c), n * sizeof(int));
		p->nr_fds += (uint32_t)n;
	}
}

int channel_receive(int sock, struct channel_packet *p)
{
	struct channel_msg head;
	struct iovec iov[2] = { { &head, sizeof(head) }, { p->body, sizeof(p->body) } };
	union fd_space space;
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = &space,
			      .msg_controllen = sizeof(space) };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	p->nr_fds = 0;
	if (n < 0)
		return errno == EINTR ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	if (!n)
		return -EPIPE;
	take_fds(&msg, p);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (size_t)n < sizeof(head) ||
	    head.version != CHANNEL_VERSION || head.size != (size_t)n - sizeof(head) ||
	    head.nr_fds != p->nr_fds) {
		channel_drop_fds(p);
		return -EPROTO;
	}
	p->type = head.type;
	p->size = head.size;
	return 0;
}

int channel_reply(int sock, uint32_t type, const void *body, size_t size, int fd)
{
	struct channel_msg head = { CHANNEL_VERSION, type, (uint32_t)size, fd >= 0 };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, size } };
	union fd_space space;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };

	if (size > CHANNEL_BODY_MAX)
		return -E2BIG;
	if (fd >= 0) {
		memset(&space, 0, CMSG_SPACE(sizeof(int)));
		msg.msg_control = &space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		space.align.cmsg_level = SOL_SOCKET;
		space.align.cmsg_type = SCM_RIGHTS;
		space.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&space.align), &fd, sizeof(int));
	}
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
