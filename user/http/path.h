/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - pure functions over request paths and queries. */
#ifndef WEFT_HTTP_PATH_H
#define WEFT_HTTP_PATH_H

#include "base/str.h"

/* meshConfig.pathNormalization (mesh-api 8) */
enum path_mode {
	PATH_NONE,
	PATH_BASE,	    /* '\' becomes '/', unreserved %XX decoded, dot segments resolved */
	PATH_MERGE_SLASHES, /* and "//" becomes "/" */
	PATH_DECODE_AND_MERGE_SLASHES, /* %2F and %5C decoded before */
};

/*
 * One canonical form of a path without query, used for policy, routing and forwarding alike. It
 * returns path itself when there is nothing to do, else a view of buf. ".." above the root stays
 * there (RFC 3986 5.2.4). A path that does not begin with '/' ("*", "") is left as it is.
 * -EINVAL: %00; -ENOSPC: cap < path.n.
 */
int path_normalize(struct str path, enum path_mode mode, char *buf, size_t cap, struct str *out);

/*
 * First value of the query parameter `name` (bytewise), as sent: like Envoy neither names nor
 * values are percent-decoded, '+' stays '+'. Pairs are separated by '&'; a parameter without '='
 * has the empty value. False: there is none.
 */
bool query_param(struct str query, struct str name, struct str *value);

#endif
