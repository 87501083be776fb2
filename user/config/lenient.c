// SPDX-License-Identifier: Apache-2.0
#include "config/lenient.h"

enum { MAX_HOLES = 16 };

/* A null field that should hold a mapping, and the children found beside it. */
struct hole {
	const struct field *field;
	struct path path;
	struct pos pos;
	struct node *node; /* NODE_NULL until the first child comes home */
	struct str rival;  /* a child that has a second reading */
};

struct scan {
	struct decoder *d;
	const struct schema *schema;
	struct hole holes[MAX_HOLES];
	size_t n;
};

static bool has_null_map(const struct schema *s, const struct node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct field *f;

		if (n->pairs[i].value->type != NODE_NULL)
			continue;
		f = schema_find(s, n->pairs[i].key);
		if (f && field_is_map(f))
			return true;
	}
	return false;
}

static void hole_open(struct scan *s, const struct field *f, struct node_pair *pair,
		      const struct path *up, size_t most)
{
	struct hole *h;

	if (s->n == MAX_HOLES)
		return;
	h = &s->holes[s->n++];
	*h = (struct hole){ .field = f, .pos = pair->pos };
	h->path = (struct path){ .up = up, .key = str_of(f->name) };
	h->node = arena_alloc(s->d->a, sizeof(*h->node));
	h->node->type = NODE_NULL;
	h->node->pos = pair->pos;
	h->node->pairs = arena_array(s->d->a, most, sizeof(*h->node->pairs));
	pair->value = h->node;
}

static const struct field *hole_field(const struct hole *h, struct str key)
{
	return h->field->sub ? schema_find(h->field->sub, key) : NULL;
}

/* The hole that pair belongs to. A hole of free keys takes what no field is named after, and only
 * while it is the latest one. */
static struct hole *hole_for(struct scan *s, const struct node_pair *pair)
{
	struct hole *found = NULL, *last = s->n ? &s->holes[s->n - 1] : NULL;

	for (size_t i = 0; i < s->n; i++) {
		if (!hole_field(&s->holes[i], pair->key))
			continue;
		if (found)
			s->holes[i].rival = found->rival = pair->key;
		found = &s->holes[i];
	}
	if (!found && last && last->field->type == T_PAIRS &&
	    (pair->value->type == NODE_SCALAR || pair->value->type == NODE_NULL))
		found = last;
	return found;
}

static void take_home(struct scan *s, struct hole *h, const struct node_pair *pair, size_t most)
{
	const struct field *f = hole_field(h, pair->key);
	struct node_pair *mine = &h->node->pairs[h->node->n++];

	*mine = *pair;
	if (h->node->type == NODE_NULL) {
		h->node->type = NODE_MAP;
		h->node->pos = pair->pos;
	}
	if (f && pair->value->type == NODE_NULL && field_is_map(f))
		hole_open(s, f, mine, &h->path, most);
}

/* A field that is at home where it stands, but that an open hole knows as well. */
static void note_rival(struct scan *s, struct str key)
{
	for (size_t i = 0; i < s->n; i++)
		if (hole_field(&s->holes[i], key))
			s->holes[i].rival = key;
}

static struct str join(struct arena *a, const struct node *n, const char *before, struct str in,
		       const char *after)
{
	struct str all = STR("");
	size_t shown = n->n > 6 ? 6 : n->n;

	for (size_t i = 0; i < shown; i++)
		all = arena_printf(a, STR_FMT "%s%s" STR_FMT "%s" STR_FMT "%s", STR_ARG(all),
				   !i		   ? ""
				   : i + 1 == n->n ? " and "
						   : ", ",
				   before, STR_ARG(in), in.n ? "." : "",
				   STR_ARG(str_sub(n->pairs[i].key, 0, 60)), after);
	if (n->n > shown)
		all = arena_printf(a, STR_FMT " and others", STR_ARG(all));
	return all;
}

static void report(struct decoder *d, struct hole *h)
{
	struct str name = str_of(h->field->name);
	struct str strays = join(d->a, h->node, "`", STR(""), "`");
	struct str meant = join(d->a, h->node, "", name, "");
	bool many = h->node->n > 1;

	if (h->rival.n) {
		problem_add(d, false, h->pos, &h->path,
			    "`%s` is null and " STR_FMT " beside it: `" STR_FMT
			    "` can be read in two ways, so nothing is assumed: indent what belongs "
			    "below `%s`",
			    h->field->name,
			    STR_ARG(arena_printf(d->a, STR_FMT " %s", STR_ARG(strays),
						 many ? "stand" : "stands")),
			    STR_ARG(h->rival), h->field->name);
		h->node->type = NODE_NULL;
		h->node->n = 0;
		d->incomplete = true;
	} else if (d->lenient) {
		problem_add(d, true, h->pos, &h->path,
			    "`%s` is null with " STR_FMT " beside it: read as " STR_FMT
			    "; indent %s below `%s`",
			    h->field->name, STR_ARG(strays), STR_ARG(meant), many ? "them" : "it",
			    h->field->name);
	} else {
		d->repaired++;
		problem_add(d, false, h->pos, &h->path,
			    "`%s` is null and " STR_FMT " %s beside it: did you mean " STR_FMT
			    "? Indent %s below `%s`",
			    h->field->name, STR_ARG(strays),
			    many ? "are unknown fields" : "is an unknown field", STR_ARG(meant),
			    many ? "them" : "it", h->field->name);
	}
}

static struct node *copy_without_strays(struct scan *s, const struct node *n, const struct path *p)
{
	struct node *out = arena_alloc(s->d->a, sizeof(*out));

	*out = *n;
	out->pairs = arena_array(s->d->a, n->n, sizeof(*out->pairs));
	out->n = 0;
	for (size_t i = 0; i < n->n; i++) {
		const struct node_pair *pair = &n->pairs[i];
		const struct field *f = schema_find(s->schema, pair->key);
		struct hole *h = f ? NULL : hole_for(s, pair);
		struct node_pair *mine;

		if (h) {
			take_home(s, h, pair, n->n);
			continue;
		}
		mine = &out->pairs[out->n++];
		*mine = *pair;
		if (f && pair->value->type == NODE_NULL && field_is_map(f))
			hole_open(s, f, mine, p, n->n);
		else if (f)
			note_rival(s, pair->key);
	}
	return out;
}

const struct node *lenient_settle(struct decoder *d, const struct schema *s, const struct node *n,
				  const struct path *p)
{
	struct scan scan = { .d = d, .schema = s };
	struct node *settled;

	if (!has_null_map(s, n))
		return n;
	settled = copy_without_strays(&scan, n, p);
	for (size_t i = 0; i < scan.n; i++)
		if (scan.holes[i].node->n || scan.holes[i].node->type == NODE_MAP)
			report(d, &scan.holes[i]);
	*(struct node *)n = *settled; /* the tree gives the positions of later findings too */
	return n;
}
