/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h - what the files of the HTTP/1 parser share; not for others. */
#ifndef WEFT_HTTP_PARSE_H
#define WEFT_HTTP_PARSE_H

#include "http/h1.h"

struct h1_cursor {
	const char *p, *end;
};

enum h1_kind { H1_KIND_FREE, H1_KIND_KEEP, H1_KIND_HOP };
extern const uint8_t h1_known_kind[NR_H1_KNOWN]; /* enum h1_kind */

int h1_method_of(struct str name);		/* enum h1_method, -1 */
enum h1_known h1_known_token(struct str token); /* name must consist of tchar */

/*
 * Field lines up to and with the empty line. 1: all there, 0: incomplete, < 0: refused, the cursor
 * in the line that is wrong.
 */
int h1_fields(struct h1_cursor *c, struct h1_head *h);
void h1_head_init(struct h1_head *h);

/* A line that is not complete is not judged yet: turns err into 0 when no LF follows the cursor. */
int h1_judge(const struct h1_cursor *c, int err);

/* What all headers together mean. 0 or an enum h1_error. */
int h1_frame_request(struct h1_request *r);
int h1_frame_response(struct h1_response *r, enum h1_method request_method);

#endif
