// SPDX-License-Identifier: Apache-2.0
/* pins.c - the directory on bpffs where programs and maps outlive weftd; and where cgroup v2 is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>
#include "kernel/kernel.h"

#define BPFFS_AT "/sys/fs/bpf"

int pins_path(char *out, size_t cap, const char *dir, const char *name)
{
	int n = snprintf(out, cap, "%s/%s", dir, name);

	return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

/* mkdir -p; the directories made are root's alone. */
static int make_dirs(const char *dir)
{
	char path[256];
	char *p;

	if (strlen(dir) >= sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s", dir);
	for (p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int pins_prepare(const char *dir)
{
	int err;

	if (!strncmp(dir, BPFFS_AT, strlen(BPFFS_AT)) && !is_bpffs(BPFFS_AT) &&
	    mount("bpf", BPFFS_AT, "bpf", 0, "mode=0700"))
		return kernel_fail(-errno, "cannot mount bpffs at " BPFFS_AT);
	err = make_dirs(dir);
	if (err)
		return kernel_fail(err, "cannot make the pin directory '%s'", dir);
	if (!is_bpffs(dir))
		return kernel_fail(-EINVAL, "'%s' is not on bpffs", dir);
	return 0;
}

void pins_remove(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || pins_path(path, sizeof(path), dir, e->d_name))
			continue;
		unlink(path);
	}
	closedir(d);
	rmdir(dir);
}

int cgroup_root(char *out, size_t cap)
{
	struct mntent *m;
	int err = -ENOENT;
	FILE *f = setmntent("/proc/self/mounts", "r");

	if (!f)
		return -errno;
	while ((m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0)
			continue;
		err = (size_t)snprintf(out, cap, "%s", m->mnt_dir) < cap ? 0 : -ENAMETOOLONG;
		break;
	}
	endmntent(f);
	return err;
}
