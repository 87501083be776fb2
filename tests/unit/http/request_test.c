// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/h1_feed.h"

#define HOST "Host: a\r\n"

struct row {
	struct str in;
	int want; /* enum h1_error; 0: the message is complete, 1: more is needed */
	const char *why;
};

#define LEN(x) (sizeof(x) / sizeof((x)[0]))

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct feed f = { .in = rows[i].in };
		int got;

		feed_all_ways(&f, (uint32_t)i, 8);
		got = f.err ? f.err : f.messages == 0;
		if (got != rows[i].want)
			fail_msg("row %zu: %s: got %s, messages %u, wanted %d (%s)\n" STR_FMT, i,
				 rows[i].why, h1_error_name(f.err), f.messages, rows[i].want,
				 h1_error_name(rows[i].want), STR_ARG(rows[i].in));
	}
}

static ssize_t parse(struct str in, struct h1_request *r)
{
	struct h1_scan scan = { 0 };

	return h1_request(&scan, in, r);
}

static void lines_that_are_not_http_are_refused(void **state)
{
	static const struct row rows[] = {
		{ STR("GET / HTTP/1.1\r\n" HOST "\r\n"), 0, "the plainest request there is" },
		{ STR("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 0, "one empty line is passed over" },
		{ STR("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_method, "two are not" },
		{ STR("\nGET / HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_method, "bare LF in front" },
		{ STR("\rGET / HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_line_end, "bare CR in front" },
		{ STR(" GET / HTTP/1.1\r\n"), H1_BAD_method, "blank in front" },
		{ STR("get / HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_method_unknown, "case counts" },
		{ STR("GETX / HTTP/1.1\r\n"), H1_BAD_method_unknown, "no prefix match" },
		{ STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), H1_BAD_method_unknown, "endless method" },
		{ STR("\x16\x03\x01\x02"), H1_BAD_method, "TLS is recognised at its first byte" },
		{ STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), H1_BAD_method_unknown, "HTTP/2" },
		{ STR("GET\t/ HTTP/1.1\r\n"), H1_BAD_method, "only a blank separates" },
		{ STR("GET  / HTTP/1.1\r\n"), H1_BAD_target, "two blanks: an empty target" },
		{ STR("GET /  HTTP/1.1\r\n"), H1_BAD_version, "two blanks before the version" },
		{ STR("GET / HTTP/1.1 \r\n"), H1_BAD_line_end, "blank behind the version" },
		{ STR("GET /\r\n"), H1_BAD_target, "HTTP/0.9" },
		{ STR("GET / \r\n"), H1_BAD_version, "no version" },
		{ STR("GET / http/1.1\r\n"), H1_BAD_version, "the name HTTP is upper case" },
		{ STR("GET / HTTP/1.1\n"), H1_BAD_line_end, "bare LF" },
		{ STR("GET / HTTP/1.1\r\r\n"), H1_BAD_line_end, "CR CR LF" },
		{ STR("GET / HTTP/1.10\r\n"), H1_BAD_line_end, "two digits" },
		{ STR("GET / HTTP/+1.1\r\n"), H1_BAD_version, "sign" },
		{ STR("GET / HTTP/1.2\r\n"), H1_BAD_version_unsupported, "minor 2" },
		{ STR("GET / HTTP/2.0\r\n"), H1_BAD_version_unsupported,
		  "HTTP/2 by upgrade of hope" },
		{ STR("GET / HTTP/0.9\r\n"), H1_BAD_version_unsupported, "0.9 by name" },
	};

	check(rows, LEN(rows));
}

static void targets_hold_only_what_can_be_read_one_way(void **state)
{
	static const struct row rows[] = {
		{ STR("GET /a b HTTP/1.1\r\n"), H1_BAD_version, "a raw blank ends the target" },
		{ STR("GET /a\tb HTTP/1.1\r\n"), H1_BAD_target, "tab" },
		{ STR("GET /a\0b HTTP/1.1\r\n"), H1_BAD_target, "NUL" },
		{ STR("GET /\x7f HTTP/1.1\r\n"), H1_BAD_target, "DEL" },
		{ STR("GET /\xc3\xa9 HTTP/1.1\r\n"), H1_BAD_target, "not ASCII" },
		{ STR("GET /a#b HTTP/1.1\r\n"), H1_BAD_target, "fragment" },
		{ STR("GET * HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "* is for OPTIONS" },
		{ STR("GET a HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "a relative path" },
		{ STR("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "foreign scheme" },
		{ STR("GET http:/// HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "no authority" },
		{ STR("GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "userinfo" },
		{ STR("GET http://a:0/ HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "port 0" },
		{ STR("GET http://a:/ HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "empty port" },
		{ STR("CONNECT / HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "needs host:port" },
		{ STR("CONNECT a HTTP/1.1\r\n" HOST "\r\n"), H1_BAD_target, "needs a port" },
		{ STR("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\nabc"),
		  H1_BAD_length, "a body or the tunnel?" },
		{ STR("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"), H1_BAD_host, "two hosts" },
	};

	check(rows, LEN(rows));
}

static void header_lines_are_strict(void **state)
{
	static const struct row rows[] = {
		{ STR("GET / HTTP/1.1\r\n" HOST "A:\r\nB: \r\nC:\tx\t\r\n\r\n"), 0,
		  "empty values" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: \xff\xfe\r\n\r\n"), 0, "obs-text is allowed" },
		{ STR("GET / HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~09aZ: x\r\n\r\n"), 0,
		  "all of tchar" },
		{ STR("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"), H1_BAD_header_name, "empty name" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A : x\r\n\r\n"), H1_BAD_header_name, "blank" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A\t: x\r\n\r\n"), H1_BAD_header_name, "tab" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A\r\n\r\n"), H1_BAD_header_name, "no colon" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A\0: x\r\n\r\n"), H1_BAD_header_name, "NUL" },
		{ STR("GET / HTTP/1.1\r\n" HOST "\xc3\xa9: x\r\n\r\n"), H1_BAD_header_name,
		  "UTF-8" },
		{ STR("GET / HTTP/1.1\r\n" HOST "(a): x\r\n\r\n"), H1_BAD_header_name,
		  "delimiters" },
		{ STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), H1_BAD_header_name,
		  "blank first line" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\r\n y\r\n\r\n"), H1_BAD_header_name,
		  "obs-fold" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\r\n\ty\r\n\r\n"), H1_BAD_header_name,
		  "obs-fold by tab" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\0y\r\n\r\n"), H1_BAD_header_value, "NUL" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\x01y\r\n\r\n"), H1_BAD_header_value,
		  "control" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\x7f\r\n\r\n"), H1_BAD_header_value, "DEL" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\ny: z\r\n\r\n"), H1_BAD_line_end, "bare LF" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\ry: z\r\n\r\n"), H1_BAD_line_end, "bare CR" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\n\n"), H1_BAD_line_end, "LF LF is no end" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\r\n\n"), H1_BAD_header_name, "CR LF LF" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\r\n\rB: y\r\n\r\n"), H1_BAD_line_end,
		  "CR B" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A: x\r\n\r"), 1, "the last LF is missing" },
		{ STR("GET / HTTP/1.1\r\n" HOST "A\0"), 1, "a line is judged when it is complete" },
	};

	check(rows, LEN(rows));
}

static void the_host_is_known_beyond_doubt_or_refused(void **state)
{
	static const struct row rows[] = {
		{ STR("GET / HTTP/1.1\r\n\r\n"), H1_BAD_host, "1.1 needs Host" },
		{ STR("GET / HTTP/1.0\r\n\r\n"), 0, "1.0 does not" },
		{ STR("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), H1_BAD_host, "twice" },
		{ STR("GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n"), H1_BAD_host,
		  "twice in 1.0" },
		{ STR("GET / HTTP/1.1\r\nHost:\r\n\r\n"), H1_BAD_host, "empty" },
		{ STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), H1_BAD_host, "blank inside" },
		{ STR("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), 0,
		  "a comma is a sub-delim of a name" },
		{ STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), H1_BAD_host, "slash" },
		{ STR("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), H1_BAD_host, "userinfo" },
		{ STR("GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n"), H1_BAD_host, "escape" },
		{ STR("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"), H1_BAD_host, "not ASCII" },
		{ STR("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), H1_BAD_host, "empty port" },
		{ STR("GET / HTTP/1.1\r\nHost: a:0\r\n\r\n"), H1_BAD_host, "port 0" },
		{ STR("GET / HTTP/1.1\r\nHost: a:080\r\n\r\n"), H1_BAD_host, "leading zero" },
		{ STR("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), H1_BAD_host, "port too large" },
		{ STR("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"), H1_BAD_host, "two ports" },
		{ STR("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), H1_BAD_host, "only a port" },
		{ STR("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"), H1_BAD_host, "v6 without brackets" },
		{ STR("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), H1_BAD_host, "open bracket" },
		{ STR("GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"), H1_BAD_host, "no address" },
		{ STR("GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n"), H1_BAD_host, "zone" },
		{ STR("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"), H1_BAD_host,
		  "behind the bracket" },
		{ STR("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0, "a v6 literal with port" },
		{ STR("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), H1_BAD_host, "contradiction" },
		{ STR("GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n"), H1_BAD_host, "other port" },
		{ STR("GET http://a/ HTTP/1.1\r\nHost: A:80\r\n\r\n"), 0,
		  "the same by default port" },
		{ STR("GET https://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n"), 0, "the same for https" },
		{ STR("GET http://a/ HTTP/1.0\r\n\r\n"), 0, "absolute without Host in 1.0" },
	};

	check(rows, LEN(rows));
}

static void body_framing_is_unambiguous_or_refused(void **state)
{
#define CL(v)  "POST / HTTP/1.1\r\n" HOST "Content-Length:" v "\r\n\r\n"
#define TEH(v) "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:" v "\r\n\r\n"
	static const struct row rows[] = {
		{ STR(CL(" 3") "abc"), 0, "a length" },
		{ STR(CL("003") "abc"), 0, "leading zeros are decimal all the same" },
		{ STR(CL(" 4") "abc"), 1, "a byte is missing" },
		{ STR(CL("")), H1_BAD_length, "empty" },
		{ STR(CL("+3") "abc"), H1_BAD_length, "sign" },
		{ STR(CL("-1")), H1_BAD_length, "negative" },
		{ STR(CL("0x3") "abc"), H1_BAD_length, "hexadecimal" },
		{ STR(CL("3 3") "abc"), H1_BAD_length, "blank" },
		{ STR(CL("3,3") "abc"), H1_BAD_length, "a list, even of equal numbers" },
		{ STR(CL("3;a") "abc"), H1_BAD_length, "parameter" },
		{ STR(CL("9223372036854775808")), H1_BAD_length, "above 2^63-1" },
		{ STR(CL("18446744073709551619") "abc"), H1_BAD_length, "3 after overflow" },
		{ STR(CL("3\r\nContent-Length: 3") "abc"), H1_BAD_length, "repeated" },
		{ STR(CL("3\r\nContent-Length: 4") "abc"), H1_BAD_length, "contradiction" },
		{ STR(CL("3\r\nTransfer-Encoding: chunked") "abc"), H1_BAD_length_and_coding,
		  "CL+TE" },
		{ STR(TEH("chunked\r\nContent-Length: 3") "0\r\n\r\n"), H1_BAD_length_and_coding,
		  "TE and CL" },
		{ STR(TEH("gzip\r\nContent-Length: 3") "abc"), H1_BAD_length_and_coding, "any TE" },
		{ STR(TEH(" chunked") "0\r\n\r\n"), 0, "chunked" },
		{ STR(TEH(" CHUNKED\t") "0\r\n\r\n"), 0, "case and blanks around do not matter" },
		{ STR(TEH("") "0\r\n\r\n"), H1_BAD_coding, "empty" },
		{ STR(TEH("chunked,") "0\r\n\r\n"), H1_BAD_coding, "empty element" },
		{ STR(TEH("chunked, chunked") "0\r\n\r\n"), H1_BAD_coding, "twice" },
		{ STR(TEH("chunked\r\nTransfer-Encoding: chunked") "0\r\n\r\n"), H1_BAD_coding,
		  "twice over two lines" },
		{ STR(TEH("chunked, gzip") "0\r\n\r\n"), H1_BAD_coding, "chunked is not last" },
		{ STR(TEH("chunked\r\nTransfer-Encoding: gzip") "0\r\n\r\n"), H1_BAD_coding,
		  "not last" },
		{ STR(TEH("gzip, chunked") "0\r\n\r\n"), H1_BAD_coding_unknown, "a second coding" },
		{ STR(TEH("gzip")), H1_BAD_coding_unknown, "not chunked" },
		{ STR(TEH("identity")), H1_BAD_coding_unknown, "identity is gone since RFC 7230" },
		{ STR(TEH("xchunked")), H1_BAD_coding_unknown, "no suffix match" },
		{ STR(TEH("chunked;q=1")), H1_BAD_coding, "parameter" },
		{ STR(TEH("\"chunked\"")), H1_BAD_coding, "quoted" },
		{ STR(TEH("chunked\x0b")), H1_BAD_header_value, "vertical tab" },
		{ STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		  H1_BAD_coding, "1.0 knows no codings" },
		{ STR("POST / HTTP/1.1\r\n" HOST "Transfer_Encoding: chunked\r\n\r\n"), 0,
		  "an underscore makes another header" },
	};

	check(rows, LEN(rows));
}

static void connection_and_expect_are_understood_or_refused(void **state)
{
	static const struct row rows[] = {
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: Host\r\n\r\n"), H1_BAD_connection,
		  "Host cannot be dropped" },
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: close, content-length\r\n\r\n"),
		  H1_BAD_connection, "nor framing" },
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: x-forwarded-for\r\n\r\n"),
		  H1_BAD_connection, "nor identity" },
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: a b\r\n\r\n"), H1_BAD_connection,
		  "no token" },
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: \"close\"\r\n\r\n"), H1_BAD_connection,
		  "quoted" },
		{ STR("GET / HTTP/1.1\r\n" HOST "Connection: , close,,\r\n\r\n"), 0,
		  "empty elements mean nothing" },
		{ STR("GET / HTTP/1.1\r\n" HOST
		      "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,"
		      "a,b,c,d,e,f,g\r\n\r\n"),
		  H1_BAD_connection, "more names than MAX_CONNECTION_NAMES" },
		{ STR("PUT / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n"), H1_BAD_expect,
		  "unknown" },
		{ STR("PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nExpect: x\r\n\r\n"),
		  H1_BAD_expect, "two" },
		{ STR("PUT / HTTP/1.0\r\n" HOST "Expect: x\r\n\r\n"), 0, "1.0 does not know it" },
	};

	check(rows, LEN(rows));
}

static void a_request_is_taken_apart(void **state)
{
	struct str in = STR("POST /a/b?c=d?e HTTP/1.1\r\n"
			    "HOST:\t Reviews:9080 \r\n"
			    "user-Agent: curl/8 (x) \r\n"
			    "X-Request-Id: 1\r\n"
			    "x-request-id: 2\r\n"
			    "Connection: Foo, keep-alive, TE\r\n"
			    "foo: 1\r\n"
			    "TE: gzip, trailers\r\n"
			    "Expect: 100-Continue\r\n"
			    "Content-Length: 5\r\n\r\nhello");
	struct h1_request r;

	assert_int_equal(parse(in, &r), in.n - 5);
	assert_int_equal(r.method, H1_POST);
	assert_int_equal(r.form, H1_ORIGIN);
	assert_true(str_eq(r.path, STR("/a/b")));
	assert_true(str_eq(r.query, STR("c=d?e")));
	assert_true(str_eq(r.authority, STR("Reviews:9080")));
	assert_true(str_eq(r.host, STR("Reviews")));
	assert_int_equal(r.port, 9080);
	assert_true(r.expect_continue);
	assert_true(r.head.keep_alive);
	assert_true(r.head.te_trailers);
	assert_int_equal(r.head.framing, H1_LENGTH);
	assert_int_equal(r.head.content_length, 5);
	assert_true(str_eq(h1_value(&r.head, H1_K_USER_AGENT), STR("curl/8 (x)")));
	assert_true(str_eq(h1_value(&r.head, H1_K_X_REQUEST_ID), STR("1")));
	assert_null(h1_known(&r.head, H1_K_COOKIE));
	assert_true(h1_find(&r.head, STR("FOO"))->hop);
	assert_true(h1_find(&r.head, STR("te"))->hop);
	assert_false(h1_find(&r.head, STR("host"))->hop);
	assert_null(h1_find(&r.head, STR("fo")));
}

static void continue_is_expected_only_before_a_body(void **state)
{
	struct h1_request r;

	assert_true(parse(STR("PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
			      "Content-Length: 0\r\n\r\n"),
			  &r) > 0);
	assert_false(r.expect_continue);
	assert_true(parse(STR("PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n"),
			  &r) > 0);
	assert_true(r.expect_continue);
}

static void each_target_form_gives_path_and_authority(void **state)
{
	static const struct {
		const char *in, *authority, *path, *query;
		enum h1_target_form form;
	} rows[] = {
		{ "GET /?a HTTP/1.1\r\nHost: h\r\n\r\n", "h", "/", "a", H1_ORIGIN },
		{ "GET //x/../y HTTP/1.1\r\nHost: h\r\n\r\n", "h", "//x/../y", "", H1_ORIGIN },
		{ "GET http://A.b:8/x?y HTTP/1.1\r\nHost: a.B:8\r\n\r\n", "A.b:8", "/x", "y",
		  H1_ABSOLUTE },
		{ "GET HTTP://a?y=/z HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "y=/z", H1_ABSOLUTE },
		{ "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*", "", H1_ABSOLUTE },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*", "", H1_ASTERISK },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "a:443", "", "", H1_AUTHORITY },
		{ "GET / HTTP/1.0\r\n\r\n", "", "/", "", H1_ORIGIN },
	};
	struct h1_request r;

	for (size_t i = 0; i < LEN(rows); i++) {
		assert_true(parse(str_of(rows[i].in), &r) > 0);
		assert_int_equal(r.form, rows[i].form);
		assert_true(str_eq(r.authority, str_of(rows[i].authority)));
		assert_true(str_eq(r.path, str_of(rows[i].path)));
		assert_true(str_eq(r.query, str_of(rows[i].query)));
	}
}

static void keep_alive_follows_version_and_connection(void **state)
{
	static const struct {
		const char *in;
		bool keep, upgrade;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: "
		  "close\r\n\r\n",
		  false, false },
		{ "GET / HTTP/1.0\r\n\r\n", false, false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n", true, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		  true, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", true, false },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", true, false },
	};
	struct h1_request r;

	for (size_t i = 0; i < LEN(rows); i++) {
		assert_true(parse(str_of(rows[i].in), &r) > 0);
		assert_int_equal(r.head.keep_alive, rows[i].keep);
		assert_int_equal(r.head.upgrade, rows[i].upgrade);
	}
}

static void pipelined_requests_are_consumed_one_by_one(void **state)
{
	struct feed f = { .in = STR("GET /1 HTTP/1.1\r\n" HOST "\r\n"
				    "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
				    "POST /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				    "2;a=\"b\\\"\"\r\nab\r\n0\r\nX: y\r\n\r\n"
				    "GET /4 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
				    "GET /never HTTP/1.1\r\n") };

	feed_all_ways(&f, 1, 50);
	assert_int_equal(f.messages, 4);
	assert_int_equal(f.err, 0);
	assert_true(f.stopped);
}

static void limits_answer_431_and_not_before(void **state)
{
	static char big[MAX_HEAD_BYTES + 64];
	struct h1_request r;
	struct str in = { big, 0 };
	size_t n;

	/* MAX_HEADERS fit, one more does not */
	n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 1; i < MAX_HEADERS; i++)
		n += (size_t)sprintf(big + n, "h%d: x\r\n", i);
	memcpy(big + n, "\r\n", 2);
	in.n = n + 2;
	assert_int_equal(parse(in, &r), in.n);
	assert_int_equal(r.head.count, MAX_HEADERS);
	memcpy(big + n, "z: x\r\n\r\n", 8);
	in.n = n + 8;
	assert_int_equal(parse(in, &r), H1_BAD_headers_many);
	assert_int_equal(h1_error_status(H1_BAD_headers_many), 431);

	/* a head of exactly MAX_HEAD_BYTES is taken */
	memset(big, 'a', sizeof(big));
	n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\nx: ");
	big[n] = 'a';
	memcpy(big + MAX_HEAD_BYTES - 4, "\r\n\r\n", 4);
	in.n = MAX_HEAD_BYTES;
	assert_int_equal(parse(in, &r), MAX_HEAD_BYTES);
	memcpy(big + MAX_HEAD_BYTES - 4, "a\r\n\r\n", 5);
	in.n = MAX_HEAD_BYTES + 1;
	assert_int_equal(parse(in, &r), H1_BAD_head_large);
	in.n = MAX_HEAD_BYTES - 1;
	assert_int_equal(parse(in, &r), 0);
}

static void feeding_byte_by_byte_is_linear(void **state)
{
	static char big[MAX_HEAD_BYTES];
	static struct h1_request r;
	struct h1_scan scan = { 0 };
	size_t n = (size_t)sprintf(big, "GET / HTTP/1.1\r\nHost: a\r\nx: ");

	memset(big + n, 'a', sizeof(big) - n);
	memcpy(big + sizeof(big) - 4, "\r\n\r\n", 4);
	for (size_t i = 1; i < sizeof(big); i++) {
		assert_int_equal(h1_request(&scan, (struct str){ big, i }, &r), 0);
		assert_int_equal(scan.seen, i); /* the next call begins there */
	}
	assert_int_equal(h1_request(&scan, (struct str){ big, sizeof(big) }, &r), sizeof(big));
}

#define KNOWN_ROW(id, name, kind) { H1_K_##id, STR(name) },

static void every_known_header_is_recognised_in_any_case(void **state)
{
	static const struct {
		enum h1_known id;
		struct str name;
	} rows[] = { H1_KNOWN(KNOWN_ROW) };
	char upper[64];

	for (size_t i = 0; i < LEN(rows); i++) {
		struct str name = { upper, rows[i].name.n };

		for (size_t k = 0; k < name.n; k++)
			upper[k] =
				rows[i].name.p[k] == '-' ? '-' : (char)(rows[i].name.p[k] & ~0x20);
		assert_int_equal(h1_known_id(rows[i].name), rows[i].id);
		assert_int_equal(h1_known_id(name), rows[i].id);
		upper[0] ^= 1;
		assert_int_equal(h1_known_id(name), H1_K_OTHER);
	}
	assert_int_equal(h1_known_id(STR("")), H1_K_OTHER);
	assert_int_equal(h1_known_id(STR("content\rlength")), H1_K_OTHER);
}

static void every_error_has_a_name_a_text_and_a_status(void **state)
{
	for (int e = -1; e > -NR_H1_ERRORS; e--) {
		assert_string_not_equal(h1_error_name(e), "unknown");
		assert_true(h1_error_status(e) >= 400 && h1_error_status(e) < 600);
		assert_true(strlen(h1_error_help(e)) > 10);
	}
	assert_string_equal(h1_error_name(0), "unknown");
	assert_string_equal(h1_error_name(-NR_H1_ERRORS), "unknown");
	assert_int_equal(h1_error_status(H1_BAD_coding_unknown), 501);
	assert_int_equal(h1_error_status(H1_BAD_version_unsupported), 505);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_not_http_are_refused),
		cmocka_unit_test(targets_hold_only_what_can_be_read_one_way),
		cmocka_unit_test(header_lines_are_strict),
		cmocka_unit_test(the_host_is_known_beyond_doubt_or_refused),
		cmocka_unit_test(body_framing_is_unambiguous_or_refused),
		cmocka_unit_test(connection_and_expect_are_understood_or_refused),
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(continue_is_expected_only_before_a_body),
		cmocka_unit_test(each_target_form_gives_path_and_authority),
		cmocka_unit_test(keep_alive_follows_version_and_connection),
		cmocka_unit_test(pipelined_requests_are_consumed_one_by_one),
		cmocka_unit_test(limits_answer_431_and_not_before),
		cmocka_unit_test(feeding_byte_by_byte_is_linear),
		cmocka_unit_test(every_known_header_is_recognised_in_any_case),
		cmocka_unit_test(every_error_has_a_name_a_text_and_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
