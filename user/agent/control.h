/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - the control socket, include/weft/control.h: bounded in clients, in the length of a
 * question and in time. What is answered stands in answers_*.c.
 */
#ifndef WEFT_AGENT_CONTROL_H
#define WEFT_AGENT_CONTROL_H

#include "agent/agent.h"

struct control;

enum {
	CONTROL_CLIENT_MS = 5000, /* for a question, and for each step of reading the answer */
	CONTROL_PROXY_MS = 1000,  /* weft-proxy's part of an answer */
	CONTROL_REPLY_MAX = 64 << 20,
};

int control_new(struct agent *a, struct control **out); /* 0 or -errno */
struct control *control_free(struct control *m);

/* weft-proxy has answered CHANNEL_STATS or CHANNEL_SESSIONS; fd is taken. */
void control_reply(struct control *m, uint32_t type, int fd);

#endif
