/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.h - the meaning of the resources: valid objects in, plan out. A pure function: same
 * objects in, same bytes out. Never fails: an object that cannot take effect ends as a problem
 * (warning) of the plan, and what it would have governed keeps the default behaviour or is refused,
 * never opened.
 */
#ifndef WEFT_MESH_COMPILE_H
#define WEFT_MESH_COMPILE_H

#include "config/load.h"
#include "weft/plan.h"

struct compile_options {
	const char *node;	    /* whose pods are local; NULL: all */
	const char *cluster_domain; /* "cluster.local" */
	uint32_t access_log;	    /* image_header.access_log */
};

struct note {
	const struct object *object;
	struct problem problem; /* always a warning: "two VirtualServices claim …" */
};

struct compiled {
	struct plan plan;
	LIST_OF(struct note) notes;
};

/* Everything in the result lives in a and borrows from objects. */
struct compiled *mesh_compile(struct arena *a, const struct objects *objects,
			      const struct compile_options *opt);

#endif
