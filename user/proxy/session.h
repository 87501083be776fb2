/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - a client's connection from accept to close. Between requests it is this struct and a
 * socket; what a request needs is in its exchange.
 */
#ifndef WEFT_PROXY_SESSION_H
#define WEFT_PROXY_SESSION_H

#include "net/wire.h"
#include "proxy/worker.h"

/* X(name, meaning) */
#define SESSION_STATES(X)                                                                          \
	X(ORIGIN, "waits for its entry in the connection table")                                   \
	X(IDLE, "between requests")                                                                \
	X(HEAD, "a request head is incomplete")                                                    \
	X(WAIT, "the request waits for a connection of its cluster")                               \
	X(CONNECT, "the request waits for its connection to be established")                       \
	X(EXCHANGE, "request and response are on their way")                                       \
	X(REPLY, "an answer of our own is being written")                                          \
	X(TUNNEL, "bytes pass both ways")                                                          \
	X(LINGER, "all is said, the client has not ended yet")                                     \
	X(DEAD, "closed")

#define SESSION_STATE_ENUM(name, meaning) SESSION_##name,
enum session_state { SESSION_STATES(SESSION_STATE_ENUM) NR_SESSION_STATES };

struct exchange;

struct session {
	struct wire down;
	struct worker *w;
	struct list in_worker;
	struct exchange *x; /* NULL: IDLE, ORIGIN */
	struct timer timer; /* fires at or before the deadline; moved only to fire earlier */
	uint64_t opened_ms, since_ms; /* since: last progress in this state */
	uint64_t left_ms;	      /* the client's end was announced inside a request; 0: no */
	uint8_t state;		      /* enum session_state */
	uint8_t tries;		      /* ORIGIN */
	bool again;		      /* another head may be in the buffer */
	bool ended;		      /* the client has ended its direction */
	uint32_t served;
	struct sock_addr peer, at;
	struct origin origin;
	/* of the generation `serial` only */
	uint64_t serial;
	const struct image_pod *pod;
	const struct image_listener *listener;
};

void session_accept(struct worker *w, int fd, const struct sock_addr *peer,
		    const struct sock_addr *at);

/* Finds pod and listener in the image in force; false: there is none for it (counted). */
bool session_bind(struct session *s);

void session_enter(struct session *s, enum session_state state);
void session_touch(struct session *s);	  /* progress: the deadline moves */
void session_deadline(struct session *s); /* the deadline may have come nearer */

/* The exchange is over and the connection stays: the next request, perhaps already in the buffer.
 */
void session_next(struct session *s);
/* Our last byte is written: end our direction, wait for the client's end, not for long. */
void session_linger(struct session *s);
void session_close(struct session *s);
void session_reset(struct session *s); /* close; the client must not take it for an end */

/* Ends every handler: pipelined requests, then what the worker has to settle. */
void session_drive(struct session *s);

const char *session_state_name(enum session_state state);

#endif
