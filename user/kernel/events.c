// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <bpf/libbpf.h>
#include "kernel/events.h"
#include "kernel/kernel.h"
#include "weft/reasons.h"
#include "weft.skel.h"

struct events {
	struct ring_buffer *ring;
	event_fn fn;
	void *arg;
};

#define REASON_NAME(name, help) #name,
#define REASON_HELP(name, help) help,
static const char *const names[] = { KERNEL_REASONS(REASON_NAME) };
static const char *const helps[] = { KERNEL_REASONS(REASON_HELP) };

const char *reason_name(uint32_t reason)
{
	return reason < NR_KERNEL_REASONS ? names[reason] : "?";
}

const char *reason_help(uint32_t reason)
{
	return reason < NR_KERNEL_REASONS ? helps[reason] : "?";
}

static int on_sample(void *arg, void *data, size_t size)
{
	struct events *e = arg;

	if (size >= sizeof(struct event))
		e->fn(e->arg, data);
	return 0;
}

int events_open(struct kernel *k, event_fn fn, void *arg, struct events **out)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->fn = fn;
	e->arg = arg;
	e->ring = ring_buffer__new(bpf_map__fd(k->skel->maps.events), on_sample, e, NULL);
	if (!e->ring) {
		free(e);
		return -errno;
	}
	*out = e;
	return 0;
}

struct events *events_close(struct events *e)
{
	if (e)
		ring_buffer__free(e->ring);
	free(e);
	return NULL;
}

int events_fd(const struct events *e)
{
	return ring_buffer__epoll_fd(e->ring);
}

int events_consume(struct events *e)
{
	return ring_buffer__consume(e->ring);
}
