/* SPDX-License-Identifier: Apache-2.0 */
/* docs.h - the field tables as a reference page. */
#ifndef WEFT_CONFIG_DOCS_H
#define WEFT_CONFIG_DOCS_H

#include <stdio.h>

void docs_fields(FILE *out); /* Markdown: every field of every kind that is read */

#endif
