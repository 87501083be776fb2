// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "base/log.h"
#include "kernel/doors.h"
#include "kernel/kernel.h"
#include "weft/limits.h"
#include "weft/reasons.h"
#include "weft.skel.h"

#define LINK_PIN "sockops_link"

static char why[512];

const char *kernel_why(void)
{
	return why;
}

int kernel_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err;
}

/* Of libbpf's chatter only the first warning is kept: it names the cause. */
static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	size_t n;

	if (level != LIBBPF_WARN || why[0])
		return 0;
	vsnprintf(why, sizeof(why), fmt, ap);
	n = strlen(why);
	if (n && why[n - 1] == '\n')
		why[n - 1] = 0;
	return 0;
}

/* BPF_F_IPV6 is newer than bpf_l4_csum_replace: without it a checksum verified by the NIC is
 * spoiled for IPv6, with it an old kernel refuses the call. Its name in the kernel's BTF tells. */
static bool kernel_has_csum_ipv6(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_enum *e;
	const struct btf_type *t;
	bool found = false;
	uint32_t i, j, n;

	if (!btf)
		return false;
	n = btf__type_cnt(btf);
	for (i = 1; i < n && !found; i++) {
		t = btf__type_by_id(btf, i);
		if (!btf_is_enum(t))
			continue;
		e = btf_enum(t);
		for (j = 0; j < btf_vlen(t) && !found; j++)
			found = !strcmp(btf__name_by_offset(btf, e[j].name_off), "BPF_F_IPV6");
	}
	btf__free(btf);
	return found;
}

/* WEFT_ABI of the maps pinned in dir; 0: none, or not readable. */
static uint32_t pinned_abi(const char *dir)
{
	struct tables_meta meta = { 0 };
	char path[512];
	uint32_t zero = 0;
	int fd;

	if (pins_path(path, sizeof(path), dir, "meta"))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_map_lookup_elem(fd, &zero, &meta))
		meta.abi = 0;
	close(fd);
	return meta.abi;
}

/* libbpf reuses a map found at its pin path when its definition is the same, else it fails. */
static int set_pin_paths(struct kernel *k)
{
	struct bpf_map *m;
	char path[512];
	int err;

	bpf_object__for_each_map(m, k->skel->obj)
	{
		/* .rodata and .bss belong to the programs of one load */
		if (bpf_map__name(m)[0] == '.' || strchr(bpf_map__name(m), '.'))
			continue;
		err = pins_path(path, sizeof(path), k->pins, bpf_map__name(m));
		if (!err)
			err = bpf_map__set_pin_path(m, path);
		if (err)
			return err;
	}
	return 0;
}

static void take_table(struct table *t, const struct bpf_map *m)
{
	t->fd = bpf_map__fd(m);
	t->count = bpf_map__max_entries(m);
	t->stride = (bpf_map__value_size(m) + 7) & ~7u;
}

static void drop_table(struct table *t)
{
	if (t->at)
		munmap(t->at, (size_t)t->stride * t->mapped);
	t->at = NULL;
}

