// SPDX-License-Identifier: Apache-2.0
/* frame.c - what the headers of a head mean together: framing, connection, target, host. */
#include "http/authority.h"
#include "http/parse.h"
#include "http/scan.h"

static bool has(const struct h1_head *h, enum h1_known id)
{
	return h->first[id] != H1_NO_HEADER;
}

static bool repeated(const struct h1_head *h, enum h1_known id)
{
	return h->repeated & (1ull << id);
}

static bool is_token(struct str s)
{
	return s.n && scan_slow(s.p, s.p + s.n, SCAN_TOKEN) == s.p + s.n;
}

/* The next element of a comma list, without blanks around it; may be empty. False: no more. */
static bool list_next(struct str *list, struct str *out)
{
	if (!list->p)
		return false;
	if (!str_cut(list, ',', out)) {
		*out = *list;
		*list = (struct str){ 0 };
	}
	*out = str_trim(*out);
	return true;
}

struct codings {
	unsigned int chunked, others;
	bool chunked_last;
};

static int count_codings(struct str value, struct codings *n)
{
	struct str one;

	while (list_next(&value, &one)) {
		if (!is_token(one))
			return H1_BAD_coding;
		n->chunked_last = str_ieq(one, STR("chunked"));
		if (n->chunked_last)
			n->chunked++;
		else
			n->others++;
	}
	return 0;
}

static int frame_coding(struct h1_head *h)
{
	struct codings n = { 0 };

	if (h->minor == 0)
		return H1_BAD_coding;
	for (unsigned int i = h->first[H1_K_TRANSFER_ENCODING]; i < h->count; i++)
		if (h->headers[i].known == H1_K_TRANSFER_ENCODING &&
		    count_codings(h->headers[i].value, &n) < 0)
			return H1_BAD_coding;
	if (n.chunked > 1 || (n.chunked && !n.chunked_last))
		return H1_BAD_coding;
	if (n.others)
		return H1_BAD_coding_unknown;
	h->framing = H1_CHUNKED;
	return 0;
}

static int frame_length(struct h1_head *h)
{
	if (repeated(h, H1_K_CONTENT_LENGTH) ||
	    str_u64(h1_value(h, H1_K_CONTENT_LENGTH), INT64_MAX, &h->content_length) < 0)
		return H1_BAD_length;
	h->framing = h->content_length ? H1_LENGTH : H1_NONE;
	return 0;
}

static int frame_body(struct h1_head *h)
{
	bool length = has(h, H1_K_CONTENT_LENGTH), coding = has(h, H1_K_TRANSFER_ENCODING);

	if (length && coding)
		return H1_BAD_length_and_coding;
	if (length)
		return frame_length(h);
	return coding ? frame_coding(h) : 0;
}

struct options {
	bool close, keep_alive, upgrade;
	unsigned int names;
};

/* A header that Connection names concerns this hop only. */
static int name_hop(struct h1_head *h, struct str name, struct options *o)
{
	enum h1_known id = h1_known_token(name);

	if (h1_known_kind[id] == H1_KIND_KEEP || ++o->names > MAX_CONNECTION_NAMES)
		return H1_BAD_connection;
	for (unsigned int i = 0; i < h->count; i++)
		if (str_ieq(h->headers[i].name, name))
			h->headers[i].hop = true;
	return 0;
}

static int connection_option(struct h1_head *h, struct str one, struct options *o)
{
	if (one.n == 0) /* RFC 9110 5.6.1: empty elements are passed over */
		return 0;
	if (!is_token(one))
		return H1_BAD_connection;
	if (str_ieq(one, STR("close")))
		o->close = true;
	else if (str_ieq(one, STR("keep-alive")))
		o->keep_alive = true;
	else if (str_ieq(one, STR("upgrade")))
		o->upgrade = true;
	else
		return name_hop(h, one, o);
	return 0;
}

static int frame_connection(struct h1_head *h)
{
	struct options o = { 0 };
	struct str value, one;
	int err;

	for (unsigned int i = h->first[H1_K_CONNECTION]; i < h->count; i++) {
		if (h->headers[i].known != H1_K_CONNECTION)
			continue;
		value = h->headers[i].value;
		while (list_next(&value, &one)) {
			err = connection_option(h, one, &o);
			if (err < 0)
				return err;
		}
	}
	h->keep_alive = !o.close && (h->minor || o.keep_alive);
	h->upgrade = o.upgrade && has(h, H1_K_UPGRADE);
	return 0;
}

static void frame_te(struct h1_head *h)
{
	struct str value = h1_value(h, H1_K_TE), one;

	while (list_next(&value, &one))
		h->te_trailers |= str_ieq(one, STR("trailers"));
}

static int frame_head(struct h1_head *h)
{
	int err = frame_body(h);

	if (err < 0)
		return err;
	h->keep_alive = h->minor;
	if (has(h, H1_K_TE))
		frame_te(h);
	return has(h, H1_K_CONNECTION) ? frame_connection(h) : 0;
}

static void cut_query(struct h1_request *r, struct str path)
{
	ptrdiff_t q = str_find(path, '?');

	r->path = path;
	if (q < 0)
		return;
	r->path.n = (size_t)q;
	r->query = str_sub(path, (size_t)q + 1, path.n);
	r->has_query = true;
}

