// SPDX-License-Identifier: Apache-2.0
/* What is true of an object although its spec does not say it. */
#include "config/document.h"

static void fill(struct str *s, struct str value)
{
	if (!s->n)
		*s = value;
}

static void service_defaults(struct service *s)
{
	for (size_t i = 0; i < s->ports.n; i++)
		fill(&s->ports.items[i].protocol, STR("TCP"));
}

static void pod_defaults(struct pod_object *p)
{
	for (size_t i = 0; i < p->containers.n; i++)
		for (size_t j = 0; j < p->containers.items[i].ports.n; j++)
			fill(&p->containers.items[i].ports.items[j].protocol, STR("TCP"));
	fill(&p->service_account, STR("default"));
}

static void endpoints_defaults(struct object *o, struct endpoints *e)
{
	if (o->kind == KIND_ENDPOINTS)
		e->service = o->meta.name;
	for (size_t i = 0; o->kind == KIND_ENDPOINT_SLICE && i < o->meta.labels.n; i++)
		if (str_eq(o->meta.labels.items[i].key, STR("kubernetes.io/service-name")))
			e->service = o->meta.labels.items[i].value;
	for (size_t i = 0; i < e->sets.n; i++)
		for (size_t j = 0; j < e->sets.items[i].ports.n; j++)
			fill(&e->sets.items[i].ports.items[j].protocol, STR("TCP"));
}

void object_defaults(struct object *o)
{
	struct service_entry *entry = o->spec;

	switch (o->kind) {
	case KIND_SERVICE: service_defaults(o->spec); break;
	case KIND_POD: pod_defaults(o->spec); break;
	case KIND_ENDPOINTS:
	case KIND_ENDPOINT_SLICE: endpoints_defaults(o, o->spec); break;
	case KIND_SERVICE_ENTRY:
		fill(&entry->location, STR("MESH_EXTERNAL"));
		fill(&entry->resolution, STR("NONE"));
		break;
	default: break;
	}
}
