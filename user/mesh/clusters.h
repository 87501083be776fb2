/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clusters.h - one cluster per (service port, subset) and deciding DestinationRule, made when
 * something first refers to it. Numbers are indexes into c->clusters.
 */
#ifndef WEFT_MESH_CLUSTERS_H
#define WEFT_MESH_CLUSTERS_H

#include "mesh/model.h"

struct cluster_wish {
	const struct view *view;
	const struct mesh_service *service;
	const struct mesh_port *port;
	struct str subset; /* "": the whole service */
	int family;	   /* 0 IPv4, 1 IPv6: the kernel translates within one family only */
	bool dialled;	   /* reached at its own address: a headless service passes through */
};

/* PLAN_NO_INDEX: the subset is not defined for this view. */
uint32_t cluster_get(struct compile *c, const struct cluster_wish *wish);

/* "outbound|9080|v1|reviews.default.svc.cluster.local" */
struct str cluster_name(struct arena *a, uint32_t port, struct str subset, struct str host);

/* Numbers all members and puts plan.endpoints and plan.clusters in the out arena. */
void clusters_finish(struct compile *c, struct plan *plan);

#endif
