// SPDX-License-Identifier: Apache-2.0
#include "agent/answers.h"

#include <stdio.h>

#include "bpf/lib/addr.h"

static json_t *pod_json(const struct enroll_pod *p)
{
	json_t *v = json_object(), *ips = json_array();
	char mac[18];

	for (int i = 0; i < 2; i++)
		if (!ip16_is_zero(&p->ips[i]))
			json_array_append_new(ips, json_address(&p->ips[i]));
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2],
		 p->mac[3], p->mac[4], p->mac[5]);
	json_object_set_new(v, "namespace", json_text(str_of(p->ns)));
	json_object_set_new(v, "name", json_text(str_of(p->name)));
	json_object_set_new(v, "ips", ips);
	json_object_set_new(v, "enrolled", json_boolean(p->state == POD_ENROLLED));
	json_object_set_new(v, "state", json_string(enroll_state_name(p->state)));
	json_object_set_new(v, "reason", json_text(str_of(p->reason)));
	json_object_set_new(v, "device", json_text(str_of(p->device)));
	json_object_set_new(v, "ifindex", json_integer(p->ifindex));
	json_object_set_new(v, "mac", json_string(p->ifindex ? mac : ""));
	json_object_set_new(v, "view", json_integer(p->view));
	return v;
}

json_t *answer_pods(const struct question *q)
{
	const struct enroll *e = q->agent->enroll;
	json_t *list = json_array();

	for (size_t i = 0; i < enroll_count(e); i++)
		json_array_append_new(list, pod_json(enroll_at(e, i)));
	return json_pack("{s:o}", "pods", list);
}
