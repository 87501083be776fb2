/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.h - the kinds that are read: group, versions, schema of the whole document, validator. */
#ifndef WEFT_CONFIG_KINDS_H
#define WEFT_CONFIG_KINDS_H

#include "config/schema.h"
#include "config/validate.h"

struct kind_def {
	const char *kind, *group;
	const char *versions; /* blank-separated, newest last */
	enum kind id;
	const struct schema *root; /* NULL: known, not read */
	validate_fn *validate;
	bool cluster_scoped;
	const char *note; /* why it is skipped, when root is NULL */
};

/* Every kind by (kind, group); ends with kind NULL. */
extern const struct kind_def kind_defs[];

/* The fields that every document starts with. */
extern const struct schema meta_schema;
void decode_meta(struct decoder *d, const struct field *f, const struct node *n,
		 const struct path *p, void *at);
#define ROOT_FIELDS                                                                                \
	{ .name = "apiVersion", .type = T_ANY, .doc = "group and version" },                       \
		{ .name = "kind", .type = T_ANY, .doc = "the kind" },                              \
		{ .name = "status", .type = T_ANY, .doc = "ignored" },                             \
	{                                                                                          \
		.name = "metadata", .type = T_CUSTOM, .required = true, .sub = &meta_schema,       \
		.decode = decode_meta, .doc = "name, namespace, labels, annotations"               \
	}

extern const struct schema namespace_root, service_root, pod_root, endpoints_root,
	endpoint_slice_root, virtual_service_root, destination_rule_root, service_entry_root,
	gateway_root, peer_authentication_root, route_rule_root, policy_root, workload_entry_root;

/* Shared with several kinds. */
extern const struct schema labels_schema, match_labels_schema; /* {labels}, {matchLabels} */
extern const struct schema redirect_schema, rewrite_schema, fault_schema, cors_schema;
extern const struct schema workload_entry_schema, service_port_schema;
void decode_string_match(struct decoder *d, const struct field *f, const struct node *n,
			 const struct path *p, void *at);
extern const struct schema string_match_schema;

#endif
