/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - what happens to connections of a view to a service port: balanced in the kernel, sent
 * to the proxy because a rule needs it, or let pass. Every destination that no rule touches stays
 * in the kernel.
 */
#ifndef WEFT_MESH_DECIDE_H
#define WEFT_MESH_DECIDE_H

#include "mesh/model.h"

struct place {
	const struct view *view;
	const struct mesh_service *service;
	const struct mesh_port *port;
	const struct subnet *dst;
	const struct mesh_vhost *vhost; /* of decide_vhost */
	struct str why;			/* of decide_vhost: the rule that made it; p NULL: none */
};

/* The virtual host of the port, once for all addresses of the service; NULL: it is not HTTP here.
 */
void decide_vhost(struct compile *c, struct place *p);
void decide(struct compile *c, const struct place *p, struct decision *out);
bool decision_equal(const struct decision *a, const struct decision *b);

#endif
