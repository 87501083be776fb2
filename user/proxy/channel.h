/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h - weft-proxy's end of include/weft/channel.h: packets in and out, lengths and counts
 * checked, descriptors owned by the receiver. */
#ifndef WEFT_PROXY_CHANNEL_H
#define WEFT_PROXY_CHANNEL_H

#include <stddef.h>

#include "weft/channel.h"

struct channel_packet {
	uint32_t type, size, nr_fds;
	int fds[CHANNEL_FDS_MAX]; /* the caller's to close; -1 when taken */
	char body[CHANNEL_BODY_MAX] __attribute__((aligned(8)));
};

/* 0; -EAGAIN: nothing there; -EPIPE: weftd has gone; -EPROTO: not a message for this proxy. */
int channel_receive(int sock, struct channel_packet *p);
/* Waits while weftd is slow; fd -1: none. 0 or -errno. */
int channel_reply(int sock, uint32_t type, const void *body, size_t size, int fd);
void channel_drop_fds(struct channel_packet *p);

#endif
