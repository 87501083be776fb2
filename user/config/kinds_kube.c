// SPDX-License-Identifier: Apache-2.0
/* Kubernetes kinds: only the fields that weft uses; all others are ignored. */
#include "config/kinds.h"

#include <errno.h>

#include "config/scalar.h"

/* ---- metadata -------------------------------------------------------------------------------- */
struct meta_read {
	struct meta meta;
	struct str owner_kind, owner_name;
};

static const struct field meta_fields[] = {
	FIELD(meta, name, "name", STR, .doc = "name of the object"),
	FIELD(meta, ns, "namespace", STR, .doc = "default when absent"),
	FIELD(meta, labels, "labels", PAIRS),
	FIELD(meta, annotations, "annotations", PAIRS),
	FIELD(meta, creation_timestamp, "creationTimestamp", STR, .doc = "older objects win ties"),
	FIELD(meta, generate_name, "generateName", STR),
	{ .name = "ownerReferences", .type = T_ANY },
	{ .name = "resourceVersion", .type = T_ANY },
	{ .name = "uid", .type = T_ANY },
	{ .name = "generation", .type = T_ANY },
	{ .name = "managedFields", .type = T_ANY },
	{ .name = "finalizers", .type = T_ANY },
	{ .name = "selfLink", .type = T_ANY },
	{ .name = "clusterName", .type = T_ANY },
	{ .name = "deletionTimestamp", .type = T_ANY },
	{ .name = "deletionGracePeriodSeconds", .type = T_ANY },
	{ 0 },
};
SCHEMA(meta_schema, meta, "metadata", .fields = meta_fields);

void decode_meta(struct decoder *d, const struct field *f, const struct node *n,
		 const struct path *p, void *at)
{
	decode_struct(d, &meta_schema, n, p, &d->o->meta);
}

/* ---- Namespace ------------------------------------------------------------------------------- */
struct nothing {
	char unused;
};

static const struct field namespace_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_ANY },
	{ 0 },
};
SCHEMA(namespace_root, nothing, "Namespace", .fields = namespace_root_fields, .open = true);

/* ---- Service --------------------------------------------------------------------------------- */
/* targetPort: a number or the name of a container port */
static void decode_target_port(struct decoder *d, const struct field *f, const struct node *n,
			       const struct path *p, void *at)
{
	struct service_port *port = at;
	struct field number = { .name = f->name, .type = T_U32, .min = 1, .max = 65535 };
	struct field name = { .name = f->name, .type = T_STR };

	number.off = offsetof(struct service_port, target_port);
	name.off = offsetof(struct service_port, target_port_name);
	if (n->type == NODE_SCALAR && scalar_is(n) == IS_STRING)
		decode_field(d, &name, n, p, port);
	else
		decode_field(d, &number, n, p, port);
}

static const struct field kube_port_fields[] = {
	FIELD(service_port, name, "name", STR),
	FIELD(service_port, port, "port", U32, .required = true, .min = 1, .max = 65535),
	FIELD(service_port, protocol, "protocol", STR),
	FIELD(service_port, app_protocol, "appProtocol", STR),
	{ .name = "targetPort",
	  .type = T_CUSTOM,
	  .decode = decode_target_port,
	  .doc = "a number, or the name of a container's port" },
	FIELD(service_port, node_port, "nodePort", U32, .max = 65535),
	{ 0 },
};
static SCHEMA(kube_port, service_port, "port", .fields = kube_port_fields, .open = true,
	      .pos_off = AT(service_port, pos));

static const struct field service_fields[] = {
	FIELD(service, cluster_ip, "clusterIP", STR),
	FIELD(service, cluster_ips, "clusterIPs", STRS),
	FIELD(service, type, "type", STR),
	FIELD(service, external_name, "externalName", STR),
	FIELD(service, selector, "selector", PAIRS),
	FIELD(service, ports, "ports", LIST, .sub = &kube_port),
	FIELD(service, publish_not_ready, "publishNotReadyAddresses", BOOL),
	FIELD(service, internal_traffic_policy, "internalTrafficPolicy", STR),
	FIELD(service, traffic_distribution, "trafficDistribution", STR),
	{ 0 },
};
static SCHEMA(service_spec, service, "Service spec", .fields = service_fields, .open = true);

