// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void push(struct table *t, char *text)
{
	if (t->nr_cells == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = realloc(t->cells, t->cap * sizeof(*t->cells));
		if (!t->cells)
			abort();
	}
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	t->cells[t->nr_cells++] = text;
}

void table_init(struct table *t, const char *const *heads)
{
	*t = (struct table){ 0 };
	while (heads[t->columns])
		t->columns++;
	for (size_t i = 0; i < t->columns; i++)
		table_cell(t, "%s", heads[i]);
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	push(t, text);
}

/* Characters, not bytes: bytes that continue one do not count. */
static int width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_print(struct table *t, FILE *out)
{
	int widths[TABLE_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->nr_cells; i++) {
		int w = width(t->cells[i]);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->nr_cells; i++) {
		int last = (i + 1) % t->columns == 0;

		fputs(t->cells[i], out);
		if (last)
			fputc('\n', out);
		else
			fprintf(out, "%*s", widths[i % t->columns] - width(t->cells[i]) + 2, "");
	}
	table_free(t);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->nr_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}
