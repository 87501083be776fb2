// SPDX-License-Identifier: Apache-2.0
#include "config/node.h"

#include <stdlib.h>
#include <yaml.h>

#include "config/yaml_text.h"
#include "weft/limits.h"

/* A collection that is still open: its children wait on the reader's stack from `first` on. */
struct open_node {
	struct node *node;
	size_t first;
	struct str anchor;
};

struct child {
	struct node *node;
	bool is_key;
};

struct yaml_reader {
	struct arena *a;   /* of the document that was read last */
	struct str text;   /* all of it, without BOM */
	char *guarded;	   /* the copy that it is, see yaml_guard; NULL: the caller's */
	size_t from;	   /* where the parser began */
	uint32_t line0;	   /* lines before `from` */
	uint32_t doc_line; /* where the document that is being read began */
	bool started, done;
	yaml_parser_t parser;

	struct vec open;     /* struct open_node */
	struct vec children; /* struct child */
	struct map anchors;
	size_t weight; /* nodes so far, of all documents */
	struct str error;
	struct pos error_pos;
};

static struct pos pos_of(const struct yaml_reader *r, yaml_mark_t m)
{
	return (struct pos){ r->line0 + (uint32_t)m.line + 1, (uint32_t)m.column + 1 };
}

static bool fail(struct yaml_reader *r, struct pos pos, struct str error)
{
	if (!r->error.n) {
		r->error = error;
		r->error_pos = pos;
	}
	return false;
}

static bool parser_start(struct yaml_reader *r, size_t from)
{
	if (r->started)
		yaml_parser_delete(&r->parser);
	r->started = yaml_parser_initialize(&r->parser) == 1;
	if (!r->started)
		return fail(r, (struct pos){ 1, 1 }, STR("out of memory"));
	r->from = from;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text.p + from,
				     r->text.n - from);
	return true;
}

struct yaml_reader *yaml_reader_new(struct str text)
{
	struct yaml_reader *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	if (!text.p)
		text = STR("");
	r->a = arena_new();
	r->text = str_starts(text, STR("\xef\xbb\xbf")) ? str_sub(text, 3, text.n) : text;
	if (r->text.n > MAX_FILE_BYTES) {
		fail(r, (struct pos){ 1, 1 },
		     arena_printf(r->a, "the file is larger than %d MiB: split it",
				  MAX_FILE_BYTES >> 20));
		return r;
	}
	r->guarded = yaml_guard(r->text, &r->text.n);
	if (r->guarded)
		r->text.p = r->guarded;
	parser_start(r, 0);
	return r;
}

struct yaml_reader *yaml_reader_free(struct yaml_reader *r)
{
	if (!r)
		return NULL;
	if (r->started)
		yaml_parser_delete(&r->parser);
	arena_free(r->a);
	free(r->guarded);
	free(r);
	return NULL;
}

/* Counts n into the file's bound; false when it is passed. */
static bool weigh(struct yaml_reader *r, const struct node *n, struct pos pos)
{
	r->weight += n->weight;
	if (r->weight > MAX_DOC_NODES)
		return fail(r, pos,
			    arena_printf(r->a,
					 "more than %d YAML nodes in one file (aliases count as "
					 "often as they are used): split the file",
					 MAX_DOC_NODES));
	return true;
}

static bool push_child(struct yaml_reader *r, struct node *n)
{
	struct open_node *top = (struct open_node *)r->open.items + r->open.n - 1;
	struct child *c;

	if (r->open.n + n->height > MAX_DOC_DEPTH)
		return fail(r, n->pos,
			    arena_printf(r->a, "nested deeper than %d levels", MAX_DOC_DEPTH));
	c = vec_push(r->a, &r->children, sizeof(*c));
	c->node = n;
	c->is_key = top->node->type == NODE_MAP && (r->children.n - top->first) % 2 == 1;
	return true;
}

