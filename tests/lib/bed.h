/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bed.h - a node and pods out of network namespaces for tests of the kernel side: the test process
 * moves into the node's namespace, each pod is joined to it by a veth with a door on it. All names
 * carry the run's name and the process id; bed_close removes everything, also after a failure.
 * Pod i has 10.244.1.(2+i) and fd00:10:244:1::(2+i), the node is .1 and ::1.
 */
#ifndef WEFT_TESTS_BED_H
#define WEFT_TESTS_BED_H

#include <stdint.h>
#include <sys/types.h>
#include "kernel/doors.h"
#include "kernel/load.h"
#include "weft/plan.h"

enum { BED_PODS = 6, BED_CHILDREN = 32 };

struct bed_pod {
	char ns[48], ip4[24], ip6[40];
	struct ip16 addr4, addr6;
	uint32_t ifindex; /* host side */
	uint64_t id;
};

struct bed {
	char name[32], node[48], pins[80], cgroup[128];
	struct kernel *k;
	struct bed_pod pods[BED_PODS];
	int nr_pods;
	pid_t children[BED_CHILDREN];
	int nr_children;
	int home; /* the namespace the process came from */
};

/* Doors on every pod unless plain (then no kernel is loaded either). 0 or -errno. */
int bed_open(struct bed *b, const char *name, int nr_pods, int plain);
void bed_close(struct bed *b);
int bed_doors(struct bed *b); /* (again) on every pod */

/* Shell commands in a pod's (or with pod -1 the node's) namespace. */
int bed_run(struct bed *b, int pod, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
pid_t bed_spawn(struct bed *b, int pod, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void bed_kill(struct bed *b, pid_t pid);
/* First cap-1 bytes of its output; exit status. */
int bed_read(struct bed *b, int pod, char *out, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Tries the command for up to 5 s until it succeeds. */
int bed_until(struct bed *b, int pod, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A plan under construction: clusters of endpoints, addresses that lead to them. */
struct bed_plan {
	struct plan_endpoint endpoints[64];
	struct plan_cluster clusters[16];
	uint32_t slots[16][256];
	struct plan_vip vips[64];
	struct plan_split splits[64][4];
	struct plan plan;
};

struct ip16 bed_ip(const char *text);
uint32_t bed_cluster(struct bed_plan *p, uint64_t id, uint8_t lb);
void bed_endpoint(struct bed_plan *p, uint32_t cluster, const char *ip, uint16_t port);
struct plan_vip *bed_vip(struct bed_plan *p, const char *ip, uint16_t port, uint8_t proto,
			 uint8_t verdict, uint32_t cluster);
const struct plan *bed_plan(struct bed_plan *p);

#endif
