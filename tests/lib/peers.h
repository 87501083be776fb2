/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h - both ends of a proxy under test, by hand: blocking sockets on loopback that fail the
 * test (cmocka) instead of waiting for ever.
 */
#ifndef WEFT_TESTS_PEERS_H
#define WEFT_TESTS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int peer_listen(uint16_t *port);      /* on 127.0.0.1, any port */
int peer_accept(int listener);	      /* waits */
bool peer_nobody(int listener);	      /* nobody connects within 50 ms */
int peer_connect(uint16_t port);      /* to 127.0.0.1 */
int peer_dial(int fd, uint16_t port); /* a socket that is there: 0 or -errno */
void peer_send(int fd, const char *s);
void peer_send_n(int fd, const void *p, size_t n);
/* Reads until `end` has been seen; the bytes (NUL behind them) in a static buffer. */
const char *peer_until(int fd, const char *end);
/* Reads until the other side ends; how many bytes. */
size_t peer_drain(int fd);
bool peer_ended(int fd);     /* the next thing is an end, orderly or not */
bool peer_was_reset(int fd); /* the next thing is a reset */
bool peer_silent(int fd);    /* nothing comes within 50 ms */

#endif
