// SPDX-License-Identifier: Apache-2.0
#include "agent/push.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "weft/image.h"
#include "weft/limits.h"

struct attempt {
	struct arena *arena;
	struct compiled *compiled;
};

enum step { STEP_IDLE, STEP_IMAGE };

struct push {
	struct loop *loop;
	struct push_sink sink;
	const struct compile_options *opt;
	struct source_view view;
	bool has_view, dirty, notes_fresh;
	bool killed; /* weft-proxy died while it had this image: it gets one more chance */
	enum step step;
	struct attempt now;		/* in force */
	struct attempt next;		/* on its way, or the last one that failed */
	uint64_t image_sum, image_size; /* of the image that the proxy has; 0: none */
	uint64_t generation, accepted;
	uint64_t started_ns, step_ns;
	struct timer retry;
	uint64_t pause_ms;
	struct push_status status;
};

static uint64_t us_since(uint64_t ns)
{
	return (clock_ns() - ns) / 1000;
}

static void attempt_drop(struct attempt *a)
{
	a->arena = arena_free(a->arena);
	a->compiled = NULL;
}

static void failed(struct push *p, int err, const char *what, const char *why)
{
	p->status.failures++;
	snprintf(p->status.why, sizeof(p->status.why), "%s: %s", what,
		 why && *why ? why : strerror(-err));
	log_warn("push", "what was in force stays: %s", p->status.why);
}

static void start(struct push *p);

static void idle(struct push *p)
{
	p->step = STEP_IDLE;
	if (p->dirty)
		start(p);
}

/* The tables could not be filled now; later there may be room. */
static void retry_later(struct push *p)
{
	timer_set(p->loop, &p->retry, p->pause_ms);
	p->pause_ms *= 2;
	if (p->pause_ms > PUSH_RETRY_MAX_MS)
		p->pause_ms = PUSH_RETRY_MAX_MS;
}

static void finish(struct push *p)
{
	struct push_status *s = &p->status;

	attempt_drop(&p->now);
	p->now = p->next;
	p->next = (struct attempt){ 0 };
	malloc_trim(0); /* the old plan was a large part of what we hold */
	p->pause_ms = PUSH_RETRY_MS;
	timer_stop(p->loop, &p->retry);
	s->pushes++;
	s->generation = p->accepted;
	s->total_us = us_since(p->started_ns) + s->read_us;
	s->at_ms = clock_real_ms();
	s->arena_bytes = arena_used(p->now.arena);
	s->why[0] = 0;
	log_info("push",
		 "in force generation=%llu us=%llu read=%llu compile=%llu image=%llu "
		 "tables=%llu",
		 (unsigned long long)s->generation, (unsigned long long)s->total_us,
		 (unsigned long long)s->read_us, (unsigned long long)s->compile_us,
		 (unsigned long long)s->image_us, (unsigned long long)s->tables_us);
}

static void fill(struct push *p)
{
	const struct plan *plan = &p->next.compiled->plan;
	uint64_t t = clock_ns();
	char why[PUSH_WHY] = "";
	int err = p->sink.tables(p->sink.arg, plan, why);

	p->status.tables_us = us_since(t);
	if (err) {
		failed(p, err, "kernel tables", why);
		retry_later(p);
	} else {
		p->sink.pods(p->sink.arg, plan);
		finish(p);
	}
	idle(p);
}

static int write_all(int fd, const char *data, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);

		if (n < 0)
			return -errno;
		done += (uint64_t)n;
	}
	return 0;
}

