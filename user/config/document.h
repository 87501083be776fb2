/* SPDX-License-Identifier: Apache-2.0 */
/* document.h - one document: which kind it is, its decoding, its rules. */
#ifndef WEFT_CONFIG_DOCUMENT_H
#define WEFT_CONFIG_DOCUMENT_H

#include "config/repair.h"
#include "config/schema.h"

/* Fills d->o from root. */
void document_decode(struct decoder *d, const struct node *root, const struct repairs *repairs);

/* Fills in what the kind's documentation says of fields that are absent. */
void object_defaults(struct object *o);

#endif
