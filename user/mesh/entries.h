/* SPDX-License-Identifier: Apache-2.0 */
/* entries.h - ServiceEntry as services: several of one host are combined, also with a Service. */
#ifndef WEFT_MESH_ENTRIES_H
#define WEFT_MESH_ENTRIES_H

#include "mesh/model.h"
#include "mesh/workloads.h"

void entries_build(struct compile *c, const struct pod_index *pods,
		   const struct object *const *entries, size_t n);

/* registry.c: sorts by address and drops doubles; adds a pod's addresses */
void port_set_members(struct mesh_port *p, struct vec *members);
void member_add(struct compile *c, struct vec *v, const struct workload *w, uint32_t port);

#endif
