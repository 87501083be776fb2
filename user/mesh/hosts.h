/* SPDX-License-Identifier: Apache-2.0 */
/* hosts.h - host names of rules: short names, wildcards, and who may see an object (exportTo). */
#ifndef WEFT_MESH_HOSTS_H
#define WEFT_MESH_HOSTS_H

#include "config/objects.h"

/* Lower case, without trailing dot; a name without a dot becomes <host>.<ns>.svc.<domain>. */
struct str host_expand(struct arena *a, struct str host, struct str ns, struct str domain);

static inline bool host_is_wildcard(struct str host)
{
	return host.n && host.p[0] == '*';
}

/* ".foo.com" of "*.foo.com"; "" of "*" */
static inline struct str host_suffix(struct str wildcard)
{
	return str_sub(wildcard, 1, wildcard.n);
}

/*
 * Walks what may cover a host, most specific first: the host itself, then "*.b.c" for "a.b.c",
 * "*.c", "*". Start with at = 0; false at the end. The wildcard is written to buf.
 */
enum { HOST_MAX = 320 };
bool host_next_cover(struct str host, size_t *at, char buf[HOST_MAX], struct str *cover);

/* Who sees an object. */
struct scope {
	bool all;	   /* "*", or nothing written */
	struct strs names; /* else: namespaces; "." is replaced; none: nobody */
};

struct scope scope_of(struct arena *a, struct strs export_to, struct str own_ns);
bool scope_sees(const struct scope *s, struct str ns);
/* only its own namespace sees it */
bool scope_private(const struct scope *s, struct str own_ns);

#endif
