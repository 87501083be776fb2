// SPDX-License-Identifier: Apache-2.0
/* hosts, addresses and protocols: the small pure functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/address.h"
#include "mesh/hosts.h"
#include "mesh/protocol.h"

#define DOMAIN STR("cluster.local")

static void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got '" STR_FMT "', want '%s'", STR_ARG(got), want);
}

static void a_host_without_a_dot_gets_the_namespace_of_its_rule(void **state)
{
	struct arena *a = arena_new();

	assert_str(host_expand(a, STR("Reviews"), STR("prod"), DOMAIN),
		   "reviews.prod.svc.cluster.local");
	assert_str(host_expand(a, STR("reviews.prod"), STR("x"), DOMAIN), "reviews.prod");
	assert_str(host_expand(a, STR("a.b.example."), STR("x"), DOMAIN), "a.b.example");
	assert_str(host_expand(a, STR("*"), STR("x"), DOMAIN), "*");
	assert_str(host_expand(a, STR("*.Foo.com"), STR("x"), DOMAIN), "*.foo.com");
	arena_free(a);
}

static void covers_come_from_the_most_specific_to_any(void **state)
{
	static const char *const want[] = { "a.b.c", "*.b.c", "*.c", "*" };
	char buf[HOST_MAX];
	struct str cover;
	size_t at = 0, n = 0;

	while (host_next_cover(STR("a.b.c"), &at, buf, &cover))
		assert_str(cover, want[n++]);
	assert_int_equal(n, 4);
}

static void a_wildcard_is_covered_by_itself_and_shorter_ones_only(void **state)
{
	static const char *const want[] = { "*.b.c", "*.c", "*" };
	char buf[HOST_MAX];
	struct str cover;
	size_t at = 0, n = 0;

	while (host_next_cover(STR("*.b.c"), &at, buf, &cover))
		assert_str(cover, want[n++]);
	assert_int_equal(n, 3);
	at = n = 0;
	while (host_next_cover(STR("*"), &at, buf, &cover))
		n++;
	assert_int_equal(n, 1);
}

static void export_to_names_who_sees_an_object(void **state)
{
	struct str dot = STR("."), nobody = STR("~"), other = STR("other"), all = STR("*");
	struct arena *a = arena_new();
	struct scope s = scope_of(a, (struct strs){ 0 }, STR("own"));

	assert_true(scope_sees(&s, STR("")) && scope_sees(&s, STR("x")));
	s = scope_of(a, (struct strs){ &dot, 1 }, STR("own"));
	assert_true(scope_sees(&s, STR("own")) && !scope_sees(&s, STR("other")));
	assert_true(scope_private(&s, STR("own")) && !scope_sees(&s, STR("")));
	s = scope_of(a, (struct strs){ &nobody, 1 }, STR("own"));
	assert_false(scope_sees(&s, STR("own")) || scope_private(&s, STR("own")));
	s = scope_of(a, (struct strs){ &other, 1 }, STR("own"));
	assert_true(scope_sees(&s, STR("other")) && !scope_sees(&s, STR("own")));
	s = scope_of(a, (struct strs){ &all, 1 }, STR("own"));
	assert_true(s.all);
	arena_free(a);
}

static void addresses_are_read_and_written(void **state)
{
	char buf[ADDRESS_TEXT];
	struct ip16 a;

	assert_true(address_parse(STR("10.0.0.1"), &a) && address_is_v4(&a));
	assert_str(address_text(&a, buf), "10.0.0.1");
	assert_str(address_port_text(&a, 65535, buf), "10.0.0.1:65535");
	assert_true(address_parse(STR("fd00::1"), &a) && !address_is_v4(&a));
	assert_str(address_port_text(&a, 80, buf), "[fd00::1]:80");
	assert_true(address_parse(STR("::ffff:1.2.3.4"), &a) && address_is_v4(&a));
	assert_false(address_parse(STR(""), &a));
	assert_false(address_parse(STR("10.0.0.256"), &a));
	assert_false(address_parse(STR("10.0.0.1 "), &a));
	assert_false(address_parse(STR("host.example"), &a));
}

static bool covers(const char *outer, const char *inner)
{
	struct subnet a, b;

	assert_true(subnet_parse(str_of(outer), &a));
	assert_true(subnet_parse(str_of(inner), &b));
	return subnet_covers(&a, &b);
}

static void subnets_cover_what_lies_inside(void **state)
{
	struct subnet n;

	assert_true(covers("10.0.0.0/8", "10.255.1.2"));
	assert_false(covers("10.0.0.0/8", "11.0.0.1"));
	assert_true(covers("10.1.2.3/8", "10.9.0.0/16"));
	assert_false(covers("10.0.0.0/16", "10.0.0.0/8"));
	assert_true(covers("0.0.0.0/0", "192.0.2.1"));
	assert_false(covers("0.0.0.0/0", "fd00::1"));
	assert_true(covers("10.0.0.128/25", "10.0.0.200"));
	assert_false(covers("10.0.0.128/25", "10.0.0.127"));
	assert_true(covers("fd00::/16", "fd00:ffff::1"));
	assert_true(covers("::/0", "10.0.0.1"));
	assert_true(covers("10.0.0.1/32", "10.0.0.1"));
	assert_false(subnet_parse(STR("10.0.0.0/33"), &n));
	assert_false(subnet_parse(STR("fd00::/129"), &n));
	assert_false(subnet_parse(STR("10.0.0.0/"), &n));
	assert_false(subnet_parse(STR("/8"), &n));
}

static enum app app(const char *transport, const char *app_protocol, const char *name,
		    uint32_t port)
{
	return protocol_of(str_of(transport), str_of(app_protocol), str_of(name), port);
}

static void a_port_says_its_protocol_by_app_protocol_or_name(void **state)
{
	assert_int_equal(app("TCP", "", "http", 80), APP_HTTP);
	assert_int_equal(app("TCP", "", "HTTP-admin", 80), APP_HTTP);
	assert_int_equal(app("", "", "http2-x", 80), APP_HTTP2);
	assert_int_equal(app("", "", "grpc-web", 80), APP_HTTP2);
	assert_int_equal(app("", "", "grpc-web-x", 80), APP_HTTP2);
	assert_int_equal(app("", "", "grpc-x", 80), APP_HTTP2);
	assert_int_equal(app("", "", "https", 443), APP_TLS);
	assert_int_equal(app("", "", "mongo-0", 9), APP_TCP);
	assert_int_equal(app("", "", "httpx", 80), APP_SNIFF);
	assert_int_equal(app("", "", "", 80), APP_SNIFF);
	assert_int_equal(app("", "", "", 3306), APP_TCP);
	assert_int_equal(app("", "tcp", "http", 80), APP_TCP);
	assert_int_equal(app("", "kubernetes.io/h2c", "http", 80), APP_HTTP2);
	assert_int_equal(app("", "kubernetes.io/ws", "tcp", 80), APP_HTTP);
	assert_int_equal(app("", "example.com/unknown", "http", 80), APP_HTTP);
	assert_int_equal(app("UDP", "http", "http", 80), APP_UDP);
	assert_int_equal(app("HTTP", "", "x", 80), APP_HTTP);
	assert_int_equal(app("GRPC", "", "x", 80), APP_HTTP2);
	assert_int_equal(app("MONGO", "", "http-but-mongo", 80), APP_TCP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_without_a_dot_gets_the_namespace_of_its_rule),
		cmocka_unit_test(covers_come_from_the_most_specific_to_any),
		cmocka_unit_test(a_wildcard_is_covered_by_itself_and_shorter_ones_only),
		cmocka_unit_test(export_to_names_who_sees_an_object),
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(subnets_cover_what_lies_inside),
		cmocka_unit_test(a_port_says_its_protocol_by_app_protocol_or_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
