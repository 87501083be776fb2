/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lenient.h - the one slip of indentation that is understood: a field that should hold a mapping is
 * null and its children stand beside it. Strict: one error a level that says so. Lenient: a
 * warning, and the children count as written below it. Where a child could belong to either of two
 * places it is an error in both modes.
 */
#ifndef WEFT_CONFIG_LENIENT_H
#define WEFT_CONFIG_LENIENT_H

#include "config/schema.h"

/* n with every such child put where it belongs (in both modes, so that what follows is checked as
 * it was meant and not reported a second time). */
const struct node *lenient_settle(struct decoder *d, const struct schema *s, const struct node *n,
				  const struct path *p);

#endif
