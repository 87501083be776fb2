/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - a byte buffer that grows; after out of memory it stays `failed` and ignores the rest. */
#ifndef WEFT_TELEMETRY_TEXT_H
#define WEFT_TELEMETRY_TEXT_H

#include "base/str.h"

struct text {
	char *p;
	size_t n, cap;
	bool failed;
};

void text_put(struct text *t, struct str s);
void text_put_u64(struct text *t, uint64_t v);
void text_done(struct text *t); /* frees the bytes; t is empty and usable again */

static inline struct str text_str(const struct text *t)
{
	return (struct str){ t->p, t->n };
}

#endif
