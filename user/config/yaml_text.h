/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_text.h - what can be said about YAML text that does not parse, from its lines alone. */
#ifndef WEFT_CONFIG_YAML_TEXT_H
#define WEFT_CONFIG_YAML_TEXT_H

#include "config/objects.h"

struct yaml_complaint {
	struct str problem, context; /* libyaml's words */
	struct pos at, began;
	int value; /* the offending byte, of a reader error */
};

/* What is wrong and what to write instead. */
struct str yaml_explain(struct arena *a, struct str text, const struct yaml_complaint *c);

/*
 * libyaml takes the last colon of an IPv6 address such as `fd00::` for a key's when a bracket or
 * comma follows: `[fd00::, fd01::]` does not parse. A stand-in of one character keeps it in the
 * word (and every column right); yaml_unguard puts the colon back. NULL: nothing to guard.
 * The caller frees the copy.
 */
char *yaml_guard(struct str text, size_t *n);
void yaml_unguard(struct str *s); /* in place */

struct pos yaml_pos_of_offset(struct str text, size_t offset);

/* The line (from 1) without its end; empty when there is none. */
struct str yaml_line(struct str text, uint32_t line);

/* Offset of the first `---` line below `line`, 0: none; *lines = the lines before it. */
size_t yaml_next_document(struct str text, uint32_t line, uint32_t *lines);

/* The value of a `kind:` at the margin in the document that begins at `line`; empty: none. */
struct str yaml_apparent_kind(struct str text, uint32_t line);

#endif