static const struct field service_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &service_spec },
	{ 0 },
};
SCHEMA(service_root, service, "Service", .fields = service_root_fields, .open = true);

/* ---- Pod ------------------------------------------------------------------------------------- */
static const struct field container_port_fields[] = {
	FIELD(container_port, name, "name", STR),
	FIELD(container_port, port, "containerPort", U32, .required = true, .min = 1, .max = 65535),
	FIELD(container_port, protocol, "protocol", STR),
	{ 0 },
};
static SCHEMA(container_port_schema, container_port, "container port",
	      .fields = container_port_fields, .open = true);

static const struct field container_fields[] = {
	FIELD(container, name, "name", STR, .required = true),
	FIELD(container, image, "image", STR),
	FIELD(container, command, "command", STRS),
	FIELD(container, args, "args", STRS),
	FIELD(container, ports, "ports", LIST, .sub = &container_port_schema),
	{ 0 },
};
static SCHEMA(container_schema, container, "container", .fields = container_fields, .open = true);

static const struct field pod_fields[] = {
	FIELD(pod_object, node_name, "nodeName", STR),
	FIELD(pod_object, service_account, "serviceAccountName", STR),
	FIELD(pod_object, host_network, "hostNetwork", BOOL),
	FIELD(pod_object, containers, "containers", LIST, .sub = &container_schema),
	{ 0 },
};
static SCHEMA(pod_spec, pod_object, "Pod spec", .fields = pod_fields, .open = true);

struct one_ip {
	struct str ip;
};
static const struct field one_ip_fields[] = { FIELD(one_ip, ip, "ip", STR), { 0 } };
static SCHEMA(one_ip_schema, one_ip, "pod IP", .fields = one_ip_fields, .open = true);

static void decode_pod_ips(struct decoder *d, const struct field *f, const struct node *n,
			   const struct path *p, void *at)
{
	struct {
		LIST_OF(struct one_ip) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &one_ip_schema };
	struct strs *out = at;

	decode_field(d, &list, n, p, &read);
	out->items = arena_array(d->a, read.list.n, sizeof(*out->items));
	out->n = read.list.n;
	for (size_t i = 0; i < out->n; i++)
		out->items[i] = read.list.items[i].ip;
}

struct condition {
	struct str type, status;
};
static const struct field condition_fields[] = {
	FIELD(condition, type, "type", STR),
	FIELD(condition, status, "status", STR),
	{ 0 },
};
static SCHEMA(condition_schema, condition, "condition", .fields = condition_fields, .open = true);

static void decode_conditions(struct decoder *d, const struct field *f, const struct node *n,
			      const struct path *p, void *at)
{
	struct {
		LIST_OF(struct condition) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &condition_schema };
	struct opt_bool *ready = at;

	decode_field(d, &list, n, p, &read);
	for (size_t i = 0; i < read.list.n; i++)
		if (str_eq(read.list.items[i].type, STR("Ready")))
			*ready = (struct opt_bool){ true, str_eq(read.list.items[i].status,
								 STR("True")) };
}

static const struct field pod_status_fields[] = {
	FIELD(pod_object, pod_ip, "podIP", STR),
	FIELD(pod_object, pod_ips, "podIPs", CUSTOM, .decode = decode_pod_ips,
	      .doc = "list of {ip: …}"),
	FIELD(pod_object, ready, "conditions", CUSTOM, .decode = decode_conditions,
	      .doc = "list; Ready counts"),
	FIELD(pod_object, phase, "phase", STR),
	{ 0 },
};
static SCHEMA(pod_status, pod_object, "Pod status", .fields = pod_status_fields, .open = true);

struct owner {
	struct str kind, name;
};
static const struct field owner_fields[] = {
	FIELD(owner, kind, "kind", STR),
	FIELD(owner, name, "name", STR),
	{ 0 },
};
static SCHEMA(owner_schema, owner, "owner reference", .fields = owner_fields, .open = true);