/* A descriptor of the sealed image, or -errno. */
static int image_memfd(const struct plan *plan, uint64_t generation)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd, err;

	if (plan->image_size > MAX_IMAGE_BYTES)
		return -EFBIG;
	fd = memfd_create("weft-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	err = write_all(fd, plan->image, plan->image_size);
	if (!err && pwrite(fd, &generation, sizeof(generation),
			   offsetof(struct image_header, generation)) != sizeof(generation))
		err = -EIO;
	if (!err && fcntl(fd, F_ADD_SEALS, seals) < 0)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void send_image(struct push *p)
{
	const struct plan *plan = &p->next.compiled->plan;
	int fd = image_memfd(plan, p->generation + 1);

	if (fd < 0) {
		failed(p, fd, "image", NULL);
		retry_later(p);
		idle(p);
		return;
	}
	p->step = STEP_IMAGE;
	p->step_ns = clock_ns();
	p->sink.image(p->sink.arg, fd, ++p->generation);
}

static bool image_is_new(const struct push *p, const struct plan *plan)
{
	const struct image_header *h = plan->image;

	return !p->accepted || p->image_sum != h->checksum || p->image_size != plan->image_size;
}

static void start(struct push *p)
{
	uint64_t t = clock_ns();
	const struct plan *plan;

	attempt_drop(&p->next);
	p->dirty = false;
	p->next.arena = arena_new();
	p->next.compiled = mesh_compile(p->next.arena, p->view.in_force, p->opt);
	p->notes_fresh = true;
	plan = &p->next.compiled->plan;
	p->started_ns = t;
	p->status.read_us = p->view.read_us;
	p->status.compile_us = us_since(t);
	p->status.image_us = 0;
	p->status.image_bytes = plan->image_size;
	if (image_is_new(p, plan))
		send_image(p);
	else
		fill(p);
}

static void remember_image(struct push *p, uint64_t generation)
{
	const struct plan *plan = &p->next.compiled->plan;
	struct image_header *h = (struct image_header *)(uintptr_t)plan->image;

	h->generation = generation; /* as in the copy that the proxy has; it lies in our arena */
	p->accepted = generation;
	p->image_sum = h->checksum;
	p->image_size = plan->image_size;
}

void push_image_answer(struct push *p, uint64_t generation, int err, const char *why)
{
	bool refused = err && err != -ENOTCONN;

	if (p->step != STEP_IMAGE || generation != p->generation) {
		/* a proxy that has just started does not like the image of the one before it */
		if (refused) {
			p->image_sum = 0;
			failed(p, err, "weft-proxy refused its image", why);
		}
		return;
	}
	p->status.image_us = us_since(p->step_ns);
	p->step = STEP_IDLE;
	if (refused) {
		failed(p, err, "weft-proxy refused the image", why);
		/* its death may have had nothing to do with it; twice is no accident */
		if (err == -EPIPE && !p->killed)
			retry_later(p);
		p->killed = err == -EPIPE;
		idle(p);
		return;
	}
	p->killed = false;
	if (err)
		log_warn("push", "weft-proxy is not running: it gets the image when it comes");
	remember_image(p, generation);
	fill(p);
}

static void retry_fire(struct timer *t)
{
	struct push *p = (struct push *)((char *)t - offsetof(struct push, retry));

	p->dirty = true;
	if (p->step == STEP_IDLE)
		idle(p);
}

void push_changed(struct push *p, const struct source_view *view)
{
	p->view = *view;
	p->has_view = true;
	p->killed = false;
	p->dirty = true;
	p->notes_fresh = false;
	if (p->step == STEP_IDLE)
		start(p);
}

const struct plan *push_plan(const struct push *p)
{
	return p->now.compiled ? &p->now.compiled->plan : NULL;
}

const struct note *push_notes(const struct push *p, size_t *n)
{
	const struct compiled *c = p->next.compiled ? p->next.compiled : p->now.compiled;

	*n = p->notes_fresh && c ? c->notes.n : 0;
	return *n ? c->notes.items : NULL;
}

const struct source_view *push_view(const struct push *p)
{
	return p->has_view ? &p->view : NULL;
}

void push_status(const struct push *p, struct push_status *out)
{
	*out = p->status;
	out->busy = p->step != STEP_IDLE || p->dirty;
}

int push_new(struct loop *l, const struct push_sink *sink, const struct compile_options *opt,
	     struct push **out)
{
	struct push *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->loop = l;
	p->sink = *sink;
	p->opt = opt;
	p->pause_ms = PUSH_RETRY_MS;
	p->retry.fire = retry_fire;
	*out = p;
	return 0;
}

struct push *push_free(struct push *p)
{
	if (!p)
		return NULL;
	timer_stop(p->loop, &p->retry);
	attempt_drop(&p->now);
	attempt_drop(&p->next);
	free(p);
	return NULL;
}
