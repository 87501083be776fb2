/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - what exists: services by host with their ports, addresses and members, made from
 * Service, Pod, Endpoints, EndpointSlice and ServiceEntry. Fills c->services (sorted by host),
 * c->host_to_svc, c->workloads and c->namespaces.
 */
#ifndef WEFT_MESH_REGISTRY_H
#define WEFT_MESH_REGISTRY_H

#include "mesh/model.h"

/* The valid objects by kind, each sorted by namespace and name; a later document of the same name
 * replaces an earlier one. */
struct by_kind {
	struct {
		const struct object **items;
		size_t n;
	} of[NR_KINDS];
};

void by_kind_build(struct compile *c, struct by_kind *out);
void registry_build(struct compile *c, const struct by_kind *objects);

struct mesh_port *service_port_at(const struct mesh_service *s, uint32_t port);

/* 0: IPv4, 1: IPv6: of the first address; a service without one takes its first member's */
int service_family(const struct mesh_service *s);
/* Has it addresses of that family (original_dst, no address: of both)? */
bool service_has_family(const struct mesh_service *s, int family);

/* oldest first: creationTimestamp, name, namespace; without timestamps document order */
int object_age_cmp(const struct object *a, const struct object *b);

#endif
