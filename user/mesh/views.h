/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.h - classes of clients. A pod's view is made of what rules ask about clients: its namespace
 * if some rule tells namespaces apart, the sourceLabels that hold, the sourceSubnets it is in. A
 * pod about which no rule asks is in view 0. The number is a hash of these facts: stable over
 * compiles.
 */
#ifndef WEFT_MESH_VIEWS_H
#define WEFT_MESH_VIEWS_H

#include "mesh/model.h"

/* Fills c->views ([0] is view 0) with the views of this node's pods and sets workload.view of all
 * pods. After registry, rules and policies. */
void views_build(struct compile *c);

bool view_has_labels(const struct view *v, const struct pairs *source_labels);
bool view_in_subnets(const struct view *v, struct strs subnets);

#endif