static bool is_null_word(struct str s)
{
	return !s.n || str_eq(s, STR("~")) || str_eq(s, STR("null")) || str_eq(s, STR("Null")) ||
	       str_eq(s, STR("NULL"));
}

static bool known_tag(struct str tag)
{
	static const char *const names[] = { "str",  "int", "float", "bool",
					     "null", "map", "seq",   "timestamp" };

	if (!tag.n || str_eq(tag, STR("!")))
		return true;
	if (!str_starts(tag, STR("tag:yaml.org,2002:")))
		return false;
	tag = str_sub(tag, sizeof("tag:yaml.org,2002:") - 1, tag.n);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(tag, str_of(names[i])))
			return true;
	return false;
}

static struct node *node_new(struct yaml_reader *r, enum node_type type, struct pos pos)
{
	struct node *n = arena_alloc(r->a, sizeof(*n));

	n->type = type;
	n->pos = pos;
	n->weight = 1;
	return n;
}

static void anchor_set(struct yaml_reader *r, const unsigned char *name, struct node *n)
{
	if (name)
		*map_at(&r->anchors, arena_str(r->a, str_of((const char *)name))) = n;
}

static bool on_scalar(struct yaml_reader *r, const yaml_event_t *e, struct node **out)
{
	struct str text = { (const char *)e->data.scalar.value, e->data.scalar.length };
	struct str tag = str_of((const char *)e->data.scalar.tag);
	struct node *n = node_new(r, NODE_SCALAR, pos_of(r, e->start_mark));

	if (!known_tag(tag))
		return fail(r, n->pos,
			    arena_printf(r->a, "the tag " STR_FMT " is not known: remove it",
					 STR_ARG(tag)));
	n->text = arena_str(r->a, text);
	if (r->guarded)
		yaml_unguard(&n->text);
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || str_eq(tag, STR("!")) ||
		    str_ends(tag, STR(":str"));
	if (!n->quoted && is_null_word(text))
		n->type = NODE_NULL;
	anchor_set(r, e->data.scalar.anchor, n);
	*out = n;
	return weigh(r, n, n->pos);
}

static bool on_alias(struct yaml_reader *r, const yaml_event_t *e, struct node **out)
{
	struct str name = str_of((const char *)e->data.alias.anchor);
	struct pos pos = pos_of(r, e->start_mark);
	struct node *n = map_get(&r->anchors, name);

	if (!n)
		return fail(r, pos,
			    arena_printf(r->a,
					 "the alias *" STR_FMT " names no anchor above it: write "
					 "&" STR_FMT " at the node that it repeats",
					 STR_ARG(name), STR_ARG(name)));
	*out = n;
	return weigh(r, n, pos);
}

static bool on_open(struct yaml_reader *r, const yaml_event_t *e, enum node_type type)
{
	const unsigned char *tag =
		type == NODE_MAP ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	const unsigned char *anchor =
		type == NODE_MAP ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
	struct node *n = node_new(r, type, pos_of(r, e->start_mark));
	struct open_node *o;

	if (!known_tag(str_of((const char *)tag)))
		return fail(r, n->pos,
			    arena_printf(r->a, "the tag %s is not known: remove it", tag));
	if (r->open.n >= MAX_DOC_DEPTH)
		return fail(r, n->pos,
			    arena_printf(r->a, "nested deeper than %d levels", MAX_DOC_DEPTH));
	o = vec_push(r->a, &r->open, sizeof(*o));
	o->node = n;
	o->first = r->children.n;
	o->anchor = anchor ? arena_str(r->a, str_of((const char *)anchor)) : (struct str){ 0 };
	return true;
}

static void grow(struct node *n, const struct node *child)
{
	n->weight += child->weight;
	if (n->height < child->height + 1)
		n->height = child->height + 1;
}

static void close_list(struct yaml_reader *r, struct node *n, const struct child *c, size_t nr)
{
	n->items = arena_array(r->a, nr, sizeof(*n->items));
	n->n = nr;
	for (size_t i = 0; i < nr; i++) {
		n->items[i] = c[i].node;
		grow(n, c[i].node);
	}
}

