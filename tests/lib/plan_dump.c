// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/plan_dump.h"

#include <arpa/inet.h>

#include "image/dump.h"
#include "mesh/address.h"

static const char *address(const struct ip16 *a)
{
	static char buf[ADDRESS_TEXT];

	return address_text(a, buf).p;
}

static void dump_vip(const struct plan *p, const struct plan_vip *v, FILE *out)
{
	static const char *const verdicts[] = { "pass", "backend", "proxy", "refuse" };

	fprintf(out, "vip view=%08x %s/%u %s %u %s", v->view, address(&v->addr), v->prefix,
		v->proto == IPPROTO_TCP ? "tcp" : "udp", ntohs(v->port), verdicts[v->verdict]);
	for (uint32_t i = 0; i < v->nr_splits; i++)
		fprintf(out, " %u*%s", v->splits[i].weight,
			v->splits[i].cluster == PLAN_NO_INDEX
				? "(missing)"
				: p->clusters[v->splits[i].cluster].name);
	fprintf(out, "  # %s%s%s\n", v->host ? v->host : "", v->host ? ": " : "", v->why);
}

static void dump_pod(const struct plan_pod *p, FILE *out)
{
	fprintf(out, "pod %s/%s node=%s view=%08x %s", p->ns, p->name, p->node, p->view,
		address(&p->ips[0]));
	fprintf(out, " %s%s%s  # %s\n", address(&p->ips[1]), p->local ? " local" : "",
		p->enroll ? " enrolled" : "", p->why);
}

void plan_dump(const struct compiled *c, FILE *out)
{
	const struct plan *p = &c->plan;

	for (size_t i = 0; i < c->notes.n; i++) {
		const struct note *n = &c->notes.items[i];

		fprintf(out, "note " STR_FMT " " STR_FMT "/" STR_FMT " " STR_FMT ": " STR_FMT "\n",
			STR_ARG(n->object->meta.kind), STR_ARG(n->object->meta.ns),
			STR_ARG(n->object->meta.name), STR_ARG(n->problem.path),
			STR_ARG(n->problem.message));
	}
	for (uint32_t i = 0; i < p->nr_pods; i++)
		dump_pod(&p->pods[i], out);
	for (uint32_t i = 0; i < p->nr_vips; i++)
		dump_vip(p, &p->vips[i], out);
	fputs("--- image\n", out);
	image_dump(p->image, out);
}
