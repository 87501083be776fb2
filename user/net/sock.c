// SPDX-License-Identifier: Apache-2.0
#include "net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union any_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static bool is_v4(const struct ip16 *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

static socklen_t to_native(const struct sock_addr *a, union any_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (is_v4(&a->ip)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(a->port);
		out->in.sin_addr.s_addr = a->ip.w[3];
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(a->port);
	memcpy(&out->in6.sin6_addr, &a->ip, sizeof(a->ip));
	return sizeof(out->in6);
}

static void from_native(const union any_addr *a, struct sock_addr *out)
{
	if (a->sa.sa_family == AF_INET) {
		out->ip = (struct ip16){ .w = { 0, 0, htonl(0xffff), a->in.sin_addr.s_addr } };
		out->port = ntohs(a->in.sin_port);
		return;
	}
	memcpy(&out->ip, &a->in6.sin6_addr, sizeof(out->ip));
	out->port = ntohs(a->in6.sin6_port);
}

static void no_delay(int fd)
{
	int on = 1;

	/* only latency suffers when it fails, and it cannot for TCP */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int new_socket(const union any_addr *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int sock_connect(const struct sock_addr *to, int *out)
{
	union any_addr a;
	socklen_t len = to_native(to, &a);
	int fd = new_socket(&a), err;

	if (fd < 0)
		return fd;
	no_delay(fd);
	err = connect(fd, &a.sa, len) < 0 ? -errno : 0;
	if (err && err != -EINPROGRESS) {
		close(fd);
		return err;
	}
	*out = fd;
	return err;
}

int sock_accept(int listener, int *out, struct sock_addr *peer)
{
	union any_addr a = { 0 };
	socklen_t len = sizeof(a);
	int fd = accept4(listener, &a.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	no_delay(fd);
	from_native(&a, peer);
	*out = fd;
	return 0;
}

int sock_listen(const struct sock_addr *at, int backlog, int *out)
{
	union any_addr a;
	socklen_t len = to_native(at, &a);
	int fd = new_socket(&a), on = 1, err;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    bind(fd, &a.sa, len) < 0 || listen(fd, backlog) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

int sock_local(int fd, struct sock_addr *at)
{
	union any_addr a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.sa, &len) < 0)
		return -errno;
	from_native(&a, at);
	return 0;
}

int sock_peer(int fd, struct sock_addr *at)
{
	union any_addr a = { 0 };
	socklen_t len = sizeof(a);

	if (getpeername(fd, &a.sa, &len) < 0)
		return -errno;
	from_native(&a, at);
	return 0;
}

int sock_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static int set_seconds(int fd, int option, uint32_t value)
{
	int v = (int)value;

	if (!value)
		return 0;
	return setsockopt(fd, IPPROTO_TCP, option, &v, sizeof(v)) < 0 ? -errno : 0;
}

int sock_keepalive(int fd, uint32_t probes, uint32_t time_s, uint32_t interval_s)
{
	int on = 1, err;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0)
		return -errno;
	err = set_seconds(fd, TCP_KEEPCNT, probes);
	if (!err)
		err = set_seconds(fd, TCP_KEEPIDLE, time_s);
	if (!err)
		err = set_seconds(fd, TCP_KEEPINTVL, interval_s);
	return err;
}

void sock_near(int fd)
{
	static const char reno[] = "reno";
	static _Atomic int paced; /* 1 the system's default paces, -1 it does not, 0 not known */
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (!paced && !getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len))
		paced = strncmp(name, "bbr", 3) ? -1 : 1;
	if (paced > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof(reno) - 1);
}

void sock_reset_on_close(int fd)
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

const char *sock_text(const struct sock_addr *a, char out[SOCK_ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (is_v4(&a->ip)) {
		inet_ntop(AF_INET, &a->ip.w[3], ip, sizeof(ip));
		snprintf(out, SOCK_ADDR_TEXT, "%s:%u", ip, a->port);
	} else {
		inet_ntop(AF_INET6, &a->ip, ip, sizeof(ip));
		snprintf(out, SOCK_ADDR_TEXT, "[%s]:%u", ip, a->port);
	}
	return out;
}
