/* SPDX-License-Identifier: Apache-2.0 */
/* balance.h - which member of a roster gets the next request: bpf/lib/steer.h, as in the kernel. */
#ifndef WEFT_PROXY_BALANCE_H
#define WEFT_PROXY_BALANCE_H

#include "proxy/generation.h"

/* Index into roster->members; IMAGE_NONE: no endpoint in service. random: of the caller's. */
uint32_t balance_pick(const struct roster *r, const struct ip16 *client,
		      uint32_t (*random)(void *arg), void *arg);

#endif
