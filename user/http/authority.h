/* SPDX-License-Identifier: Apache-2.0 */
/* authority.h - host[:port] as in Host and request targets (RFC 3986 3.2 without userinfo). */
#ifndef WEFT_HTTP_AUTHORITY_H
#define WEFT_HTTP_AUTHORITY_H

#include "base/str.h"

struct authority {
	struct str host; /* an IPv6 literal keeps its brackets */
	uint16_t port;	 /* 0: none */
};

/* 0, -EINVAL: empty host, userinfo, a byte that is not allowed, empty port, port 0 or > 65535. */
int authority_parse(struct str s, struct authority *out);

/*
 * The canonical host for look-ups: lower case, without one trailing dot, brackets kept. Written to
 * buf; {NULL, 0} when it does not fit.
 */
struct str authority_canonical(struct str host, char *buf, size_t cap);

#endif
