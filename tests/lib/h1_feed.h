/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_feed.h - plays a byte stream into the HTTP/1 parser in pieces and writes down what came out,
 * so that two ways of splitting can be compared. Every piece lies in a heap block of its exact
 * size: a read behind the end is found by ASan.
 */
#ifndef WEFT_TESTS_H1_FEED_H
#define WEFT_TESTS_H1_FEED_H

#include <stdio.h>
#include <stdlib.h>

#include "http/body.h"
#include "http/h1.h"

/* How many bytes more are seen after each step: all (whole), 1, or random from a seed. */
enum feed_how { FEED_WHOLE, FEED_BYTES, FEED_RANDOM };

struct feed {
	struct str in;
	bool responses;		   /* else requests */
	enum h1_method for_method; /* of the request that responses answer */
	enum feed_how how;
	uint32_t seed;
	size_t at, visible; /* consumed, and seen so far */
	FILE *log;
	int err;	       /* enum h1_error that ended it, or 0 */
	unsigned int messages; /* complete ones */
	bool stopped;	       /* by a message after which the connection closes or is a tunnel */
};

static inline bool feed_more(struct feed *f)
{
	size_t left = f->in.n - f->visible;

	if (!left)
		return false;
	if (f->how == FEED_WHOLE) {
		f->visible = f->in.n;
	} else if (f->how == FEED_BYTES) {
		f->visible++;
	} else {
		f->seed = f->seed * 1664525 + 1013904223;
		f->visible += 1 + (f->seed >> 16) % (left < 40 ? left : 40);
	}
	return true;
}

/* what is seen and not consumed, in a block of its own */
static inline struct str feed_window(const struct feed *f)
{
	size_t n = f->visible - f->at;
	char *p = malloc(n);

	if (n && !p)
		abort();
	if (n)
		memcpy(p, f->in.p + f->at, n);
	return (struct str){ p, n };
}

static inline void feed_str(FILE *log, const char *name, struct str s)
{
	fprintf(log, "%s=[", name);
	fwrite(s.p ? s.p : "", 1, s.n, log);
	fprintf(log, "] ");
}

static inline void feed_log_head(FILE *log, const struct h1_head *h)
{
	fprintf(log, "minor=%d framing=%d length=%llu keep=%d upgrade=%d te=%d\n", h->minor,
		h->framing, (unsigned long long)h->content_length, h->keep_alive, h->upgrade,
		h->te_trailers);
	for (unsigned int i = 0; i < h->count; i++) {
		const struct h1_header *f = &h->headers[i];

		feed_str(log, "name", f->name);
		feed_str(log, "value", f->value);
		fprintf(log, "known=%d hop=%d first=%d\n", f->known, f->hop, h->first[f->known]);
	}
}

static inline void feed_log_request(FILE *log, const struct h1_request *r)
{
	fprintf(log, "request method=%d form=%d port=%d query=%d expect=%d ", r->method, r->form,
		r->port, r->has_query, r->expect_continue);
	feed_str(log, "name", r->method_name);
	feed_str(log, "target", r->target);
	feed_str(log, "scheme", r->scheme);
	feed_str(log, "authority", r->authority);
	feed_str(log, "host", r->host);
	feed_str(log, "path", r->path);
	feed_str(log, "query", r->query);
	feed_log_head(log, &r->head);
}

static inline void feed_log_response(FILE *log, const struct h1_response *r)
{
	fprintf(log, "response status=%d interim=%d tunnel=%d ", r->status, r->interim, r->tunnel);
	feed_str(log, "reason", r->reason);
	feed_log_head(log, &r->head);
}

/* One head; > 0 when it is there, with what matters for going on in *head. */
static inline ssize_t feed_head(struct feed *f, struct h1_head *head)
{
	static struct h1_request req;
	static struct h1_response res;
	struct h1_scan scan = { 0 };
	ssize_t n;

	do {
		struct str in = feed_window(f);

		n = f->responses ? h1_response(&scan, in, f->for_method, &res)
				 : h1_request(&scan, in, &req);
		if (n > 0 && f->responses)
			feed_log_response(f->log, &res);
		else if (n > 0)
			feed_log_request(f->log, &req);
		free((char *)in.p);
	} while (n == 0 && feed_more(f));
	*head = f->responses ? res.head : req.head;
	if (n <= 0)
		return n;
	f->at += (size_t)n;
	f->stopped = f->responses ? res.tunnel : req.method == H1_CONNECT || req.head.upgrade;
	f->stopped |= !head->keep_alive;
	return n;
}

/* 1: the body ended, 0: the input did, < 0: refused */
static inline int feed_body(struct feed *f, const struct h1_head *head)
{
	struct h1_body body;
	struct str data, trailers;
	ssize_t n = 0;

	h1_body_init(&body, head);
	while (!body.done) {
		struct str in = feed_window(f);

		n = h1_body(&body, in, &data, &trailers);
		if (n > (ssize_t)in.n || (n > 0 && data.n > (size_t)n))
			abort();
		if (n >= 0)
			fwrite(data.p ? data.p : "", 1, data.n, f->log);
		if (trailers.n)
			feed_str(f->log, "\ntrailers", trailers);
		free((char *)in.p);
		if (n < 0)
			return (int)n;
		f->at += (size_t)n;
		if (n == 0 && !body.done && !feed_more(f))
			return h1_body_eof(&body) == 0;
	}
	return 1;
}

/* Plays until the input ends, something is refused, or the connection would. */
static inline void feed_run(struct feed *f)
{
	static struct h1_head head;
	ssize_t n;
	int r = 1;

	while (r > 0 && !f->stopped) {
		n = feed_head(f, &head);
		if (n <= 0) {
			f->err = (int)n;
			break;
		}
		r = feed_body(f, &head);
		f->err = r < 0 ? r : 0;
		f->messages += r > 0;
		fprintf(f->log, "\nend %d\n", r > 0);
	}
	/* how much was consumed before a refusal is nobody's business: it depends on the pieces */
	fprintf(f->log, "err=%s at=%zu\n", f->err ? h1_error_name(f->err) : "none",
		f->err ? 0 : f->at);
}

/* Runs f->in one way and returns what was written down; to be freed. */
static inline char *feed_play(struct feed *f, enum feed_how how, uint32_t seed)
{
	struct feed fresh = { .in = f->in, .responses = f->responses, .for_method = f->for_method };
	char *text = NULL;
	size_t size = 0;

	*f = fresh;
	f->how = how;
	f->seed = seed;
	f->log = open_memstream(&text, &size);
	if (!f->log)
		abort();
	feed_run(f);
	fclose(f->log);
	return text;
}

/* Plays whole, byte by byte and in random pieces; aborts when they differ. Leaves f as whole. */
static inline void feed_all_ways(struct feed *f, uint32_t seed, int random_ways)
{
	char *whole = feed_play(f, FEED_WHOLE, 0), *other;
	struct feed result = *f;

	for (int way = 0; way <= random_ways; way++) {
		other = feed_play(f, way ? FEED_RANDOM : FEED_BYTES, seed + (uint32_t)way);
		if (strcmp(whole, other) != 0) {
			fprintf(stderr, "whole:\n%s\nin pieces (%d):\n%s\n", whole, way, other);
			abort();
		}
		free(other);
	}
	free(whole);
	*f = result;
}

#endif