static struct node_pair *pair_find(const struct node *n, struct str key)
{
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->pairs[i].key, key))
			return &n->pairs[i];
	return NULL;
}

/* Large maps (data of ConfigMaps and the like) get an index, small ones are compared directly. */
static bool add_pair(struct yaml_reader *r, struct node *n, struct map *index,
		     const struct node *key, struct node *value)
{
	struct node_pair *twice = NULL;
	void **slot = NULL;

	if (index) {
		slot = map_at(index, key->text);
		twice = *slot;
	} else {
		twice = pair_find(n, key->text);
	}
	if (twice)
		return fail(r, key->pos,
			    arena_printf(r->a,
					 "`" STR_FMT "` is written twice in one mapping (first at "
					 "line %u): remove one",
					 STR_ARG(key->text), twice->pos.line));
	n->pairs[n->n] = (struct node_pair){ key->text, key->pos, value };
	if (slot)
		*slot = &n->pairs[n->n];
	n->n++;
	grow(n, value);
	return true;
}

static bool merge_map(struct yaml_reader *r, struct node *n, const struct node *from)
{
	struct node_pair *pairs;
	struct map index;

	if (from->type != NODE_MAP)
		return fail(r, from->pos, STR("`<<` needs a mapping, or a list of mappings"));
	pairs = arena_array(r->a, n->n + from->n, sizeof(*pairs));
	if (n->n)
		memcpy(pairs, n->pairs, n->n * sizeof(*pairs));
	n->pairs = pairs;
	map_init(&index, r->a);
	for (size_t i = 0; i < n->n; i++)
		*map_at(&index, pairs[i].key) = &pairs[i];
	for (size_t i = 0; i < from->n; i++) {
		if (map_get(&index, from->pairs[i].key))
			continue;
		n->pairs[n->n++] = from->pairs[i];
		grow(n, from->pairs[i].value);
	}
	return weigh(r, n, n->pos);
}

static bool merge(struct yaml_reader *r, struct node *n, const struct node *from)
{
	if (from->type != NODE_LIST)
		return merge_map(r, n, from);
	for (size_t i = 0; i < from->n; i++)
		if (!merge_map(r, n, from->items[i]))
			return false;
	return true;
}

static bool close_map(struct yaml_reader *r, struct node *n, const struct child *c, size_t nr)
{
	struct map index, *use = NULL;

	if (nr > 64) {
		map_init(&index, r->a);
		use = &index;
	}
	n->pairs = arena_array(r->a, nr / 2, sizeof(*n->pairs));
	for (size_t i = 0; i + 1 < nr; i += 2) {
		const struct node *key = c[i].node;

		if (key->type != NODE_SCALAR && key->type != NODE_NULL)
			return fail(r, key->pos,
				    STR("a key must be a plain word, not a list or a "
					"mapping"));
		if (str_eq(key->text, STR("<<")) && !key->quoted)
			continue;
		if (!add_pair(r, n, use, key, c[i + 1].node))
			return false;
	}
	for (size_t i = 0; i + 1 < nr; i += 2)
		if (str_eq(c[i].node->text, STR("<<")) && !c[i].node->quoted &&
		    !merge(r, n, c[i + 1].node))
			return false;
	return true;
}

static bool on_close(struct yaml_reader *r, struct node **out)
{
	struct open_node o = ((struct open_node *)r->open.items)[--r->open.n];
	const struct child *c = (struct child *)r->children.items + o.first;
	size_t nr = r->children.n - o.first;

	if (o.node->type == NODE_LIST)
		close_list(r, o.node, c, nr);
	else if (!close_map(r, o.node, c, nr))
		return false;
	r->children.n = o.first;
	if (o.anchor.n)
		*map_at(&r->anchors, o.anchor) = o.node;
	r->weight++;
	*out = o.node;
	return true;
}

