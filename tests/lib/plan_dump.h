/* SPDX-License-Identifier: Apache-2.0 */
/* plan_dump.h - a compiled mesh as text, for golden tests. */
#ifndef WEFT_TESTS_PLAN_DUMP_H
#define WEFT_TESTS_PLAN_DUMP_H

#include <stdio.h>

#include "mesh/compile.h"

void plan_dump(const struct compiled *c, FILE *out);

#endif
