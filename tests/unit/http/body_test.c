// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/h1_feed.h"

#define LEN(x) (sizeof(x) / sizeof((x)[0]))
#define HEAD   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static void chunks_are_strict(void **state)
{
	static const struct {
		struct str in;
		int want; /* enum h1_error; 0: complete, 1: more is needed */
		const char *why;
	} rows[] = {
		{ STR(HEAD "3\r\nabc\r\n0\r\n\r\n"), 0, "plain" },
		{ STR(HEAD "00A\r\n0123456789\r\n000\r\n\r\n"), 0, "leading zeros, upper case" },
		{ STR(HEAD "1;a\r\nx\r\n0;b=c;d=\"e \\\" ; f\"\r\n\r\n"), 0, "extensions" },
		{ STR(HEAD "3\r\nabc\r\n0\r\n"), 1, "the empty line is missing" },
		{ STR(HEAD "\r\n"), H1_BAD_chunk, "no size" },
		{ STR(HEAD " 3\r\nabc\r\n"), H1_BAD_chunk, "blank before the size" },
		{ STR(HEAD "3 \r\nabc\r\n"), H1_BAD_chunk, "blank behind the size" },
		{ STR(HEAD "3 ;a\r\nabc\r\n"), H1_BAD_chunk, "blank before the extension" },
		{ STR(HEAD "+3\r\nabc\r\n"), H1_BAD_chunk, "sign" },
		{ STR(HEAD "-1\r\n"), H1_BAD_chunk, "negative" },
		{ STR(HEAD "0x3\r\nabc\r\n"), H1_BAD_chunk, "prefix" },
		{ STR(HEAD "g\r\n"), H1_BAD_chunk, "no digit" },
		{ STR(HEAD "3\nabc\r\n"), H1_BAD_chunk, "bare LF behind the size" },
		{ STR(HEAD "3\r\rabc"), H1_BAD_chunk, "CR CR" },
		{ STR(HEAD "3\r\nabcd\r\n"), H1_BAD_chunk, "more data than announced" },
		{ STR(HEAD "3\r\nabc\n0\r\n\r\n"), H1_BAD_chunk, "bare LF behind the data" },
		{ STR(HEAD "3\r\nabc0\r\n\r\n"), H1_BAD_chunk, "no CR LF behind the data" },
		{ STR(HEAD "3;\r\nabc\r\n"), H1_BAD_chunk, "an extension without a name" },
		{ STR(HEAD "3;a=\r\nabc\r\n"), H1_BAD_chunk, "an extension without a value" },
		{ STR(HEAD "3;a=\"b\r\nabc\r\n"), H1_BAD_chunk, "open quotes" },
		{ STR(HEAD "3;a=\"b\"c\r\nabc\r\n"), H1_BAD_chunk, "behind the quotes" },
		{ STR(HEAD "3;a\nb\r\nabc\r\n"), H1_BAD_chunk, "LF in an extension" },
		{ STR(HEAD "3;a=\"\n\"\r\nabc\r\n"), H1_BAD_chunk, "LF in quotes" },
		{ STR(HEAD "8000000000000000\r\n"), H1_BAD_chunk, "2^63" },
		{ STR(HEAD "10000000000000003\r\nabc\r\n"), H1_BAD_chunk, "3 after overflow" },
		{ STR(HEAD "00000000000000003\r\nabc\r\n"), H1_BAD_chunk, "17 digits" },
		{ STR(HEAD "0\r\nX: y\r\nETag: z\r\n\r\n"), 0, "trailers" },
		{ STR(HEAD "0\r\nX : y\r\n\r\n"), H1_BAD_header_name, "a bad trailer" },
		{ STR(HEAD "0\r\n X: y\r\n\r\n"), H1_BAD_header_name, "a folded trailer" },
		{ STR(HEAD "0\r\nX: y\n\r\n"), H1_BAD_line_end, "bare LF in a trailer" },
		{ STR(HEAD "0\r\n\n"), H1_BAD_header_name, "bare LF at the end" },
		{ STR(HEAD "0\r\nContent-Length: 3\r\n\r\n"), H1_BAD_trailer,
		  "framing in a trailer" },
		{ STR(HEAD "0\r\ntransfer-encoding: chunked\r\n\r\n"), H1_BAD_trailer, "framing" },
		{ STR(HEAD "0\r\nHost: b\r\n\r\n"), H1_BAD_trailer, "routing in a trailer" },
		{ STR(HEAD "0\r\nAuthorization: x\r\n\r\n"), H1_BAD_trailer,
		  "identity in a trailer" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct feed f = { .in = rows[i].in };
		int got;

		feed_all_ways(&f, (uint32_t)i, 8);
		got = f.err ? f.err : f.messages == 0;
		if (got != rows[i].want)
			fail_msg("row %zu: %s: got %s", i, rows[i].why, h1_error_name(f.err));
	}
}

static void init(struct h1_body *b, enum h1_framing framing, uint64_t length)
{
	struct h1_head *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->framing = (uint8_t)framing;
	h->content_length = length;
	h1_body_init(b, h);
	free(h);
}

static void a_chunk_line_is_bounded(void **state)
{
	char line[MAX_CHUNK_LINE + 8];
	struct str data, trailers;
	struct h1_body b;

	memset(line, 'a', sizeof(line));
	memcpy(line, "1;", 2);
	memcpy(line + MAX_CHUNK_LINE - 2, "\r\nx", 3);
	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, (struct str){ line, MAX_CHUNK_LINE + 1 }, &data, &trailers),
			 MAX_CHUNK_LINE + 1);
	assert_true(str_eq(data, STR("x")));

	memcpy(line + MAX_CHUNK_LINE - 2, "a\r\nx", 4);
	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, (struct str){ line, MAX_CHUNK_LINE + 2 }, &data, &trailers),
			 H1_BAD_chunk_long);
}

