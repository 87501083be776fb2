// SPDX-License-Identifier: Apache-2.0
/*
 * The test suite of llhttp (../shared/data, read in place): what a strict parser must refuse we
 * refuse, what it accepts we accept, but for the exceptions listed here with their reasons.
 *
 * About the data: the empty line at the end of many messages got lost when the cases were
 * extracted, so one CR LF is added where a message is incomplete. Most requests have no Host, for
 * which we refuse them (RFC 9112 3.2): Host is inserted in inputs that never mention it. Error 22
 * is llhttp pausing because the connection becomes a tunnel: not a refusal. A refusal of ours is
 * also that bytes behind a message with Connection: close are never read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/lib/h1_feed.h"

#define CASES "../shared/data/llhttp/cases.json"

enum { PAUSED_UPGRADE = 22 };

/* Accepted by llhttp and refused by us. Titles guard against a changed file. */
static const struct exception {
	unsigned int index;
	int want; /* enum h1_error */
	const char *title, *reason;
} exceptions[] = {
	{ 75, H1_BAD_length, "CONNECT with body", "a CONNECT has no content: body or tunnel?" },
	{ 76, H1_BAD_method_unknown, "M-SEARCH request",
	  "SSDP, spoken over UDP; '*' is for OPTIONS" },
	{ 83, H1_BAD_version, "SOURCE request with ICE", "not HTTP" },
	{ 84, H1_BAD_version, "OPTIONS request with RTSP", "not HTTP" },
	{ 85, H1_BAD_method_unknown, "ANNOUNCE request with RTSP", "not HTTP" },
	{ 111, H1_BAD_target, "No HTTP version", "HTTP/0.9" },
	{ 139, H1_BAD_target, "POST with `chunked` as last transfer-encoding",
	  "fragment in the target; deflate would be 501" },
	{ 140, H1_BAD_target, "POST with `chunked` as last transfer-encoding (multiple headers)",
	  "fragment in the target; deflate would be 501" },
	{ 153, H1_BAD_host, "Host terminated by a query string", "HTTP/1.1 without Host" },
	{ 154, H1_BAD_host, "`host:port` terminated by a query string", "HTTP/1.1 without Host" },
	{ 156, H1_BAD_host, "`host:port` terminated by a space", "HTTP/1.1 without Host" },
	{ 158, H1_BAD_target, "Fragment in URI", "RFC 9112 3.2: a target has no fragment" },
	{ 160, H1_BAD_host, "`host:port` and basic auth",
	  "HTTP/1.1 without Host; userinfo is refused too" },
	{ 176, H1_BAD_version, "HTTP 304 with Content-Length",
	  "an empty line before a response (RFC 9112 2.2 allows it before requests)" },
	{ 178, H1_BAD_version, "HTTP 100 first, then 400", "an empty line before a response" },
	{ 216, H1_BAD_version, "Should parse multiple events", "an empty line before a response" },
	{ 218, H1_BAD_version, "RTSP response", "not HTTP" },
	{ 219, H1_BAD_version, "ICE response", "not HTTP" },
	{ 222, H1_BAD_version, "Google 301", "bytes behind the body that are no response" },
	{ 233, H1_BAD_version_unsupported, "HTTP version 0.9",
	  "no such version with a status line" },
	{ 235, H1_BAD_version, "Response starting with CRLF", "an empty line before a response" },
	{ 237, H1_BAD_coding, "`chunked` before other transfer-encoding",
	  "the body would have no end that a proxy can know" },
	{ 238, H1_BAD_coding, "multiple transfer-encoding where chunked is not the last one",
	  "as above" },
	{ 239, H1_BAD_coding_unknown,
	  "`chunkedchunked` transfer-encoding does not enable chunked enconding",
	  "an unknown coding" },
};

static size_t unbase64(const char *in, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int bits = 0, n = 0;
	size_t w = 0;

	for (; *in && *in != '='; in++) {
		bits = bits << 6 | (unsigned int)(strchr(digits, *in) - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			out[w++] = (char)(bits >> n);
		}
	}
	return w;
}

