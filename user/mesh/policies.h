/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies.h - DestinationRules: which one a client's view selects for a service (mesh-api 3.2),
 * and what its blocks amount to for a port and subset (3.1).
 */
#ifndef WEFT_MESH_POLICIES_H
#define WEFT_MESH_POLICIES_H

#include "mesh/model.h"

void policies_build(struct compile *c, const struct object *const *rules, size_t n);

/* NULL: none applies */
const struct rule_group *policy_select(const struct compile *c, const struct view *view,
				       const struct mesh_service *s);
/* Could two views select differently? */
bool policy_sensitive(const struct compile *c, const struct mesh_service *s);
/* Names the namespaces that policies tell apart. */
void policy_namespaces(const struct compile *c, struct map *names);

const struct subset *policy_subset(const struct rule_group *g, struct str name);
struct effective policy_effective(const struct rule_group *g, const struct subset *s,
				  uint32_t port);

/* What the proxy is needed for; NULL: nothing. http: the port is HTTP. */
const char *policy_needs_proxy(const struct effective *e, bool http);

#endif
