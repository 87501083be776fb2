/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - what the files of this layer share. Not for other layers. */
#ifndef WEFT_KERNEL_KERNEL_H
#define WEFT_KERNEL_KERNEL_H

#include <stddef.h>
#include "kernel/load.h"

struct weft_bpf;
struct bpf_link;
struct shadow;

/*
 * An array map in our memory (BPF_F_MMAPABLE), as far as it is in use: the kernel fills in every
 * page at once, and unused megabytes would count as ours.
 */
struct table {
	void *at;
	uint32_t stride, count; /* bytes an element, elements of the map */
	uint32_t mapped;	/* elements from the first on that `at` reaches */
	int fd;
};

/* What a reconcile saw of a cluster, for the next one. */
struct drift_memory {
	int64_t difference, open;
	uint64_t opened;
};

struct kernel {
	struct weft_bpf *skel;
	struct bpf_link *sockops;
	char pins[256];	  /* "": nothing is pinned */
	char cgroup[256]; /* "": no sockops */
	bool reused;
	int door_in_fd, door_out_fd;
	uint32_t door_in_id, door_out_id;
	struct table clusters, cluster_state, endpoints, endpoint_state, slots;
	struct table cluster_census, endpoint_census, entries_made, meta;
	struct shadow *shadow;	    /* fill.c: what is in force, and the numbers */
	struct drift_memory *drift; /* sweep.c: of each cluster, from the last reconcile */
	uint32_t round;		    /* of the census */
	int idle_sweeps;	    /* sweep.c: in a row that left the table empty */
	uint64_t made_seen;	    /* entries_made then */
	/* elements in use lie below; also kept in the map meta for the next weftd */
	uint32_t nr_clusters, nr_endpoints, nr_slots;
};

static inline void *table_at(const struct table *t, uint32_t i)
{
	return (char *)t->at + (size_t)i * t->stride;
}

/* Notes what kernel_why() says; returns err. */
int kernel_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Call it after a high mark (nr_clusters, ...) has grown and before the new elements are written:
 * tells the next weftd, whenever this one dies, and maps what the marks say. A table moves when it
 * grows: pointers from table_at hold until then.
 */
int tables_reach(struct kernel *k);

/* shadow.c */
int shadow_open(struct kernel *k);
void shadow_close(struct kernel *k);
/* The numbers whose last reference the census of `round` did not see may be given out again. */
void shadow_release(struct kernel *k, uint32_t round);

/* sweep.c: as kernel_sweep, at a time of the caller's (tests cannot wait for hours) */
struct sweep_stats;
int sweep_at(struct kernel *k, uint64_t now_ns, struct sweep_stats *stats);

/* pins.c */
int pins_prepare(const char *dir); /* mounts bpffs at its mount point when needed, makes dir */
void pins_remove(const char *dir); /* every file in it, and dir itself */
int pins_path(char *out, size_t cap, const char *dir, const char *name);

int cgroup_root(char *out, size_t cap); /* where v2 is mounted */

#endif