/* metadata of a Pod: also its first owner */
static void decode_pod_meta(struct decoder *d, const struct field *f, const struct node *n,
			    const struct path *p, void *at)
{
	struct pod_object *pod = at;
	struct {
		LIST_OF(struct owner) list;
	} read = { 0 };
	struct field list = { .name = "ownerReferences", .type = T_LIST, .sub = &owner_schema };
	const struct node *owners = node_get(n, STR("ownerReferences"));
	struct path here = { .up = p, .key = STR("ownerReferences") };

	decode_meta(d, f, n, p, at);
	if (!owners || owners->type == NODE_NULL)
		return;
	decode_field(d, &list, owners, &here, &read);
	if (!read.list.n)
		return;
	pod->owner_kind = read.list.items[0].kind;
	pod->owner_name = read.list.items[0].name;
}

static const struct field pod_root_fields[] = {
	{ .name = "apiVersion", .type = T_ANY },
	{ .name = "kind", .type = T_ANY },
	{ .name = "metadata",
	  .type = T_CUSTOM,
	  .required = true,
	  .sub = &meta_schema,
	  .decode = decode_pod_meta },
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &pod_spec },
	{ .name = "status", .type = T_INLINE, .sub = &pod_status },
	{ 0 },
};
SCHEMA(pod_root, pod_object, "Pod", .fields = pod_root_fields, .open = true);

/* ---- Endpoints, EndpointSlice ---------------------------------------------------------------- */
struct target {
	struct str kind, ns, name;
};
static const struct field target_fields[] = {
	FIELD(target, kind, "kind", STR),
	FIELD(target, ns, "namespace", STR),
	FIELD(target, name, "name", STR),
	{ 0 },
};
static SCHEMA(target_schema, target, "targetRef", .fields = target_fields, .open = true);

static const struct field endpoint_port_fields[] = {
	FIELD(endpoint_port, name, "name", STR),
	FIELD(endpoint_port, port, "port", U32, .min = 1, .max = 65535),
	FIELD(endpoint_port, protocol, "protocol", STR),
	FIELD(endpoint_port, app_protocol, "appProtocol", STR),
	{ 0 },
};
static SCHEMA(endpoint_port_schema, endpoint_port, "port", .fields = endpoint_port_fields,
	      .open = true);

struct old_address {
	struct str ip, node_name;
	struct target target;
};
static const struct field old_address_fields[] = {
	FIELD(old_address, ip, "ip", STR, .required = true),
	FIELD(old_address, node_name, "nodeName", STR),
	FIELD(old_address, target, "targetRef", INLINE, .sub = &target_schema),
	{ 0 },
};
static SCHEMA(old_address_schema, old_address, "address", .fields = old_address_fields,
	      .open = true);

struct old_subset {
	LIST_OF(struct old_address) ready;
	LIST_OF(struct old_address) not_ready;
	LIST_OF(struct endpoint_port) ports;
};
static const struct field old_subset_fields[] = {
	FIELD(old_subset, ready, "addresses", LIST, .sub = &old_address_schema),
	FIELD(old_subset, not_ready, "notReadyAddresses", LIST, .sub = &old_address_schema),
	FIELD(old_subset, ports, "ports", LIST, .sub = &endpoint_port_schema),
	{ 0 },
};
static SCHEMA(old_subset_schema, old_subset, "subset", .fields = old_subset_fields, .open = true);

static struct endpoint_address address_of(struct str ip, struct str node, const struct target *t,
					  bool ready)
{
	struct endpoint_address e = { .ip = ip, .node_name = node, .ready = ready };

	if (str_eq(t->kind, STR("Pod")) || !t->kind.n) {
		e.target_ns = t->ns;
		e.target_name = t->name;
	}
	return e;
}

static void decode_old_subsets(struct decoder *d, const struct field *f, const struct node *n,
			       const struct path *p, void *at)
{
	struct {
		LIST_OF(struct old_subset) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &old_subset_schema };
	struct endpoints *out = at;

	decode_field(d, &list, n, p, &read);
	out->sets.items = arena_array(d->a, read.list.n, sizeof(*out->sets.items));
	out->sets.n = read.list.n;
	for (size_t i = 0; i < read.list.n; i++) {
		const struct old_subset *from = &read.list.items[i];
		struct endpoint_set *to = &out->sets.items[i];
		size_t nr = from->ready.n + from->not_ready.n;

		to->ports.items = from->ports.items;
		to->ports.n = from->ports.n;
		to->addresses.items = arena_array(d->a, nr, sizeof(*to->addresses.items));
		to->addresses.n = nr;
		for (size_t j = 0; j < nr; j++) {
			bool ready = j < from->ready.n;
			const struct old_address *a =
				ready ? &from->ready.items[j]
				      : &from->not_ready.items[j - from->ready.n];

			to->addresses.items[j] = address_of(a->ip, a->node_name, &a->target, ready);
		}
	}
}

