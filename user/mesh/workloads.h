/* SPDX-License-Identifier: Apache-2.0 */
/* workloads.h - the pods: addresses, readiness, enrolment, and finding them by label or address. */
#ifndef WEFT_MESH_WORKLOADS_H
#define WEFT_MESH_WORKLOADS_H

#include "mesh/model.h"

/* Fills c->workloads from Pod objects that are sorted by namespace and name. */
void workloads_build(struct compile *c, const struct object *const *pods, size_t n);

/* Does every pair of want stand in have? */
bool labels_match(const struct pairs *want, const struct pairs *have);
struct str label_get(const struct pairs *labels, struct str key); /* p NULL: absent */

/*
 * Pods by label and by address: a hash table of chains. A hit is only a candidate (two keys may
 * share a hash): the caller compares.
 */
struct pod_index;
struct pod_index *pod_index_new(struct compile *c);

/* Pods of ns whose labels hold all of selector (1 pair or more), in order; out holds *n. */
struct workload **pods_selected(struct compile *c, const struct pod_index *ix, struct str ns,
				const struct pairs *selector, size_t *n);
const struct workload *pod_at(const struct compile *c, const struct pod_index *ix,
			      const struct ip16 *ip);
const struct workload *pod_named(const struct compile *c, const struct pod_index *ix, struct str ns,
				 struct str name);

/* mesh-api 17: may the mesh catch this pod's traffic, and why (not)? */
bool workload_enrolled(const struct compile *c, const struct workload *w, struct str *why);

#endif
