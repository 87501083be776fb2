/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair.h - two habits of tutorials that are not YAML and whose meaning is plain. Both are blanked
 * out with spaces, so every position stays right, and each is reported at the document it is in:
 *  - notes that begin with an arrow, `host: reviews   <-- the service`: a warning;
 *  - a line that holds only an indented `...` ("and so on"): an error, lenient: a warning.
 */
#ifndef WEFT_CONFIG_REPAIR_H
#define WEFT_CONFIG_REPAIR_H

#include "config/node.h"

struct repair {
	struct pos pos;
	uint32_t from, to; /* lines of its document: from <= line < to */
	bool warning;
	struct str message;
};

struct repairs {
	struct arena *arena;
	bool lenient;
	struct vec list; /* struct repair, in order of lines */
};

/* The text to parse: itself when there is nothing to repair. */
struct str repair_text(struct repairs *r, struct str text);

#endif
