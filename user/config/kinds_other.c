// SPDX-License-Identifier: Apache-2.0
/* Gateway, PeerAuthentication and the old Policy. */
#include "config/kinds.h"

/* ---- Gateway --------------------------------------------------------------------------------- */
static const struct field gateway_port_fields[] = {
	FIELD(service_port, port, "number", U32, .max = 65535, .doc = "port of the gateway"),
	FIELD(service_port, protocol, "protocol", STR, .required = true,
	      .doc = "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP or TLS"),
	FIELD(service_port, name, "name", STR, .required = true),
	FIELD(service_port, target_port, "targetPort", U32, .max = 65535, .doc = "an error"),
	{ 0 },
};
static SCHEMA(gateway_port_schema, service_port, "port", .fields = gateway_port_fields,
	      .pos_off = AT(service_port, pos));

static const struct enum_name tls_mode_names[] = {
	{ "PASSTHROUGH", 0, 0 },
	{ "SIMPLE", 1, 1 },
	{ "MUTUAL", 2, 2 },
	{ "AUTO_PASSTHROUGH", 3, 3 },
	{ "ISTIO_MUTUAL", 4, 4 },
	{ "OPTIONAL_MUTUAL", 5, 5 },
	{ 0 },
};
static const struct enum_name tls_version_names[] = {
	{ "TLS_AUTO", 0, 0 }, { "TLSV1_0", 1, 1 }, { "TLSV1_1", 2, 2 },
	{ "TLSV1_2", 3, 3 },  { "TLSV1_3", 4, 4 }, { 0 },
};

static void count_items(struct decoder *d, const struct field *f, const struct node *n,
			const struct path *p, void *at)
{
	if (n->type != NODE_LIST)
		problem_add(d, false, n->pos, p, "found " STR_FMT ": write a list",
			    STR_ARG(node_says(d->a, n)));
	else
		*(size_t *)at = n->n;
}

static const struct field server_tls_fields[] = {
	FIELD(server_tls, https_redirect, "httpsRedirect", BOOL),
	FIELD(server_tls, mode, "mode", ENUM_STR, .names = tls_mode_names,
	      .doc = "PASSTHROUGH by default"),
	FIELD(server_tls, server_certificate, "serverCertificate", STR, .doc = "file"),
	FIELD(server_tls, private_key, "privateKey", STR, .doc = "file"),
	FIELD(server_tls, ca_certificates, "caCertificates", STR, .doc = "file"),
	FIELD(server_tls, ca_crl, "caCrl", STR, .doc = "file"),
	FIELD(server_tls, credential_name, "credentialName", STR, .doc = "Secret"),
	FIELD(server_tls, credential_names, "credentialNames", STRS),
	FIELD(server_tls, ca_cert_credential_name, "caCertCredentialName", STR),
	FIELD(server_tls, nr_tls_certificates, "tlsCertificates", CUSTOM, .decode = count_items),
	FIELD(server_tls, subject_alt_names, "subjectAltNames", STRS),
	FIELD(server_tls, verify_spki, "verifyCertificateSpki", STRS),
	FIELD(server_tls, verify_hash, "verifyCertificateHash", STRS),
	FIELD(server_tls, min_version, "minProtocolVersion", ENUM_STR, .names = tls_version_names),
	FIELD(server_tls, max_version, "maxProtocolVersion", ENUM_STR, .names = tls_version_names),
	FIELD(server_tls, cipher_suites, "cipherSuites", STRS),
	{ .name = "insecureSkipVerify", .type = T_ANY },
	{ 0 },
};
static SCHEMA(server_tls_schema, server_tls, "tls", .fields = server_tls_fields,
	      .pos_off = AT(server_tls, pos));

static const struct field server_fields[] = {
	FIELD(server, port, "port", INLINE, .sub = &gateway_port_schema, .required = true,
	      .has_off = AT(server, has_port)),
	FIELD(server, bind, "bind", STR),
	FIELD(server, hosts, "hosts", STRS, .required = true, .doc = "[namespace/]host"),
	FIELD(server, tls, "tls", PTR, .sub = &server_tls_schema),
	FIELD(server, default_endpoint, "defaultEndpoint", STR),
	FIELD(server, name, "name", STR),
	{ 0 },
};
static SCHEMA(server_schema, server, "server", .fields = server_fields, .pos_off = AT(server, pos));

static const struct field gateway_fields[] = {
	FIELD(gateway, servers, "servers", LIST, .sub = &server_schema),
	FIELD(gateway, selector, "selector", PAIRS, .doc = "labels of the gateway's pods"),
	{ 0 },
};
static SCHEMA(gateway_spec, gateway, "Gateway spec", .fields = gateway_fields);

static const struct field gateway_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .required = true, .sub = &gateway_spec },
	{ 0 },
};
SCHEMA(gateway_root, gateway, "Gateway", .fields = gateway_root_fields);

/* ---- PeerAuthentication ---------------------------------------------------------------------- */
static const struct enum_name mtls_mode_names[] = {
	{ "UNSET", 0, 0 }, { "DISABLE", 1, 1 }, { "PERMISSIVE", 2, 2 }, { "STRICT", 3, 3 }, { 0 }
};

struct one_mode {
	struct str mode;
};
static const struct field mode_fields[] = {
	FIELD(one_mode, mode, "mode", ENUM_STR, .names = mtls_mode_names),
	{ 0 },
};
static SCHEMA(mode_schema, one_mode, "mtls", .fields = mode_fields);

