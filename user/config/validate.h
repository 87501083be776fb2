/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h - rules that need more than one field. A validator walks the decoded struct and names
 * what is wrong by its path ("spec.http[0].route"); the position is looked up in the tree.
 */
#ifndef WEFT_CONFIG_VALIDATE_H
#define WEFT_CONFIG_VALIDATE_H

#include "config/schema.h"

struct check {
	struct decoder *d;
	struct arena *scratch; /* of this validation: paths, indexes */
	const struct node *root;
	struct object *o;
};

typedef void validate_fn(struct check *c, const void *spec);

/* An error (or warning) at a path; the deepest node of the path that exists gives the position. */
void check_error(struct check *c, struct str path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, but `offset` characters into the scalar at path (where that can be told). */
void check_error_in(struct check *c, struct str path, size_t offset, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void check_warn(struct check *c, struct str path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Was the field at path written (and is not null)? */
bool check_has(struct check *c, struct str path);
struct str at(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

validate_fn validate_virtual_service, validate_destination_rule, validate_service_entry,
	validate_gateway, validate_peer_authentication, validate_route_rule, validate_policy,
	validate_service, validate_pod, validate_endpoints, validate_workload_entry;

#endif
