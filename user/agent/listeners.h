/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.h - the sockets on which weft-proxy accepts. weftd makes and keeps them, so that
 * connections wait in their queues while a proxy is replaced; a new weftd takes them out of the
 * proxy that the old one left running.
 */
#ifndef WEFT_AGENT_LISTENERS_H
#define WEFT_AGENT_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/node.h"
#include "agent/proxystate.h"
#include "weft/limits.h"

struct listeners {
	int fds[MAX_WORKERS * 2]; /* per worker IPv4, then IPv6 when there is one */
	unsigned n;
	int metrics;
};

struct listeners_at {
	struct node_addresses addresses;
	uint16_t port, metrics_port;
	unsigned workers;
};

void listeners_init(struct listeners *l); /* all -1 */
void listeners_done(struct listeners *l);

/*
 * Takes every listener of ours (found by address) that one of these processes holds, the first of
 * them first, then makes what is missing. n 0: there is none, and listeners_probe comes first.
 */
int listeners_open(struct listeners *l, const struct listeners_at *at, const struct proxy_ref *from,
		   unsigned n);

/* -EADDRINUSE: somebody else listens there. The address need not be on the node yet. */
int listeners_probe(const struct listeners_at *at);

/* Nobody will serve what waits in the queues: answer each with RST. */
void listeners_refuse_waiting(const struct listeners *l);

#endif
