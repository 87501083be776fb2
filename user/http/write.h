/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - writes HTTP/1.1 heads and chunk framing into a buffer of the caller. Never writes
 * beyond it: what does not fit, or could not be parsed back (CR, LF, NUL in a value), sets `failed`
 * and everything after it is ignored. Look at it once, at the end.
 */
#ifndef WEFT_HTTP_WRITE_H
#define WEFT_HTTP_WRITE_H

#include "http/h1.h"

struct h1_writer {
	char *p, *end; /* next byte, end of the buffer */
	bool failed;
};

static inline struct h1_writer h1_writer_of(char *buf, size_t cap)
{
	return (struct h1_writer){ buf, buf + cap, false };
}

void h1_put_request_line(struct h1_writer *w, struct str method, struct str target);
void h1_put_status_line(struct h1_writer *w, int status); /* with the usual reason */
void h1_put_header(struct h1_writer *w, struct str name, struct str value);
void h1_put_header_u64(struct h1_writer *w, struct str name, uint64_t value);

/*
 * Every header of a parsed head that is not hop-by-hop, in order, names in lower case; without
 * those whose bit (1 << enum h1_known) is set in skip.
 */
void h1_put_end_to_end(struct h1_writer *w, const struct h1_head *h, uint64_t skip);
void h1_put_end(struct h1_writer *w); /* the empty line */

/* Framing of a body that is written on: Content-Length or "transfer-encoding: chunked" or nothing.
 * Use with skip = 1 << H1_K_CONTENT_LENGTH. */
void h1_put_framing(struct h1_writer *w, enum h1_framing framing, uint64_t content_length);

void h1_put_chunk(struct h1_writer *w, uint64_t n); /* the line before n bytes, n > 0 */
void h1_put_chunk_end(struct h1_writer *w);	    /* CR LF behind the bytes */
void h1_put_last_chunk(struct h1_writer *w, struct str trailers); /* as h1_body gave them */

enum { H1_CHUNK_LINE_MAX = 18 }; /* what h1_put_chunk writes at the most */

struct str h1_reason(int status); /* "Not Found"; a general word for unknown codes */

#endif
