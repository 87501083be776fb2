// SPDX-License-Identifier: Apache-2.0
#include "http/body.h"

#include "http/parse.h"
#include "http/scan.h"

/* A chunk line (RFC 9112 7.1) is read byte by byte: it is short, and the state fits a byte. */
enum state {
	SIZE, /* first digit */
	MORE_SIZE,
	EXT_NAME, /* behind ';' */
	MORE_EXT_NAME,
	EXT_VALUE, /* behind '=' */
	MORE_EXT_VALUE,
	QUOTED,
	ESCAPED,    /* behind '\' in quotes */
	QUOTED_END, /* behind the closing quote */
	LINE_LF,    /* behind the CR of the chunk line */
	DATA,
	DATA_CR, /* behind the last byte of the chunk */
	DATA_LF,
	TRAILERS,
	BAD,
};

enum { MAX_SIZE_DIGITS = 16 };

void h1_body_init(struct h1_body *b, const struct h1_head *h)
{
	*b = (struct h1_body){
		.framing = h->framing,
		.left = h->framing == H1_LENGTH ? h->content_length : 0,
		.done = h->framing == H1_NONE,
	};
}

/* What may follow a size, an extension name, or a closed value. */
static enum state after(char c)
{
	if (c == '\r')
		return LINE_LF;
	return c == ';' ? EXT_NAME : BAD;
}

static enum state size_digit(struct h1_body *b, char c)
{
	char low = (char)(c | 0x20);

	if (c >= '0' && c <= '9')
		b->left = b->left << 4 | (uint64_t)(c - '0');
	else if (low >= 'a' && low <= 'f')
		b->left = b->left << 4 | (uint64_t)(low - 'a' + 10);
	else
		return b->state == SIZE ? BAD : after(c);
	/* leading zeros count too: nobody sends 17 digits in earnest */
	return b->line > MAX_SIZE_DIGITS || b->left > INT64_MAX ? BAD : MORE_SIZE;
}

static enum state quoted(char c)
{
	if (c == '"')
		return QUOTED_END;
	if (c == '\\')
		return ESCAPED;
	return scan_is(c, SCAN_VALUE) ? QUOTED : BAD;
}

static enum state line_byte(struct h1_body *b, char c)
{
	bool token = scan_is(c, SCAN_TOKEN);

	switch (b->state) {
	case SIZE:
	case MORE_SIZE: return size_digit(b, c);
	case EXT_NAME: return token ? MORE_EXT_NAME : BAD;
	case MORE_EXT_NAME:
		if (c == '=')
			return EXT_VALUE;
		return token ? MORE_EXT_NAME : after(c);
	case EXT_VALUE:
		if (c == '"')
			return QUOTED;
		return token ? MORE_EXT_VALUE : BAD;
	case MORE_EXT_VALUE: return token ? MORE_EXT_VALUE : after(c);
	case QUOTED: return quoted(c);
	case ESCAPED: return scan_is(c, SCAN_VALUE) ? QUOTED : BAD;
	case QUOTED_END: return after(c);
	case DATA_CR: return c == '\r' ? DATA_LF : BAD;
	case DATA_LF: return c == '\n' ? SIZE : BAD;
	default: break;
	}
	if (b->state != LINE_LF || c != '\n')
		return BAD;
	b->line = 0;
	return b->left ? DATA : TRAILERS;
}

static ssize_t take(struct h1_body *b, struct str in, struct str *data)
{
	*data = str_sub(in, 0, in.n < b->left ? in.n : (size_t)b->left);
	b->left -= data->n;
	return (ssize_t)data->n;
}

static bool trailer_allowed(const struct h1_header *f)
{
	return h1_known_kind[f->known] == H1_KIND_FREE;
}

/* The section is short: parsed whole each time a line was completed, kept by nobody. */
static ssize_t trailers(struct h1_body *b, struct str in, struct str *out)
{
	size_t n = in.n < MAX_TRAILER_BYTES ? in.n : MAX_TRAILER_BYTES;
	struct h1_cursor c = { in.p, in.p + n };
	struct h1_head fields;
	int r = 0;

	h1_head_init(&fields);
	if (b->seen <= n && memchr(in.p + b->seen, '\n', n - b->seen))
		r = h1_fields(&c, &fields);
	if (r < 0)
		return r;
	for (unsigned int i = 0; r && i < fields.count; i++)
		if (!trailer_allowed(&fields.headers[i]))
			return H1_BAD_trailer;
	b->seen = (uint32_t)n;
	if (r == 0)
		return n >= MAX_TRAILER_BYTES ? H1_BAD_trailer_large : 0;
	b->done = true;
	*out = (struct str){ in.p, (size_t)(c.p - in.p) };
	return (ssize_t)out->n;
}

static ssize_t chunked(struct h1_body *b, struct str in, struct str *data, struct str *section)
{
	size_t at = 0;
	ssize_t n;

	for (; at < in.n && b->state != DATA && b->state != TRAILERS; at++) {
		if (++b->line > MAX_CHUNK_LINE)
			return H1_BAD_chunk_long;
		b->state = (uint8_t)line_byte(b, in.p[at]);
		if (b->state == BAD)
			return H1_BAD_chunk;
		if (b->state == SIZE)
			b->line = 0;
	}
	in.p += at;
	in.n -= at;
	if (in.n == 0)
		return (ssize_t)at;
	if (b->state == TRAILERS) {
		n = trailers(b, in, section);
		return n < 0 ? n : (ssize_t)at + n;
	}
	n = take(b, in, data);
	if (b->left == 0)
		b->state = DATA_CR;
	return (ssize_t)at + n;
}

ssize_t h1_body(struct h1_body *b, struct str in, struct str *data, struct str *section)
{
	ssize_t n;

	*data = *section = (struct str){ 0 };
	if (b->done || in.n == 0)
		return 0;
	switch (b->framing) {
	case H1_CHUNKED: return chunked(b, in, data, section);
	case H1_LENGTH:
		n = take(b, in, data);
		b->done = b->left == 0;
		return n;
	default: *data = in; return (ssize_t)in.n;
	}
}

int h1_body_eof(struct h1_body *b)
{
	if (b->framing == H1_UNTIL_CLOSE)
		b->done = true;
	return b->done ? 0 : H1_BAD_truncated;
}

bool h1_trailer_next(struct str *section, struct h1_header *out)
{
	struct h1_cursor c = { section->p, section->p + section->n };
	struct h1_head one;

	h1_head_init(&one);
	if (section->n <= 2) /* the empty line at the end */
		return false;
	/* one line of it at a time: h1_fields stops at the end of what it is given */
	c.end = memchr(c.p, '\n', section->n);
	c.end = c.end ? c.end + 1 : c.p;
	if (h1_fields(&c, &one) < 0 || one.count == 0)
		return false;
	*out = one.headers[0];
	*section = str_sub(*section, (size_t)(c.end - section->p), section->n);
	return true;
}
