// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/h1_feed.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static void status_lines_are_strict(void **state)
{
	static const struct {
		struct str in;
		int want; /* enum h1_error; 0: complete, 1: more is needed */
		const char *why;
	} rows[] = {
		{ STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0, "plain" },
		{ STR("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), 0, "an empty reason" },
		{ STR("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 0,
		  "no blank: seen in practice" },
		{ STR("HTTP/1.1 200 \xc3\xa9 \t x\r\nContent-Length: 0\r\n\r\n"), 0, "obs-text" },
		{ STR("HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n"), 0,
		  "an odd code is forwarded" },
		{ STR("HTTP/1.1 2"), 1, "half a line" },
		{ STR("HTTX"), H1_BAD_version, "not HTTP, told at once" },
		{ STR("\r\nHTTP/1.1 200 OK\r\n"), H1_BAD_version,
		  "no empty line before responses" },
		{ STR("HTTP/1.1  200 OK\r\n"), H1_BAD_status_line, "two blanks" },
		{ STR("HTTP/1.1\t200 OK\r\n"), H1_BAD_status_line, "tab" },
		{ STR("HTTP/1.1 20 OK\r\n"), H1_BAD_status_line, "two digits" },
		{ STR("HTTP/1.1 2000 OK\r\n"), H1_BAD_status_line, "four digits" },
		{ STR("HTTP/1.1 099 OK\r\n"), H1_BAD_status_line, "below 100" },
		{ STR("HTTP/1.1 +20 OK\r\n"), H1_BAD_status_line, "sign" },
		{ STR("HTTP/1.1 200OK\r\n"), H1_BAD_status_line, "no blank" },
		{ STR("HTTP/1.1 200 O\0K\r\n"), H1_BAD_line_end, "NUL in the reason" },
		{ STR("HTTP/1.1 200 OK\n\n"), H1_BAD_line_end, "bare LF" },
		{ STR("HTTP/1.1 200 OK\rX: y\r\n\r\n"), H1_BAD_line_end, "bare CR" },
		{ STR("HTTP/2.0 200 OK\r\n"), H1_BAD_version_unsupported, "version 2" },
		{ STR("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), H1_BAD_header_name, "obs-fold" },
		{ STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
		  H1_BAD_length, "repeated" },
		{ STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
		  H1_BAD_length_and_coding, "both" },
		{ STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"), H1_BAD_coding,
		  "chunked is not last" },
		{ STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		  H1_BAD_coding, "1.0 knows no codings" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct feed f = { .in = rows[i].in, .responses = true };
		int got;

		feed_all_ways(&f, (uint32_t)i, 8);
		got = f.err ? f.err : f.messages == 0;
		if (got != rows[i].want)
			fail_msg("row %zu: %s: got %s", i, rows[i].why, h1_error_name(f.err));
	}
}

static void the_body_follows_status_and_method(void **state)
{
#define C  "Content-Length: 3\r\n"
#define C0 "Content-Length: 0\r\n"
#define T  "Transfer-Encoding: chunked\r\n"
	static const struct {
		const char *head;
		enum h1_method method;
		enum h1_framing framing;
		bool keep, interim, tunnel, length_forwarded;
		const char *why;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n" C, H1_GET, H1_LENGTH, 1, 0, 0, 1, "length" },
		{ "HTTP/1.1 200 OK\r\n" C0, H1_GET, H1_NONE, 1, 0, 0, 1, "empty" },
		{ "HTTP/1.1 200 OK\r\n" T, H1_GET, H1_CHUNKED, 1, 0, 0, 0, "chunked" },
		{ "HTTP/1.1 200 OK\r\n", H1_GET, H1_UNTIL_CLOSE, 0, 0, 0, 0, "until close" },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", H1_GET, H1_UNTIL_CLOSE, 0, 0, 0,
		  0, "until close beats keep-alive" },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" C, H1_GET, H1_LENGTH, 1, 0, 0, 1,
		  "1.0 keep-alive" },
		{ "HTTP/1.1 200 OK\r\n" C, H1_HEAD, H1_NONE, 1, 0, 0, 1, "HEAD keeps its length" },
		{ "HTTP/1.1 200 OK\r\n" T, H1_HEAD, H1_NONE, 1, 0, 0, 0, "HEAD, chunked" },
		{ "HTTP/1.1 200 OK\r\n", H1_HEAD, H1_NONE, 1, 0, 0, 0, "HEAD without length" },
		{ "HTTP/1.1 304 NM\r\n" C, H1_GET, H1_NONE, 1, 0, 0, 1, "304 keeps its length" },
		{ "HTTP/1.1 204 NC\r\n", H1_GET, H1_NONE, 1, 0, 0, 0, "204" },
		{ "HTTP/1.1 204 NC\r\n" C0, H1_GET, H1_NONE, 1, 0, 0, 0, "204 with 0 is harmless" },
		{ "HTTP/1.1 204 NC\r\n" C, H1_GET, H1_NONE, 0, 0, 0, 0,
		  "204 with a body: not reused" },
		{ "HTTP/1.1 204 NC\r\n" T, H1_GET, H1_NONE, 0, 0, 0, 0, "204 chunked: not reused" },
		{ "HTTP/1.1 100 C\r\n", H1_POST, H1_NONE, 1, 1, 0, 0, "interim" },
		{ "HTTP/1.1 103 E\r\nLink: x\r\n", H1_GET, H1_NONE, 1, 1, 0, 0, "early hints" },
		{ "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n", H1_GET, H1_NONE, 1, 0,
		  1, 0, "tunnel" },
		{ "HTTP/1.1 200 OK\r\n" C, H1_CONNECT, H1_NONE, 0, 0, 1, 0, "CONNECT: a tunnel" },
		{ "HTTP/1.1 403 No\r\n" C, H1_CONNECT, H1_LENGTH, 1, 0, 0, 1, "CONNECT refused" },
	};
	struct h1_response r;
	char buf[256];

	for (size_t i = 0; i < LEN(rows); i++) {
		int n = snprintf(buf, sizeof(buf), "%s\r\n", rows[i].head);
		struct h1_scan scan = { 0 };
		const struct h1_header *length;

		if (h1_response(&scan, (struct str){ buf, (size_t)n }, rows[i].method, &r) != n)
			fail_msg("row %zu: %s: refused", i, rows[i].why);
		length = h1_known(&r.head, H1_K_CONTENT_LENGTH);
		if (r.head.framing != rows[i].framing || r.head.keep_alive != rows[i].keep ||
		    r.interim != rows[i].interim || r.tunnel != rows[i].tunnel ||
		    (length && !length->hop) != rows[i].length_forwarded)
			fail_msg("row %zu: %s", i, rows[i].why);
	}
}

static void an_interim_response_is_followed_by_the_final_one(void **state)
{
	struct feed f = { .responses = true,
			  .for_method = H1_POST,
			  .in = STR("HTTP/1.1 100 Continue\r\n\r\n"
				    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
				    "HTTP/1.1 200 OK\r\n\r\nuntil the end") };

	feed_all_ways(&f, 1, 50);
	assert_int_equal(f.messages, 3);
	assert_int_equal(f.err, 0);
	assert_int_equal(f.at, f.in.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_lines_are_strict),
		cmocka_unit_test(the_body_follows_status_and_method),
		cmocka_unit_test(an_interim_response_is_followed_by_the_final_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
