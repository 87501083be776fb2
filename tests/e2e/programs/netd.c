// SPDX-License-Identifier: Apache-2.0
/*
 * netd.c - a small server for the end-to-end tests: netd NAME MODE:PORT...
 *
 *   who:PORT    TCP: says "NAME\n" as soon as it accepts, before the client has said a word, then
 *               swallows what comes until the client ends
 *   bye:PORT    TCP: says "NAME\n" and closes, before the client does
 *   echo:PORT   TCP: gives back every byte; passes a half-close on only when all is given back
 *   udp:PORT    answers each datagram with "NAME " and its payload
 *
 * Every port takes IPv4 and IPv6. One thread, level-triggered epoll.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 128 << 10, BATCH = 64 };
enum role { LISTEN_WHO, LISTEN_BYE, LISTEN_ECHO, UDP, CLIENT_WHO, CLIENT_ECHO };

struct source {
	int fd;
	enum role role;
	bool ended;	/* the client has sent its FIN */
	size_t at, len; /* not yet given back: buf[at, at + len) */
	char *buf;
};

static const char *name;
static int poller;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct source *source_new(int fd, enum role role)
{
	struct source *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	if (!s)
		die("memory");
	s->fd = fd;
	s->role = role;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("epoll_ctl");
	return s;
}

static void source_free(struct source *s)
{
	close(s->fd);
	free(s->buf);
	free(s);
}

static void wait_for(struct source *s, unsigned events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &ev);
}

static void open_port(enum role role, int port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int type = role == UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1, off = 0;
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die("bind");
	if (role != UDP && listen(fd, 4096) != 0)
		die("listen");
	source_new(fd, role);
}

static void take_clients(struct source *s)
{
	int fd, on = 1;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (s->role != LISTEN_ECHO)
			dprintf(fd, "%s\n", name);
		if (s->role == LISTEN_BYE)
			close(fd);
		else
			source_new(fd, s->role == LISTEN_WHO ? CLIENT_WHO : CLIENT_ECHO);
	}
}

static void answer_datagram(struct source *s)
{
	static char in[65536], out[65536 + 256];
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(s->fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len);
	size_t head = strlen(name) + 1;

	if (n < 0)
		return;
	memcpy(out, name, head - 1);
	out[head - 1] = ' ';
	memcpy(out + head, in, n);
	sendto(s->fd, out, head + n, 0, (struct sockaddr *)&from, len);
}

static void swallow(struct source *s)
{
	static char junk[BUFFER];
	ssize_t n = recv(s->fd, junk, sizeof(junk), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		source_free(s);
}

/* Returns false when the connection is broken. */
static bool give_back(struct source *s)
{
	while (s->len > 0) {
		ssize_t n = send(s->fd, s->buf + s->at, s->len, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		s->at += n;
		s->len -= n;
	}
	return true;
}

static void echo(struct source *s)
{
	ssize_t n;

	if (!s->buf)
		s->buf = malloc(BUFFER);
	if (!s->buf)
		die("memory");
	if (s->len == 0 && !s->ended) {
		n = recv(s->fd, s->buf, BUFFER, 0);
		if (n < 0 && errno != EAGAIN) {
			source_free(s);
			return;
		}
		s->ended = n == 0;
		s->at = 0;
		s->len = n > 0 ? n : 0;
	}
	if (!give_back(s) || (s->ended && s->len == 0)) {
		source_free(s);
		return;
	}
	wait_for(s, s->len ? EPOLLOUT : EPOLLIN);
}

static void handle(struct source *s)
{
	switch (s->role) {
	case LISTEN_WHO:
	case LISTEN_BYE:
	case LISTEN_ECHO: take_clients(s); break;
	case UDP: answer_datagram(s); break;
	case CLIENT_WHO: swallow(s); break;
	case CLIENT_ECHO: echo(s); break;
	}
}

static void open_mode(const char *spec)
{
	static const struct {
		const char *word;
		enum role role;
	} modes[] = { { "who:", LISTEN_WHO },
		      { "bye:", LISTEN_BYE },
		      { "echo:", LISTEN_ECHO },
		      { "udp:", UDP } };

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		size_t n = strlen(modes[i].word);

		if (strncmp(spec, modes[i].word, n) == 0) {
			open_port(modes[i].role, atoi(spec + n));
			return;
		}
	}
	fprintf(stderr, "netd: '%s' is not who:PORT, bye:PORT, echo:PORT or udp:PORT\n", spec);
	exit(2);
}

int main(int argc, char **argv)
{
	struct epoll_event events[BATCH];

	if (argc < 3) {
		fprintf(stderr, "usage: netd NAME MODE:PORT...\n");
		return 2;
	}
	name = argv[1];
	signal(SIGPIPE, SIG_IGN);
	poller = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++)
		open_mode(argv[i]);
	for (;;) {
		int n = epoll_wait(poller, events, BATCH, -1);

		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr);
	}
}