/* "Host: a" behind every request line of HTTP/1.1 whose target names no host */
static size_t insert_host(const char *in, size_t n, char *out)
{
	static const char mark[] = " HTTP/1.1\r\n", host[] = "Host: a\r\n";
	bool absolute = memmem(in, n, " http://", 8);
	size_t w = 0;

	for (size_t i = 0; i < n; i++) {
		out[w++] = in[i];
		if (in[i] == '\n' && !absolute && i + 1 >= sizeof(mark) - 1 &&
		    memcmp(in + i + 1 - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0) {
			memcpy(out + w, host, sizeof(host) - 1);
			w += sizeof(host) - 1;
		}
	}
	return w;
}

struct message {
	char *bytes;
	size_t n;
	bool response;
	bool cut; /* the case is about a message that stays incomplete */
};

static void play(const struct message *m, struct feed *f)
{
	*f = (struct feed){ .in = { m->bytes, m->n }, .responses = m->response };
	feed_all_ways(f, 1, 3);
}

/* A head may lack the end of its last line and the empty line, a body only the last line. */
static bool incomplete(const struct feed *f, int added)
{
	if (f->err || f->stopped || (f->messages && f->at == f->in.n))
		return false;
	return !added || f->at == 0;
}

/* The error, 0: accepted, 1: refused without one */
static int verdict(struct message *m)
{
	struct feed f;

	play(m, &f);
	for (int i = 0; i < 2 && !m->cut && incomplete(&f, i); i++) {
		memcpy(m->bytes + m->n, "\r\n", 2);
		m->n += 2;
		play(m, &f);
	}
	if (f.err)
		return f.err;
	return f.stopped && f.at < f.in.n;
}

static struct message message_of(json_t *c)
{
	const char *b64 = json_string_value(json_object_get(c, "input_b64"));
	const char *type = json_string_value(json_object_get(json_object_get(c, "meta"), "type"));
	size_t max = strlen(b64) * 4 + 64;
	struct message m = { .bytes = malloc(max) };
	char *raw = malloc(max);

	assert_non_null(m.bytes);
	assert_non_null(raw);
	m.response = strncmp(type, "response", 8) == 0;
	m.cut = strstr(type, "-finish");
	m.n = unbase64(b64, raw);
	raw[m.n] = '\0';
	if (!m.response && !strcasestr(raw, "host"))
		m.n = insert_host(raw, m.n, m.bytes);
	else
		memcpy(m.bytes, raw, m.n);
	free(raw);
	return m;
}

static bool must_be_refused(json_t *c)
{
	const char *type = json_string_value(json_object_get(json_object_get(c, "meta"), "type"));
	json_t *code = json_object_get(c, "error_code");

	return strstr(type, "lenient") ||
	       (json_is_integer(code) && json_integer_value(code) != PAUSED_UPGRADE);
}

static const struct exception *exception_of(unsigned int index)
{
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (exceptions[i].index == index)
			return &exceptions[i];
	return NULL;
}

static unsigned int wrong(unsigned int index, json_t *c, const char *what)
{
	print_error("case %u '%s' (%s): %s\n", index,
		    json_string_value(json_object_get(c, "title")),
		    json_string_value(json_object_get(c, "file")), what);
	return 1;
}

static unsigned int check(unsigned int index, json_t *c)
{
	const struct exception *e = exception_of(index);
	struct message m = message_of(c);
	int got = verdict(&m);

	free(m.bytes);
	if (e && strcmp(e->title, json_string_value(json_object_get(c, "title"))) != 0)
		return wrong(index, c, "the exception is about another case");
	if (e && got != e->want)
		return wrong(index, c, "the exception is none any more");
	if (e)
		return 0;
	if (must_be_refused(c))
		return got ? 0 : wrong(index, c, "accepted, should be refused");
	return got < 0 ? wrong(index, c, h1_error_name(got)) : 0;
}

static void the_strict_cases_of_llhttp_have_the_same_verdict(void **state)
{
	json_error_t err;
	json_t *cases = json_load_file(CASES, 0, &err), *c;
	unsigned int index, bad = 0;

	if (!cases) {
		print_message("skipped: no %s\n", CASES);
		skip();
	}
	json_array_foreach(cases, index, c) bad += check(index, c);
	print_message("%zu cases, %zu exceptions\n", json_array_size(cases),
		      sizeof(exceptions) / sizeof(exceptions[0]));
	json_decref(cases);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strict_cases_of_llhttp_have_the_same_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
