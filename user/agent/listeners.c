// SPDX-License-Identifier: Apache-2.0
#include "agent/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "bpf/lib/addr.h"

enum { BACKLOG = 4096, REFUSED_PER_CALL = 4096 };

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

void listeners_init(struct listeners *l)
{
	memset(l->fds, -1, sizeof(l->fds));
	l->n = 0;
	l->metrics = -1;
}

void listeners_done(struct listeners *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->fds[i] >= 0)
			close(l->fds[i]);
	if (l->metrics >= 0)
		close(l->metrics);
	listeners_init(l);
}

static socklen_t address_of(union sockaddr_any *out, const struct ip16 *ip, uint16_t port)
{
	memset(out, 0, sizeof(*out));
	if (ip16_is_v4(ip)) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		out->v4.sin_addr.s_addr = ip->w[3];
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(port);
	memcpy(&out->v6.sin6_addr, ip, sizeof(*ip));
	return sizeof(out->v6);
}

/* shared: SO_REUSEPORT, one queue a worker. Without it an address in use is noticed, and the
 * address may be one that the node does not have yet. */
static int listen_at(const struct ip16 *ip, uint16_t port, bool shared)
{
	union sockaddr_any at;
	socklen_t len = address_of(&at, ip, port);
	int on = 1, err;
	int fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (at.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &at.sa, len) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static bool listens_at(int fd, const struct ip16 *ip, uint16_t port)
{
	union sockaddr_any want, is;
	socklen_t len = sizeof(is), want_len = address_of(&want, ip, port);
	int listening = 0;
	socklen_t size = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening)
		return false;
	return !getsockname(fd, &is.sa, &len) && len == want_len && !memcmp(&is, &want, len);
}

static struct ip16 loopback(void)
{
	return ip16_from_v4(htonl(INADDR_LOOPBACK));
}

/* Where fd belongs: the first empty place of its address. false: not ours. */
static bool keep(struct listeners *l, const struct listeners_at *at, int fd)
{
	const struct ip16 *families[2] = { &at->addresses.ip4, &at->addresses.ip6 };
	struct ip16 local = loopback();

	if (l->metrics < 0 && listens_at(fd, &local, at->metrics_port)) {
		l->metrics = fd;
		return true;
	}
	for (unsigned i = 0; i < at->workers * 2; i++) {
		const struct ip16 *ip = families[i % 2];

		if (l->fds[i] >= 0 || ip16_is_zero(ip) || !listens_at(fd, ip, at->port))
			continue;
		l->fds[i] = fd;
		return true;
	}
	return false;
}

static void take_over(struct listeners *l, const struct listeners_at *at,
		      const struct proxy_ref *from)
{
	int pidfd = proxy_open(from);
	struct dirent *e;
	char path[32];
	DIR *d;

	if (pidfd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd", from->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		char target[32] = "";
		int fd;

		if (readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1) < 0 ||
		    strncmp(target, "socket:", 7) != 0)
			continue;
		fd = pidfd_getfd(pidfd, atoi(e->d_name), 0);
		if (fd >= 0 && !keep(l, at, fd))
			close(fd);
	}
	if (d)
		closedir(d);
	close(pidfd);
}

static int fill_in(struct listeners *l, const struct listeners_at *at)
{
	const struct ip16 *families[2] = { &at->addresses.ip4, &at->addresses.ip6 };
	struct ip16 local = loopback();

	for (unsigned i = 0; i < at->workers * 2; i++) {
		if (l->fds[i] >= 0 || ip16_is_zero(families[i % 2]))
			continue;
		l->fds[i] = listen_at(families[i % 2], at->port, true);
		if (l->fds[i] < 0)
			return l->fds[i];
	}
	if (l->metrics < 0)
		l->metrics = listen_at(&local, at->metrics_port, false);
	return l->metrics < 0 ? l->metrics : 0;
}

/* SO_REUSEPORT would let two weftd of one node share the port without a word */
int listeners_probe(const struct listeners_at *at)
{
	struct ip16 local = loopback();
	int fd = listen_at(&at->addresses.ip4, at->port, false), metrics;

	if (fd < 0)
		return fd;
	close(fd);
	metrics = listen_at(&local, at->metrics_port, false);
	if (metrics < 0)
		return metrics;
	close(metrics);
	return 0;
}

static void compact(struct listeners *l, unsigned max)
{
	l->n = 0;
	for (unsigned i = 0; i < max; i++)
		if (l->fds[i] >= 0)
			l->fds[l->n++] = l->fds[i];
}

int listeners_open(struct listeners *l, const struct listeners_at *at, const struct proxy_ref *from,
		   unsigned n)
{
	int err = n ? 0 : listeners_probe(at);

	listeners_init(l);
	for (unsigned i = 0; i < n; i++)
		take_over(l, at, &from[i]);
	if (!err)
		err = fill_in(l, at);
	compact(l, at->workers * 2);
	if (err)
		listeners_done(l);
	return err;
}

void listeners_refuse_waiting(const struct listeners *l)
{
	struct linger reset = { .l_onoff = 1 };
	unsigned refused = 0;

	for (unsigned i = 0; i < l->n; i++) {
		int fd;

		while (refused < REFUSED_PER_CALL &&
		       (fd = accept4(l->fds[i], NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			close(fd);
			refused++;
		}
	}
	if (refused)
		log_warn("keeper", "refused %u waiting connections", refused);
}
