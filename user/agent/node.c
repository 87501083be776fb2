// SPDX-License-Identifier: Apache-2.0
#include "agent/node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/netlink.h"
#include "base/log.h"
#include "bpf/lib/addr.h"
#include "weft/control.h"

enum { LO_INDEX = 1 }; /* in every network namespace */

void node_limits(void)
{
	struct rlimit files, memory = { RLIM_INFINITY, RLIM_INFINITY };

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* kernels before 5.11 count maps as locked memory; newer ones do not ask */
	setrlimit(RLIMIT_MEMLOCK, &memory);
}

int node_lock(const char *run, int *fd, char *why, size_t cap)
{
	char path[512], owner[16] = "?";
	ssize_t n;

	if (mkdir(run, 0755) < 0 && errno != EEXIST) {
		snprintf(why, cap, "run directory '%s': %s", run, strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/weftd.lock", run);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*fd < 0) {
		snprintf(why, cap, "'%s': %s", path, strerror(errno));
		return -errno;
	}
	if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		n = pread(*fd, owner, sizeof(owner) - 1, 0);
		owner[n > 0 ? n : 0] = 0;
		owner[strcspn(owner, "\n")] = 0;
		snprintf(why, cap, "another weftd (pid %s) runs with '%s'", owner, run);
		close(*fd);
		return -EBUSY;
	}
	n = snprintf(owner, sizeof(owner), "%d\n", getpid());
	if (ftruncate(*fd, 0) < 0 || pwrite(*fd, owner, (size_t)n, 0) < 0)
		log_warn("node", "cannot write my pid to '%s'", path);
	return 0;
}

void node_addresses(struct node_addresses *out)
{
	__be32 v4;

	inet_pton(AF_INET, PROXY_IP4, &v4);
	out->ip4 = ip16_from_v4(v4);
	inet_pton(AF_INET6, PROXY_IP6, &out->ip6);
}

/* Pods of other nodes are reached through the host stack: without forwarding nothing arrives. */
static void want_forwarding(const char *path, bool set)
{
	char now = 0;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, &now, 1) == 1 && now == '0') {
		if (!set)
			log_warn("node", "%s is 0: traffic between nodes will not pass", path);
		else if (pwrite(fd, "1\n", 2, 0) == 2)
			log_info("node", "set %s to 1", path);
		else
			log_warn("node", "cannot set %s to 1", path);
	}
	close(fd);
}

int node_prepare(struct node_addresses *out)
{
	int nl = netlink_open(0), err;

	if (nl < 0)
		return nl;
	node_addresses(out);
	err = netlink_link_up(nl, LO_INDEX);
	if (!err)
		err = netlink_address_set(nl, LO_INDEX, &out->ip4, true);
	if (!err && netlink_address_set(nl, LO_INDEX, &out->ip6, true)) {
		log_info("node", "no IPv6 on this node: weft-proxy serves IPv4 only");
		out->ip6 = (struct ip16){ 0 };
	}
	close(nl);
	want_forwarding("/proc/sys/net/ipv4/ip_forward", true);
	/* switching it on would end the node's own router advertisements: the owner decides */
	if (!ip16_is_zero(&out->ip6))
		want_forwarding("/proc/sys/net/ipv6/conf/all/forwarding", false);
	return err;
}

void node_restore(void)
{
	struct node_addresses at;
	int nl = netlink_open(0);

	if (nl < 0)
		return;
	node_addresses(&at);
	(void)netlink_address_set(nl, LO_INDEX, &at.ip4, false);
	(void)netlink_address_set(nl, LO_INDEX, &at.ip6, false);
	close(nl);
}
