/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one request and its response, or one tunnel: which route and endpoint it takes, what
 * it holds of the limits, and the two flows between the client's wire and the upstream's.
 *
 *	request.c   head in -> route -> head out            (exchange_route)
 *	pool.c      a connection, now or later              (pool_get -> exchange_connected)
 *	exchange.c  both flows until both ended             (exchange_pump)
 *	response.c  heads of responses
 *	record.c    metrics and log when it is over
 */
#ifndef WEFT_PROXY_EXCHANGE_H
#define WEFT_PROXY_EXCHANGE_H

#include "proxy/flow.h"
#include "proxy/session.h"
#include "telemetry/flags.h"

struct upstream;

enum { NOTE_MAX = 1024 };

/* What the access log says about a request whose head is gone; kept only when there is a log. */
struct exchange_note {
	struct str method, path, authority, forwarded_for, user_agent;
	size_t used;
	char bytes[NOTE_MAX];
};

struct exchange {
	struct list link; /* lane.pending or worker.spare */
	struct list due;  /* worker.writes */
	struct session *s;
	struct worker *w;
	struct image_use *use;
	const struct image_route *route;
	const struct image_target *target;
	struct roster *roster; /* NULL: passthrough, or not decided */
	struct member *member; /* chosen; held by the roster or by `own` */
	struct member *own;    /* passthrough: our reference */
	uint32_t endpoint;     /* index into the image; IMAGE_NONE */
	struct upstream *up;
	struct flow req, resp;
	struct h1_scan scan; /* of the head being read */
	uint8_t method;	     /* enum h1_method */
	bool queued;	     /* in lane.pending */
	bool counted;	     /* holds one of fleet.requests */
	bool active;	     /* counted in member.active */
	bool http10;	     /* client speaks HTTP/1.0 */
	bool keep;	     /* the client's connection stays */
	bool up_keep;	     /* the upstream's stays */
	bool upgrade;	     /* asked for */
	bool grpc;
	bool req_cut;  /* upstream takes no more of the request */
	bool answered; /* head of the final response is in */
	bool begun;    /* something was offered to the client */
	bool retried;
	bool tunnel;	   /* TCP, or upgraded */
	bool failed;	   /* response cannot be completed */
	uint32_t head_len; /* of req.out: kept until the response begins, for a second try */
	uint32_t status;
	uint32_t flags; /* enum response_flag */
	struct str details;
	uint64_t start_us, start_ns, sent_ns, answered_ns;
	uint64_t complete_ms; /* the whole request has come; 0: not yet */
	int64_t service_ms;
	uint64_t req_head, resp_head;		    /* bytes of heads as received */
	uint64_t told_sent, told_received, told_ms; /* of a tunnel, already in the metrics */
	struct str host; /* of what is not in the mesh: names the service */
	char host_buf[128];
	struct str request_id;
	char id_buf[64];
	struct sock_addr up_at, up_local;
	struct exchange_note note;
};

struct exchange *exchange_new(struct session *s); /* NULL: no memory */
void exchange_free(struct exchange *x);		  /* gives back everything it holds */
void exchange_recycle(struct exchange *x);	  /* for the next request: req.in stays */

/* route, target, roster are set: count it, get a connection, go. */
void exchange_dispatch(struct exchange *x);
/* What the pool said, at once or later (enum pool_result). */
void exchange_granted(struct exchange *x, int result);
/* x->up is established (or is just now). */
void exchange_connected(struct exchange *x);
void exchange_pump(struct exchange *x, uint32_t down_got, uint32_t up_got);
/* Pumps when the handlers of this batch are through: reads first, then all writes, so that the
 * other side finds several requests when it wakes up. */
void exchange_pump_later(struct exchange *x);
/* The upstream is lost: connecting failed, closed before or during the response. err: -errno, 0. */
void exchange_lost(struct exchange *x, int err);
/* The client is gone. */
void exchange_abandon(struct exchange *x);
/* Both flows have ended. */
void exchange_complete(struct exchange *x);
/* Lets go of the upstream: back to the pool or closed. */
void exchange_leave(struct exchange *x, bool reusable);
/* The whole request came, and went to the upstream. */
bool exchange_request_complete(const struct exchange *x);

/* Settings of its cluster; of PassthroughCluster when it has no roster. */
const struct image_cluster *exchange_cluster(const struct exchange *x);
struct fleet *exchange_fleet(const struct exchange *x);
/* The original destination as the only member of PassthroughCluster. -ENOMEM */
int exchange_pass_through(struct exchange *x);
/* Tells outlier detection how it ended: a status, or OUTLIER_LOCAL. */
void exchange_health(struct exchange *x, uint32_t status);

#endif
