// SPDX-License-Identifier: Apache-2.0
#include "mesh/views.h"

#include <stdlib.h>

#include "mesh/policies.h"
#include "mesh/rules.h"
#include "mesh/workloads.h"

bool view_has_labels(const struct view *v, const struct pairs *source_labels)
{
	return !source_labels->n || (v->labels && labels_match(source_labels, v->labels));
}

bool view_in_subnets(const struct view *v, struct strs subnets)
{
	for (size_t i = 0; i < subnets.n; i++) {
		struct subnet net;

		if (!subnet_parse(subnets.items[i], &net))
			continue;
		for (int f = 0; f < 2; f++) {
			struct subnet one = { v->ips[f], 128 };

			if (!address_is_zero(&v->ips[f]) && subnet_covers(&net, &one))
				return true;
		}
	}
	return !subnets.n;
}

/* What rules ask about clients, each question once, under its text. */
struct questions {
	struct compile *c;
	struct map namespaces;
	struct map labels;  /* const struct pairs * */
	struct map subnets; /* text only */
};

static int pair_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void ask_labels(struct questions *q, const struct pairs *p)
{
	struct arena *a = q->c->scratch;
	struct pair *sorted = arena_array(a, p->n, sizeof(*sorted));
	struct str text = { "", 0 };

	if (!p->n)
		return;
	memcpy(sorted, p->items, p->n * sizeof(*sorted));
	qsort(sorted, p->n, sizeof(*sorted), pair_cmp);
	for (size_t i = 0; i < p->n; i++)
		text = arena_printf(a, STR_FMT STR_FMT "=" STR_FMT ",", STR_ARG(text),
				    STR_ARG(sorted[i].key), STR_ARG(sorted[i].value));
	*map_at(&q->labels, text) = (void *)p;
}

static void ask_namespace(struct questions *q, struct str ns)
{
	if (ns.n)
		*map_at(&q->namespaces, ns) = q;
}

static void ask_scope(struct questions *q, const struct scope *s)
{
	for (size_t i = 0; !s->all && i < s->names.n; i++)
		ask_namespace(q, s->names.items[i]);
}

static void ask_http(struct questions *q, const struct http_match *m)
{
	/* gateway membership alone decides then */
	if (m->gateways.n)
		return;
	ask_labels(q, &m->source_labels);
	ask_namespace(q, m->source_namespace);
}

static void ask_l4(struct questions *q, const struct l4_match *m)
{
	ask_labels(q, &m->source_labels);
	ask_namespace(q, m->source_namespace);
	for (size_t i = 0; i < m->source_subnets.n; i++)
		*map_at(&q->subnets, m->source_subnets.items[i]) = q;
}

static void ask_rule(struct questions *q, const struct rule *r)
{
	if (!r->mesh)
		return;
	ask_scope(q, &r->scope);
	for (size_t i = 0; i < r->vs->http.n; i++)
		for (size_t j = 0; j < r->vs->http.items[i].matches.n; j++)
			ask_http(q, &r->vs->http.items[i].matches.items[j]);
	for (size_t i = 0; i < r->vs->tcp.n; i++)
		for (size_t j = 0; j < r->vs->tcp.items[i].matches.n; j++)
			ask_l4(q, &r->vs->tcp.items[i].matches.items[j]);
}

static int key_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

/* Sorted copies: the answers must not depend on the order of the documents. */
static void sort_questions(struct map *m)
{
	if (m->n)
		qsort(m->entries, m->n, sizeof(*m->entries), key_cmp);
}

static void collect(struct questions *q)
{
	struct compile *c = q->c;
	struct mesh_service *const *s = c->services.items;

	map_init(&q->namespaces, c->scratch);
	map_init(&q->labels, c->scratch);
	map_init(&q->subnets, c->scratch);
	for (size_t i = 0; i < c->rules->n; i++)
		ask_rule(q, &c->rules->items[i]);
	for (size_t i = 0; i < c->services.n; i++)
		ask_scope(q, &s[i]->scope);
	policy_namespaces(c, &q->namespaces);
	/* from here on only map_for_each is used on these two: the slots are out of date */
	sort_questions(&q->labels);
	sort_questions(&q->subnets);
}

static struct view view_of(const struct workload *w)
{
	return (struct view){ .labels = &w->object->meta.labels, .ips = { w->ips[0], w->ips[1] } };
}

/* The answers as text; empty: view 0. */
static struct str answers(const struct questions *q, const struct workload *w, struct view *v)
{
	struct arena *a = q->c->scratch;
	struct str text = { "", 0 };

	*v = view_of(w);
	if (map_get(&q->namespaces, w->object->meta.ns)) {
		v->ns = w->object->meta.ns;
		text = arena_printf(a, "ns=" STR_FMT ";", STR_ARG(v->ns));
	}
	map_for_each(e, &q->labels)
		if (labels_match(e->value, v->labels))
			text = arena_printf(a, STR_FMT "labels=" STR_FMT ";", STR_ARG(text),
					    STR_ARG(e->key));
	map_for_each(e, &q->subnets) {
		struct str net = e->key;

		if (view_in_subnets(v, (struct strs){ &net, 1 }))
			text = arena_printf(a, STR_FMT "subnet=" STR_FMT ";", STR_ARG(text),
					    STR_ARG(net));
	}
	return text;
}

static uint32_t view_number(struct str text)
{
	uint64_t h = str_hash(text);
	uint32_t id = (uint32_t)(h ^ h >> 32);

	return id ? id : 1;
}

void views_build(struct compile *c)
{
	struct questions q = { .c = c };
	struct workload **w = c->workloads.items;
	struct map seen;

	vec_push(c->scratch, &c->views, sizeof(struct view));
	collect(&q);
	if (!q.namespaces.n && !q.labels.n && !q.subnets.n)
		return;
	map_init(&seen, c->scratch);
	for (size_t i = 0; i < c->workloads.n; i++) {
		struct view v;
		struct str text = answers(&q, w[i], &v);
		void **slot;

		if (!text.n)
			continue;
		v.id = w[i]->view = view_number(text);
		slot = w[i]->local ? map_at(&seen, text) : NULL;
		if (!slot || *slot)
			continue;
		*slot = w[i];
		*(struct view *)vec_push(c->scratch, &c->views, sizeof(v)) = v;
	}
}
