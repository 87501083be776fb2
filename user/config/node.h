/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - YAML (and JSON) text as a tree of nodes that remember where they stood. The reader goes
 * on behind a document that does not parse, so one broken document does not take the file with it.
 * Bounded by limits.h: size of the file, depth, nodes (aliases counted as often as used).
 * A document lives until the next one is read.
 */
#ifndef WEFT_CONFIG_NODE_H
#define WEFT_CONFIG_NODE_H

#include "config/objects.h"

enum node_type { NODE_NULL, NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_type type;
	bool quoted; /* in quotes or a block scalar: a string, whatever it looks like */
	struct pos pos;
	struct str text;	 /* NODE_SCALAR, and the spelling of a null */
	struct node_pair *pairs; /* NODE_MAP: n of them, in order, keys unique */
	struct node **items;	 /* NODE_LIST: n of them */
	size_t n;
	size_t weight;	 /* nodes below and itself, aliases counted as often as used */
	uint32_t height; /* levels below */
};

struct node_pair {
	struct str key;
	struct pos pos;
	struct node *value;
};

struct yaml_doc {
	struct node *root; /* NULL when error.n */
	struct pos pos;	   /* of the first line with content */
	struct str error;
	struct pos error_pos;
	struct str apparent_kind; /* with an error: what a `kind:` line of the document says */
};

struct yaml_reader;

struct yaml_reader *yaml_reader_new(struct str text);	     /* the text must outlive it */
bool yaml_next(struct yaml_reader *r, struct yaml_doc *doc); /* false: no more documents */
struct yaml_reader *yaml_reader_free(struct yaml_reader *r);

/* The value of key in a map; NULL: n is no map, or has no such key. */
struct node *node_get(const struct node *n, struct str key);

#endif
