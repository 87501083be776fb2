// SPDX-License-Identifier: Apache-2.0
#include "telemetry/text.h"

#include <stdlib.h>

static bool reserve(struct text *t, size_t n)
{
	size_t cap = t->cap ? t->cap : 4096;
	char *p;

	if (t->failed || n <= t->cap - t->n)
		return !t->failed;
	while (cap - t->n < n)
		cap *= 2;
	p = realloc(t->p, cap);
	if (!p) {
		t->failed = true;
		return false;
	}
	t->p = p;
	t->cap = cap;
	return true;
}

void text_put(struct text *t, struct str s)
{
	if (!s.n || !reserve(t, s.n))
		return;
	memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

void text_put_u64(struct text *t, uint64_t v)
{
	char buf[20], *p = buf + sizeof(buf);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	text_put(t, (struct str){ p, (size_t)(buf + sizeof(buf) - p) });
}

void text_done(struct text *t)
{
	free(t->p);
	*t = (struct text){ 0 };
}
