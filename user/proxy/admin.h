/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - the metrics endpoint: GET /stats/prometheus and /healthz/ready on the listener that
 * weftd bound to loopback. One request a connection, few clients, on the main thread. */
#ifndef WEFT_PROXY_ADMIN_H
#define WEFT_PROXY_ADMIN_H

#include "loop/loop.h"
#include "telemetry/text.h"

struct admin;

/* Takes the listener. render fills the page and returns 0 or -errno. NULL: no memory. */
struct admin *admin_new(struct loop *l, int listener, int (*render)(void *arg, struct text *out),
			void *arg);
struct admin *admin_free(struct admin *a);

#endif