static int absolute(struct h1_request *r)
{
	struct str rest = r->target;
	size_t n = 0;

	if (str_istarts(rest, STR("http://")))
		r->scheme = str_sub(rest, 0, 4);
	else if (str_istarts(rest, STR("https://")))
		r->scheme = str_sub(rest, 0, 5);
	else
		return H1_BAD_target;
	r->form = H1_ABSOLUTE;
	rest = str_sub(rest, r->scheme.n + 3, rest.n);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	r->authority = str_sub(rest, 0, n);
	cut_query(r, str_sub(rest, n, rest.n));
	/* RFC 9112 3.2.1, 3.2.4: the path of a target that has none */
	if (r->path.n == 0)
		r->path = r->method == H1_OPTIONS && !r->has_query ? STR("*") : STR("/");
	return 0;
}

static int target_form(struct h1_request *r)
{
	if (r->method == H1_CONNECT) {
		r->form = H1_AUTHORITY;
		r->authority = r->target;
		return 0;
	}
	if (r->target.p[0] == '/') {
		r->form = H1_ORIGIN;
		cut_query(r, r->target);
		return 0;
	}
	if (r->target.n > 1)
		return absolute(r);
	if (r->target.p[0] != '*' || r->method != H1_OPTIONS)
		return H1_BAD_target;
	r->form = H1_ASTERISK;
	r->path = r->target;
	return 0;
}

static uint16_t port_of(const struct h1_request *r, const struct authority *a)
{
	if (a->port)
		return a->port;
	return r->form == H1_AUTHORITY || r->scheme.n == 5 ? 443 : 80;
}

/* Host must be there once (HTTP/1.0: at most once) and not contradict the target. */
static int host(struct h1_request *r)
{
	bool in_target = r->form == H1_ABSOLUTE || r->form == H1_AUTHORITY;
	struct authority at = { 0 }, from = { 0 };

	if (repeated(&r->head, H1_K_HOST) || (r->head.minor && !has(&r->head, H1_K_HOST)))
		return H1_BAD_host;
	if (has(&r->head, H1_K_HOST) && authority_parse(h1_value(&r->head, H1_K_HOST), &at) < 0)
		return H1_BAD_host;
	if (!in_target) {
		r->authority = h1_value(&r->head, H1_K_HOST);
		from = at;
	} else {
		if (authority_parse(r->authority, &from) < 0 ||
		    (r->form == H1_AUTHORITY && !from.port))
			return H1_BAD_target;
		if (at.host.n &&
		    (!str_ieq(at.host, from.host) || (port_of(r, &at) != port_of(r, &from))))
			return H1_BAD_host;
	}
	r->host = from.host;
	r->port = from.port;
	return 0;
}

static int expect(struct h1_request *r)
{
	struct str value = h1_value(&r->head, H1_K_EXPECT);

	/* RFC 9110 10.1.1: HTTP/1.0 knows no expectations */
	if (!has(&r->head, H1_K_EXPECT) || r->head.minor == 0)
		return 0;
	if (repeated(&r->head, H1_K_EXPECT) || !str_ieq(value, STR("100-continue")))
		return H1_BAD_expect;
	r->expect_continue = r->head.framing != H1_NONE;
	return 0;
}

int h1_frame_request(struct h1_request *r)
{
	int err = target_form(r);

	if (err == 0)
		err = host(r);
	if (err == 0)
		err = frame_head(&r->head);
	if (err == 0)
		err = expect(r);
	if (err < 0)
		return err;
	/* what follows a CONNECT head belongs to the tunnel: no body, and no doubt about it */
	if (r->method != H1_CONNECT)
		return 0;
	if (has(&r->head, H1_K_CONTENT_LENGTH))
		return H1_BAD_length;
	return has(&r->head, H1_K_TRANSFER_ENCODING) ? H1_BAD_coding : 0;
}

static void drop_framing(struct h1_head *h)
{
	/* whoever announces a body where none may be might send it: the next response is not safe
	 */
	if (h->framing != H1_NONE)
		h->keep_alive = false;
	h->framing = H1_NONE;
	h->content_length = 0;
	if (has(h, H1_K_CONTENT_LENGTH))
		h->headers[h->first[H1_K_CONTENT_LENGTH]].hop = true;
}

int h1_frame_response(struct h1_response *r, enum h1_method request_method)
{
	struct h1_head *h = &r->head;
	int err = frame_head(h);

	if (err < 0)
		return err;
	r->interim = r->status < 200 && r->status != 101;
	r->tunnel = r->status == 101 ||
		    (request_method == H1_CONNECT && r->status >= 200 && r->status < 300);
	if (r->status < 200 || r->status == 204 || r->tunnel) {
		drop_framing(h);
	} else if (r->status == 304 || request_method == H1_HEAD) {
		h->framing = H1_NONE;
	} else if (!has(h, H1_K_CONTENT_LENGTH) && h->framing == H1_NONE) {
		h->framing = H1_UNTIL_CLOSE;
		h->keep_alive = false;
	}
	return 0;
}
