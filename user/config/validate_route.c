// SPDX-License-Identifier: Apache-2.0
/* Rules of one HTTP route. */
#include "config/routes.h"

/* ---- matches --------------------------------------------------------------------------------- */
static bool is_claim(struct str key)
{
	struct str rest = str_sub(key, sizeof("@request.auth.claims") - 1, key.n);

	if (!str_starts(key, STR("@request.auth.claims")) || rest.n < 2)
		return false;
	if (rest.p[0] == '.')
		return rest.p[rest.n - 1] != '.' && !memmem(rest.p, rest.n, "..", 2);
	while (rest.n) {
		struct str name;

		if (rest.p[0] != '[' || !str_cut(&rest, ']', &name) || name.n < 2)
			return false;
	}
	return true;
}

static bool is_pseudo(struct str key)
{
	return str_eq(key, STR(":method")) || str_eq(key, STR(":scheme")) ||
	       str_eq(key, STR(":authority")) || str_eq(key, STR(":path"));
}

static void check_key(struct check *c, const struct virtual_service *vs, struct str path,
		      struct str key)
{
	if (str_starts(key, STR("@"))) {
		if (!is_claim(key))
			check_error(c, path,
				    "\"" STR_FMT "\" is not a claim: write "
				    "@request.auth.claims.NAME or @request.auth.claims[NAME]",
				    STR_ARG(str_sub(key, 0, 100)));
		else if (vs_mesh_only(vs))
			check_error(c, path,
				    "claims of a token are only known at gateways: list a "
				    "gateway in `gateways`");
		return;
	}
	if (!is_pseudo(key) && !is_token(key))
		check_error(c, path,
			    "\"" STR_FMT "\" is not a header name: use letters, digits and "
			    "`-`",
			    STR_ARG(str_sub(key, 0, 100)));
}

static void check_keyed(struct check *c, const struct virtual_service *vs, struct str path,
			const struct keyed_match *list, size_t n, bool headers)
{
	for (size_t i = 0; i < n; i++) {
		struct str here =
			at(c, STR_FMT "[\"" STR_FMT "\"]", STR_ARG(path), STR_ARG(list[i].key));

		if (headers)
			check_key(c, vs, here, list[i].key);
		else if (!list[i].key.n)
			check_error(c, path, "a query parameter has no name: write it");
		check_match(c, here, &list[i].match, false);
	}
}

static void check_http_match(struct check *c, const struct virtual_service *vs, struct str path,
			     const struct http_match *m)
{
	check_match(c, at(c, STR_FMT ".uri", STR_ARG(path)), &m->uri, true);
	check_match(c, at(c, STR_FMT ".scheme", STR_ARG(path)), &m->scheme, false);
	check_match(c, at(c, STR_FMT ".method", STR_ARG(path)), &m->method, false);
	check_match(c, at(c, STR_FMT ".authority", STR_ARG(path)), &m->authority, false);
	check_keyed(c, vs, at(c, STR_FMT ".headers", STR_ARG(path)), m->headers.items, m->headers.n,
		    true);
	check_keyed(c, vs, at(c, STR_FMT ".withoutHeaders", STR_ARG(path)),
		    m->without_headers.items, m->without_headers.n, true);
	check_keyed(c, vs, at(c, STR_FMT ".queryParams", STR_ARG(path)), m->query_params.items,
		    m->query_params.n, false);
	check_labels(c, at(c, STR_FMT ".sourceLabels", STR_ARG(path)), &m->source_labels);
	check_gateway_names(c, at(c, STR_FMT ".gateways", STR_ARG(path)), &m->gateways);
	if (m->source_namespace.n)
		check_dns_label(c, at(c, STR_FMT ".sourceNamespace", STR_ARG(path)),
				m->source_namespace, "namespace");
}

/* ---- actions --------------------------------------------------------------------------------- */
static void check_exclusive(struct check *c, struct str path, const struct http_route *r)
{
	if (r->redirect && r->routes.n)
		check_error(c, path, "`redirect` and `route` exclude each other: keep one");
	if (r->redirect && r->fault)
		check_error(c, path, "`redirect` and `fault` exclude each other: keep one");
	if (r->redirect && r->rewrite)
		check_error(c, path, "`redirect` and `rewrite` exclude each other: keep one");
	if (r->direct_response && (r->routes.n || r->redirect || r->fault || r->rewrite))
		check_error(c, path,
			    "`directResponse` excludes route, redirect, fault and rewrite: "
			    "keep one");
	if (r->has_delegate && (r->routes.n || r->redirect || r->direct_response))
		check_error(c, path,
			    "`delegate` excludes route, redirect and directResponse: keep "
			    "one");
	if (!r->routes.n && !r->redirect && !r->direct_response && !r->has_delegate)
		check_error(c, path,
			    "the route does nothing: add route, redirect, directResponse or "
			    "delegate");
}

