// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "kernel/kernel.h"
#include "kernel/tcx.h"

/* Newer than the headers of Debian 12. */
enum { ATTACH_TCX_INGRESS = 46, ATTACH_TCX_EGRESS = 47, LINK_TYPE_TCX = 11 };

/* The head of struct bpf_link_info with its member for tcx. */
struct tcx_link_info {
	uint32_t type, id, prog_id, pad;
	uint32_t ifindex; /* 0: the device has gone */
	uint32_t attach_type;
	uint64_t rest[8];
};

static int link_path(char *out, size_t cap, const char *pins, uint32_t ifindex, enum tcx_side side)
{
	char name[48];

	snprintf(name, sizeof(name), "door-%u-%s", ifindex, side == TCX_IN ? "in" : "out");
	return pins_path(out, cap, pins, name);
}

static int link_info(int fd, struct tcx_link_info *info)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &len) ? -errno : 0;
}

/* The pinned link when it still is on this device, else -ENOENT (and the pin is removed). */
static int link_open(const char *path, uint32_t ifindex)
{
	struct tcx_link_info info;
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -ENOENT;
	if (!link_info(fd, &info) && info.ifindex == ifindex)
		return fd;
	close(fd);
	unlink(path);
	return -ENOENT;
}

static int link_create(const char *path, uint32_t ifindex, enum tcx_side side, int prog_fd)
{
	union bpf_attr attr;
	int fd, err = 0;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)prog_fd;
	attr.link_create.target_fd = ifindex; /* a union with target_ifindex */
	attr.link_create.attach_type = side == TCX_IN ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (bpf_obj_pin(fd, path))
		err = -errno;
	close(fd);
	return err;
}

int tcx_attach(const char *pins, uint32_t ifindex, enum tcx_side side, int prog_fd)
{
	char path[512];
	int fd, err = link_path(path, sizeof(path), pins, ifindex, side);

	if (err)
		return err;
	fd = link_open(path, ifindex);
	if (fd < 0)
		return link_create(path, ifindex, side, prog_fd);
	err = bpf_link_update(fd, prog_fd, NULL) ? -errno : 0;
	close(fd);
	return err;
}

int tcx_detach(const char *pins, uint32_t ifindex, enum tcx_side side)
{
	char path[512];
	int err = link_path(path, sizeof(path), pins, ifindex, side), fd;

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	/* at once, not when the last descriptor is closed; a link without a device has no program
	 */
	bpf_link_detach(fd);
	close(fd);
	return unlink(path) ? -errno : 0;
}

int tcx_check(const char *pins, uint32_t ifindex, enum tcx_side side, uint32_t prog_id)
{
	struct tcx_link_info info;
	char path[512];
	int err = link_path(path, sizeof(path), pins, ifindex, side), fd;

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	err = link_info(fd, &info);
	close(fd);
	if (err)
		return err;
	return info.type == LINK_TYPE_TCX && info.ifindex == ifindex && info.prog_id == prog_id
		       ? 0
		       : -ENOENT;
}
