// SPDX-License-Identifier: Apache-2.0
#include "agent/netlink.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bpf/lib/addr.h"

enum { REPLY_CAP = 32 << 10 };

/* A request with room for attributes behind its fixed part. */
struct request {
	struct nlmsghdr head;
	char body[256];
};

typedef int reply_fn(void *arg, struct nlmsghdr *n); /* 0 or -errno, which ends the exchange */

int netlink_open(__u32 groups)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = groups };
	struct timeval wait = { .tv_sec = 2 };
	int flags = SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0);
	int fd = socket(AF_NETLINK, flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void request_init(struct request *r, __u16 type, __u16 flags, const void *fixed, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | flags;
	r->head.nlmsg_len = (__u32)NLMSG_LENGTH(n);
	memcpy(NLMSG_DATA(&r->head), fixed, n);
}

static void request_put(struct request *r, __u16 type, const void *value, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (__u16)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), value, n);
	r->head.nlmsg_len = (__u32)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* 1: the exchange has ended well, 0: more to come, -errno */
static int digest(struct nlmsghdr *n, __u32 seq, reply_fn *each, void *arg)
{
	if (n->nlmsg_seq != seq)
		return 0; /* left over from an exchange that timed out */
	if (n->nlmsg_type == NLMSG_DONE)
		return 1;
	if (n->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(n);

		return e->error ? e->error : 1;
	}
	return each ? each(arg, n) : 0;
}

static int exchange(int nl, struct request *r, reply_fn *each, void *arg)
{
	static _Thread_local char buf[REPLY_CAP] __attribute__((aligned(8)));
	static _Thread_local __u32 seq;

	r->head.nlmsg_seq = ++seq;
	if (send(nl, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(nl, buf, sizeof(buf), 0);
		unsigned int left = (unsigned int)n;

		if (n < 0)
			return errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
		for (struct nlmsghdr *m = (void *)buf; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			int err = digest(m, r->head.nlmsg_seq, each, arg);

			if (err)
				return err < 0 ? err : 0;
		}
	}
}

struct links_walk {
	link_fn *each;
	void *arg;
};

static bool is_veth(struct rtattr *info)
{
	int left = (int)RTA_PAYLOAD(info);

	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			return RTA_PAYLOAD(a) >= 4 && !memcmp(RTA_DATA(a), "veth", 4);
	return false;
}

static int one_link(void *arg, struct nlmsghdr *n)
{
	const struct links_walk *w = arg;
	const struct ifinfomsg *info = NLMSG_DATA(n);
	struct link l = { .index = (__u32)info->ifi_index,
			  .flags = info->ifi_flags,
			  .type = info->ifi_type,
			  .peer_nsid = -1 };
	int left = (int)IFLA_PAYLOAD(n);

	if (n->nlmsg_type != RTM_NEWLINK)
		return 0;
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		size_t size = RTA_PAYLOAD(a);

		switch (a->rta_type) {
		case IFLA_IFNAME: strncpy(l.name, RTA_DATA(a), sizeof(l.name) - 1); break;
		case IFLA_LINK: memcpy(&l.peer, RTA_DATA(a), sizeof(l.peer)); break;
		case IFLA_LINK_NETNSID: memcpy(&l.peer_nsid, RTA_DATA(a), sizeof(int)); break;
		case IFLA_ADDRESS: memcpy(l.mac, RTA_DATA(a), size < 6 ? size : 6); break;
		case IFLA_LINKINFO: l.veth = is_veth(a); break;
		}
	}
	w->each(w->arg, &l);
	return 0;
}

int netlink_links(int nl, link_fn *each, void *arg)
{
	const __u32 no_stats = RTEXT_FILTER_SKIP_STATS;
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct links_walk w = { each, arg };
	struct request r;

	request_init(&r, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	request_put(&r, IFLA_EXT_MASK, &no_stats, sizeof(no_stats));
	return exchange(nl, &r, one_link, &w);
}

struct addresses_walk {
	address_fn *each;
	void *arg;
};

static int one_address(void *arg, struct nlmsghdr *n)
{
	const struct addresses_walk *w = arg;
	const struct ifaddrmsg *info = NLMSG_DATA(n);
	struct address out = { .index = info->ifa_index };
	int left = (int)IFA_PAYLOAD(n);
	bool found = false;

	if (n->nlmsg_type != RTM_NEWADDR)
		return 0;
	for (struct rtattr *a = IFA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		/* LOCAL is the own address of a point-to-point link, ADDRESS then is the other's */
		if (a->rta_type != IFA_LOCAL && (a->rta_type != IFA_ADDRESS || found))
			continue;
		if (info->ifa_family == AF_INET && RTA_PAYLOAD(a) == 4) {
			__be32 v4;

			memcpy(&v4, RTA_DATA(a), sizeof(v4));
			out.ip = ip16_from_v4(v4);
			found = true;
		} else if (info->ifa_family == AF_INET6 && RTA_PAYLOAD(a) == 16) {
			memcpy(&out.ip, RTA_DATA(a), 16);
			found = true;
		}
	}
	if (found)
		w->each(w->arg, &out);
	return 0;
}

int netlink_addresses(int nl, address_fn *each, void *arg)
{
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	struct addresses_walk w = { each, arg };
	struct request r;

	request_init(&r, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all));
	return exchange(nl, &r, one_address, &w);
}

static int one_nsid(void *arg, struct nlmsghdr *n)
{
	const struct rtgenmsg *info = NLMSG_DATA(n);
	struct rtattr *a = (struct rtattr *)((char *)info + NLMSG_ALIGN(sizeof(*info)));
	int left = (int)NLMSG_PAYLOAD(n, sizeof(*info));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == NETNSA_NSID)
			memcpy(arg, RTA_DATA(a), sizeof(int));
	return 0;
}

int netlink_nsid(int nl, int netns_fd, int *nsid)
{
	struct rtgenmsg any = { .rtgen_family = AF_UNSPEC };
	struct request r;

	*nsid = -1;
	request_init(&r, RTM_GETNSID, NLM_F_ACK, &any, sizeof(any));
	request_put(&r, NETNSA_FD, &netns_fd, sizeof(netns_fd));
	return exchange(nl, &r, one_nsid, nsid);
}

int netlink_address_set(int nl, __u32 index, const struct ip16 *ip, bool present)
{
	bool v4 = ip16_is_v4(ip);
	struct ifaddrmsg at = { .ifa_family = v4 ? AF_INET : AF_INET6,
				.ifa_prefixlen = v4 ? 32 : 128,
				.ifa_flags = IFA_F_NODAD,
				.ifa_index = index };
	const void *bytes = v4 ? (const void *)&ip->w[3] : (const void *)ip;
	size_t n = v4 ? 4 : 16;
	struct request r;
	int err;

	request_init(&r, present ? RTM_NEWADDR : RTM_DELADDR,
		     present ? NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE : NLM_F_ACK, &at,
		     sizeof(at));
	request_put(&r, IFA_LOCAL, bytes, n);
	request_put(&r, IFA_ADDRESS, bytes, n);
	err = exchange(nl, &r, NULL, NULL);
	return err == -EEXIST || (err == -EADDRNOTAVAIL && !present) ? 0 : err;
}

int netlink_link_up(int nl, __u32 index)
{
	struct ifinfomsg up = { .ifi_family = AF_UNSPEC,
				.ifi_index = (int)index,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };
	struct request r;

	request_init(&r, RTM_NEWLINK, NLM_F_ACK, &up, sizeof(up));
	return exchange(nl, &r, NULL, NULL);
}
