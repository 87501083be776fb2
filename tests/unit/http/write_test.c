// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "http/write.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static struct str written(const struct h1_writer *w, const char *buf)
{
	return (struct str){ buf, (size_t)(w->p - buf) };
}

static void a_forwarded_head_has_no_hop_headers_and_lower_names(void **state)
{
	struct str in = STR("GET /x HTTP/1.1\r\nHost: A:1\r\nConnection: close, X-Private\r\n"
			    "Keep-Alive: 5\r\nX-Private: 1\r\nAccept: */*\r\nCookie: a=B\r\n"
			    "Transfer-Encoding: chunked\r\nUser-Agent: C\r\n\r\n");
	struct h1_scan scan = { 0 };
	struct h1_request r;
	char buf[512];
	struct h1_writer w = h1_writer_of(buf, sizeof(buf));

	assert_int_equal(h1_request(&scan, in, &r), in.n);
	h1_put_request_line(&w, r.method_name, r.target);
	h1_put_end_to_end(&w, &r.head, 1ull << H1_K_USER_AGENT);
	h1_put_framing(&w, r.head.framing, 0);
	h1_put_header_u64(&w, STR("x-n"), UINT64_MAX);
	h1_put_end(&w);
	assert_false(w.failed);
	assert_true(str_eq(written(&w, buf),
			   STR("GET /x HTTP/1.1\r\nhost: A:1\r\naccept: */*\r\ncookie: a=B\r\n"
			       "transfer-encoding: chunked\r\nx-n: 18446744073709551615\r\n\r\n")));
}

static void a_response_and_its_chunks_are_written(void **state)
{
	char buf[512];
	struct h1_writer w = h1_writer_of(buf, sizeof(buf));

	h1_put_status_line(&w, 503);
	h1_put_framing(&w, H1_LENGTH, 19);
	h1_put_framing(&w, H1_NONE, 0);
	h1_put_end(&w);
	h1_put_chunk(&w, 0xabc);
	h1_put_chunk_end(&w);
	h1_put_last_chunk(&w, (struct str){ 0 });
	h1_put_last_chunk(&w, STR("X: y\r\n\r\n"));
	assert_false(w.failed);
	assert_true(str_eq(written(&w, buf),
			   STR("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\n"
			       "abc\r\n\r\n0\r\n\r\n0\r\nX: y\r\n\r\n")));
	w = h1_writer_of(buf, H1_CHUNK_LINE_MAX);
	h1_put_chunk(&w, UINT64_MAX);
	assert_false(w.failed);
}

static void nothing_is_written_that_would_not_parse_back(void **state)
{
	static const struct {
		struct str name, value;
		const char *why;
	} rows[] = {
		{ STR("a"), STR("b\r\nc: d"), "a header smuggled in" },
		{ STR("a"), STR("b\n"), "bare LF" },
		{ STR("a"), STR("b\0"), "NUL" },
		{ STR("a b"), STR("c"), "a name with a blank" },
		{ STR("a:"), STR("c"), "a name with a colon" },
		{ STR(""), STR("c"), "no name" },
	};
	char buf[128];
	struct h1_writer w;

	for (size_t i = 0; i < LEN(rows); i++) {
		w = h1_writer_of(buf, sizeof(buf));
		h1_put_header(&w, rows[i].name, rows[i].value);
		if (!w.failed)
			fail_msg("row %zu: %s", i, rows[i].why);
	}
	w = h1_writer_of(buf, sizeof(buf));
	h1_put_request_line(&w, STR("GET"), STR("/a b"));
	assert_true(w.failed);
	w = h1_writer_of(buf, sizeof(buf));
	h1_put_request_line(&w, STR("GET"), STR(""));
	assert_true(w.failed);
	w = h1_writer_of(buf, sizeof(buf));
	h1_put_chunk(&w, 0);
	assert_true(w.failed);
	w = h1_writer_of(buf, sizeof(buf));
	h1_put_status_line(&w, 42);
	assert_true(w.failed);
}

static void every_smaller_buffer_fails_and_is_not_overrun(void **state)
{
	for (size_t cap = 0; cap < 64; cap++) {
		char *buf = malloc(cap);
		struct h1_writer w = h1_writer_of(buf, cap);

		h1_put_status_line(&w, 200);
		h1_put_header(&w, STR("abc"), STR("def"));
		h1_put_end(&w);
		/* 17 + 10 + 2 */
		assert_int_equal(w.failed, cap < 29);
		assert_true(w.p <= w.end);
		free(buf);
	}
}

static void reasons_are_those_of_the_registry(void **state)
{
	assert_true(str_eq(h1_reason(404), STR("Not Found")));
	assert_true(str_eq(h1_reason(299), STR("OK")));
	assert_true(str_eq(h1_reason(599), STR("Error")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forwarded_head_has_no_hop_headers_and_lower_names),
		cmocka_unit_test(a_response_and_its_chunks_are_written),
		cmocka_unit_test(nothing_is_written_that_would_not_parse_back),
		cmocka_unit_test(every_smaller_buffer_fails_and_is_not_overrun),
		cmocka_unit_test(reasons_are_those_of_the_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
