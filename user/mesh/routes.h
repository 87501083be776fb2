/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.h - VirtualService routes as a view and a service port see them (mesh-api 2.2, 2.3, 2.10).
 * Conditions about the client, the port and gateways are decided here; what depends on the request
 * becomes matchers.
 */
#ifndef WEFT_MESH_ROUTES_H
#define WEFT_MESH_ROUTES_H

#include "mesh/model.h"
#include "mesh/rules.h"

struct route_place {
	const struct view *view;
	uint32_t port;			    /* of the listener */
	const struct mesh_service *service; /* NULL: a host that no service has */
	const struct subnet *dst;	    /* tcp: what was dialled */
	int family;
};

/* The http routes of the first rule that has any for this place; NULL: none. *by: that rule. */
struct mesh_vhost *routes_http(struct compile *c, const struct route_place *at, struct str host,
			       const struct rule **by);

/* The targets of the first tcp route that matches; n 0: none. */
struct mesh_targets routes_tcp(struct compile *c, const struct route_place *at, struct str host,
			       const struct rule **by);

/* One target with the whole of a service port. */
struct mesh_targets target_default(struct compile *c, const struct route_place *at,
				   const struct mesh_port *port);
/* The virtual host of a service without rules: one route named "default". */
struct mesh_vhost *routes_default(struct compile *c, const struct route_place *at,
				  const struct mesh_port *port);
struct mesh_vhost *routes_passthrough(struct compile *c);

bool vhost_equal(const struct mesh_vhost *a, const struct mesh_vhost *b);
bool targets_equal(const struct mesh_targets *a, const struct mesh_targets *b);

#endif
