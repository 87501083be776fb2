/* SPDX-License-Identifier: Apache-2.0 */
/* request_id.h - values for x-request-id: UUID version 4, from a generator of each worker's own.
 * Unique, not secret. */
#ifndef WEFT_TELEMETRY_REQUEST_ID_H
#define WEFT_TELEMETRY_REQUEST_ID_H

#include "base/str.h"

enum { REQUEST_ID_LEN = 36 };

struct request_ids {
	uint64_t s[4];
};

int request_ids_init(struct request_ids *g); /* seeded by getrandom; -errno */
struct str request_id_next(struct request_ids *g, char buf[static REQUEST_ID_LEN]);

#endif
