// SPDX-License-Identifier: Apache-2.0
/* ServiceEntry and WorkloadEntry; the selector that several kinds share. */
#include "config/kinds.h"

static const struct field labels_fields[] = {
	{ .name = "labels", .type = T_PAIRS, .doc = "all of these labels" },
	{ 0 },
};
SCHEMA(labels_schema, pairs, "selector", .fields = labels_fields);

static const struct field match_labels_fields[] = {
	{ .name = "matchLabels", .type = T_PAIRS, .doc = "all of these labels" },
	{ 0 },
};
SCHEMA(match_labels_schema, pairs, "selector", .fields = match_labels_fields);

static void decode_named_ports(struct decoder *d, const struct field *f, const struct node *n,
			       const struct path *p, void *at)
{
	struct field number = { .name = f->name, .type = T_U32, .min = 1, .max = 65535 };
	LIST_OF(struct pair_u32) *out = at;

	number.off = offsetof(struct pair_u32, value);
	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT ": write a mapping of port names "
			    "to numbers, such as {http: 8080}",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path here = { .up = p, .key = n->pairs[i].key, .quoted = true };

		out->items[out->n].key = arena_str(d->a, n->pairs[i].key);
		decode_field(d, &number, n->pairs[i].value, &here, &out->items[out->n++]);
	}
}

static const struct field workload_entry_fields[] = {
	FIELD(workload_entry, address, "address", STR, .doc = "IP, name (DNS) or unix:///path"),
	FIELD(workload_entry, ports, "ports", CUSTOM, .decode = decode_named_ports,
	      .doc = "name of a service port -> number"),
	FIELD(workload_entry, labels, "labels", PAIRS),
	FIELD(workload_entry, network, "network", STR),
	FIELD(workload_entry, locality, "locality", STR, .doc = "region/zone/subzone"),
	FIELD(workload_entry, weight, "weight", U32, .doc = "1 by default"),
	FIELD(workload_entry, service_account, "serviceAccount", STR),
	{ 0 },
};
SCHEMA(workload_entry_schema, workload_entry, "endpoint", .fields = workload_entry_fields,
       .pos_off = AT(workload_entry, pos));

static const struct field service_port_fields[] = {
	FIELD(service_port, port, "number", U32, .required = true, .min = 1, .max = 65535),
	FIELD(service_port, name, "name", STR, .required = true),
	FIELD(service_port, protocol, "protocol", STR,
	      .doc = "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS; none: found out"),
	FIELD(service_port, target_port, "targetPort", U32, .min = 1, .max = 65535),
	{ 0 },
};
SCHEMA(service_port_schema, service_port, "port", .fields = service_port_fields,
       .pos_off = AT(service_port, pos));

static const struct enum_name location_names[] = { { "MESH_EXTERNAL", 0, 0 },
						   { "MESH_INTERNAL", 1, 1 },
						   { 0 } };
static const struct enum_name resolution_names[] = {
	{ "NONE", 0, 0 },	 { "STATIC", 1, 1 },
	{ "DNS", 2, 2 },	 { "DNS_ROUND_ROBIN", 3, 3 },
	{ "DYNAMIC_DNS", 4, 4 }, { 0 },
};

static const struct field service_entry_fields[] = {
	FIELD(service_entry, hosts, "hosts", STRS, .required = true),
	FIELD(service_entry, addresses, "addresses", STRS, .doc = "virtual IPs or CIDRs"),
	FIELD(service_entry, ports, "ports", LIST, .sub = &service_port_schema),
	FIELD(service_entry, location, "location", ENUM_STR, .names = location_names,
	      .doc = "MESH_EXTERNAL by default"),
	FIELD(service_entry, resolution, "resolution", ENUM_STR, .names = resolution_names,
	      .doc = "NONE by default: the address that the client dialled"),
	FIELD(service_entry, endpoints, "endpoints", LIST, .sub = &workload_entry_schema),
	FIELD(service_entry, workload_selector, "workloadSelector", INLINE, .sub = &labels_schema,
	      .has_off = AT(service_entry, has_workload_selector)),
	FIELD(service_entry, export_to, "exportTo", STRS, .doc = "namespaces, `.`, `*` or `~`"),
	FIELD(service_entry, subject_alt_names, "subjectAltNames", STRS),
	{ 0 },
};
static SCHEMA(service_entry_spec, service_entry, "ServiceEntry spec",
	      .fields = service_entry_fields);

static const struct field service_entry_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &service_entry_spec },
	{ 0 },
};
SCHEMA(service_entry_root, service_entry, "ServiceEntry", .fields = service_entry_root_fields);

static const struct field workload_entry_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &workload_entry_schema },
	{ 0 },
};
SCHEMA(workload_entry_root, workload_entry, "WorkloadEntry", .fields = workload_entry_root_fields);
