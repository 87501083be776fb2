/* SPDX-License-Identifier: Apache-2.0 */
/* response.h - heads of responses: read from the upstream, written for the client. */
#ifndef WEFT_PROXY_RESPONSE_H
#define WEFT_PROXY_RESPONSE_H

#include "proxy/exchange.h"

/* One read, then all heads that are complete: 1xx pass, the final one starts the body (or the
 * tunnel). False: the exchange is over, or it was sent again. */
bool response_read(struct exchange *x);

#endif
