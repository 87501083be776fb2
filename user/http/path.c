// SPDX-License-Identifier: Apache-2.0
#include "http/path.h"

#include <errno.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* the byte that "%XX" at p stands for, -1: it is none */
static int escaped(const char *p, size_t n)
{
	if (n < 3 || p[0] != '%' || hex(p[1]) < 0 || hex(p[2]) < 0)
		return -1;
	return hex(p[1]) << 4 | hex(p[2]);
}

static bool unreserved(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static bool nothing_to_do(struct str path, enum path_mode mode)
{
	if (mode == PATH_NONE || path.n == 0 || path.p[0] != '/')
		return true;
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i], before = i ? path.p[i - 1] : 0;

		if (c == '%' || c == '\\' || (c == '.' && before == '/') ||
		    (c == '/' && before == '/' && mode >= PATH_MERGE_SLASHES))
			return false;
	}
	return true;
}

/* Escapes and backslashes; the result is never longer. */
static int decode(struct str path, enum path_mode mode, char *buf, size_t *n)
{
	bool slashes = mode == PATH_DECODE_AND_MERGE_SLASHES;
	size_t w = 0;

	for (size_t i = 0; i < path.n; i++) {
		int c = escaped(path.p + i, path.n - i);

		if (c == 0)
			return -EINVAL;
		if (unreserved(c) || (slashes && (c == '/' || c == '\\')))
			i += 2;
		else
			c = (unsigned char)path.p[i];
		buf[w++] = (char)(c == '\\' ? '/' : c);
	}
	*n = w;
	return 0;
}

/* RFC 3986 5.2.4 in place; buf begins with '/'. Returns the new length, at least 1. */
static size_t resolve_dots(char *buf, size_t n, bool merge)
{
	size_t w = 0, next;

	for (size_t r = 0; r < n; r = next) {
		struct str rest = { buf + r + 1, n - r - 1 };
		ptrdiff_t slash = str_find(rest, '/');
		struct str seg = str_sub(rest, 0, slash < 0 ? rest.n : (size_t)slash);
		bool last = slash < 0, up = str_eq(seg, STR("..")), here = str_eq(seg, STR("."));

		next = r + 1 + seg.n;
		while (up && w && buf[--w] != '/')
			;
		if ((up || here || (merge && seg.n == 0)) && !last)
			continue;
		if (up || here)
			seg.n = 0;
		buf[w++] = '/';
		memmove(buf + w, seg.p, seg.n);
		w += seg.n;
	}
	return w;
}

int path_normalize(struct str path, enum path_mode mode, char *buf, size_t cap, struct str *out)
{
	size_t n;
	int err;

	if (nothing_to_do(path, mode)) {
		*out = path;
		return 0;
	}
	if (path.n > cap)
		return -ENOSPC;
	err = decode(path, mode, buf, &n);
	if (err)
		return err;
	*out = (struct str){ buf, resolve_dots(buf, n, mode >= PATH_MERGE_SLASHES) };
	return 0;
}

bool query_param(struct str query, struct str name, struct str *value)
{
	struct str pair, key;

	while (query.n) {
		if (!str_cut(&query, '&', &pair)) {
			pair = query;
			query.n = 0;
		}
		if (!str_cut(&pair, '=', &key)) {
			key = pair;
			pair.n = 0;
		}
		if (str_eq(key, name)) {
			*value = pair;
			return true;
		}
	}
	return false;
}
