// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include <time.h>

#include "telemetry/accesslog.h"
#include "telemetry/flags.h"
#include "telemetry/request_id.h"

static char buf[ACCESS_LINE_MAX];

/* the sample line of mesh-api 21.1 */
static struct access_record sample(void)
{
	return (struct access_record){
		.start_us = 1767323045678901,
		.method = STR("GET"),
		.path = STR("/reviews/0"),
		.protocol = STR("HTTP/1.1"),
		.code = 200,
		.details = STR("via_upstream"),
		.bytes_sent = 375,
		.duration_ms = 12,
		.service_time_ms = 11,
		.user_agent = STR("curl/8"),
		.request_id = STR("6f1d2a84-9c3b-4f6e-8a71-0d5b7c2e9f10"),
		.authority = STR("reviews:9080"),
		.upstream_host = STR("10.0.0.7:9080"),
		.upstream_cluster = STR("outbound|9080|v2|reviews.default.svc.cluster.local"),
		.upstream_local = STR("10.0.0.5:40112"),
		.downstream_local = STR("10.96.1.4:9080"),
		.downstream_remote = STR("10.0.0.5:51020"),
		.route = STR("default"),
	};
}

static void the_text_line_is_that_of_istio(void **state)
{
	struct access_record r = sample();
	struct str line = { buf, access_text(&r, buf, sizeof(buf)) };

	assert_true(str_eq(
		line,
		STR("[2026-01-02T03:04:05.678Z] \"GET /reviews/0 HTTP/1.1\" 200 - via_upstream "
		    "- \"-\" 0 375 12 11 \"-\" \"curl/8\" "
		    "\"6f1d2a84-9c3b-4f6e-8a71-0d5b7c2e9f10\" \"reviews:9080\" "
		    "\"10.0.0.7:9080\" outbound|9080|v2|reviews.default.svc.cluster.local "
		    "10.0.0.5:40112 10.96.1.4:9080 10.0.0.5:51020 - default\n")));
}

static void times_are_those_of_the_libc(void **state)
{
	struct access_record r = sample();
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		char want[64];
		struct tm tm;
		time_t s;

		seed = seed * 6364136223846793005u + 1;
		s = (time_t)(seed >> 30) % 253402300799; /* to the end of 9999 */
		r.start_us = (uint64_t)s * 1000000 + 7999;
		assert_non_null(gmtime_r(&s, &tm));
		strftime(want, sizeof(want), "[%Y-%m-%dT%H:%M:%S.007Z] ", &tm);
		assert_true(str_starts((struct str){ buf, access_text(&r, buf, sizeof(buf)) },
				       str_of(want)));
	}
}

static void a_tcp_connection_has_dashes_for_the_request(void **state)
{
	struct access_record r = { .start_us = 1767323045000000,
				   .flags = FLAG_UF | FLAG_URX,
				   .bytes_received = 7,
				   .service_time_ms = -1,
				   .downstream_remote = STR("[fd00::5]:51020") };
	struct str line = { buf, access_text(&r, buf, sizeof(buf)) };

	assert_true(
		str_eq(line, STR("[2026-01-02T03:04:05.000Z] \"- - -\" 0 UF,URX - - \"-\" 7 0 0 - "
				 "\"-\" \"-\" \"-\" \"-\" \"-\" - - - [fd00::5]:51020 - -\n")));
}

static void the_json_line_has_the_keys_of_istio_in_order(void **state)
{
	static const char *const keys[] = {
		"start_time",
		"method",
		"path",
		"protocol",
		"response_code",
		"response_flags",
		"response_code_details",
		"connection_termination_details",
		"upstream_transport_failure_reason",
		"bytes_received",
		"bytes_sent",
		"duration",
		"upstream_service_time",
		"x_forwarded_for",
		"user_agent",
		"request_id",
		"authority",
		"upstream_host",
		"upstream_cluster",
		"upstream_local_address",
		"downstream_local_address",
		"downstream_remote_address",
		"requested_server_name",
		"route_name",
	};
	struct access_record r = sample();
	size_t n = access_json(&r, buf, sizeof(buf));
	json_t *o = json_loadb(buf, n, JSON_REJECT_DUPLICATES, NULL);
	const char *key, *at = buf;
	unsigned int i = 0;
	json_t *v;

	assert_non_null(o);
	assert_int_equal(json_object_size(o), sizeof(keys) / sizeof(keys[0]));
	for (i = 0; i < json_object_size(o); i++) {
		char quoted[64];

		snprintf(quoted, sizeof(quoted), "\"%s\":", keys[i]);
		assert_true(at < buf + n);
		at = memmem(at, (size_t)(buf + n - at), quoted, strlen(quoted));
		assert_non_null(at);
	}
	json_object_foreach(o, key, v)
		assert_true(json_is_string(v) || json_is_integer(v) || json_is_null(v));
	assert_int_equal(json_integer_value(json_object_get(o, "response_code")), 200);
	assert_string_equal(json_string_value(json_object_get(o, "upstream_service_time")), "11");
	assert_string_equal(json_string_value(json_object_get(o, "response_flags")), "-");
	assert_true(json_is_null(json_object_get(o, "x_forwarded_for")));
	assert_string_equal(json_string_value(json_object_get(o, "start_time")),
			    "2026-01-02T03:04:05.678Z");
	json_decref(o);
}

