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

const struct image_vhost *route_vhost(const struct generation *g, const struct image_pod *client,
				      const struct image_listener *l, struct str authority,
				      struct str ns)
{
	/* not l->table: a listener that all views share may serve a client whose view routes the
	 * host that it names differently */
	const struct image_table *table =
		image_find_table(g->im, client ? client->view : 0, l->port);
	const struct image_vhost *dialled =
		l->vhost == IMAGE_NONE ? NULL : image_vhosts(g->im) + l->vhost;
	char buf[IMAGE_HOST_MAX];
	struct str host;

	if (!authority.n)
		return dialled;
	if (image_host(authority, ns, buf, &host))
		return NULL;
	return table ? image_find_vhost(g->im, table, host) : NULL;
}
