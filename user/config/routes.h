/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h - what validate_vs.c and validate_route.c share. */
#ifndef WEFT_CONFIG_ROUTES_H
#define WEFT_CONFIG_ROUTES_H

#include "config/rules.h"

bool vs_mesh_only(const struct virtual_service *vs);
void check_destination(struct check *c, struct str path, const struct destination *d);
void check_weights(struct check *c, struct str path, const struct route_destination *routes,
		   size_t n);
void check_gateway_names(struct check *c, struct str path, const struct strs *names);
void check_http_route(struct check *c, const struct virtual_service *vs, struct str path,
		      const struct http_route *r);
/* Warns of routes and matches that an earlier one leaves nothing to. */
void check_reachable(struct check *c, const struct virtual_service *vs);

#endif
