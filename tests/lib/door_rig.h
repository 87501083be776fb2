/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_rig.h - a bed of three pods with a plan in force, and packets through its doors as the
 * kernel runs them (BPF_PROG_TEST_RUN). A mistake in the set-up fails the running test.
 */
#ifndef WEFT_TESTS_DOOR_RIG_H
#define WEFT_TESTS_DOOR_RIG_H

#include <linux/pkt_cls.h>
#include "tests/lib/bed.h"
#include "tests/lib/frame.h"
#include "weft/reasons.h"

enum { TCP = 6, UDP = 17, SYN = 2, ACK = 16, RST = 4, FIN = 1 };
enum { PASSED = -1, DROPPED = TC_ACT_SHOT, SENT = TC_ACT_REDIRECT };

/* Services; pod 0 (10.244.1.2) is the client, pod 1 (10.244.1.3) the server of all of them.
 * TCP 80 -> 8080 (cluster 11; IPv6: 12), UDP 53 (13), TCP 90 -> 9090, limit 2 (14), TCP 91 without
 * endpoints (15), TCP 92 without a cluster, TCP 99 for the proxy. 10.66.0.0/16 is denied. */
#define VIP4  "10.96.0.10"
#define VIP6  "fd00:10:96::10"
#define PROXY "169.254.77.1"

struct door_rig {
	struct bed bed;
	struct bed_plan plan;
};
extern struct door_rig dr;

/* cmocka's set-ups: of the group, and of each test (an empty table, counters at zero) */
int dr_open(void **state);
int dr_close(void **state);
int dr_fresh(void **state);

/* Runs f, in place, through the door of a pod; the program's verdict. */
int dr_in(struct frame *f, int pod);
int dr_out(struct frame *f, int pod);
int dr_pass(struct frame *f, int prog, uint32_t ifindex, uint32_t from);

uint64_t dr_counted(enum kernel_reason reason); /* since dr_fresh */
struct cluster_state dr_cluster(uint64_t id);
void dr_proxy(uint16_t port);
void dr_pod_flags(int pod, uint32_t flags);
int dr_conns(void); /* descriptor of the connection table, the caller's */
struct ends ends_reversed(struct ends e);

#endif
