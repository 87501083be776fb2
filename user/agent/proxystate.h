/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxystate.h - RUN/proxy.state: which weft-proxy processes weftd has left alive, for the weftd
 * that comes after it. A pid counts only together with its start time.
 */
#ifndef WEFT_AGENT_PROXYSTATE_H
#define WEFT_AGENT_PROXYSTATE_H

#include <stdint.h>
#include <sys/types.h>

#define PROXYSTATE_FILE "proxy.state"

struct proxy_ref {
	pid_t pid; /* 0: none */
	uint64_t start;
};

enum { DRAINING_MAX = 16, PROXIES_MAX = DRAINING_MAX + 1 };

struct proxystate {
	struct proxy_ref serving;
	struct proxy_ref others[DRAINING_MAX]; /* starting, or finishing their connections */
	unsigned nr_others;
};

int proxystate_read(const char *run, struct proxystate *out); /* only live ones; 0 or -errno */
int proxystate_write(const char *run, const struct proxystate *s);

/* Forgets the dead. When there is no room left the oldest one is ended. */
void proxystate_add(struct proxystate *s, struct proxy_ref ref);

void proxystate_drop(struct proxystate *s, pid_t pid); /* out of others */

/* All of them, the serving one first; returns how many. */
unsigned proxystate_list(const struct proxystate *s, struct proxy_ref out[PROXIES_MAX]);

/* A pidfd of exactly this process, or -1: it has ended. */
int proxy_open(const struct proxy_ref *ref);

/* Ends every process in the state file: SIGTERM, a second of grace, SIGKILL. Removes the file. */
void proxystate_end_all(const char *run);

#endif