/* prefixRewrite needs a prefix to replace in every match. */
static void check_prefix_rewrite(struct check *c, struct str path, const struct http_route *r)
{
	bool ok = r->matches.n > 0;

	if (!r->redirect || !r->redirect->prefix_rewrite.n)
		return;
	for (size_t i = 0; i < r->matches.n; i++)
		ok = ok && r->matches.items[i].uri.kind == SM_PREFIX;
	if (!ok)
		check_error(c, at(c, STR_FMT ".redirect.prefixRewrite", STR_ARG(path)),
			    "prefixRewrite replaces a matched prefix: give every match a uri with "
			    "prefix");
}

static bool is_base64(struct str s)
{
	size_t n = s.n;

	while (n && s.p[n - 1] == '=' && s.n - n < 2)
		n--;
	for (size_t i = 0; i < n; i++)
		if (!s.p[i] ||
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_",
			    s.p[i]))
			return false;
	return n % 4 != 1;
}

enum { BODY_ERROR = 1 << 20, BODY_WARNING = 100 << 10 };

static void check_direct(struct check *c, struct str path, const struct direct_response *d)
{
	size_t size = d->body_string.n ? d->body_string.n : d->body_bytes.n / 4 * 3;
	struct str body = at(c, STR_FMT ".body", STR_ARG(path));

	if (d->body_bytes.n && !is_base64(d->body_bytes))
		check_error(c, at(c, STR_FMT ".bytes", STR_ARG(body)),
			    "the bytes are not base64: encode them, or write string");
	if (size > BODY_ERROR)
		check_error(c, body, "the body is larger than 1 MB: serve it from a service");
	else if (size > BODY_WARNING)
		check_warn(c, body, "the body is larger than 100 KB: every proxy keeps a copy");
}

static void check_mirrors(struct check *c, struct str path, const struct http_route *r)
{
	if (r->mirror && r->mirrors.n)
		check_error(c, path, "`mirror` and `mirrors` exclude each other: keep mirrors");
	if (r->mirror)
		check_destination(c, at(c, STR_FMT ".mirror", STR_ARG(path)), r->mirror);
	for (size_t i = 0; i < r->mirrors.n; i++) {
		struct str here = at(c, STR_FMT ".mirrors[%zu]", STR_ARG(path), i);

		check_destination(c, at(c, STR_FMT ".destination", STR_ARG(here)),
				  &r->mirrors.items[i].destination);
		check_percentage(c, at(c, STR_FMT ".percentage", STR_ARG(here)),
				 &r->mirrors.items[i].percentage);
	}
	check_percentage(c, at(c, STR_FMT ".mirrorPercentage", STR_ARG(path)),
			 &r->mirror_percentage);
	if (r->mirror_percent.set)
		check_warn(c, at(c, STR_FMT ".mirrorPercent", STR_ARG(path)),
			   "mirrorPercent is an old name: write mirrorPercentage: {value: %u}",
			   r->mirror_percent.v);
}