static const struct field endpoints_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "subsets",
	  .type = T_CUSTOM,
	  .decode = decode_old_subsets,
	  .doc = "addresses and ports" },
	{ 0 },
};
SCHEMA(endpoints_root, endpoints, "Endpoints", .fields = endpoints_root_fields, .open = true);

struct slice_conditions {
	struct opt_bool ready, serving, terminating;
};
static const struct field slice_condition_fields[] = {
	FIELD(slice_conditions, ready, "ready", OPT_BOOL),
	FIELD(slice_conditions, serving, "serving", OPT_BOOL),
	FIELD(slice_conditions, terminating, "terminating", OPT_BOOL),
	{ 0 },
};
static SCHEMA(slice_condition_schema, slice_conditions, "conditions",
	      .fields = slice_condition_fields, .open = true);

struct slice_endpoint {
	struct strs addresses;
	struct slice_conditions conditions;
	struct str node_name;
	struct target target;
};
static const struct field slice_endpoint_fields[] = {
	FIELD(slice_endpoint, addresses, "addresses", STRS, .required = true),
	FIELD(slice_endpoint, conditions, "conditions", INLINE, .sub = &slice_condition_schema),
	FIELD(slice_endpoint, node_name, "nodeName", STR),
	FIELD(slice_endpoint, target, "targetRef", INLINE, .sub = &target_schema),
	{ 0 },
};
static SCHEMA(slice_endpoint_schema, slice_endpoint, "endpoint", .fields = slice_endpoint_fields,
	      .open = true);

static struct endpoint_set *only_set(struct decoder *d, struct endpoints *e)
{
	if (!e->sets.n) {
		e->sets.items = arena_alloc(d->a, sizeof(*e->sets.items));
		e->sets.n = 1;
	}
	return e->sets.items;
}

/* Every address of an endpoint of a slice is the same endpoint: the first one counts. */
static void decode_slice_endpoints(struct decoder *d, const struct field *f, const struct node *n,
				   const struct path *p, void *at)
{
	struct {
		LIST_OF(struct slice_endpoint) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &slice_endpoint_schema };
	struct endpoint_set *set = only_set(d, at);

	decode_field(d, &list, n, p, &read);
	set->addresses.items = arena_array(d->a, read.list.n, sizeof(*set->addresses.items));
	for (size_t i = 0; i < read.list.n; i++) {
		const struct slice_endpoint *e = &read.list.items[i];
		bool ready = !e->conditions.ready.set || e->conditions.ready.v;

		if (e->addresses.n)
			set->addresses.items[set->addresses.n++] =
				address_of(e->addresses.items[0], e->node_name, &e->target, ready);
	}
}

static void decode_slice_ports(struct decoder *d, const struct field *f, const struct node *n,
			       const struct path *p, void *at)
{
	struct field list = { .name = f->name, .type = T_LIST, .sub = &endpoint_port_schema };

	list.off = offsetof(struct endpoint_set, ports);
	decode_field(d, &list, n, p, only_set(d, at));
}

static const struct field endpoint_slice_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "addressType", .type = T_ANY },
	{ .name = "endpoints",
	  .type = T_CUSTOM,
	  .decode = decode_slice_endpoints,
	  .doc = "list: addresses, conditions.ready, nodeName, targetRef" },
	{ .name = "ports",
	  .type = T_CUSTOM,
	  .decode = decode_slice_ports,
	  .doc = "list: name, port, protocol, appProtocol" },
	{ 0 },
};
SCHEMA(endpoint_slice_root, endpoints, "EndpointSlice", .fields = endpoint_slice_root_fields,
       .open = true);
