/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - keeps one weft-proxy running: starts it unprivileged, hands over listeners and the
 * image, starts it again with the last good image when it dies, and replaces the one that an
 * earlier weftd left running without closing a listener in between.
 */
#ifndef WEFT_AGENT_KEEPER_H
#define WEFT_AGENT_KEEPER_H

#include "agent/channel.h"
#include "agent/listeners.h"
#include "agent/spawn.h"
#include "kernel/load.h"
#include "loop/loop.h"

struct keeper;

enum {
	READY_TIMEOUT_MS = 5000, /* from exec to CHANNEL_READY */
	ACK_TIMEOUT_MS = 5000,	 /* from CHANNEL_IMAGE to CHANNEL_ACK */
	DOWN_AFTER_MS = 100,	 /* pauses above this: flows are refused instead of kept waiting */
	LIVED_MS = 2000,	 /* a proxy that lived longer did not die of its start */
	MAP_FDS = NR_SHARED,
};

struct keeper_config {
	const char *run, *node;
	struct spawn_as as; /* the descriptor stays the caller's */
	struct listeners_at at;
	int maps[MAP_FDS]; /* read-only map descriptors, the keeper's from now on */
	bool has_maps;
};

struct keeper_events {
	void *arg;
	/* What became of keeper_give_image: 0 in force; -ENOTCONN: no proxy that could say, it
	 * gets the image when it comes; other -errno: refused, the one before it stays. */
	void (*image)(void *arg, uint64_t generation, int err, const char *why);
	void (*serving)(void *arg, bool serving); /* whether flows may be sent to it */
	void (*ejected)(void *arg, const uint64_t *ids, uint32_t n);
	void (*reply)(void *arg, uint32_t type, int fd); /* fd is the callee's */
};

enum proxy_phase { PROXY_DOWN, PROXY_STARTING, PROXY_READY, PROXY_SERVING };

struct keeper_status {
	pid_t pid; /* 0: none */
	enum proxy_phase phase;
	uint64_t restarts, generation, started_ms;
	pid_t replacing; /* a proxy of an earlier weftd that still serves, 0: none */
};

/* Makes or takes over the listeners and starts the proxy. -EADDRINUSE and other -errno. */
int keeper_new(struct loop *l, const struct keeper_config *cfg, const struct keeper_events *on,
	       struct keeper **out);
struct keeper *keeper_free(struct keeper *k); /* the proxy goes on */

/* A sealed memfd, the keeper's from now on. The answer comes through events.image, never from
 * inside this call. One at a time. */
void keeper_give_image(struct keeper *k, int fd, uint64_t generation);

int keeper_ask(struct keeper *k, uint32_t type); /* CHANNEL_STATS, _SESSIONS; 0 or -errno */
void keeper_tell(struct keeper *k, const struct channel_agent *figures);
void keeper_status(const struct keeper *k, struct keeper_status *out);
const char *proxy_phase_name(enum proxy_phase p);

#endif