static void warn_old_names(struct check *c, struct str path)
{
	static const struct {
		const char *old, *now;
	} names[] = {
		{ "appendHeaders", "headers.request.add" },
		{ "appendRequestHeaders", "headers.request.add" },
		{ "appendResponseHeaders", "headers.response.add" },
		{ "removeRequestHeaders", "headers.request.remove" },
		{ "removeResponseHeaders", "headers.response.remove" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str here = at(c, STR_FMT ".%s", STR_ARG(path), names[i].old);

		if (check_has(c, here))
			check_warn(c, here, "%s is an old name: write %s", names[i].old,
				   names[i].now);
	}
	if (check_has(c, at(c, STR_FMT ".websocketUpgrade", STR_ARG(path))))
		check_warn(
			c, at(c, STR_FMT ".websocketUpgrade", STR_ARG(path)),
			"websocketUpgrade has no effect, upgrades are always allowed: remove it");
}

static void check_targets(struct check *c, struct str path, const struct http_route *r)
{
	for (size_t i = 0; i < r->routes.n; i++) {
		struct str here = at(c, STR_FMT ".route[%zu]", STR_ARG(path), i);

		check_destination(c, at(c, STR_FMT ".destination", STR_ARG(here)),
				  &r->routes.items[i].destination);
		check_header_ops(c, at(c, STR_FMT ".headers", STR_ARG(here)),
				 &r->routes.items[i].headers, 0);
		warn_old_names(c, here);
	}
	check_weights(c, at(c, STR_FMT ".route", STR_ARG(path)), r->routes.items, r->routes.n);
}

void check_http_route(struct check *c, const struct virtual_service *vs, struct str path,
		      const struct http_route *r)
{
	for (size_t i = 0; i < r->matches.n; i++)
		check_http_match(c, vs, at(c, STR_FMT ".match[%zu]", STR_ARG(path), i),
				 &r->matches.items[i]);
	check_exclusive(c, path, r);
	check_prefix_rewrite(c, path, r);
	check_targets(c, path, r);
	check_header_ops(c, at(c, STR_FMT ".headers", STR_ARG(path)), &r->headers,
			 r->rewrite && r->rewrite->authority.n);
	warn_old_names(c, path);
	if (r->redirect)
		check_redirect(c, at(c, STR_FMT ".redirect", STR_ARG(path)), r->redirect);
	if (r->rewrite)
		check_rewrite(c, at(c, STR_FMT ".rewrite", STR_ARG(path)), r->rewrite);
	if (r->direct_response)
		check_direct(c, at(c, STR_FMT ".directResponse", STR_ARG(path)),
			     r->direct_response);
	if (r->retries)
		check_retries(c, at(c, STR_FMT ".retries", STR_ARG(path)), r->retries);
	if (r->fault)
		check_fault(c, at(c, STR_FMT ".fault", STR_ARG(path)), r->fault);
	if (r->cors)
		check_cors(c, at(c, STR_FMT ".corsPolicy", STR_ARG(path)), r->cors);
	if (r->has_delegate && !r->delegate_name.n)
		check_error(c, at(c, STR_FMT ".delegate", STR_ARG(path)),
			    "the delegate has no name: add `name:` of a VirtualService without "
			    "hosts");
	check_mirrors(c, path, r);
}

/* ---- reachability ---------------------------------------------------------------------------- */
static bool is_static_only(const struct http_match *m)
{
	return !m->headers.n && !m->without_headers.n && !m->query_params.n &&
	       m->scheme.kind == SM_NONE && m->method.kind == SM_NONE &&
	       m->authority.kind == SM_NONE;
}

/* Takes every request of every client. */
static bool takes_all(const struct http_match *m)
{
	bool any_uri =
		m->uri.kind == SM_NONE ||
		(m->uri.kind == SM_PREFIX && (!m->uri.value.n || str_eq(m->uri.value, STR("/")))) ||
		(m->uri.kind == SM_REGEX && str_eq(m->uri.value, STR(".*")));

	return any_uri && is_static_only(m) && !m->port && !m->source_labels.n && !m->gateways.n &&
	       !m->source_namespace.n;
}

static bool route_takes_all(const struct http_route *r)
{
	for (size_t i = 0; i < r->matches.n; i++)
		if (takes_all(&r->matches.items[i]))
			return true;
	return !r->matches.n;
}

static bool same_match(const struct string_match *a, const struct string_match *b)
{
	return a->kind == b->kind && str_eq(a->value, b->value);
}

static bool same_keyed(const struct keyed_match *a, size_t na, const struct keyed_match *b,
		       size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!str_eq(a[i].key, b[i].key) || !same_match(&a[i].match, &b[i].match))
			return false;
	return true;
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->items[i].key, b->items[i].key) ||
		    !str_eq(a->items[i].value, b->items[i].value))
			return false;
	return true;
}

static bool same_strs(const struct strs *a, const struct strs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool same_http_match(const struct http_match *a, const struct http_match *b)
{
	return same_match(&a->uri, &b->uri) && same_match(&a->scheme, &b->scheme) &&
	       same_match(&a->method, &b->method) && same_match(&a->authority, &b->authority) &&
	       a->ignore_uri_case == b->ignore_uri_case && a->port == b->port &&
	       same_keyed(a->headers.items, a->headers.n, b->headers.items, b->headers.n) &&
	       same_keyed(a->without_headers.items, a->without_headers.n, b->without_headers.items,
			  b->without_headers.n) &&
	       same_keyed(a->query_params.items, a->query_params.n, b->query_params.items,
			  b->query_params.n) &&
	       same_pairs(&a->source_labels, &b->source_labels) &&
	       same_strs(&a->gateways, &b->gateways) &&
	       str_eq(a->source_namespace, b->source_namespace);
}

/* Is m already matched by a block before (route, block)? */
static bool repeats(const struct virtual_service *vs, size_t route, size_t block)
{
	const struct http_match *m = &vs->http.items[route].matches.items[block];

	for (size_t i = 0; i <= route; i++) {
		const struct http_route *r = &vs->http.items[i];
		size_t n = i == route ? block : r->matches.n;

		for (size_t j = 0; j < n; j++)
			if (same_http_match(&r->matches.items[j], m))
				return true;
	}
	return false;
}

enum { MAX_COMPARED = 200 }; /* blocks; above it the hint is not worth its quadratic time */

static size_t count_blocks(const struct virtual_service *vs)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->http.n; i++)
		n += vs->http.items[i].matches.n;
	return n;
}

void check_reachable(struct check *c, const struct virtual_service *vs)
{
	size_t taken = 0; /* 1 + the route that takes everything */
	bool compare = count_blocks(vs) <= MAX_COMPARED;

	for (size_t i = 0; i < vs->http.n; i++) {
		if (taken) {
			check_warn(c, at(c, "spec.http[%zu]", i),
				   "this route is never reached: spec.http[%zu] before it takes "
				   "every request (IST0130)",
				   taken - 1);
			continue;
		}
		if (route_takes_all(&vs->http.items[i]))
			taken = i + 1;
		for (size_t j = 0; compare && j < vs->http.items[i].matches.n; j++)
			if (repeats(vs, i, j))
				check_warn(c, at(c, "spec.http[%zu].match[%zu]", i, j),
					   "this match repeats an earlier one and is never "
					   "effective (IST0131)");
	}
}
