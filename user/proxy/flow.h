/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - one direction of a request or tunnel: from one wire to the other, with bounded buffers.
 *
 *	from ──read──▶ in [pass | not looked at] ──▶ write ──▶ to
 *	               out (what we wrote: a head) ──▲ goes first
 *
 * A body goes out of the buffer it was read into; its framing is checked on the way and kept, but
 * for chunk extensions, which are nobody's business behind us (RFC 9112 7.1.1). Nothing is read
 *while the other side does not take what is there (back-pressure).
 */
#ifndef WEFT_PROXY_FLOW_H
#define WEFT_PROXY_FLOW_H

#include "http/body.h"
#include "net/buf.h"
#include "net/wire.h"

struct flow {
	struct buf in, out;
	uint32_t pass;	     /* bytes at the head of in that may go out */
	struct pipe *pipe;   /* while there is something in it */
	bool bulk;	     /* it comes in full buffers */
	bool raw;	     /* no framing: all bytes pass until the end */
	bool strip;	     /* chunked to a peer that cannot read it: only the content goes out */
	bool eof;	     /* the source has ended */
	bool done;	     /* the end of the message is in; what follows in `in` is not ours */
	bool shut;	     /* raw: the end was passed on */
	bool in_ext;	     /* chunked: inside a chunk extension, which is dropped */
	bool hold;	     /* keep the bytes of `out` when written: they may be needed again */
	struct h1_body body; /* framing; not for raw */
	uint64_t content;    /* bytes of the body taken */
	uint64_t sent;	     /* bytes written, with heads and framing */
};

enum flow_end {
	FLOW_OK,
	FLOW_SOURCE, /* the source broke: reset, or ended inside the message */
	FLOW_TARGET, /* the target broke */
	FLOW_BAD,    /* framing is malformed */
	FLOW_MEMORY,
};

void flow_message(struct flow *f, const struct h1_head *head); /* behind a head in `in` */
void flow_drop(struct buf_pool *pool, struct flow *f);	       /* gives the buffers back */

/* One read into `in`; *full: there is probably more. FLOW_OK also when nothing was there. */
enum flow_end flow_fill(struct buf_pool *pool, struct flow *f, struct wire *from, bool *full);
/* Looks at the bytes that came and lets pass what belongs to the message. */
enum flow_end flow_take(struct buf_pool *pool, struct flow *f);
/* Writes what may go. FLOW_OK also when the target did not take all. */
enum flow_end flow_flush(struct buf_pool *pool, struct flow *f, struct wire *to);
/* All of these until one side has no more or takes no more; bounded work. read: there may be
 * something to read. */
enum flow_end flow_pump(struct buf_pool *pool, struct flow *f, struct wire *from, struct wire *to,
			bool read);

static inline bool flow_pending(const struct flow *f)
{
	return f->pass || f->pipe || buf_len(&f->out);
}

/* Would reading help? Not while the target is behind. */
static inline bool flow_can_read(const struct flow *f)
{
	return !f->done && !f->eof && !flow_pending(f);
}

#endif
