/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_rig.h - the workers of weft-proxy inside a test: real threads and sockets on loopback, a
 * static origin instead of the kernel's table, images from image_make.h.
 */
#ifndef WEFT_TESTS_PROXY_RIG_H
#define WEFT_TESTS_PROXY_RIG_H

#include "proxy/worker.h"
#include "tests/lib/image_make.h"

struct rig;

/* Listens on 127.0.0.1:port (0: any). Clients seem to have dialled dst. Aborts on failure. */
struct rig *rig_start(unsigned int workers, uint16_t port, const struct sock_addr *dst);
/* The same with the access log on log_fd. */
struct rig *rig_start_logging(unsigned int workers, uint16_t port, const struct sock_addr *dst,
			      int log_fd);
uint16_t rig_port(const struct rig *r);
struct proxy *rig_proxy(struct rig *r);
/* Puts the image in force in all workers and starts them with the first one. Frees m. */
void rig_image(struct rig *r, struct image_make *m);
void rig_stop(struct rig *r);	     /* drains like CHANNEL_STOP, frees everything */
bool rig_ended(const struct rig *r); /* after rig_order_stop */
void rig_order_stop(struct rig *r);
/* Sum of a counter over the workers. */
uint64_t rig_counted(const struct rig *r, enum proxy_reason reason);

#endif
