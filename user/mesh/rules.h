/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - VirtualServices by the hosts they claim, and which of them a view follows. */
#ifndef WEFT_MESH_RULES_H
#define WEFT_MESH_RULES_H

#include "mesh/model.h"

struct rule {
	const struct object *object;
	const struct virtual_service *vs;
	struct scope scope;
	bool mesh;	/* applies to pods, not only to gateways */
	bool by_source; /* some match asks who the client is */
	struct str *hosts;
};

struct rules {
	struct rule *items; /* oldest first */
	size_t n;
	struct map host_to_rules; /* struct vec * of struct rule *, mesh ones only */
};

void rules_build(struct compile *c, const struct object *const *services, size_t n);

/* The mesh rules that cover host and that the view sees, the one to follow first. */
struct rule_list {
	const struct rule **items;
	size_t n;
};
struct rule_list rules_for(struct compile *c, const struct view *view, struct str host);
/* All that cover host, whoever sees them. */
struct rule_list rules_covering(struct compile *c, struct str host);
bool rules_sensitive(struct compile *c, struct str host);

/* Does a match's gateways list (or the spec's, when it is empty) name the sidecars? */
bool gateways_name_mesh(struct strs gateways);

#endif
