/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation.h - one image in force, with what is derived from it once: compiled regular
 * expressions, and rosters that tie its clusters to the live fleets. Shared by all workers,
 * counted; the last put unmaps the image.
 */
#ifndef WEFT_PROXY_GENERATION_H
#define WEFT_PROXY_GENERATION_H

#include "image/reader.h"
#include "proxy/fleet.h"

struct roster_member {
	uint32_t endpoint, weight; /* index into the image */
	struct member *member;
};

/* A cluster of this image and its fleet. */
struct roster {
	const struct image_cluster *cluster;
	struct fleet *fleet;
	uint32_t count;		       /* members */
	struct roster_member *members; /* in the order of cluster->members */
	uint32_t *slots;	       /* slot of the cluster to index into members */
};

struct generation {
	const struct image_header *im;
	uint64_t number;
	_Atomic uint32_t refs;
	size_t mapped; /* bytes to unmap; 0: the image is borrowed */
	struct fleets *fleets;
	void **regexes; /* pcre2_code, one for each image_regex */
	_Atomic(struct roster *) *rosters;
};

/*
 * Maps and checks a sealed memfd. 0, or -errno with *why a text; the caller keeps fd.
 * generation_of borrows memory instead (tests).
 */
int generation_load(int fd, struct fleets *fleets, struct generation **out, const char **why);
int generation_of(const void *image, size_t size, struct fleets *fleets, struct generation **out,
		  const char **why);
void generation_put(struct generation *g);

/* NULL: no memory. Valid as long as the generation. */
struct roster *generation_roster(struct generation *g, uint32_t cluster);

static inline const struct image_workload *generation_workload(const struct generation *g,
							       uint32_t workload)
{
	return workload == IMAGE_NONE ? NULL : image_workloads(g->im) + workload;
}

#endif
