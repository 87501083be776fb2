// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 5000, QUIET_MS = 50, SEEN_MAX = 1 << 16 };

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

int peer_listen(uint16_t *port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int peer_accept(int listener)
{
	if (!readable(listener, WAIT_MS))
		fail_msg("nobody connected");
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

bool peer_nobody(int listener)
{
	return !readable(listener, QUIET_MS);
}

int peer_dial(int fd, uint16_t port)
{
	struct sockaddr_in a = loopback(port);

	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

int peer_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(peer_dial(fd, port), 0);
	return fd;
}

void peer_send_n(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t put = send(fd, at, n, MSG_NOSIGNAL);

		if (put <= 0)
			fail_msg("send: %s", strerror(errno));
		at += put;
		n -= (size_t)put;
	}
}

void peer_send(int fd, const char *s)
{
	peer_send_n(fd, s, strlen(s));
}

const char *peer_until(int fd, const char *end)
{
	static char seen[SEEN_MAX];
	size_t n = 0;

	seen[0] = '\0';
	while (!strstr(seen, end)) {
		ssize_t got;

		if (n == sizeof(seen) - 1 || !readable(fd, WAIT_MS))
			fail_msg("no \"%s\" in \"%s\"", end, seen);
		/* byte by byte: what follows `end` stays in the socket */
		got = recv(fd, seen + n, 1, 0);
		if (got <= 0)
			fail_msg("ended before \"%s\": \"%s\"", end, seen);
		n += (size_t)got;
		seen[n] = '\0';
	}
	return seen;
}

size_t peer_drain(int fd)
{
	char bytes[SEEN_MAX];
	size_t n = 0;

	for (;;) {
		ssize_t got;

		if (!readable(fd, WAIT_MS))
			fail_msg("no end after %zu bytes", n);
		got = recv(fd, bytes, sizeof(bytes), 0);
		if (got <= 0)
			return n;
		n += (size_t)got;
	}
}

bool peer_ended(int fd)
{
	char c;

	return readable(fd, WAIT_MS) && recv(fd, &c, 1, MSG_PEEK) <= 0;
}

bool peer_was_reset(int fd)
{
	char c;

	return readable(fd, WAIT_MS) && recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET;
}

bool peer_silent(int fd)
{
	return !readable(fd, QUIET_MS);
}
