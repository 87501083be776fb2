// SPDX-License-Identifier: Apache-2.0
#include "mesh/matchers.h"

#include "mesh/rules.h"
#include "mesh/views.h"
#include "weft/image.h"

/* Claims of a token exist only where a gateway checked one. */
static bool asks_claims(const struct http_match *m)
{
	for (size_t i = 0; i < m->headers.n; i++)
		if (str_starts(m->headers.items[i].key, STR("@request.auth")))
			return true;
	return false;
}

bool match_applies(const struct http_match *m, const struct view *view, uint32_t port)
{
	if (m->port && m->port != port)
		return false;
	if (asks_claims(m))
		return false;
	/* a block that lists gateways is decided by them alone */
	if (m->gateways.n)
		return gateways_name_mesh(m->gateways);
	if (m->source_namespace.n && !str_eq(m->source_namespace, view->ns))
		return false;
	return view_has_labels(view, &m->source_labels);
}

static struct str lower(struct arena *a, struct str s)
{
	struct str out = arena_str(a, s);
	char *p = (char *)out.p;

	for (size_t i = 0; i < out.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	return out;
}

static uint8_t op_of(enum match_kind kind)
{
	switch (kind) {
	case SM_EXACT: return OP_EXACT;
	case SM_PREFIX: return OP_PREFIX;
	case SM_REGEX: return OP_REGEX;
	default: return OP_PRESENT;
	}
}

/* Holds for every path: no condition. */
static bool any_path(const struct string_match *m)
{
	if (m->kind == SM_PREFIX)
		return !m->value.n || str_eq(m->value, STR("/"));
	return m->kind == SM_REGEX && (str_eq(m->value, STR(".*")) || str_eq(m->value, STR("*")));
}

struct adder {
	struct arena *a;
	struct vec v;
};

static struct mesh_matcher *add(struct adder *to, uint8_t subject, const struct string_match *m)
{
	struct mesh_matcher *out = vec_push(to->a, &to->v, sizeof(*out));

	out->subject = subject;
	out->op = op_of(m->kind);
	out->value = m->kind == SM_PRESENT ? (struct str){ "", 0 } : m->value;
	return out;
}

static void add_if_set(struct adder *to, uint8_t subject, const struct string_match *m)
{
	if (m->kind != SM_NONE)
		add(to, subject, m);
}

/* ":method" and its like ask about the request line; "uri", "method", … as keys are ignored. */
static uint8_t header_subject(struct str key)
{
	static const struct {
		const char *key;
		uint8_t subject;
	} known[] = {
		{ ":method", SUBJECT_METHOD },
		{ ":scheme", SUBJECT_SCHEME },
		{ ":authority", SUBJECT_AUTHORITY },
		{ ":path", SUBJECT_PATH },
		{ "uri", 0 },
		{ "scheme", 0 },
		{ "method", 0 },
		{ "authority", 0 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ieq(key, str_of(known[i].key)))
			return known[i].subject;
	return SUBJECT_HEADER;
}

static void add_header(struct adder *to, const struct keyed_match *k, bool without)
{
	uint8_t subject = header_subject(k->key);
	struct mesh_matcher *m;

	if (!subject)
		return;
	m = add(to, subject, &k->match);
	if (subject == SUBJECT_HEADER)
		m->name = lower(to->a, k->key);
	if (!without)
		return;
	m->flags = MATCH_INVERT;
	/* a missing header counts as empty; "present" asks for its absence as it is */
	if (m->op != OP_PRESENT)
		m->flags |= MATCH_MISSING_IS_EMPTY;
}

struct mesh_matcher *match_conditions(struct arena *a, const struct http_match *m, uint32_t *n)
{
	struct adder to = { .a = a };
	struct mesh_matcher *path;

	if (m->uri.kind != SM_NONE && !any_path(&m->uri)) {
		path = add(&to, SUBJECT_PATH, &m->uri);
		if (m->ignore_uri_case && m->uri.kind != SM_REGEX)
			path->flags = MATCH_IGNORE_CASE;
	}
	add_if_set(&to, SUBJECT_SCHEME, &m->scheme);
	add_if_set(&to, SUBJECT_METHOD, &m->method);
	add_if_set(&to, SUBJECT_AUTHORITY, &m->authority);
	for (size_t i = 0; i < m->headers.n; i++)
		add_header(&to, &m->headers.items[i], false);
	for (size_t i = 0; i < m->without_headers.n; i++)
		add_header(&to, &m->without_headers.items[i], true);
	for (size_t i = 0; i < m->query_params.n; i++)
		add(&to, SUBJECT_QUERY, &m->query_params.items[i].match)->name =
			m->query_params.items[i].key;
	*n = (uint32_t)to.v.n;
	return to.v.items;
}
