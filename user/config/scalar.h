/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.h - what a plain YAML word means, and durations. */
#ifndef WEFT_CONFIG_SCALAR_H
#define WEFT_CONFIG_SCALAR_H

#include "config/node.h"

enum scalar_is { IS_STRING, IS_INTEGER, IS_FLOAT, IS_BOOL };

/* As Kubernetes' YAML reads it: quotes make a string, yes/no/on/off are booleans. */
enum scalar_is scalar_is(const struct node *n);
bool scalar_bool(struct str s); /* of an IS_BOOL */

/* -EINVAL: no integer; -ERANGE: does not fit into 64 bits. Accepts 10, -10, 0x1f, 0o17. */
int scalar_integer(struct str s, int64_t *out);
int scalar_double(struct str s, double *out); /* finite */

/* "1.5s", "10ms", "1h30m" -> milliseconds. -EINVAL: no duration; -ERANGE: negative or more than a
 * hundred years; -EDOM: not whole milliseconds. */
int scalar_duration(struct str s, uint64_t *ms);

#endif
