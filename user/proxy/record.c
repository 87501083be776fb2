// SPDX-License-Identifier: Apache-2.0
#include "proxy/record.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/upstream.h"
#include "telemetry/accesslog.h"

enum { LOG_BYTES = 64 << 10, LOG_FLUSH_MS = 50, PROGRESS_MS = 5000 };

/* Lines of one worker, written out together. */
struct worker_log {
	struct worker *w;
	struct timer timer;
	size_t used;
	char bytes[LOG_BYTES];
};

enum protocol { PROTOCOL_HTTP = 1, PROTOCOL_GRPC, PROTOCOL_TCP };
static const struct str protocol_names[] = {
	[PROTOCOL_HTTP] = { "http", 4 },
	[PROTOCOL_GRPC] = { "grpc", 4 },
	[PROTOCOL_TCP] = { "tcp", 3 },
};

/* Whole lines, as many as a pipe that polls writable takes without blocking. */
static size_t log_portion(const char *p, size_t n)
{
	const char *end = n > PIPE_BUF ? memrchr(p, '\n', PIPE_BUF) : NULL;

	if (end)
		return (size_t)(end - p) + 1;
	return n < PIPE_BUF ? n : PIPE_BUF;
}

/* Nobody reads: requests do not wait for the log, and what it lost is counted. */
static void log_lost(const struct worker_log *log, size_t at)
{
	for (; at < log->used; at++)
		if (log->bytes[at] == '\n')
			metrics_count(log->w->metrics, PREASON_log_lost);
}