static void decode_port_modes(struct decoder *d, const struct field *f, const struct node *n,
			      const struct path *p, void *at)
{
	struct peer_authentication *pa = at;

	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT ": write a mapping of ports to "
			    "modes, such as {8080: {mode: STRICT}}",
			    STR_ARG(node_says(d->a, n)));
		return;
	}
	pa->has_port_level = true;
	pa->port_level.items = arena_array(d->a, n->n, sizeof(*pa->port_level.items));
	for (size_t i = 0; i < n->n; i++) {
		struct path here = { .up = p, .key = n->pairs[i].key, .quoted = true };
		struct port_mode *m = &pa->port_level.items[pa->port_level.n++];
		struct one_mode read = { 0 };

		if (n->pairs[i].value->type != NODE_NULL)
			decode_struct(d, &mode_schema, n->pairs[i].value, &here, &read);
		m->port = arena_str(d->a, n->pairs[i].key);
		m->mode = read.mode;
	}
}

static const struct field peer_authentication_fields[] = {
	FIELD(peer_authentication, selector, "selector", INLINE, .sub = &match_labels_schema,
	      .has_off = AT(peer_authentication, has_selector)),
	FIELD(peer_authentication, mode, "mtls", INLINE, .sub = &mode_schema),
	{ .name = "portLevelMtls",
	  .type = T_CUSTOM,
	  .decode = decode_port_modes,
	  .doc = "port of the workload -> mode" },
	{ 0 },
};
static SCHEMA(peer_authentication_spec, peer_authentication, "PeerAuthentication spec",
	      .fields = peer_authentication_fields);

static const struct field peer_authentication_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .sub = &peer_authentication_spec },
	{ 0 },
};
SCHEMA(peer_authentication_root, peer_authentication, "PeerAuthentication",
       .fields = peer_authentication_root_fields);

/* ---- Policy (0.8 to 1.5) --------------------------------------------------------------------- */
static const struct field policy_port_fields[] = {
	FIELD(destination, port, "number", U32, .min = 1, .max = 65535, .oneof = 1),
	FIELD(destination, port_name, "name", STR, .oneof = 1),
	{ 0 },
};
static SCHEMA(policy_port_schema, destination, "port", .fields = policy_port_fields);

static const struct field policy_target_fields[] = {
	FIELD(policy_target, name, "name", STR, .required = true, .doc = "short name of a service"),
	FIELD(policy_target, ports, "ports", LIST, .sub = &policy_port_schema),
	{ .name = "labels", .type = T_ANY },
	{ 0 },
};
static SCHEMA(policy_target_schema, policy_target, "target", .fields = policy_target_fields);

static const struct enum_name old_mtls_names[] = { { "STRICT", 0, 0 },
						   { "PERMISSIVE", 1, 1 },
						   { 0 } };

struct old_mtls {
	struct str mode;
	bool allow_tls;
};
static const struct field old_mtls_fields[] = {
	FIELD(old_mtls, mode, "mode", ENUM_STR, .names = old_mtls_names),
	FIELD(old_mtls, allow_tls, "allowTls", BOOL),
	{ 0 },
};
static SCHEMA(old_mtls_schema, old_mtls, "mtls", .fields = old_mtls_fields);

struct peer {
	struct old_mtls mtls;
};
static const struct field peer_fields[] = {
	FIELD(peer, mtls, "mtls", INLINE, .sub = &old_mtls_schema, .doc = "{} = STRICT"),
	{ .name = "jwt", .type = T_ANY },
	{ 0 },
};
static SCHEMA(peer_schema, peer, "peer", .fields = peer_fields);

static void decode_peers(struct decoder *d, const struct field *f, const struct node *n,
			 const struct path *p, void *at)
{
	struct {
		LIST_OF(struct peer) list;
	} read = { 0 };
	struct field list = { .name = f->name, .type = T_LIST, .sub = &peer_schema };
	struct policy *policy = at;

	decode_field(d, &list, n, p, &read);
	policy->nr_peers = read.list.n;
	for (size_t i = 0; i < read.list.n; i++)
		if (read.list.items[i].mtls.allow_tls ||
		    str_eq(read.list.items[i].mtls.mode, STR("PERMISSIVE")))
			policy->permissive = true;
}

static const struct enum_name binding_names[] = { { "USE_PEER", 0, 0 },
						  { "USE_ORIGIN", 1, 1 },
						  { 0 } };
struct binding {
	struct str binding;
};

static void decode_binding(struct decoder *d, const struct field *f, const struct node *n,
			   const struct path *p, void *at)
{
	struct field name = { .name = f->name, .type = T_ENUM_STR, .names = binding_names };
	struct binding read;

	decode_field(d, &name, n, p, &read);
}

static const struct field policy_fields[] = {
	FIELD(policy, targets, "targets", LIST, .sub = &policy_target_schema),
	{ .name = "peers",
	  .type = T_CUSTOM,
	  .decode = decode_peers,
	  .doc = "mtls: what callers must speak" },
	{ .name = "peerIsOptional", .type = T_ANY },
	FIELD(policy, nr_origins, "origins", CUSTOM, .decode = count_items),
	{ .name = "originIsOptional", .type = T_ANY },
	{ .name = "principalBinding", .type = T_CUSTOM, .decode = decode_binding },
	{ 0 },
};
static SCHEMA(policy_spec, policy, "Policy spec", .fields = policy_fields);

static const struct field policy_root_fields[] = {
	ROOT_FIELDS,
	{ .name = "spec", .type = T_INLINE, .sub = &policy_spec },
	{ 0 },
};
SCHEMA(policy_root, policy, "Policy", .fields = policy_root_fields);
