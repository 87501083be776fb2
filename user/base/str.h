/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h - a view of bytes that somebody else owns: pointer and length, never NUL-terminated by
 * contract. Passed by value. Nothing here allocates.
 */
#ifndef WEFT_BASE_STR_H
#define WEFT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL when n is 0 */
	size_t n;      /* bytes */
};

#define STR(lit)   ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_FMT	   "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_of(const char *c)
{
	return (struct str){ c, c ? strlen(c) : 0 };
}

static inline struct str str_sub(struct str s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (struct str){ s.p ? s.p + from : NULL, n };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* ASCII only: bytes above 127 compare as they are. */
bool str_ieq(struct str a, struct str b);
bool str_istarts(struct str s, struct str prefix);

int str_cmp(struct str a, struct str b);   /* bytewise order, shorter first on a tie */
ptrdiff_t str_find(struct str s, char c);  /* index of the first c, -1: none */
ptrdiff_t str_rfind(struct str s, char c); /* index of the last c, -1: none */
struct str str_trim(struct str s);	   /* without blanks (space, tab) at both ends */
bool str_cut(struct str *s, char sep, struct str *head); /* head = up to sep, s = behind it */
int str_u64(struct str s, uint64_t max, uint64_t *out);	 /* digits only: 0, -EINVAL, -ERANGE */
uint64_t str_hash(struct str s); /* FNV-1a 64: stable across runs and machines */

#endif
