/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - metrics and access log of what is over (mesh-api 21.1, 21.3). */
#ifndef WEFT_PROXY_RECORD_H
#define WEFT_PROXY_RECORD_H

#include "proxy/exchange.h"

void record(struct exchange *x);	  /* a request or a tunnel has ended */
void record_opened(struct exchange *x);	  /* a tunnel begins */
void record_progress(struct exchange *x); /* a tunnel moves on: every 5 s its bytes are counted */

struct worker_log *worker_log_new(struct worker *w);
struct worker_log *worker_log_free(struct worker_log *log); /* written out first */

#endif