static void hostile_bytes_cannot_forge_a_line(void **state)
{
	struct access_record r = sample();
	struct str line;

	r.user_agent = STR("x\" \"y\\\n[forged]\t\x01\xc3\xa9\xff");
	r.route = STR("a b\"c");
	line = (struct str){ buf, access_text(&r, buf, sizeof(buf)) };
	assert_int_equal(str_find(line, '\n'), line.n - 1);
	assert_non_null(
		memmem(buf, line.n, "\"x\\\" \\\"y\\\\\\x0a[forged]\\x09\\x01\\xc3\\xa9\\xff\" ",
		       strlen("\"x\\\" \\\"y\\\\\\x0a[forged]\\x09\\x01\\xc3\\xa9\\xff\" ")));
	assert_true(str_ends(line, STR(" a\\x20b\\\"c\n")));
}

static void any_bytes_make_valid_json_on_one_line(void **state)
{
	struct access_record r = sample();
	uint32_t seed = 1;
	char bytes[64];

	for (int round = 0; round < 20000; round++) {
		json_t *o;
		size_t n;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			/* mostly lead and continuation bytes */
			bytes[i] = (char)(seed >> 28 ? seed >> 24 | 0x80 : seed >> 16);
		}
		r.path = (struct str){ bytes, sizeof(bytes) };
		n = access_json(&r, buf, sizeof(buf));
		assert_int_equal(str_find((struct str){ buf, n }, '\n'), n - 1);
		o = json_loadb(buf, n, JSON_ALLOW_NUL, NULL);
		if (!o)
			fail_msg("round %d: " STR_FMT, round, (int)n, buf);
		json_decref(o);
	}
	r.path = STR("\xc3\xa9 \xf0\x9f\x98\x80 \xed\xa0\x80 \xc0\xaf");
	assert_non_null(memmem(buf, access_json(&r, buf, sizeof(buf)),
			       "\"\xc3\xa9 \xf0\x9f\x98\x80 \\u00ed\\u00a0\\u0080 \\u00c0\\u00af\"",
			       2 + 2 + 1 + 4 + 1 + 18 + 1 + 12));
}

static void long_fields_are_cut_so_that_the_line_fits(void **state)
{
	static char big[60000];
	struct access_record r = sample();
	struct str *fields[] = { &r.method,	   &r.path,	  &r.protocol,	 &r.details,
				 &r.forwarded_for, &r.user_agent, &r.request_id, &r.authority,
				 &r.sni,	   &r.route };
	size_t n;

	memset(big, 1, sizeof(big)); /* six bytes each in JSON */
	r.user_agent = (struct str){ big, sizeof(big) };
	n = access_text(&r, buf, sizeof(buf));
	assert_true(n > 8000);
	assert_true(str_ends((struct str){ buf, n }, STR(" default\n")));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = (struct str){ big, sizeof(big) };
	n = access_text(&r, buf, sizeof(buf));
	assert_true(n <= sizeof(buf) && buf[n - 1] == '\n');
	n = access_json(&r, buf, sizeof(buf));
	assert_true(n <= sizeof(buf) && buf[n - 1] == '\n' && buf[n - 2] == '}');
}

static void request_ids_are_uuids_and_differ(void **state)
{
	struct request_ids g, h;
	char a[REQUEST_ID_LEN], b[REQUEST_ID_LEN];
	unsigned int seen[16] = { 0 };

	assert_int_equal(request_ids_init(&g), 0);
	assert_int_equal(request_ids_init(&h), 0);
	assert_memory_not_equal(g.s, h.s, sizeof(g.s));
	for (int i = 0; i < 1000; i++) {
		struct str id = request_id_next(&g, a);

		assert_int_equal(id.n, 36);
		for (int k = 0; k < 36; k++) {
			bool dash = k == 8 || k == 13 || k == 18 || k == 23;

			assert_true(dash ? a[k] == '-'
					 : (a[k] >= '0' && a[k] <= '9') ||
						    (a[k] >= 'a' && a[k] <= 'f'));
		}
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_memory_not_equal(a, b, sizeof(a));
		memcpy(b, a, sizeof(b));
		seen[a[0] <= '9' ? a[0] - '0' : a[0] - 'a' + 10]++;
	}
	for (int i = 0; i < 16; i++)
		assert_in_range(seen[i], 20, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_line_is_that_of_istio),
		cmocka_unit_test(times_are_those_of_the_libc),
		cmocka_unit_test(a_tcp_connection_has_dashes_for_the_request),
		cmocka_unit_test(the_json_line_has_the_keys_of_istio_in_order),
		cmocka_unit_test(hostile_bytes_cannot_forge_a_line),
		cmocka_unit_test(any_bytes_make_valid_json_on_one_line),
		cmocka_unit_test(long_fields_are_cut_so_that_the_line_fits),
		cmocka_unit_test(request_ids_are_uuids_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
