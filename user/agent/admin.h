/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - the control socket, include/weft/control.h: bounded in clients, in the length of a
 * question and in time. What is answered stands in answers_*.c.
 */
#ifndef WEFT_AGENT_ADMIN_H
#define WEFT_AGENT_ADMIN_H

#include "agent/agent.h"

struct admin;

enum {
	ADMIN_CLIENT_MS = 5000, /* for a question, and for each step of reading the answer */
	ADMIN_PROXY_MS = 1000,	/* weft-proxy's part of an answer */
	ADMIN_REPLY_MAX = 64 << 20,
};

int admin_new(struct agent *a, struct admin **out); /* 0 or -errno */
struct admin *admin_free(struct admin *m);

/* weft-proxy has answered CHANNEL_STATS or CHANNEL_SESSIONS; fd is taken. */
void admin_reply(struct admin *m, uint32_t type, int fd);

#endif
