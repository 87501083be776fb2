/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what mesh/ compiles and the agent puts in force: the kernel tables by name, ready to be
 * given numbers. Pure data, owned by the arena of the compile; everything is `const` afterwards.
 * The image for weft-proxy is beside it (struct plan.image). Same objects in, same bytes out.
 */
#ifndef WEFT_PLAN_H
#define WEFT_PLAN_H

#include <stdint.h>
#include "weft/abi.h"

enum { PLAN_NO_INDEX = 0xffffffff };

struct plan_endpoint {
	const char *name; /* "10.244.0.7:9080" */
	uint64_t id;	  /* hash of name: also image_endpoint.id */
	struct ip16 addr;
	__be16 port;
	uint32_t weight;
};

struct plan_cluster {
	const char *name; /* "outbound|9080|v1|reviews.default.svc.cluster.local", see image.h */
	uint64_t id;	  /* hash of its unique key: also image_cluster.id */
	uint8_t lb;	  /* enum lb_policy */
	uint8_t keepalive;
	uint16_t keepalive_probes;
	uint32_t keepalive_time_s, keepalive_interval_s;
	uint32_t max_connections; /* WEFT_NO_LIMIT */
	const uint32_t *slots;	  /* indexes into plan.endpoints, in balancing order */
	uint32_t nr_slots;
};

struct plan_split {
	uint32_t cluster; /* index into plan.clusters; PLAN_NO_INDEX: subset not defined */
	uint32_t weight;
};

/* A destination of new flows, seen from one view. */
struct plan_vip {
	uint32_t view;
	struct ip16 addr; /* zero with prefix 0: any address */
	uint8_t prefix;	  /* 128: exact (map vips); below: map cidrs */
	uint8_t proto;
	__be16 port;			 /* 0: all ports without an entry of their own */
	uint8_t verdict;		 /* enum verdict */
	uint8_t reason;			 /* enum kernel_reason, with VERDICT_REFUSE */
	const struct plan_split *splits; /* with VERDICT_BACKEND: 1 or more */
	uint32_t nr_splits;
	const char *host; /* "reviews.default.svc.cluster.local"; NULL: any address */
	const char *why;  /* for `weft services`: "http route in VirtualService default/reviews" */
};

struct plan_pod {
	const char *name, *ns, *node;
	uint64_t id; /* hash of "ns/name" */
	uint32_t view;
	struct ip16 ips[2]; /* zero: none */
	uint8_t local;	    /* spec.nodeName is this node (or absent) */
	uint8_t enroll;	    /* mesh-api 17: labels of pod and namespace */
	const char *why;    /* "label sidecar.istio.io/inject=false", for `weft pods` */
	uint32_t flags;	    /* enum pod_flags */
};

struct plan {
	const struct plan_endpoint *endpoints;
	uint32_t nr_endpoints;
	const struct plan_cluster *clusters;
	uint32_t nr_clusters;
	const struct plan_vip *vips;
	uint32_t nr_vips;
	const struct plan_pod *pods; /* all pods known, of every node */
	uint32_t nr_pods;
	const void *image; /* image.h, complete with checksum; generation 0 until pushed */
	uint64_t image_size;
};

#endif
