// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel/doors.h"
#include "kernel/kernel.h"
#include "kernel/tcx.h"
#include "weft/limits.h"
#include "weft.skel.h"

/* Where our filters stand on a device, so that a later weftd finds them. */
enum { FILTER_HANDLE = 1, FILTER_PRIORITY = 77 };

/* Ethernet devices only: the programs find the IP header behind an Ethernet header. */
static int device_check(uint32_t ifindex, bool *veth)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_ifindex = (int)ifindex };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	*veth = false;
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFNAME, &r) || ioctl(fd, SIOCGIFHWADDR, &r))
		err = -errno;
	else if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		err = -EOPNOTSUPP;
	r.ifr_data = (char *)&info;
	*veth = !err && !ioctl(fd, SIOCETHTOOL, &r) && !strcmp(info.driver, "veth");
	close(fd);
	return err == -ENXIO ? -ENODEV : err;
}

static int filter_attach(uint32_t ifindex, enum bpf_tc_attach_point point, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static int filter_detach(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err = bpf_tc_detach(&hook, &opts);

	/* no filter, no qdisc, no device: it is not there, which is what was asked for */
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

static int filter_check(uint32_t ifindex, enum bpf_tc_attach_point point, uint32_t prog_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err = bpf_tc_query(&hook, &opts);

	if (err)
		return err == -EINVAL ? -ENOENT : err;
	return opts.prog_id == prog_id ? 0 : -ENOENT;
}

/* By tcx links when they can be pinned and the kernel has them, else by clsact filters. */
static int attach_programs(struct kernel *k, uint32_t ifindex)
{
	int err = -EOPNOTSUPP;

	if (k->pins[0])
		err = tcx_attach(k->pins, ifindex, TCX_IN, k->door_in_fd);
	if (!err)
		err = tcx_attach(k->pins, ifindex, TCX_OUT, k->door_out_fd);
	if (err != -EOPNOTSUPP) {
		/* of a weftd that had no tcx: nothing is translated twice, but all is read twice */
		filter_detach(ifindex, BPF_TC_INGRESS);
		filter_detach(ifindex, BPF_TC_EGRESS);
		return err;
	}
	err = filter_attach(ifindex, BPF_TC_INGRESS, k->door_in_fd);
	return err ? err : filter_attach(ifindex, BPF_TC_EGRESS, k->door_out_fd);
}

static int links_check(struct kernel *k, uint32_t ifindex)
{
	int err;

	if (!k->pins[0])
		return -ENOENT;
	err = tcx_check(k->pins, ifindex, TCX_IN, k->door_in_id);
	return err ? err : tcx_check(k->pins, ifindex, TCX_OUT, k->door_out_id);
}

int door_check(struct kernel *k, uint32_t ifindex)
{
	int err;

	if (!links_check(k, ifindex))
		return 0;
	err = filter_check(ifindex, BPF_TC_INGRESS, k->door_in_id);

	return err ? err : filter_check(ifindex, BPF_TC_EGRESS, k->door_out_id);
}

int door_attach(struct kernel *k, uint32_t ifindex, const struct door *d)
{
	int fd = bpf_map__fd(k->skel->maps.doors), err;
	struct door door = *d;
	bool veth = false;

	err = device_check(ifindex, &veth);
	if (err)
		return err;
	door.veth = veth;
	/* the entry first: a program without its entry lets everything pass */
	if (bpf_map_update_elem(fd, &ifindex, &door, BPF_ANY))
		return -errno;
	err = attach_programs(k, ifindex);
	if (!err)
		err = door_check(k, ifindex);
	if (err)
		door_detach(k, ifindex);
	return err;
}

int door_detach(struct kernel *k, uint32_t ifindex)
{
	int err, err2;

	if (k->pins[0]) {
		tcx_detach(k->pins, ifindex, TCX_IN);
		tcx_detach(k->pins, ifindex, TCX_OUT);
	}
	err = filter_detach(ifindex, BPF_TC_INGRESS);
	err2 = filter_detach(ifindex, BPF_TC_EGRESS);
	if (bpf_map_delete_elem(bpf_map__fd(k->skel->maps.doors), &ifindex) && errno != ENOENT &&
	    !err)
		err = -errno;
	return err ? err : err2;
}

int doors_list(struct kernel *k, struct door_entry *out, int cap)
{
	int fd = bpf_map__fd(k->skel->maps.doors), n = 0;
	struct door_entry e = { 0 };
	uint32_t *prev = NULL;

	while (n < MAX_DOORS && !bpf_map_get_next_key(fd, prev, &e.ifindex)) {
		if (!bpf_map_lookup_elem(fd, &e.ifindex, &e.door)) {
			if (n < cap)
				out[n] = e;
			n++;
		}
		prev = &e.ifindex;
	}
	return n;
}

int pod_put(struct kernel *k, const struct ip16 *addr, const struct pod *p)
{
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.pods), addr, p, BPF_ANY) ? -errno : 0;
}

int pod_del(struct kernel *k, const struct ip16 *addr)
{
	if (bpf_map_delete_elem(bpf_map__fd(k->skel->maps.pods), addr) && errno != ENOENT)
		return -errno;
	return 0;
}

int pods_list(struct kernel *k, struct pod_entry *out, int cap)
{
	int fd = bpf_map__fd(k->skel->maps.pods), n = 0;
	struct ip16 *prev = NULL;
	struct pod_entry e = { 0 };

	while (n < MAX_PODS && !bpf_map_get_next_key(fd, prev, &e.addr)) {
		if (!bpf_map_lookup_elem(fd, &e.addr, &e.pod)) {
			if (n < cap)
				out[n] = e;
			n++;
		}
		prev = &e.addr;
	}
	return n;
}

int proxy_put(struct kernel *k, const struct proxy_at *at)
{
	int fd = bpf_map__fd(k->skel->maps.proxy_at);
	uint32_t zero = 0;

	return bpf_map_update_elem(fd, &zero, at, BPF_ANY) ? -errno : 0;
}

int kernel_cleanup(const char *pins)
{
	uint32_t ifindex = 0, *prev = NULL;
	char path[512];
	int fd, err, worst = 0, n = 0;

	libbpf_set_print(NULL); /* what is not there any more is no news */
	err = pins_path(path, sizeof(path), pins, "doors");
	if (err)
		return err;
	fd = bpf_obj_get(path);
	while (fd >= 0 && n++ < MAX_DOORS && !bpf_map_get_next_key(fd, prev, &ifindex)) {
		err = filter_detach(ifindex, BPF_TC_INGRESS);
		worst = err ? err : worst;
		err = filter_detach(ifindex, BPF_TC_EGRESS);
		worst = err ? err : worst;
		prev = &ifindex;
	}
	if (fd >= 0)
		close(fd);
	pins_remove(pins);
	return worst;
}
