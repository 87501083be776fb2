// SPDX-License-Identifier: Apache-2.0
#include "http/write.h"

#include "http/scan.h"

/* Room for n bytes, or NULL and failed. */
static char *room(struct h1_writer *w, size_t n)
{
	char *at = w->p;

	if (w->failed || (size_t)(w->end - w->p) < n) {
		w->failed = true;
		return NULL;
	}
	w->p += n;
	return at;
}

static void put(struct h1_writer *w, struct str s)
{
	char *at = room(w, s.n);

	if (at && s.n)
		memcpy(at, s.p, s.n);
}

static void put_lower(struct h1_writer *w, struct str s)
{
	char *at = room(w, s.n);

	for (size_t i = 0; at && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		at[i] = (char)(c + ((unsigned char)(c - 'A') < 26 ? 0x20 : 0));
	}
}

static struct str u64_text(uint64_t v, unsigned int base, char buf[static 20])
{
	size_t at = 20;

	do
		buf[--at] = "0123456789abcdef"[v % base];
	while (v /= base);
	return (struct str){ buf + at, 20 - at };
}

static bool clean(struct str s, enum scan_class k)
{
	return scan_slow(s.p, s.p + s.n, k) == s.p + s.n;
}

void h1_put_request_line(struct h1_writer *w, struct str method, struct str target)
{
	w->failed |=
		!method.n || !target.n || !clean(method, SCAN_TOKEN) || !clean(target, SCAN_TARGET);
	put(w, method);
	put(w, STR(" "));
	put(w, target);
	put(w, STR(" HTTP/1.1\r\n"));
}

void h1_put_status_line(struct h1_writer *w, int status)
{
	char buf[20];

	w->failed |= status < 100 || status > 999;
	put(w, STR("HTTP/1.1 "));
	put(w, u64_text((uint64_t)status, 10, buf));
	put(w, STR(" "));
	put(w, h1_reason(status));
	put(w, STR("\r\n"));
}

void h1_put_header(struct h1_writer *w, struct str name, struct str value)
{
	w->failed |= !name.n || !clean(name, SCAN_TOKEN) ||
		     (value.n && scan_value(value.p, value.p + value.n) != value.p + value.n);
	put(w, name);
	put(w, STR(": "));
	put(w, value);
	put(w, STR("\r\n"));
}

void h1_put_header_u64(struct h1_writer *w, struct str name, uint64_t value)
{
	char buf[20];

	h1_put_header(w, name, u64_text(value, 10, buf));
}

void h1_put_end_to_end(struct h1_writer *w, const struct h1_head *h, uint64_t skip)
{
	for (unsigned int i = 0; i < h->count; i++) {
		const struct h1_header *f = &h->headers[i];

		if (f->hop || (f->known && skip & (1ull << f->known)))
			continue;
		/* parsed, hence clean */
		put_lower(w, f->name);
		put(w, STR(": "));
		put(w, f->value);
		put(w, STR("\r\n"));
	}
}

void h1_put_end(struct h1_writer *w)
{
	put(w, STR("\r\n"));
}

void h1_put_framing(struct h1_writer *w, enum h1_framing framing, uint64_t content_length)
{
	if (framing == H1_LENGTH)
		h1_put_header_u64(w, STR("content-length"), content_length);
	else if (framing == H1_CHUNKED)
		put(w, STR("transfer-encoding: chunked\r\n"));
}

void h1_put_chunk(struct h1_writer *w, uint64_t n)
{
	char buf[20];

	w->failed |= n == 0; /* would end the body */
	put(w, u64_text(n, 16, buf));
	put(w, STR("\r\n"));
}

void h1_put_chunk_end(struct h1_writer *w)
{
	put(w, STR("\r\n"));
}

void h1_put_last_chunk(struct h1_writer *w, struct str trailers)
{
	put(w, STR("0\r\n"));
	put(w, trailers.n ? trailers : STR("\r\n"));
}

/* RFC 9110 15 and the registry */
#define REASONS(X)                                                                                 \
	X(100, "Continue")                                                                         \
	X(101, "Switching Protocols")                                                              \
	X(103, "Early Hints")                                                                      \
	X(200, "OK")                                                                               \
	X(201, "Created")                                                                          \
	X(202, "Accepted")                                                                         \
	X(203, "Non-Authoritative Information")                                                    \
	X(204, "No Content")                                                                       \
	X(205, "Reset Content")                                                                    \
	X(206, "Partial Content")                                                                  \
	X(300, "Multiple Choices")                                                                 \
	X(301, "Moved Permanently")                                                                \
	X(302, "Found")                                                                            \
	X(303, "See Other")                                                                        \
	X(304, "Not Modified")                                                                     \
	X(307, "Temporary Redirect")                                                               \
	X(308, "Permanent Redirect")                                                               \
	X(400, "Bad Request")                                                                      \
	X(401, "Unauthorized")                                                                     \
	X(403, "Forbidden")                                                                        \
	X(404, "Not Found")                                                                        \
	X(405, "Method Not Allowed")                                                               \
	X(406, "Not Acceptable")                                                                   \
	X(408, "Request Timeout")                                                                  \
	X(409, "Conflict")                                                                         \
	X(410, "Gone")                                                                             \
	X(411, "Length Required")                                                                  \
	X(412, "Precondition Failed")                                                              \
	X(413, "Content Too Large")                                                                \
	X(414, "URI Too Long")                                                                     \
	X(415, "Unsupported Media Type")                                                           \
	X(416, "Range Not Satisfiable")                                                            \
	X(417, "Expectation Failed")                                                               \
	X(418, "I'm a teapot")                                                                     \
	X(421, "Misdirected Request")                                                              \
	X(422, "Unprocessable Content")                                                            \
	X(425, "Too Early")                                                                        \
	X(426, "Upgrade Required")                                                                 \
	X(428, "Precondition Required")                                                            \
	X(429, "Too Many Requests")                                                                \
	X(431, "Request Header Fields Too Large")                                                  \
	X(500, "Internal Server Error")                                                            \
	X(501, "Not Implemented")                                                                  \
	X(502, "Bad Gateway")                                                                      \
	X(503, "Service Unavailable")                                                              \
	X(504, "Gateway Timeout")                                                                  \
	X(505, "HTTP Version Not Supported")                                                       \
	X(507, "Insufficient Storage")                                                             \
	X(511, "Network Authentication Required")

#define REASON_CASE(code, text)                                                                    \
	case code: return STR(text);

struct str h1_reason(int status)
{
	switch (status) {
		REASONS(REASON_CASE)
	default: return status < 400 ? STR("OK") : STR("Error");
	}
}
