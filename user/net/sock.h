/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock.h - TCP sockets, non-blocking and close-on-exec. Addresses are 16 bytes, IPv4 v4-mapped;
 * ports are host order. Everything returns 0 or -errno.
 */
#ifndef WEFT_NET_SOCK_H
#define WEFT_NET_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/abi.h"

struct sock_addr {
	struct ip16 ip;
	uint16_t port;
};

enum { SOCK_ADDR_TEXT = 56 };

/* 0: connected; -EINPROGRESS: *fd is valid, writable or in error when it is decided. */
int sock_connect(const struct sock_addr *to, int *fd);

/* -EAGAIN: nobody waits. */
int sock_accept(int listener, int *fd, struct sock_addr *peer);

int sock_listen(const struct sock_addr *at, int backlog, int *fd); /* SO_REUSEPORT */
int sock_local(int fd, struct sock_addr *at);
int sock_peer(int fd, struct sock_addr *at);
int sock_error(int fd); /* SO_ERROR: 0 or -errno; clears it */

/* 0 leaves the system's default. */
int sock_keepalive(int fd, uint32_t probes, uint32_t time_s, uint32_t interval_s);
/*
 * The peer is near (a pod of this node, an endpoint of the mesh): if the system's default paces
 * what it sends (BBR), which costs a timer a packet and gains nothing here, plain Reno is used
 * instead.
 */
void sock_near(int fd);
void sock_reset_on_close(int fd); /* close sends RST: the peer must not take it for an end */

/* "10.0.0.1:80", "[fd00::1]:80"; returns out */
const char *sock_text(const struct sock_addr *a, char out[SOCK_ADDR_TEXT]);

#endif