static void trailers_are_bounded(void **state)
{
	static char in[MAX_TRAILER_BYTES + 16];
	struct str data, trailers;
	struct h1_body b;

	memset(in, 'a', sizeof(in));
	memcpy(in, "0\r\nX: ", 6);
	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, (struct str){ in, 100 }, &data, &trailers), 3);
	assert_int_equal(h1_body(&b, (struct str){ in + 3, 100 }, &data, &trailers), 0);
	assert_int_equal(h1_body(&b, (struct str){ in + 3, MAX_TRAILER_BYTES }, &data, &trailers),
			 H1_BAD_trailer_large);
}

static void trailers_are_handed_over_whole_and_readable(void **state)
{
	struct str in = STR("0\r\nX: 1\r\nY:\t2 \r\n\r\nGET"), data, trailers;
	struct h1_header f;
	struct h1_body b;

	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, in, &data, &trailers), in.n - 3);
	assert_true(b.done);
	assert_true(str_eq(trailers, STR("X: 1\r\nY:\t2 \r\n\r\n")));
	assert_true(h1_trailer_next(&trailers, &f));
	assert_true(str_eq(f.name, STR("X")) && str_eq(f.value, STR("1")));
	assert_true(h1_trailer_next(&trailers, &f));
	assert_true(str_eq(f.name, STR("Y")) && str_eq(f.value, STR("2")));
	assert_false(h1_trailer_next(&trailers, &f));
}

static void data_is_a_view_and_never_beyond_the_body(void **state)
{
	struct str in = STR("hello, next"), data, trailers;
	struct h1_body b;

	init(&b, H1_LENGTH, 5);
	assert_int_equal(h1_body(&b, str_sub(in, 0, 2), &data, &trailers), 2);
	assert_false(b.done);
	assert_int_equal(h1_body_eof(&b), H1_BAD_truncated);
	assert_int_equal(h1_body(&b, str_sub(in, 2, in.n), &data, &trailers), 3);
	assert_ptr_equal(data.p, in.p + 2);
	assert_true(b.done);
	assert_int_equal(h1_body(&b, str_sub(in, 5, in.n), &data, &trailers), 0);
	assert_int_equal(h1_body_eof(&b), 0);
}

static void the_end_of_the_connection_ends_only_what_has_no_other_end(void **state)
{
	struct str data, trailers;
	struct h1_body b;

	init(&b, H1_UNTIL_CLOSE, 0);
	assert_int_equal(h1_body(&b, STR("abc"), &data, &trailers), 3);
	assert_false(b.done);
	assert_int_equal(h1_body_eof(&b), 0);
	assert_true(b.done);

	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, STR("0\r\n"), &data, &trailers), 3);
	assert_int_equal(h1_body_eof(&b), H1_BAD_truncated);

	init(&b, H1_NONE, 0);
	assert_true(b.done);
	assert_int_equal(h1_body_eof(&b), 0);
}

static void a_refused_body_stays_refused(void **state)
{
	struct str data, trailers;
	struct h1_body b;

	init(&b, H1_CHUNKED, 0);
	assert_int_equal(h1_body(&b, STR("z"), &data, &trailers), H1_BAD_chunk);
	assert_int_equal(h1_body(&b, STR("\n0\r\n\r\n"), &data, &trailers), H1_BAD_chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_strict),
		cmocka_unit_test(a_chunk_line_is_bounded),
		cmocka_unit_test(trailers_are_bounded),
		cmocka_unit_test(trailers_are_handed_over_whole_and_readable),
		cmocka_unit_test(data_is_a_view_and_never_beyond_the_body),
		cmocka_unit_test(the_end_of_the_connection_ends_only_what_has_no_other_end),
		cmocka_unit_test(a_refused_body_stays_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