static void log_flush(struct worker_log *log)
{
	struct pollfd out = { .fd = log->w->proxy->log_fd, .events = POLLOUT };
	size_t at = 0;

	while (at < log->used) {
		ssize_t n;

		if (poll(&out, 1, 0) != 1 || (out.revents & (POLLERR | POLLNVAL)))
			break;
		n = write(out.fd, log->bytes + at, log_portion(log->bytes + at, log->used - at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	log_lost(log, at);
	log->used = 0;
}

static void log_on_time(struct timer *t)
{
	log_flush(container_of(t, struct worker_log, timer));
}

struct worker_log *worker_log_new(struct worker *w)
{
	struct worker_log *log = malloc(sizeof(*log));

	if (!log)
		return NULL;
	log->w = w;
	log->used = 0;
	log->timer = (struct timer){ .fire = log_on_time };
	return log;
}

struct worker_log *worker_log_free(struct worker_log *log)
{
	if (log)
		log_flush(log);
	free(log);
	return NULL;
}

static enum protocol protocol_of(const struct exchange *x)
{
	if (x->tunnel && !x->status)
		return PROTOCOL_TCP;
	return x->grpc ? PROTOCOL_GRPC : PROTOCOL_HTTP;
}

static void key_of(const struct exchange *x, struct metrics_key *key)
{
	memset(key, 0, sizeof(*key));
	key->source = x->s->origin.pod_id;
	key->flags = x->flags;
	key->code = (uint16_t)x->status;
	key->protocol = (uint8_t)protocol_of(x);
	if (x->roster)
		key->cluster = x->roster->cluster->id;
	else
		key->other = str_hash(x->host);
	if (x->roster && x->member)
		key->endpoint = x->member->id;
}

static void source_labels(const struct exchange *x, struct metrics_labels *l)
{
	const struct image_pod *pod = x->s->pod;
	const struct image_header *im = x->use->gen->im;
	const struct image_workload *k;

	k = pod ? generation_workload(x->use->gen, pod->workload) : NULL;
	if (!k)
		return;
	l->source_workload = image_str(im, k->name);
	l->source_workload_namespace = image_str(im, k->ns);
	l->source_app = image_str(im, k->app);
	l->source_version = image_str(im, k->version);
	l->source_canonical_service = image_str(im, k->canonical_name);
	l->source_canonical_revision = image_str(im, k->canonical_revision);
	l->source_cluster = image_str(im, k->cluster_name);
}

static void endpoint_labels(const struct exchange *x, struct metrics_labels *l)
{
	const struct image_header *im = x->use->gen->im;
	const struct image_workload *k;

	if (x->endpoint == IMAGE_NONE)
		return;
	k = generation_workload(x->use->gen, image_endpoints(im)[x->endpoint].workload);
	if (!k)
		return;
	l->destination_workload = image_str(im, k->name);
	l->destination_workload_namespace = image_str(im, k->ns);
	l->destination_app = image_str(im, k->app);
	l->destination_version = image_str(im, k->version);
	l->destination_canonical_service = image_str(im, k->canonical_name);
	l->destination_canonical_revision = image_str(im, k->canonical_revision);
	l->destination_cluster = image_str(im, k->cluster_name);
}

static void service_labels(const struct exchange *x, struct metrics_labels *l)
{
	const struct image_header *im = x->use->gen->im;
	const struct image_cluster *c;

	if (!x->roster) {
		l->destination_service = x->host;
		if (x->own)
			l->destination_service_name = STR("PassthroughCluster");
		return;
	}
	c = x->roster->cluster;
	l->destination_service = image_str(im, c->host);
	l->destination_service_name = image_str(im, c->service);
	l->destination_service_namespace = image_str(im, c->ns);
}

struct code_text {
	char digits[4];
	char flags[FLAGS_TEXT_MAX];
};

static struct series *series_of(const struct exchange *x, enum metrics_set set)
{
	struct metrics *m = x->w->metrics;
	struct metrics_labels l = { .response_flags = { 0 } };
	struct metrics_key key;
	struct code_text text;
	struct series *s;

	key_of(x, &key);
	s = metrics_find(m, set, &key);
	if (s)
		return s;
	source_labels(x, &l);
	endpoint_labels(x, &l);
	service_labels(x, &l);
	l.request_protocol = protocol_names[key.protocol];
	l.response_flags = response_flags_text(x->flags, text.flags);
	if (x->status) {
		text.digits[0] = (char)('0' + x->status / 100 % 10);
		text.digits[1] = (char)('0' + x->status / 10 % 10);
		text.digits[2] = (char)('0' + x->status % 10);
		l.response_code = (struct str){ text.digits, 3 };
	}
	return metrics_intern(m, set, &key, &l);
}

static void log_tunnel(struct exchange *x, struct access_record *r)
{
	r->bytes_received = x->req.sent;
	r->bytes_sent = x->resp.sent;
}

static void log_request(struct exchange *x, struct access_record *r)
{
	r->method = x->note.method;
	r->path = x->note.path;
	r->protocol = x->http10 ? STR("HTTP/1.0") : STR("HTTP/1.1");
	r->bytes_received = x->req.content;
	r->bytes_sent = x->resp.content;
	r->forwarded_for = x->note.forwarded_for;
	r->user_agent = x->note.user_agent;
	r->request_id = x->request_id;
	r->authority = x->note.authority;
}

static void log_line(struct exchange *x, uint64_t us)
{
	const struct image_header *im = x->use->gen->im;
	struct worker_log *log = x->w->log;
	char host[SOCK_ADDR_TEXT], local[SOCK_ADDR_TEXT], dst[SOCK_ADDR_TEXT], peer[SOCK_ADDR_TEXT];
	struct access_record r = {
		.start_us = x->start_us,
		.code = x->status,
		.flags = x->flags,
		.details = x->details,
		.duration_ms = us / 1000,
		.service_time_ms = x->answered ? x->service_ms : -1,
		.downstream_local = str_of(sock_text(&x->s->origin.dst, dst)),
		.downstream_remote = str_of(sock_text(&x->s->peer, peer)),
	};

	if (x->tunnel && !x->status)
		log_tunnel(x, &r);
	else
		log_request(x, &r);
	if (x->member && x->up_at.port) {
		r.upstream_host = str_of(sock_text(&x->up_at, host));
		if (x->up && !sock_local(x->up->wire.src.fd, &x->up_local))
			r.upstream_local = str_of(sock_text(&x->up_local, local));
	}
	r.upstream_cluster = x->target ? image_str(im, x->target->cluster_name)
			     : x->own  ? STR("PassthroughCluster")
				       : (struct str){ 0 };
	r.route = x->route ? image_str(im, x->route->name) : (struct str){ 0 };
	if (log->used + ACCESS_LINE_MAX > sizeof(log->bytes))
		log_flush(log);
	log->used += im->access_log == 2 ? access_json(&r, log->bytes + log->used, ACCESS_LINE_MAX)
					 : access_text(&r, log->bytes + log->used, ACCESS_LINE_MAX);
	if (!log->timer.heap_slot)
		timer_set(x->w->loop, &log->timer, LOG_FLUSH_MS);
}

static void add_bytes(struct exchange *x, struct series *s)
{
	/* sent: towards the client */
	series_add(s, TCP_SENT, x->resp.sent - x->told_sent);
	series_add(s, TCP_RECEIVED, x->req.sent - x->told_received);
	x->told_sent = x->resp.sent;
	x->told_received = x->req.sent;
}

void record_opened(struct exchange *x)
{
	x->told_ms = loop_now_ms(x->w->loop);
	series_add(series_of(x, SET_TCP), TCP_OPENED, 1);
}

void record_progress(struct exchange *x)
{
	uint64_t now = loop_now_ms(x->w->loop);

	if (x->status || now - x->told_ms < PROGRESS_MS)
		return;
	x->told_ms = now;
	add_bytes(x, series_of(x, SET_TCP));
}

void record(struct exchange *x)
{
	uint64_t us = (clock_ns() - x->start_ns) / 1000;
	struct series *s;

	if (!x->use)
		return;
	if (protocol_of(x) == PROTOCOL_TCP) {
		s = series_of(x, SET_TCP);
		series_add(s, TCP_CLOSED, 1);
		add_bytes(x, s);
	} else {
		s = series_of(x, SET_HTTP);
		metrics_request(s, us, x->req_head + x->req.content,
				x->answered ? x->resp_head + x->resp.content : x->resp.sent);
	}
	if (x->w->log && x->use->gen->im->access_log)
		log_line(x, us);
}
