/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - what the files of mesh/ share while they compile: services with their members, views,
 * clusters, virtual hosts and decisions. All of it lives in the scratch arena of one compile.
 */
#ifndef WEFT_MESH_MODEL_H
#define WEFT_MESH_MODEL_H

#include "mesh/address.h"
#include "mesh/compile.h"
#include "mesh/hosts.h"
#include "mesh/protocol.h"

#define ROOT_NAMESPACE STR("istio-system")

struct workload {
	const struct object *object;
	const struct pod_object *pod;
	struct ip16 ips[2]; /* IPv4, IPv6; zero: none */
	uint64_t id;
	bool ready; /* may receive traffic */
	bool local; /* a pod of this node */
	uint32_t view;
	uint32_t image_index;
};

/* An address and port that serves one port of a service. */
struct member {
	struct ip16 addr;
	uint16_t port;
	uint32_t weight;
	uint32_t endpoint; /* index into the plan's endpoints, once it has one */
	const struct workload *workload;
	const struct pairs *labels;
};

struct mesh_port {
	struct str name;
	uint16_t port;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t app;   /* enum app */
	struct member *members;
	uint32_t nr_members;
	struct pos pos;
};

struct mesh_service {
	struct str host;     /* key: FQDN, lower case */
	struct str name, ns; /* destination_service_name, _namespace */
	const struct object *object;
	struct scope scope;
	bool kubernetes;   /* a Service: its other ports are refused */
	bool original_dst; /* no balancing: resolution NONE, headless */
	bool headless;
	bool any_address; /* a ServiceEntry without addresses */
	bool foreign;	  /* only a VirtualService names it: no service of the registry */
	bool sensitive;	  /* some view may see it differently */
	bool asks_source; /* so may any: a rule asks more than the client's namespace */
	struct subnet *vips;
	uint32_t nr_vips;
	struct mesh_port *ports;
	uint32_t nr_ports;
};

/* A class of clients that see the mesh alike. */
struct view {
	uint32_t id;
	struct str ns;		    /* "" unless some rule tells namespaces apart */
	const struct pairs *labels; /* of one pod of the view; NULL: no rule's labels hold */
	struct ip16 ips[2];
};

/* Rules (DestinationRule) of one host and audience in one namespace, merged. */
struct rule_group {
	struct str ns, host;
	const struct object *first;
	struct scope scope;
	const struct traffic_policy *policy;
	const struct object *policy_of;
	struct vec subsets; /* const struct subset * */
};

/* The four blocks in force for a (service port, subset). */
struct effective {
	const struct load_balancer *lb;
	const struct connection_pool *pool;
	const struct outlier_detection *outlier;
	const struct client_tls *tls;
};

struct mesh_cluster {
	struct str key, name, subset;
	const struct mesh_service *service;
	const struct mesh_port *port;
	struct effective policy;
	struct member **members; /* in order of address */
	uint32_t nr_members;
	uint8_t lb;
	const uint32_t *slots; /* indexes into members until numbered, then endpoints */
	uint32_t nr_slots;
};

struct mesh_matcher {
	uint8_t subject, op;
	uint16_t flags;
	struct str name, value;
};

struct mesh_target {
	uint32_t cluster; /* index, PLAN_NO_INDEX: not defined */
	uint32_t weight;
	struct str name;
};

struct mesh_targets {
	struct mesh_target *items;
	uint32_t n;
};

struct mesh_route {
	struct str name;
	struct mesh_matcher *matchers;
	uint32_t nr_matchers;
	struct mesh_targets targets;
	uint32_t timeout_ms, action, status;
};

struct mesh_vhost {
	struct str name;
	struct mesh_route *routes;
	uint32_t nr_routes;
	uint32_t image_index; /* PLAN_NO_INDEX until written */
};

/* What one view does with one address and port of a service. */
struct decision {
	bool visible;
	bool http;			/* LISTEN_HTTP: vhost is set */
	bool proxy;			/* a rule needs weft-proxy */
	bool kernel;			/* the kernel needs an entry */
	const struct mesh_vhost *vhost; /* http */
	struct mesh_targets targets;	/* what the kernel balances over; of a TCP listener too */
	struct str why;
};

/* A destination in one view. */
struct entry {
	uint32_t view;
	uint16_t port; /* host order; 0: all others of the address, refused */
	uint8_t proto;
	struct subnet dst;
	const struct mesh_service *service;
	struct decision d;
	uint32_t seq;
};

/* What a Host means on one port in one view. */
struct named {
	uint32_t kind; /* enum image_domain_kind */
	struct str name;
	const struct mesh_vhost *vhost;
	uint32_t seq;
};

struct host_table {
	uint32_t view;
	uint16_t port;
	struct vec names; /* struct named */
};

struct compile {
	struct arena *scratch; /* freed with the compile */
	struct arena *out;     /* of the plan */
	const struct objects *objects;
	const struct compile_options *opt;
	struct str domain; /* cluster domain */
	struct vec notes;  /* struct note, in out */

	struct vec services;	/* struct mesh_service *, sorted by host */
	struct map host_to_svc; /* struct mesh_service * */
	struct vec workloads;	/* struct workload *, sorted by namespace and name */
	struct map pod_by_name; /* "ns/name" */
	struct map namespaces;	/* const struct object * */

	struct rules *rules;	   /* rules.h */
	struct policies *policies; /* policies.h */
	struct vec views;	   /* struct view; [0] is view 0 */
	struct vec clusters;	   /* struct mesh_cluster * */
	struct map key_to_cluster; /* index + 1 */
	struct vec entries;	   /* struct entry, sorted as image_listener is */
	struct vec tables;	   /* struct host_table *, by view and port */
	struct map key_to_table;   /* struct host_table * */
};

void note_add(struct compile *c, const struct object *o, struct pos pos, const char *path,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
