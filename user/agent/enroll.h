/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll.h - the pods of this node: found by their address, their device made a door, read back,
 * and only then called enrolled. A pod that fails does not hold up the others; it is tried again
 * with growing pauses, and at once when a device or the config changes.
 */
#ifndef WEFT_AGENT_ENROLL_H
#define WEFT_AGENT_ENROLL_H

#include "agent/doorset.h"
#include "loop/loop.h"
#include "weft/plan.h"

struct enroll;

enum { ENROLL_RETRY_MS = 50, ENROLL_RETRY_MAX_MS = 5000 };

enum enroll_state {
	POD_WAITING, /* its network namespace has not been found */
	POD_ENROLLED,
	POD_FAILED,  /* found, but its door could not be made */
	POD_IGNORED, /* not to be enrolled: reason says why */
};

struct enroll_pod {
	uint64_t id;
	char *name, *ns;
	struct ip16 ips[2];
	uint32_t view, flags;
	bool wanted; /* enrolment is asked for */
	enum enroll_state state;
	char reason[160]; /* of every state but POD_ENROLLED */
	/* where it was found; ifindex 0: nowhere */
	uint32_t ifindex;
	char device[IFNAMSIZ];
	uint8_t mac[6];
};

const char *enroll_state_name(enum enroll_state s);

int enroll_new(struct loop *l, struct kernel *k, struct doorset *doors, struct enroll **out);
struct enroll *enroll_free(struct enroll *e); /* leaves everything in the kernel */

/* The pods as the plan has them now; those of other nodes are skipped. Copies what it keeps. */
void enroll_sync(struct enroll *e, const struct plan *plan);

/* Devices have changed. */
void enroll_links(struct enroll *e, const struct link *links, size_t n);

size_t enroll_count(const struct enroll *e);
const struct enroll_pod *enroll_at(const struct enroll *e, size_t i);

#endif
