// SPDX-License-Identifier: Apache-2.0
/* The HTTP routes of the image in force, as weft-proxy reads them. */
#include "agent/answers.h"

#include "bpf/lib/addr.h"
#include "image/reader.h"

static json_t *istr(const struct image_header *im, struct image_str s)
{
	return json_text(image_str(im, s));
}

static json_t *matcher_json(const struct image_header *im, const struct image_matcher *m)
{
	static const char *const subjects[] = { "?",	     "path",   "scheme", "method",
						"authority", "header", "query" };
	static const char *const operators[] = { "?", "exact", "prefix", "regex", "present" };
	struct image_str value = m->op == OP_REGEX ? image_regexes(im)[m->regex].pattern : m->value;
	json_t *v = json_object();

	json_object_set_new(v, "on", json_string(m->subject < 7 ? subjects[m->subject] : "?"));
	if (m->name.len)
		json_object_set_new(v, "name", istr(im, m->name));
	json_object_set_new(v, "is", json_string(m->op < 5 ? operators[m->op] : "?"));
	json_object_set_new(v, "value", istr(im, value));
	if (m->flags & MATCH_INVERT)
		json_object_set_new(v, "not", json_true());
	if (m->flags & MATCH_IGNORE_CASE)
		json_object_set_new(v, "ignore_case", json_true());
	return v;
}

static json_t *targets_json(const struct image_header *im, struct image_range r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r.count; i++) {
		const struct image_target *t = &image_targets(im)[r.first + i];

		json_array_append_new(list,
				      json_pack("{s:o,s:i,s:b}", "cluster",
						istr(im, t->cluster_name), "weight", (int)t->weight,
						"defined", t->cluster != IMAGE_NONE));
	}
	return list;
}

static json_t *route_json(const struct image_header *im, const struct image_route *r)
{
	static const char *const actions[] = { "?", "route", "passthrough", "status" };
	json_t *v = json_object(), *matches = json_array();

	for (uint32_t i = 0; i < r->matchers.count; i++)
		json_array_append_new(matches,
				      matcher_json(im, &image_matchers(im)[r->matchers.first + i]));
	json_object_set_new(v, "name", istr(im, r->name));
	json_object_set_new(v, "match", matches);
	json_object_set_new(v, "action", json_string(r->action < 4 ? actions[r->action] : "?"));
	if (r->action == ACTION_STATUS)
		json_object_set_new(v, "status", json_integer(r->status));
	json_object_set_new(v, "targets", targets_json(im, r->targets));
	if (r->timeout_ms)
		json_object_set_new(v, "timeout_ms", json_integer(r->timeout_ms));
	return v;
}

static json_t *domain_name(const struct image_header *im, const struct image_domain *d)
{
	struct str name = image_str(im, d->name);

	if (d->kind == DOMAIN_ANY)
		return json_string("*");
	if (d->kind == DOMAIN_EXACT)
		return json_text(name);
	return json_sprintf("*" STR_FMT, STR_ARG(name));
}

/* "reviews" asks for every name that begins with it and a dot */
static bool domain_asked(const struct image_header *im, const struct image_domain *d,
			 struct str host)
{
	struct str name = image_str(im, d->name);

	if (!host.n || str_ieq(name, host))
		return true;
	return str_istarts(name, host) && name.n > host.n && name.p[host.n] == '.';
}

static void add_table(json_t *list, const struct image_header *im, const struct image_table *t,
		      struct str host)
{
	for (uint32_t i = 0; i < t->domains.count; i++) {
		const struct image_domain *d = &image_domains(im)[t->domains.first + i];
		const struct image_vhost *vh = &image_vhosts(im)[d->vhost];
		json_t *routes;

		if (!domain_asked(im, d, host))
			continue;
		routes = json_array();
		for (uint32_t k = 0; k < vh->routes.count; k++)
			json_array_append_new(
				routes, route_json(im, &image_routes(im)[vh->routes.first + k]));
		json_array_append_new(list, json_pack("{s:o,s:i,s:i,s:o,s:o}", "domain",
						      domain_name(im, d), "port", (int)t->port,
						      "view", (int)t->view, "vhost",
						      istr(im, vh->name), "routes", routes));
	}
}

json_t *answer_routes(const struct question *q)
{
	const struct plan *p = push_plan(q->agent->push);
	const struct image_header *im = p ? p->image : NULL;
	json_t *list = json_array();

	for (size_t i = 0; im && i < image_tables_count(im); i++)
		add_table(list, im, &image_tables(im)[i], q->arg);
	return json_pack("{s:o}", "hosts", list);
}
