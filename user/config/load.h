/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - from YAML text to validated objects. Pure: text in, objects out, no file access.
 * Every document becomes exactly one object, valid or with problems; text that is not YAML becomes
 * one object of KIND_UNKNOWN with the position of the error. Never fails, never crashes.
 */
#ifndef WEFT_CONFIG_LOAD_H
#define WEFT_CONFIG_LOAD_H

#include "config/objects.h"

struct load_options {
	bool lenient; /* repairs null maps followed by stray siblings, with a warning each */
};

struct objects {
	struct arena *arena; /* owned by whoever called */
	struct object **items;
	size_t n, cap;
};

/* Decodes and validates `text`, appends to out. file is kept for messages. */
void load_text(struct objects *out, struct str file, struct str text,
	       const struct load_options *opt);

/* Reads one file, or every *.yaml *.yml *.json below a folder in byte order of their paths.
 * 0, or -errno with *bad set to the path that could not be read (others are loaded). */
int load_path(struct objects *out, const char *path, const struct load_options *opt,
	      struct str *bad);

/* "file:line:col: Kind ns/name: path: message" */
struct str problem_format(struct arena *a, const struct object *o, const struct problem *p);

#endif
