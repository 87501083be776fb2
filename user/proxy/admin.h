/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - the metrics endpoint: GET /stats/prometheus and /healthz/ready on the listener that
 * weftd bound to loopback. One request a connection, few clients, on the main thread. */
#ifndef WEFT_PROXY_ADMIN_H
#define WEFT_PROXY_ADMIN_H

#include "loop/loop.h"
#include "proxy/stats.h"

struct admin;

/* Takes the listener. page begins a new page of figures. NULL: no memory. */
struct admin *admin_new(struct loop *l, int listener, struct stats *(*page)(void *arg), void *arg);
struct admin *admin_free(struct admin *a);

#endif
