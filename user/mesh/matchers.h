/* SPDX-License-Identifier: Apache-2.0 */
/* matchers.h - one match block of an http route: what holds already, and what a request must show.
 */
#ifndef WEFT_MESH_MATCHERS_H
#define WEFT_MESH_MATCHERS_H

#include "mesh/model.h"

/* Can this block match at all, for this client on this port? */
bool match_applies(const struct http_match *m, const struct view *view, uint32_t port);

/* Its conditions about the request; none: it always matches. */
struct mesh_matcher *match_conditions(struct arena *a, const struct http_match *m, uint32_t *n);

#endif
