// SPDX-License-Identifier: Apache-2.0
#include "mesh/hosts.h"

struct str host_expand(struct arena *a, struct str host, struct str ns, struct str domain)
{
	bool dotted = str_find(host, '.') >= 0 || host_is_wildcard(host);
	struct str out;
	char *p;

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (dotted)
		out = arena_str(a, host);
	else
		out = arena_printf(a, STR_FMT "." STR_FMT ".svc." STR_FMT, STR_ARG(host),
				   STR_ARG(ns), STR_ARG(domain));
	p = (char *)out.p;
	for (size_t i = 0; i < out.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	return out;
}

bool host_next_cover(struct str host, size_t *at, char buf[HOST_MAX], struct str *cover)
{
	struct str rest;
	ptrdiff_t dot;

	if (*at == 0) {
		*at = host_is_wildcard(host) ? 2 : 1;
		*cover = host;
		return true;
	}
	if (*at > host.n || host.n >= HOST_MAX || !host.p)
		return false;
	rest = str_sub(host, *at, host.n);
	dot = str_find(rest, '.');
	if (dot < 0) {
		*at = host.n + 1;
		*cover = STR("*");
		return !str_eq(host, *cover);
	}
	rest = str_sub(rest, (size_t)dot, rest.n);
	*at = host.n - rest.n + 1;
	buf[0] = '*';
	memcpy(buf + 1, rest.p, rest.n);
	*cover = (struct str){ buf, rest.n + 1 };
	return true;
}

struct scope scope_of(struct arena *a, struct strs export_to, struct str own_ns)
{
	struct scope s = { .all = export_to.n == 0 };

	s.names.items = arena_array(a, export_to.n, sizeof(struct str));
	for (size_t i = 0; i < export_to.n; i++) {
		struct str name = export_to.items[i];

		if (str_eq(name, STR("*")))
			s.all = true;
		else if (str_eq(name, STR(".")))
			s.names.items[s.names.n++] = own_ns;
		else if (!str_eq(name, STR("~")))
			s.names.items[s.names.n++] = name;
	}
	return s;
}

bool scope_sees(const struct scope *s, struct str ns)
{
	if (s->all)
		return true;
	for (size_t i = 0; ns.n && i < s->names.n; i++)
		if (str_eq(s->names.items[i], ns))
			return true;
	return false;
}

bool scope_private(const struct scope *s, struct str own_ns)
{
	return !s->all && s->names.n == 1 && str_eq(s->names.items[0], own_ns);
}
