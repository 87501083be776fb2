/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel.h - bytes both ways, unread: TCP listeners, and HTTP connections after an upgrade. Each
 * direction ends on its own (half-close). Nobody waits for a first byte: who speaks first is free.
 */
#ifndef WEFT_PROXY_TUNNEL_H
#define WEFT_PROXY_TUNNEL_H

#include "proxy/exchange.h"
#include "proxy/respond.h"

void tunnel_start(struct session *s);	 /* of a TCP listener: chooses and connects */
void tunnel_begin(struct exchange *x);	 /* connected */
void tunnel_upgrade(struct exchange *x); /* both sides agreed: 101 is in resp.out */
void tunnel_pump(struct exchange *x, uint32_t down_got, uint32_t up_got);
void tunnel_refuse(struct exchange *x, enum reply reply); /* closes, with flag and counter */
void tunnel_lost(struct exchange *x, int err, bool connecting);
uint64_t tunnel_deadline(const struct exchange *x);
void tunnel_expire(struct exchange *x);

#endif
