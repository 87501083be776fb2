/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - the ring buffer of rare transitions: bounded by the kernel to 100 a second and CPU. */
#ifndef WEFT_KERNEL_EVENTS_H
#define WEFT_KERNEL_EVENTS_H

#include "kernel/load.h"

/* The name of an enum kernel_reason, "?" when out of range; help likewise. */
const char *reason_name(uint32_t reason);
const char *reason_help(uint32_t reason);

typedef void (*event_fn)(void *arg, const struct event *e);

struct events;
int events_open(struct kernel *k, event_fn fn, void *arg, struct events **out);
struct events *events_close(struct events *e);
int events_fd(const struct events *e); /* readable when there is something: for the loop */
int events_consume(struct events *e);  /* calls fn for each; how many, or -errno */

#endif
