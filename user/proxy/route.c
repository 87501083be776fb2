// SPDX-License-Identifier: Apache-2.0
#include "proxy/route.h"

static bool route_matches(const struct generation *g, const struct image_route *route,
			  const struct match_request *r, struct match_scratch *s)
{
	const struct image_matcher *m = image_matchers(g->im) + route->matchers.first;

	for (uint32_t i = 0; i < route->matchers.count; i++)
		if (!match(g, &m[i], r, s))
			return false;
	return true;
}

const struct image_route *route_find(const struct generation *g, const struct image_vhost *vhost,
				     const struct match_request *r, struct match_scratch *s)
{
	const struct image_route *routes = image_routes(g->im) + vhost->routes.first;

	for (uint32_t i = 0; i < vhost->routes.count; i++)
		if (route_matches(g, &routes[i], r, s))
			return &routes[i];
	return NULL;
}

const struct image_target *route_target(const struct generation *g, struct image_range targets,
					uint32_t random)
{
	const struct image_target *t = image_targets(g->im) + targets.first;
	uint64_t sum = 0, at;

	if (targets.count <= 1)
		return targets.count ? t : NULL;
	for (uint32_t i = 0; i < targets.count; i++)
		sum += t[i].weight;
	at = ((uint64_t)random * sum) >> 32;
	for (uint32_t i = 0; i < targets.count; i++) {
		if (at < t[i].weight)
			return &t[i];
		at -= t[i].weight;
	}
	return NULL; /* all weights are 0 */
}

const struct image_vhost *route_vhost(const struct generation *g, const struct image_listener *l,
				      const struct image_pod *pod, struct str authority)
{
	const struct image_workload *client = pod ? generation_workload(g, pod->workload) : NULL;
	/* a listener of view 0 may serve a client whose own view routes other hosts differently */
	const struct image_table *t = image_find_table(g->im, pod ? pod->view : 0, l->port);
	char buf[IMAGE_HOST_MAX];
	struct str host, ns = { 0 };

	if (!authority.n)
		return l->vhost == IMAGE_NONE ? NULL : image_vhosts(g->im) + l->vhost;
	if (client)
		ns = image_str(g->im, client->ns);
	if (image_host(authority, ns, buf, &host))
		return NULL;
	return image_find_vhost(g->im, t ? t : image_tables(g->im) + l->table, host);
}
