/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push.h - from objects to what is in force: compile, image to weft-proxy, wait for its word, then
 * the kernel tables, then the pods. Changes that arrive meanwhile are compiled once, afterwards.
 * A refused image leaves everything as it was. Where things go is up to the sink, so that the
 * order can be tested without a kernel.
 */
#ifndef WEFT_AGENT_PUSH_H
#define WEFT_AGENT_PUSH_H

#include "base/arena.h"
#include "config/source_dir.h"
#include "loop/loop.h"
#include "mesh/compile.h"

struct push;

enum { PUSH_RETRY_MS = 1000, PUSH_RETRY_MAX_MS = 30000, PUSH_WHY = 256 };

struct push_sink {
	void *arg;
	/* Takes fd (sealed memfd); push_image_answer follows, never from inside the call. */
	void (*image)(void *arg, int fd, uint64_t generation);
	int (*tables)(void *arg, const struct plan *plan, char why[PUSH_WHY]); /* 0 or -errno */
	void (*pods)(void *arg, const struct plan *plan);
};

struct push_status {
	uint64_t generation; /* of the image in force */
	uint64_t pushes, failures;
	uint64_t read_us, compile_us, image_us, tables_us, total_us; /* of the last push */
	uint64_t at_ms;						     /* when, since 1970 */
	size_t image_bytes, arena_bytes;
	bool busy;	    /* one is on its way */
	char why[PUSH_WHY]; /* why the last attempt failed; "": it did not */
};

/* opt is borrowed. */
int push_new(struct loop *l, const struct push_sink *sink, const struct compile_options *opt,
	     struct push **out);
struct push *push_free(struct push *p);

/* New objects, borrowed until the next call of this. */
void push_changed(struct push *p, const struct source_view *view);

/* The proxy's word, see keeper.h: 0, -ENOTCONN (it will take it later), or refused. */
void push_image_answer(struct push *p, uint64_t generation, int err, const char *why);

/* What is in force: NULL before the first push. Valid until the loop turns. */
const struct plan *push_plan(const struct push *p);
/* What the compile of the objects as they are now noted; borrows from push_changed's view. */
const struct note *push_notes(const struct push *p, size_t *n);
const struct source_view *push_view(const struct push *p); /* NULL before the first */
void push_status(const struct push *p, struct push_status *out);

#endif
