// SPDX-License-Identifier: Apache-2.0
#include "mesh/compile.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "mesh/clusters.h"
#include "mesh/emit.h"
#include "mesh/image_build.h"
#include "mesh/notes.h"
#include "mesh/policies.h"
#include "mesh/registry.h"
#include "mesh/rules.h"
#include "mesh/views.h"
#include "mesh/workloads.h"
#include "weft/reasons.h"

void note_add(struct compile *c, const struct object *o, struct pos pos, const char *path,
	      const char *fmt, ...)
{
	char buf[1024];
	struct note *n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	n = vec_push(c->out, &c->notes, sizeof(*n));
	n->object = o;
	n->problem.warning = true;
	n->problem.pos = pos.line ? pos : o->pos;
	n->problem.path = arena_str(c->out, str_of(path));
	n->problem.message = arena_str(c->out, str_of(buf));
}

/* Texts of decisions repeat: one copy each in the plan. */
struct texts {
	struct arena *out;
	struct map known;
};

static const char *keep_text(struct texts *t, struct str s)
{
	void **slot = map_at(&t->known, s);

	if (!*slot)
		*slot = (void *)arena_str(t->out, s).p;
	return *slot;
}

static const struct plan_split *plan_splits(struct compile *c, const struct mesh_targets *t)
{
	struct plan_split *out = arena_array(c->out, t->n, sizeof(*out));

	for (uint32_t i = 0; i < t->n; i++)
		out[i] = (struct plan_split){ t->items[i].cluster, t->items[i].weight };
	return out;
}

static bool in_kernel(const struct entry *e)
{
	/* where view 0 has an entry and this client sees nothing, it must be told to let pass */
	return !e->port || e->d.kernel || e->view;
}

static void plan_vip(struct compile *c, const struct entry *e, struct texts *texts,
		     struct plan_vip *out)
{
	out->view = e->view;
	out->addr = e->dst.addr;
	out->prefix = e->dst.prefix;
	out->proto = e->proto;
	out->port = htons(e->port);
	out->host = e->dst.prefix && e->service ? keep_text(texts, e->service->host) : NULL;
	out->why = keep_text(texts, e->d.why);
	if (!e->port) {
		out->verdict = VERDICT_REFUSE;
		out->reason = REASON_unknown_port;
		out->why = "the service has no such port";
	} else if (e->d.proxy) {
		out->verdict = VERDICT_PROXY;
	} else if (e->d.visible && e->d.kernel) {
		out->verdict = VERDICT_BACKEND;
		out->splits = plan_splits(c, &e->d.targets);
		out->nr_splits = e->d.targets.n;
	} else {
		out->verdict = VERDICT_PASS;
	}
}

static void plan_vips(struct compile *c, struct plan *plan, struct texts *texts)
{
	const struct entry *e = c->entries.items;
	struct plan_vip *out;
	size_t n = 0;

	for (size_t i = 0; i < c->entries.n; i++)
		n += in_kernel(&e[i]);
	out = arena_array(c->out, n, sizeof(*out));
	n = 0;
	for (size_t i = 0; i < c->entries.n; i++)
		if (in_kernel(&e[i]))
			plan_vip(c, &e[i], texts, &out[n++]);
	plan->vips = out;
	plan->nr_vips = (uint32_t)n;
}

static void plan_pods(struct compile *c, struct plan *plan, struct texts *texts)
{
	struct workload *const *w = c->workloads.items;
	struct plan_pod *out = arena_array(c->out, c->workloads.n, sizeof(*out));
	struct str why;

	for (size_t i = 0; i < c->workloads.n; i++) {
		const struct meta *m = &w[i]->object->meta;

		out[i].name = arena_str(c->out, m->name).p;
		out[i].ns = keep_text(texts, m->ns);
		out[i].node = keep_text(texts, w[i]->pod->node_name);
		out[i].id = w[i]->id;
		out[i].view = w[i]->view;
		out[i].ips[0] = w[i]->ips[0];
		out[i].ips[1] = w[i]->ips[1];
		out[i].local = w[i]->local;
		out[i].enroll = workload_enrolled(c, w[i], &why);
		out[i].why = keep_text(texts, why);
	}
	plan->pods = out;
	plan->nr_pods = (uint32_t)c->workloads.n;
}

static void build(struct compile *c, struct plan *plan)
{
	struct texts texts = { .out = c->out };
	struct by_kind by;

	map_init(&c->host_to_svc, c->scratch);
	map_init(&c->namespaces, c->scratch);
	map_init(&c->key_to_cluster, c->scratch);
	map_init(&texts.known, c->scratch);
	by_kind_build(c, &by);
	registry_build(c, &by);
	rules_build(c, by.of[KIND_VIRTUAL_SERVICE].items, by.of[KIND_VIRTUAL_SERVICE].n);
	policies_build(c, by.of[KIND_DESTINATION_RULE].items, by.of[KIND_DESTINATION_RULE].n);
	views_build(c);
	notes_build(c, &by);
	emit_all(c);
	clusters_finish(c, plan);
	plan_vips(c, plan, &texts);
	plan_pods(c, plan, &texts);
	image_build(c, plan);
}

struct compiled *mesh_compile(struct arena *a, const struct objects *objects,
			      const struct compile_options *opt)
{
	struct compiled *out = arena_alloc(a, sizeof(*out));
	struct compile c = { .out = a, .objects = objects, .opt = opt };

	c.scratch = arena_new();
	c.domain = str_of(opt->cluster_domain ? opt->cluster_domain : "cluster.local");
	build(&c, &out->plan);
	out->notes.items = c.notes.items;
	out->notes.n = c.notes.n;
	arena_free(c.scratch);
	return out;
}
