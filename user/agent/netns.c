// SPDX-License-Identifier: Apache-2.0
#include "agent/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/netlink.h"
#include "base/clock.h"
#include "bpf/lib/addr.h"

enum { SEEN_SLOTS = NETNS_MAX * 2 };

static const char *const named_dirs[] = { "/run/netns", "/run/docker/netns" };

struct links {
	struct link *items;
	size_t n, cap;
	bool no_memory;
};

struct scan {
	struct netns_query *queries;
	size_t nr_queries, nr_open; /* nr_open: not found yet */
	int own, nl;		    /* our namespace, and a netlink socket in it */
	struct links veths;	    /* ours, with a peer elsewhere */
	ino_t *seen;		    /* hash set */
	size_t nr_seen;
	uint64_t deadline_ms;
};

static void collect(void *arg, const struct link *l)
{
	struct links *all = arg;

	if (!l->veth || l->peer_nsid < 0)
		return;
	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 32;
		struct link *items = realloc(all->items, cap * sizeof(*items));

		if (!items) {
			all->no_memory = true;
			return;
		}
		all->items = items;
		all->cap = cap;
	}
	all->items[all->n++] = *l;
}

/* false: was there already */
static bool seen_add(struct scan *s, ino_t ino)
{
	size_t at = (size_t)ino * 0x9e3779b97f4a7c15u % SEEN_SLOTS;

	for (; s->seen[at]; at = (at + 1) % SEEN_SLOTS)
		if (s->seen[at] == ino)
			return false;
	s->seen[at] = ino;
	s->nr_seen++;
	return true;
}

/* The namespace that the scan looks into now, with the veths that lead out of it. */
struct room {
	struct scan *scan;
	struct links links;
	int nsid;
	ino_t ino;
};

/* Our end of the pair, when both ends name each other; NULL otherwise. */
static const struct link *host_side(const struct room *r, const struct link *pod)
{
	const struct links *ours = &r->scan->veths;

	for (size_t i = 0; i < ours->n; i++) {
		const struct link *l = &ours->items[i];

		if (l->index == pod->peer && l->peer == pod->index && l->peer_nsid == r->nsid)
			return l;
	}
	return NULL;
}

static bool query_wants(const struct netns_query *q, const struct ip16 *ip)
{
	return !q->found && !ip16_is_zero(ip) &&
	       (ip16_eq(&q->ips[0], ip) || ip16_eq(&q->ips[1], ip));
}

static void answer(struct netns_query *q, const struct room *r, const struct link *pod)
{
	const struct link *host = host_side(r, pod);

	if (!host)
		return;
	q->found = true;
	q->netns = r->ino;
	q->ifindex = host->index;
	memcpy(q->mac, pod->mac, sizeof(q->mac));
	memcpy(q->device, host->name, sizeof(q->device));
	r->scan->nr_open--;
}

static void match_address(void *arg, const struct address *a)
{
	struct room *r = arg;
	struct scan *s = r->scan;

	for (size_t i = 0; i < s->nr_queries; i++) {
		if (!query_wants(&s->queries[i], &a->ip))
			continue;
		for (size_t k = 0; k < r->links.n; k++)
			if (r->links.items[k].index == a->index)
				answer(&s->queries[i], r, &r->links.items[k]);
	}
}

/* A netlink socket that speaks for the namespace behind fd; the thread is back before it returns.
 * Not coming back is fatal: everything that follows would configure a pod. */
static int socket_inside(const struct scan *s, int fd)
{
	int nl;

	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	nl = netlink_open(0);
	if (setns(s->own, CLONE_NEWNET) < 0)
		abort();
	return nl;
}

static bool joined_to_us(const struct scan *s, int nsid)
{
	for (size_t i = 0; nsid >= 0 && i < s->veths.n; i++)
		if (s->veths.items[i].peer_nsid == nsid)
			return true;
	return false;
}

static void look_inside(struct scan *s, int fd, ino_t ino)
{
	struct room r = { .scan = s, .ino = ino };
	int nl;

	if (netlink_nsid(s->nl, fd, &r.nsid) || !joined_to_us(s, r.nsid))
		return;
	nl = socket_inside(s, fd);
	if (nl < 0)
		return;
	/* a namespace that vanishes or fails now is looked at again by the next scan */
	if (!netlink_links(nl, collect, &r.links))
		(void)netlink_addresses(nl, match_address, &r);
	free(r.links.items);
	close(nl);
}

static int visit(struct scan *s, int dir, const char *path)
{
	struct statfs fs;
	struct stat st;
	int fd;

	if (fstatat(dir, path, &st, 0) < 0 || !seen_add(s, st.st_ino))
		return 0;
	if (s->nr_seen > NETNS_MAX)
		return -E2BIG;
	if (clock_ms() > s->deadline_ms)
		return -ETIMEDOUT;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	/* a name whose namespace is gone is an ordinary empty file */
	if (!fstatfs(fd, &fs) && fs.f_type == NSFS_MAGIC)
		look_inside(s, fd, st.st_ino);
	close(fd);
	return 0;
}

static int visit_folder(struct scan *s, const char *path, bool processes)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int err = 0;

	if (!d)
		return 0; /* nobody has made a named namespace yet */
	while (!err && s->nr_open && (e = readdir(d))) {
		char at[sizeof(e->d_name) + 8];

		if (e->d_name[0] == '.')
			continue;
		if (processes && (e->d_name[0] < '1' || e->d_name[0] > '9'))
			continue;
		snprintf(at, sizeof(at), "%s%s", e->d_name, processes ? "/ns/net" : "");
		err = visit(s, dirfd(d), at);
	}
	closedir(d);
	return err;
}

static int scan_all(struct scan *s)
{
	struct stat own;
	int err;

	s->seen = calloc(SEEN_SLOTS, sizeof(*s->seen));
	if (!s->seen)
		return -ENOMEM;
	s->own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->own < 0 || fstat(s->own, &own) < 0)
		return -errno;
	seen_add(s, own.st_ino);
	s->nl = netlink_open(0);
	if (s->nl < 0)
		return s->nl;
	/* reading the links gives every peer's namespace an id, which look_inside asks for */
	err = netlink_links(s->nl, collect, &s->veths);
	if (!err && s->veths.no_memory)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < sizeof(named_dirs) / sizeof(named_dirs[0]); i++)
		err = visit_folder(s, named_dirs[i], false);
	return err ? err : visit_folder(s, "/proc", true);
}

int netns_scan(struct netns_query *queries, size_t n)
{
	struct scan s = { .queries = queries,
			  .nr_queries = n,
			  .nr_open = n,
			  .own = -1,
			  .nl = -1,
			  .deadline_ms = clock_ms() + NETNS_SCAN_MS };
	int err = n ? scan_all(&s) : 0;

	if (s.nl >= 0)
		close(s.nl);
	if (s.own >= 0)
		close(s.own);
	free(s.veths.items);
	free(s.seen);
	return err;
}