/* At least n elements, in powers of two; such a mapping cannot be extended, so it moves. */
static int reach(struct table *t, uint32_t n)
{
	uint32_t want = 512;
	void *at;

	if (n <= t->mapped && t->at)
		return 0;
	while (want < n)
		want *= 2;
	if (want > t->count)
		want = t->count;
	at = mmap(NULL, (size_t)t->stride * want, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	if (at == MAP_FAILED)
		return kernel_fail(-errno, "cannot map a table of %u elements", want);
	drop_table(t);
	t->at = at;
	t->mapped = want;
	return 0;
}

int tables_reach(struct kernel *k)
{
	struct tables_meta *meta = table_at(&k->meta, 0);
	int err;

	meta->nr_clusters = k->nr_clusters;
	meta->nr_endpoints = k->nr_endpoints;
	meta->nr_slots = k->nr_slots;
	err = reach(&k->clusters, k->nr_clusters);
	if (!err)
		err = reach(&k->cluster_state, k->nr_clusters);
	if (!err)
		err = reach(&k->cluster_census, k->nr_clusters);
	if (!err)
		err = reach(&k->endpoints, k->nr_endpoints);
	if (!err)
		err = reach(&k->endpoint_state, k->nr_endpoints);
	if (!err)
		err = reach(&k->endpoint_census, k->nr_endpoints);
	if (!err)
		err = reach(&k->slots, k->nr_slots);
	return err ? err : reach(&k->entries_made, 1);
}

static void read_meta(struct kernel *k)
{
	struct tables_meta *meta = table_at(&k->meta, 0);

	k->reused = meta->abi == WEFT_ABI;
	meta->abi = WEFT_ABI;
	k->round = meta->round;
	k->nr_clusters = meta->nr_clusters;
	k->nr_endpoints = meta->nr_endpoints;
	k->nr_slots = meta->nr_slots;
}

static int take_tables(struct kernel *k)
{
	int err;

	take_table(&k->clusters, k->skel->maps.clusters);
	take_table(&k->cluster_state, k->skel->maps.cluster_state);
	take_table(&k->cluster_census, k->skel->maps.cluster_census);
	take_table(&k->endpoints, k->skel->maps.endpoints);
	take_table(&k->endpoint_state, k->skel->maps.endpoint_state);
	take_table(&k->endpoint_census, k->skel->maps.endpoint_census);
	take_table(&k->slots, k->skel->maps.slots);
	take_table(&k->entries_made, k->skel->maps.entries_made);
	take_table(&k->meta, k->skel->maps.meta);
	err = reach(&k->meta, 1);
	if (err)
		return err;
	read_meta(k);
	return tables_reach(k);
}

static int program_id(int fd, uint32_t *id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*id = info.id;
	return 0;
}

/* Replaces what an earlier weftd has pinned under this name. */
static int pin_program(const struct kernel *k, const struct bpf_program *p)
{
	char path[512], next[520];
	int err = pins_path(path, sizeof(path), k->pins, bpf_program__name(p));

	if (err)
		return err;
	snprintf(next, sizeof(next), "%s-new", path);
	unlink(next);
	if (bpf_obj_pin(bpf_program__fd(p), next) || rename(next, path))
		return kernel_fail(-errno, "cannot pin the program at '%s'", path);
	return 0;
}

static int pin_programs(const struct kernel *k)
{
	struct bpf_program *p;
	int err;

	bpf_object__for_each_program(p, k->skel->obj)
	{
		err = pin_program(k, p);
		if (err)
			return err;
	}
	return 0;
}

/* Puts our program into the pinned link of an earlier weftd: no moment without one. */
static int update_link(struct kernel *k, const char *path)
{
	struct bpf_link *link = bpf_link__open(path);
	int err;

	if (!link)
		return -errno;
	err = bpf_link__update_program(link, k->skel->progs.socket_life);
	if (err) {
		bpf_link__destroy(link);
		unlink(path);
		return err;
	}
	k->sockops = link;
	return 0;
}

static int attach_sockops(struct kernel *k)
{
	char path[512] = "";
	int fd, err = 0;

	if (k->pins[0] && !pins_path(path, sizeof(path), k->pins, LINK_PIN) &&
	    !update_link(k, path))
		return 0;
	fd = open(k->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return kernel_fail(-errno, "cannot open the cgroup '%s'", k->cgroup);
	k->sockops = bpf_program__attach_cgroup(k->skel->progs.socket_life, fd);
	if (!k->sockops)
		err = kernel_fail(-errno, "cannot attach sockops to '%s'", k->cgroup);
	close(fd);
	if (!err && path[0]) {
		err = bpf_link__pin(k->sockops, path);
		if (err)
			kernel_fail(err, "cannot pin the sockops link at '%s'", path);
	}
	return err;
}

static int find_cgroup(struct kernel *k, const char *wanted)
{
	int err;

	if (wanted) {
		snprintf(k->cgroup, sizeof(k->cgroup), "%s", wanted);
		return 0;
	}
	err = cgroup_root(k->cgroup, sizeof(k->cgroup));
	return err ? kernel_fail(err, "no cgroup v2 in /proc/self/mounts") : 0;
}

static int open_skeleton(struct kernel *k, const struct kernel_options *o)
{
	k->skel = weft_bpf__open();
	if (!k->skel)
		return -errno;
	k->skel->rodata->cfg_csum_ipv6 = kernel_has_csum_ipv6();
	k->skel->rodata->cfg_local_cc = !o->keep_cc;
	if (o->conn_keys)
		bpf_map__set_max_entries(k->skel->maps.conns, o->conn_keys);
	if (!o->pins)
		return 0;
	snprintf(k->pins, sizeof(k->pins), "%s", o->pins);
	return set_pin_paths(k);
}

/* Loads once; when pinned maps have another layout or size they are replaced and it loads anew. */
static int load_skeleton(struct kernel *k, const struct kernel_options *o)
{
	int err = open_skeleton(k, o);

	if (!err)
		err = weft_bpf__load(k->skel);
	if (!err || !k->pins[0] || (err != -EINVAL && err != -EEXIST))
		return err;
	log_warn("kernel", "pinned maps in '%s' do not fit this version and are replaced", o->pins);
	weft_bpf__destroy(k->skel);
	k->skel = NULL;
	pins_remove(o->pins);
	why[0] = 0;
	err = pins_prepare(o->pins);
	if (!err)
		err = open_skeleton(k, o);
	return err ? err : weft_bpf__load(k->skel);
}

static int start(struct kernel *k, const struct kernel_options *o)
{
	uint32_t abi;
	int err;

	if (o->pins) {
		err = pins_prepare(o->pins);
		if (err)
			return err;
		abi = pinned_abi(o->pins);
		if (abi && abi != WEFT_ABI) {
			log_warn("kernel", "pinned maps have ABI %u, not %u: replaced", abi,
				 WEFT_ABI);
			pins_remove(o->pins);
			pins_prepare(o->pins);
		}
	}
	err = find_cgroup(k, o->cgroup);
	if (!err)
		err = load_skeleton(k, o);
	if (!err)
		err = take_tables(k);
	if (!err && k->pins[0])
		err = pin_programs(k);
	if (!err && k->cgroup[0])
		err = attach_sockops(k);
	if (err)
		return err;
	k->door_in_fd = bpf_program__fd(k->skel->progs.door_in);
	k->door_out_fd = bpf_program__fd(k->skel->progs.door_out);
	k->drift = calloc(k->clusters.count, sizeof(*k->drift));
	if (!k->drift)
		return -ENOMEM;
	err = program_id(k->door_in_fd, &k->door_in_id);
	if (!err)
		err = program_id(k->door_out_fd, &k->door_out_id);
	return err ? err : shadow_open(k);
}

int kernel_open(const struct kernel_options *o, struct kernel **out)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	why[0] = 0;
	/* for good: attaching to a device that has a clsact qdisc already would be noisy, too */
	libbpf_set_print(keep_warning);
	err = start(k, o);
	if (err) {
		kernel_close(k);
		if (!why[0])
			kernel_fail(err, "%s", strerror(-err));
		return err;
	}
	*out = k;
	return 0;
}

struct kernel *kernel_close(struct kernel *k)
{
	if (!k)
		return NULL;
	shadow_close(k);
	drop_table(&k->clusters);
	drop_table(&k->cluster_state);
	drop_table(&k->endpoints);
	drop_table(&k->endpoint_state);
	drop_table(&k->slots);
	drop_table(&k->cluster_census);
	drop_table(&k->endpoint_census);
	drop_table(&k->entries_made);
	drop_table(&k->meta);
	if (k->sockops) {
		/* a pinned link stays attached when its descriptor is closed */
		bpf_link__destroy(k->sockops);
	}
	if (k->skel)
		weft_bpf__destroy(k->skel);
	free(k->drift);
	free(k);
	return NULL;
}

bool kernel_reused(const struct kernel *k)
{
	return k->reused;
}

const char *kernel_cgroup(const struct kernel *k)
{
	return k->cgroup;
}

/* A second descriptor of a map that cannot write. */
static int read_only_fd(const struct bpf_map *m)
{
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts, .open_flags = BPF_F_RDONLY);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd;

	if (bpf_obj_get_info_by_fd(bpf_map__fd(m), &info, &len))
		return -errno;
	fd = bpf_map_get_fd_by_id_opts(info.id, &opts);
	return fd < 0 ? -errno : fd;
}

int kernel_shared_fds(struct kernel *k, int fds[NR_SHARED])
{
	const struct bpf_map *maps[NR_SHARED] = {
		[SHARED_CONNS] = k->skel->maps.conns,
		[SHARED_REASONS] = k->skel->maps.reasons,
		[SHARED_FLOW_STATS] = k->skel->maps.flow_stats,
		[SHARED_CLUSTER_STATE] = k->skel->maps.cluster_state,
		[SHARED_CLUSTERS] = k->skel->maps.clusters,
	};
	int i, fd;

	for (i = 0; i < NR_SHARED; i++) {
		fd = read_only_fd(maps[i]);
		if (fd < 0) {
			while (i--)
				close(fds[i]);
			return fd;
		}
		fds[i] = fd;
	}
	return 0;
}
