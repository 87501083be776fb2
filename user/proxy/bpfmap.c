// SPDX-License-Identifier: Apache-2.0
#include "proxy/bpfmap.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

int bpfmap_info(int fd, struct bpfmap_info *out)
{
	struct bpf_map_info info;
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	err = call(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (!err)
		*out = (struct bpfmap_info){ info.type, info.key_size, info.value_size,
					     info.max_entries };
	return err;
}

int bpfmap_lookup(int fd, const void *key, void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uint64_t)(uintptr_t)key;
	attr.value = (uint64_t)(uintptr_t)value;
	return call(BPF_MAP_LOOKUP_ELEM, &attr);
}

int bpfmap_next(int fd, const void *key, void *next)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uint64_t)(uintptr_t)key;
	attr.next_key = (uint64_t)(uintptr_t)next;
	return call(BPF_MAP_GET_NEXT_KEY, &attr);
}

unsigned int bpfmap_cpus(void)
{
	/* the kernel fills one value a possible CPU: "0-3" */
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	unsigned int lo = 0, hi = 0, cpus = 0;

	while (f && fscanf(f, "%u", &lo) == 1) {
		hi = lo;
		if (fscanf(f, "-%u", &hi) < 0)
			hi = lo;
		cpus = hi + 1;
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
	if (!cpus) {
		long n = sysconf(_SC_NPROCESSORS_CONF);

		cpus = n > 0 ? (unsigned int)n : 1;
	}
	return cpus;
}
