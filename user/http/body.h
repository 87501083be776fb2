/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - takes the framing off a message body: bytes in, views of the content out. Nothing is
 * copied; the decoder is a few words, so a session can hold one for each direction.
 */
#ifndef WEFT_HTTP_BODY_H
#define WEFT_HTTP_BODY_H

#include "http/h1.h"

struct h1_body {
	uint64_t left;	 /* content bytes of the message (LENGTH) or of the chunk */
	uint32_t line;	 /* bytes of the chunk line so far; digits come first */
	uint32_t seen;	 /* of the trailer section, see struct h1_scan */
	uint8_t framing; /* enum h1_framing */
	uint8_t state;
	bool done; /* the whole body was taken; what follows belongs to the next message */
};

/* framing and content_length of the head */
void h1_body_init(struct h1_body *b, const struct h1_head *h);

/*
 * Takes bytes off the front of in:  > 0  consumed, at most in.n;  *data is the content among them
 *                                        (a view into in, may be empty),
 *                                   = 0  needs more (or is done): keep the bytes,
 *                                   < 0  enum h1_error.
 * Call it until it returns 0 or b->done. Chunk extensions are dropped. *trailers becomes the
 * checked trailer section (see h1_trailer_next) in the call that sets done, else empty: it is
 * asked for whole (0 is returned until it is), so the caller's buffer must hold
 * MAX_TRAILER_BYTES.
 */
ssize_t h1_body(struct h1_body *b, struct str in, struct str *data, struct str *trailers);

/* The connection ended: 0 when that is a proper end of the body, else H1_BAD_truncated. */
int h1_body_eof(struct h1_body *b);

/* Takes the next field off a checked trailer section; false: that was the last one. */
bool h1_trailer_next(struct str *section, struct h1_header *out);

#endif
