// SPDX-License-Identifier: Apache-2.0
#include "image/reader.h"

#include <errno.h>

const struct image_pod *image_find_pod(const struct image_header *im, uint64_t id)
{
	const struct image_pod *p = image_pods(im);
	size_t lo = 0, hi = image_pods_count(im);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < image_pods_count(im) && p[lo].id == id ? &p[lo] : NULL;
}

struct listener_at {
	uint32_t view;
	uint16_t port;
	uint8_t prefix;
	struct ip16 addr;
};

static int listener_order(const struct image_listener *l, const struct listener_at *at)
{
	int c;

	if (l->view != at->view)
		return l->view < at->view ? -1 : 1;
	if (l->port != at->port)
		return l->port < at->port ? -1 : 1;
	c = memcmp(&l->addr, &at->addr, sizeof(l->addr));
	return c ? c : (int)at->prefix - (int)l->prefix;
}

static const struct image_listener *listener_at(const struct image_header *im,
						const struct listener_at *at)
{
	const struct image_listener *l = image_listeners(im);
	size_t lo = 0, hi = image_listeners_count(im);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = listener_order(&l[mid], at);

		if (!c)
			return &l[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static struct ip16 masked(const struct ip16 *addr, unsigned int prefix)
{
	const uint8_t *in = (const uint8_t *)addr;
	struct ip16 out = { { 0 } };
	uint8_t *p = (uint8_t *)&out;

	memcpy(p, in, prefix / 8);
	if (prefix % 8)
		p[prefix / 8] = in[prefix / 8] & (uint8_t)(0xff00 >> prefix % 8);
	return out;
}

static const struct image_listener *listener_longest(const struct image_header *im, uint32_t view,
						     const struct ip16 *addr, uint16_t port)
{
	const struct image_listener *l;
	struct listener_at at = { .view = view, .port = port };

	for (int prefix = 127; prefix >= 0; prefix--) {
		at.prefix = (uint8_t)prefix;
		at.addr = masked(addr, (unsigned int)prefix);
		l = listener_at(im, &at);
		if (l)
			return l;
	}
	return NULL;
}

const struct image_listener *image_find_listener(const struct image_header *im, uint32_t view,
						 const struct ip16 *addr, uint16_t port)
{
	struct listener_at at = { .view = view, .port = port, .prefix = 128, .addr = *addr };
	const struct image_listener *l = listener_at(im, &at);

	if (!l && view) {
		at.view = 0;
		l = listener_at(im, &at);
	}
	if (!l && view)
		l = listener_longest(im, view, addr, port);
	return l ? l : listener_longest(im, 0, addr, port);
}

static const struct image_table *table_at(const struct image_header *im, uint32_t view,
					  uint16_t port)
{
	const struct image_table *t = image_tables(im);
	size_t lo = 0, hi = image_tables_count(im);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t[mid].view == view && t[mid].port == port)
			return &t[mid];
		if (t[mid].view < view || (t[mid].view == view && t[mid].port < port))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct image_table *image_find_table(const struct image_header *im, uint32_t view,
					   uint16_t port)
{
	const struct image_table *t = table_at(im, view, port);

	return t || !view ? t : table_at(im, 0, port);
}

/* Without ":port"; an IPv6 literal keeps its brackets, a bare one is left alone. */
static struct str without_port(struct str host)
{
	ptrdiff_t colon = str_rfind(host, ':');

	if (colon < 0)
		return host;
	if (host.p[0] == '[')
		return colon > 0 && host.p[colon - 1] == ']' ? str_sub(host, 0, (size_t)colon)
							     : host;
	return str_find(host, ':') == colon ? str_sub(host, 0, (size_t)colon) : host;
}

int image_host(struct str raw, struct str ns, char buf[IMAGE_HOST_MAX], struct str *out)
{
	struct str host = without_port(raw);
	bool dotted;
	size_t n;

	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!host.n)
		return -EINVAL;
	dotted = !ns.n || str_find(host, '.') >= 0 || str_find(host, ':') >= 0;
	n = host.n + (dotted ? 0 : 1 + ns.n);
	if (n >= IMAGE_HOST_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		buf[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	if (!dotted) {
		buf[host.n] = '.';
		memcpy(buf + host.n + 1, ns.p, ns.n);
	}
	buf[n] = '\0';
	*out = (struct str){ buf, n };
	return 0;
}

static const struct image_vhost *domain_at(const struct image_header *im,
					   const struct image_table *t, uint32_t kind,
					   struct str name)
{
	const struct image_domain *d = image_domains(im) + t->domains.first;
	size_t lo = 0, hi = t->domains.count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = d[mid].kind != kind ? (d[mid].kind < kind ? -1 : 1)
					    : str_cmp(image_str(im, d[mid].name), name);

		if (!c)
			return image_vhosts(im) + d[mid].vhost;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* In the table, then in its fallback. */
static const struct image_vhost *domain_in_both(const struct image_header *im,
						const struct image_table *t, uint32_t kind,
						struct str name)
{
	const struct image_vhost *v = domain_at(im, t, kind, name);

	if (v || t->fallback == IMAGE_NONE)
		return v;
	return domain_at(im, image_tables(im) + t->fallback, kind, name);
}

const struct image_vhost *image_find_vhost(const struct image_header *im,
					   const struct image_table *table, struct str host)
{
	const struct image_vhost *v = domain_in_both(im, table, DOMAIN_EXACT, host);
	struct str rest = host;

	/* a wildcard stands for one label or more: the first byte is never the dot of a suffix */
	while (!v && rest.n > 1) {
		ptrdiff_t dot = str_find(str_sub(rest, 1, rest.n), '.');

		if (dot < 0)
			break;
		rest = str_sub(rest, (size_t)dot + 1, rest.n);
		v = domain_in_both(im, table, DOMAIN_SUFFIX, rest);
	}
	return v ? v : domain_in_both(im, table, DOMAIN_ANY, STR("*"));
}
