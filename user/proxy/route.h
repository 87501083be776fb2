/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - which route of a virtual host, and which of its weighted targets, a request takes. */
#ifndef WEFT_PROXY_ROUTE_H
#define WEFT_PROXY_ROUTE_H

#include "proxy/match.h"

/* The first route all of whose matchers hold; NULL: none. */
const struct image_route *route_find(const struct generation *g, const struct image_vhost *vhost,
				     const struct match_request *r, struct match_scratch *s);

/* By weight, with 32 random bits; NULL: no target. */
const struct image_target *route_target(const struct generation *g, struct image_range targets,
					uint32_t random);

/*
 * The virtual host of a request: by its Host in the table that the client's view has for the
 * listener's port, of the dialled service when it names none (HTTP/1.0). pod: the client, NULL: not
 * of this node. NULL: none.
 */
const struct image_vhost *route_vhost(const struct generation *g, const struct image_listener *l,
				      const struct image_pod *pod, struct str authority);

#endif
