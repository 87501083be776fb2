/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - rows of text in aligned columns. Cells are copied; control characters in them become
 * "?", so that nothing from outside can play with the terminal.
 */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 10 };

struct table {
	size_t columns, nr_cells, cap;
	char **cells;
};

/* heads: one word a column, NULL at the end */
void table_init(struct table *t, const char *const *heads);
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t, FILE *out); /* and frees it */
void table_free(struct table *t);

#endif
