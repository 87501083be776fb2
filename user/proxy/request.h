/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - a client's request head: read, understood, routed, written for the upstream. */
#ifndef WEFT_PROXY_REQUEST_H
#define WEFT_PROXY_REQUEST_H

#include "proxy/exchange.h"

/* Bytes of a head may have come. The exchange is made with the first of them. */
void request_read(struct session *s);
/* Looks at what is in the buffer (pipelined behind the last request, or just read). */
void request_parse(struct exchange *x);

#endif
