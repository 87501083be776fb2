// SPDX-License-Identifier: Apache-2.0
/* Request streams: whole, byte by byte and in random pieces they mean the same, and nothing is read
 * behind the end. What was parsed and is written again parses to the same. */
#include "http/write.h"
#include "tests/lib/h1_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(struct str in)
{
	static struct h1_request a, b;
	struct h1_scan scan = { 0 }, again = { 0 };
	char buf[4096];
	struct h1_writer w = h1_writer_of(buf, sizeof(buf));
	struct str out;

	if (h1_request(&scan, in, &a) <= 0)
		return;
	h1_put_request_line(&w, a.method_name, a.target);
	h1_put_end_to_end(&w, &a.head, 1ull << H1_K_CONTENT_LENGTH);
	h1_put_framing(&w, a.head.framing, a.head.content_length);
	h1_put_end(&w);
	if (w.failed)
		return; /* too large for buf */
	out = (struct str){ buf, (size_t)(w.p - buf) };
	if (a.head.minor == 0)
		return; /* 1.1 needs a Host that 1.0 may lack */
	if (h1_request(&again, out, &b) != (ssize_t)out.n || a.method != b.method ||
	    !str_eq(a.authority, b.authority) || !str_eq(a.path, b.path) ||
	    !str_eq(a.query, b.query) || a.head.framing != b.head.framing ||
	    a.head.content_length != b.head.content_length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = { .in = { (const char *)data, size } };

	if (size > 4096)
		return 0;
	feed_all_ways(&f, (uint32_t)size, 1);
	rewrite(f.in);
	return 0;
}
