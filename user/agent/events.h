/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - the kernel's rare transitions as log lines, so many a second at the most. */
#ifndef WEFT_AGENT_EVENTS_H
#define WEFT_AGENT_EVENTS_H

#include "kernel/events.h"
#include "loop/loop.h"

struct kernel_log;

enum { EVENT_LINES_PER_SECOND = 20 };

int kernel_log_new(struct loop *l, struct kernel *k, struct kernel_log **out); /* 0 or -errno */
struct kernel_log *kernel_log_free(struct kernel_log *g);

/* "10.0.0.1:80" or "[fd00::1]:80"; port in network order. Returns out. */
enum { ENDPOINT_TEXT = 64 };
const char *endpoint_text(const struct ip16 *ip, __be16 port, char out[ENDPOINT_TEXT]);

#endif
