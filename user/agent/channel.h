/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - weftd's side of include/weft/channel.h: one message in, one message out, over a
 * non-blocking SOCK_SEQPACKET socket. The other side is unprivileged and may be hostile: every
 * length, count and type is checked, surplus descriptors are closed.
 */
#ifndef WEFT_AGENT_CHANNEL_H
#define WEFT_AGENT_CHANNEL_H

#include <stddef.h>

#include "weft/channel.h"

struct channel_in {
	uint32_t type, size;
	int fd; /* of the two replies that carry one; -1: none. The caller's to close. */
	char body[CHANNEL_BODY_MAX + 1] __attribute__((aligned(8))); /* NUL behind size */
};

/* A socketpair; both ends close-on-exec, ours[0] non-blocking. 0 or -errno. */
int channel_pair(int ends[2]);

/* 0, -EAGAIN (the proxy does not read: nothing was sent), or another -errno. Keeps the fds. */
int channel_send(int sock, uint32_t type, const void *body, size_t size, const int *fds,
		 size_t nr_fds);

/* 0; -EAGAIN: nothing there; -EPIPE: closed; -EPROTO: not a message of this version. */
int channel_recv(int sock, struct channel_in *in);

#endif