/* One event of a document; *out is the node that it completes. */
static bool on_event(struct yaml_reader *r, const yaml_event_t *e, struct node **out)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT: return on_scalar(r, e, out);
	case YAML_ALIAS_EVENT: return on_alias(r, e, out);
	case YAML_SEQUENCE_START_EVENT: return on_open(r, e, NODE_LIST);
	case YAML_MAPPING_START_EVENT: return on_open(r, e, NODE_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return on_close(r, out);
	default: return true;
	}
}

/* libyaml's complaint in our words. */
static bool syntax_error(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct yaml_complaint c = {
		.problem = str_of(p->problem),
		.context = str_of(p->context),
		.at = pos_of(r, p->problem_mark),
		.began = pos_of(r, p->context_mark),
	};

	if (p->error == YAML_READER_ERROR) {
		size_t bad = r->from + p->problem_offset;

		c.at = yaml_pos_of_offset(r->text, bad < r->text.n ? bad : r->text.n);
		c.value = p->problem_value;
	}
	return fail(r, c.at, yaml_explain(r->a, r->text, &c));
}

static bool next_event(struct yaml_reader *r, yaml_event_t *e)
{
	return yaml_parser_parse(&r->parser, e) ? true : syntax_error(r);
}

/* From DOCUMENT-START to DOCUMENT-END. */
static bool read_document(struct yaml_reader *r, struct yaml_doc *doc)
{
	bool ok = true, end = false;

	map_init(&r->anchors, r->a);
	while (ok && !end) {
		struct node *n = NULL;
		yaml_event_t e;

		if (!next_event(r, &e))
			return false;
		end = e.type == YAML_DOCUMENT_END_EVENT;
		ok = on_event(r, &e, &n);
		yaml_event_delete(&e);
		if (!ok || !n)
			continue;
		if (r->open.n)
			ok = push_child(r, n);
		else
			doc->root = n;
	}
	return ok;
}

/* Starts again at the next `---` behind the document that failed. */
static void resync(struct yaml_reader *r, struct yaml_doc *doc)
{
	uint32_t line;
	size_t next;

	doc->root = NULL;
	doc->error = r->error;
	doc->error_pos = r->error_pos;
	doc->apparent_kind = yaml_apparent_kind(r->text, r->doc_line);
	/* the error may be found at the `---` behind, but never resume where this one began */
	next = yaml_next_document(
		r->text, doc->error_pos.line > r->doc_line ? doc->error_pos.line - 1 : r->doc_line,
		&line);
	r->error = (struct str){ 0 };
	if (!next || !r->started || r->weight > MAX_DOC_NODES) {
		r->done = true;
		return;
	}
	r->line0 = line;
	r->doc_line = line + 1;
	if (!parser_start(r, next))
		r->done = true;
}

bool yaml_next(struct yaml_reader *r, struct yaml_doc *doc)
{
	*doc = (struct yaml_doc){ .pos = { r->line0 + 1, 1 } };
	if (!r->error.n) {
		/* small and soon warm again: one arena a document, not one a file */
		arena_free(r->a);
		r->a = arena_new();
	}
	r->open = r->children = (struct vec){ 0 };
	while (!r->done) {
		yaml_event_type_t type;
		yaml_event_t e;

		if (r->error.n || !next_event(r, &e)) {
			resync(r, doc);
			return true;
		}
		type = e.type;
		if (type == YAML_DOCUMENT_START_EVENT)
			r->doc_line = pos_of(r, e.start_mark).line;
		yaml_event_delete(&e);
		if (type == YAML_STREAM_END_EVENT)
			break;
		if (type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (!read_document(r, doc)) {
			resync(r, doc);
			return true;
		}
		if (doc->root)
			doc->pos = doc->root->pos;
		return true;
	}
	r->done = true;
	return false;
}

struct node *node_get(const struct node *n, struct str key)
{
	struct node_pair *p = n && n->type == NODE_MAP ? pair_find(n, key) : NULL;

	return p ? p->value : NULL;
}
