/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - weftd as a whole: its parts and how they hang together (agent.c). The answers of the
 * control socket read it; only agent.c changes it.
 */
#ifndef WEFT_AGENT_AGENT_H
#define WEFT_AGENT_AGENT_H

#include "agent/enroll.h"
#include "agent/keeper.h"
#include "agent/options.h"
#include "agent/push.h"
#include "kernel/load.h"

struct agent {
	struct options opt;
	struct loop *loop;
	int lock;
	uint64_t started_ms; /* monotonic */
	struct spawn_as proxy_as;
	struct node_addresses addresses;
	struct kernel *kernel;
	struct doorset *doors;
	struct linkwatch *links;
	struct enroll *enroll;
	struct keeper *keeper;
	struct compile_options compile;
	struct push *push;
	struct source_dir *source;
	struct kernel_log *events;
	struct chores *chores;
	struct control *control;
	uint64_t pool_drift; /* reservations put right since the start */
	uint64_t conns;	     /* in the kernel's table at the last sweep */
};

/* Brings everything up in order. 0, or -errno with one line of reason. */
int agent_open(struct agent *a, const struct options *opt, char why[WHY_LEN]);

/* Ends weftd; the dataplane stays, unless --cleanup. */
void agent_close(struct agent *a);

/* Removes what a weftd of these options has left: proxy, programs, maps, addresses. */
void agent_clean(const struct options *opt);

#endif
