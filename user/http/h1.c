// SPDX-License-Identifier: Apache-2.0
/*
 * h1.c - request line, status line and field lines. A line is judged when its LF is there, not
 * before (but for the very first token, so that another protocol is recognised at once): this makes
 * the verdict independent of how the bytes were split.
 */
#include "http/h1.h"
#include "http/parse.h"
#include "http/scan.h"

enum { LONGEST_METHOD = 16 };

void h1_head_init(struct h1_head *h)
{
	memset(h, 0, offsetof(struct h1_head, first));
	memset(h->first, H1_NO_HEADER, sizeof(h->first));
}

int h1_judge(const struct h1_cursor *c, int err)
{
	return memchr(c->p, '\n', (size_t)(c->end - c->p)) ? err : 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* CR LF at p. Fewer than two bytes are incomplete: h1_judge sorts out what they hold. */
static int line_end(struct h1_cursor *c, const char *p)
{
	c->p = p;
	if (c->end - p < 2 || p[0] != '\r' || p[1] != '\n')
		return H1_BAD_line_end;
	c->p = p + 2;
	return 1;
}

static int field(struct h1_cursor *c, struct h1_header *f)
{
	const char *name = c->p, *colon = scan_name(name, c->end), *v, *stop;

	c->p = colon;
	if (colon == c->end || *colon != ':' || colon == name)
		return H1_BAD_header_name;
	for (v = colon + 1; v < c->end && blank(*v);)
		v++;
	stop = scan_value(v, c->end);
	c->p = stop;
	if (stop < c->end && *stop != '\r' && *stop != '\n')
		return H1_BAD_header_value;
	if (line_end(c, stop) < 0)
		return H1_BAD_line_end;
	while (stop > v && blank(stop[-1]))
		stop--;
	f->name = (struct str){ name, (size_t)(colon - name) };
	f->value = (struct str){ v, (size_t)(stop - v) };
	f->known = (uint8_t)h1_known_token(f->name);
	f->hop = h1_known_kind[f->known] == H1_KIND_HOP;
	return 1;
}

static void note(struct h1_head *h, enum h1_known id)
{
	if (id == H1_K_OTHER)
		return;
	if (h->first[id] == H1_NO_HEADER)
		h->first[id] = h->count;
	else
		h->repeated |= 1ull << id;
}

int h1_fields(struct h1_cursor *c, struct h1_head *h)
{
	int r;

	for (;;) {
		if (c->p == c->end)
			return 0;
		if (*c->p == '\r')
			break;
		if (h->count == MAX_HEADERS)
			return h1_judge(c, H1_BAD_headers_many);
		r = field(c, &h->headers[h->count]);
		if (r < 0)
			return h1_judge(c, r);
		note(h, h->headers[h->count].known);
		h->count++;
	}
	r = line_end(c, c->p);
	return r < 0 ? h1_judge(c, r) : r;
}

/* "HTTP/1.x": 1, or refused */
static int version(struct h1_cursor *c, uint8_t *minor)
{
	const char *p = c->p;

	if (c->end - p < 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' ||
	    p[6] != '.' || p[7] < '0' || p[7] > '9')
		return H1_BAD_version;
	if (p[5] != '1' || p[7] > '1')
		return H1_BAD_version_unsupported;
	*minor = (uint8_t)(p[7] - '0');
	c->p = p + 8;
	return 1;
}

/* RFC 9112 2.2: an empty line before a request is passed over; one, not any number. */
static int empty_line(struct h1_cursor *c)
{
	if (c->p == c->end)
		return 0;
	if (*c->p != '\r')
		return 1;
	if (c->end - c->p < 2)
		return 0;
	return line_end(c, c->p);
}

static int method_of(struct h1_cursor *c, const char *stop, struct h1_request *out)
{
	struct str name = { c->p, (size_t)(stop - c->p) };
	int m = h1_method_of(name);

	if (m < 0)
		return H1_BAD_method_unknown;
	out->method = (enum h1_method)m;
	out->method_name = name;
	c->p = stop + 1;
	return 1;
}

/* Judged byte by byte: a client that speaks something else is told at once. */
static int method(struct h1_cursor *c, struct h1_request *out)
{
	const char *p = c->p, *limit = c->end - p > LONGEST_METHOD ? p + LONGEST_METHOD : c->end;
	const char *stop;

	if (c->end - p > 4 && memcmp(p, "GET ", 4) == 0)
		return method_of(c, p + 3, out);
	stop = scan_slow(p, limit, SCAN_TOKEN);
	if (stop == limit)
		return limit == c->end ? 0 : H1_BAD_method_unknown;
	if (*stop != ' ' || stop == p)
		return H1_BAD_method;
	return method_of(c, stop, out);
}

static int request_line(struct h1_cursor *c, struct h1_request *out)
{
	const char *stop = scan_target(c->p, c->end);
	int r;

	out->target = (struct str){ c->p, (size_t)(stop - c->p) };
	c->p = stop;
	if (stop == c->end || *stop != ' ' || out->target.n == 0)
		return H1_BAD_target;
	c->p++;
	r = version(c, &out->head.minor);
	return r < 0 ? r : line_end(c, c->p);
}

static int status_line(struct h1_cursor *c, struct h1_response *out)
{
	const char *p, *stop;
	int r = version(c, &out->head.minor);

	if (r < 0)
		return r;
	p = c->p;
	if (c->end - p < 6 || p[0] != ' ' || p[1] < '1' || p[1] > '9' || p[2] < '0' || p[2] > '9' ||
	    p[3] < '0' || p[3] > '9' || (p[4] != ' ' && p[4] != '\r'))
		return H1_BAD_status_line;
	out->status = (uint16_t)((p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0'));
	p += p[4] == ' ' ? 5 : 4;
	stop = scan_value(p, c->end);
	out->reason = (struct str){ p, (size_t)(stop - p) };
	return line_end(c, stop);
}

/* Bytes that came since the last call hold no LF: no further line can be judged. */
static bool nothing_new(const struct h1_scan *scan, struct str in)
{
	if (in.n == 0)
		return true;
	return scan->seen && scan->seen <= in.n &&
	       !memchr(in.p + scan->seen, '\n', in.n - scan->seen);
}

static ssize_t incomplete(struct h1_scan *scan, struct str in)
{
	if (in.n >= MAX_HEAD_BYTES)
		return H1_BAD_head_large;
	scan->seen = in.n;
	return 0;
}

ssize_t h1_request(struct h1_scan *scan, struct str in, struct h1_request *out)
{
	struct str head = { in.p, in.n < MAX_HEAD_BYTES ? in.n : MAX_HEAD_BYTES };
	struct h1_cursor c = { head.p, head.p + head.n };
	int r;

	memset(out, 0, offsetof(struct h1_request, head));
	h1_head_init(&out->head);
	r = empty_line(&c);
	if (r > 0)
		r = method(&c, out);
	if (r < 0)
		return r;
	if (r == 0 || nothing_new(scan, head))
		return incomplete(scan, head);
	r = request_line(&c, out);
	r = r < 0 ? h1_judge(&c, r) : h1_fields(&c, &out->head);
	if (r == 0)
		return incomplete(scan, head);
	if (r > 0)
		r = h1_frame_request(out);
	return r < 0 ? r : c.p - head.p;
}

ssize_t h1_response(struct h1_scan *scan, struct str in, enum h1_method request_method,
		    struct h1_response *out)
{
	struct str head = { in.p, in.n < MAX_HEAD_BYTES ? in.n : MAX_HEAD_BYTES };
	struct h1_cursor c = { head.p, head.p + head.n };
	int r;

	memset(out, 0, offsetof(struct h1_response, head));
	h1_head_init(&out->head);
	if (head.n && memcmp(head.p, "HTTP/", head.n < 5 ? head.n : 5) != 0)
		return H1_BAD_version;
	if (nothing_new(scan, head))
		return incomplete(scan, head);
	r = status_line(&c, out);
	r = r < 0 ? h1_judge(&c, r) : h1_fields(&c, &out->head);
	if (r == 0)
		return incomplete(scan, head);
	if (r > 0)
		r = h1_frame_response(out, request_method);
	return r < 0 ? r : c.p - head.p;
}
