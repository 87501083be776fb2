// SPDX-License-Identifier: Apache-2.0
/* The plan in force, with what the kernel counts beside it. */
#include "agent/answers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "bpf/lib/addr.h"
#include "kernel/events.h"
#include "kernel/tables.h"

static const char *verdict_name(uint8_t verdict)
{
	static const char *const names[] = { "pass", "backend", "proxy", "refuse" };

	return verdict < 4 ? names[verdict] : "?";
}

static const char *lb_name(uint8_t lb)
{
	static const char *const names[] = { "ROUND_ROBIN", "RANDOM", "LEAST_REQUEST",
					     "SOURCE_HASH", "PASSTHROUGH" };

	return lb < 5 ? names[lb] : "?";
}

static json_t *splits_json(const struct plan *p, const struct plan_vip *vip)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < vip->nr_splits; i++) {
		const struct plan_split *s = &vip->splits[i];
		const char *name =
			s->cluster < p->nr_clusters ? p->clusters[s->cluster].name : NULL;

		json_array_append_new(list, json_pack("{s:o,s:i}", "cluster",
						      name ? json_text(str_of(name)) : json_null(),
						      "weight", (int)s->weight));
	}
	return list;
}

static json_t *vip_json(const struct plan *p, const struct plan_vip *vip)
{
	bool v4 = ip16_is_v4(&vip->addr);
	json_t *v = json_object();

	json_object_set_new(v, "host", json_text(str_of(vip->host)));
	json_object_set_new(v, "address", json_address(&vip->addr));
	json_object_set_new(v, "prefix", json_integer(v4 ? vip->prefix - 96 : vip->prefix));
	json_object_set_new(v, "port", json_integer(ntohs(vip->port)));
	json_object_set_new(v, "protocol", json_string(vip->proto == IPPROTO_UDP ? "UDP" : "TCP"));
	json_object_set_new(v, "view", json_integer(vip->view));
	json_object_set_new(v, "verdict", json_string(verdict_name(vip->verdict)));
	if (vip->verdict == VERDICT_REFUSE)
		json_object_set_new(v, "reason", json_string(reason_name(vip->reason)));
	json_object_set_new(v, "clusters", splits_json(p, vip));
	json_object_set_new(v, "why", json_text(str_of(vip->why)));
	return v;
}

json_t *answer_services(const struct question *q)
{
	const struct plan *p = push_plan(q->agent->push);
	json_t *list = json_array();

	for (uint32_t i = 0; p && i < p->nr_vips; i++)
		json_array_append_new(list, vip_json(p, &p->vips[i]));
	return json_pack("{s:o}", "services", list);
}

static json_t *endpoint_json(const struct agent *a, const struct plan_endpoint *e, uint32_t slots)
{
	struct endpoint_state state = { 0 };
	struct endpoint settings = { 0 };
	json_t *v = json_object();

	tables_endpoint(a->kernel, e->id, &state, &settings);
	json_object_set_new(v, "endpoint", json_text(str_of(e->name)));
	json_object_set_new(v, "weight", json_integer(e->weight));
	json_object_set_new(v, "slots", json_integer(slots));
	json_object_set_new(v, "ejected", json_boolean(settings.flags & ENDPOINT_EJECTED));
	json_object_set_new(v, "open", json_integer(state.active));
	json_object_set_new(v, "total", json_integer((json_int_t)state.total));
	return v;
}

/* Each endpoint once, in the order in which it first stands in the slots. counts: zeroed, one a
 * plan endpoint, and zero again afterwards. */
static json_t *members_json(const struct agent *a, const struct plan *p,
			    const struct plan_cluster *c, uint32_t *counts)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->nr_slots; i++)
		counts[c->slots[i]]++;
	for (uint32_t i = 0; i < c->nr_slots; i++) {
		uint32_t at = c->slots[i];

		if (!counts[at])
			continue;
		json_array_append_new(list, endpoint_json(a, &p->endpoints[at], counts[at]));
		counts[at] = 0;
	}
	return list;
}

static json_t *cluster_json(const struct agent *a, const struct plan *p,
			    const struct plan_cluster *c, uint32_t *counts)
{
	struct cluster_state state = { 0 };
	json_t *v = json_object();

	tables_cluster(a->kernel, c->id, &state);
	json_object_set_new(v, "cluster", json_text(str_of(c->name)));
	json_object_set_new(v, "policy", json_string(lb_name(c->lb)));
	json_object_set_new(v, "max_connections",
			    c->max_connections == WEFT_NO_LIMIT ? json_null()
								: json_integer(c->max_connections));
	json_object_set_new(v, "open", json_integer(state.open));
	json_object_set_new(v, "opened", json_integer((json_int_t)state.opened));
	json_object_set_new(v, "overflow", json_integer((json_int_t)state.overflow));
	json_object_set_new(v, "endpoints", members_json(a, p, c, counts));
	return v;
}

json_t *answer_endpoints(const struct question *q)
{
	const struct plan *p = push_plan(q->agent->push);
	json_t *list = json_array();
	uint32_t *counts = p ? calloc(p->nr_endpoints + 1, sizeof(*counts)) : NULL;

	for (uint32_t i = 0; counts && i < p->nr_clusters; i++)
		json_array_append_new(list, cluster_json(q->agent, p, &p->clusters[i], counts));
	free(counts);
	return json_pack("{s:o}", "clusters", list);
}
