// SPDX-License-Identifier: Apache-2.0
/* Matchers, routes, weighted targets and balancing over a hand-made image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "proxy/balance.h"
#include "proxy/route.h"
#include "tests/lib/image_make.h"

struct bench {
	struct fleets *fleets;
	struct generation *g;
	void *image;
	struct match_scratch scratch;
};

static struct bench bench_of(struct image_make *m)
{
	struct bench b = { .fleets = fleets_new(1) };
	const char *why = "";
	size_t size;

	b.image = im_finish(m, 1, &size);
	image_make_free(m);
	if (generation_of(b.image, size, b.fleets, &b.g, &why))
		fail_msg("%s", why);
	assert_int_equal(match_scratch_init(&b.scratch), 0);
	return b;
}

static void bench_done(struct bench *b)
{
	match_scratch_done(&b->scratch);
	generation_put(b->g);
	fleets_free(b->fleets);
	free(b->image);
}

/* Does the only matcher hold for this head? */
static bool holds(struct bench *b, const char *head)
{
	struct h1_scan scan = { 0 };
	struct h1_request r;
	struct match_request q = { .req = &r, .scheme = STR("http") };

	assert_true(h1_request(&scan, str_of(head), &r) > 0);
	q.path = r.path;
	return match(b->g, image_matchers(b->g->im), &q, &b->scratch);
}

#define HEAD(target, headers) "GET " target " HTTP/1.1\r\nHost: Web:80\r\n" headers "\r\n"

static void matchers_hold_as_the_api_says(void **state)
{
	static const struct {
		enum image_subject subject;
		enum image_operator op;
		uint16_t flags;
		const char *name, *value, *head;
		bool holds;
	} rows[] = {
		{ SUBJECT_PATH, OP_EXACT, 0, "", "/a", HEAD("/a?x=1", ""), true },
		{ SUBJECT_PATH, OP_EXACT, 0, "", "/a", HEAD("/A", ""), false },
		{ SUBJECT_PATH, OP_EXACT, MATCH_IGNORE_CASE, "", "/a", HEAD("/A", ""), true },
		{ SUBJECT_PATH, OP_PREFIX, 0, "", "/a", HEAD("/ab", ""), true },
		{ SUBJECT_PATH, OP_PREFIX, MATCH_IGNORE_CASE, "", "/a", HEAD("/Ab", ""), true },
		{ SUBJECT_PATH, OP_PREFIX, 0, "", "/a", HEAD("/", ""), false },
		{ SUBJECT_PATH, OP_REGEX, 0, "", "/v[0-9]+", HEAD("/v12", ""), true },
		{ SUBJECT_PATH, OP_REGEX, 0, "", "/v[0-9]+", HEAD("/v12/x", ""), false },
		{ SUBJECT_PATH, OP_REGEX, 0, "", "a|/ab", HEAD("/ab", ""), true },
		{ SUBJECT_METHOD, OP_EXACT, 0, "", "GET", HEAD("/", ""), true },
		{ SUBJECT_SCHEME, OP_EXACT, 0, "", "http", HEAD("/", ""), true },
		{ SUBJECT_AUTHORITY, OP_EXACT, 0, "", "Web:80", HEAD("/", ""), true },
		{ SUBJECT_AUTHORITY, OP_EXACT, 0, "", "web:80", HEAD("/", ""), false },
		{ SUBJECT_HEADER, OP_EXACT, 0, "end-user", "jason",
		  HEAD("/", "End-User: jason\r\n"), true },
		{ SUBJECT_HEADER, OP_EXACT, 0, "end-user", "jason", HEAD("/", ""), false },
		{ SUBJECT_HEADER, OP_EXACT, 0, "a", "1,2", HEAD("/", "A: 1\r\nB: x\r\na: 2\r\n"),
		  true },
		{ SUBJECT_HEADER, OP_REGEX, 0, "cookie", "^(.*?;)?(user=jason)(;.*)?$",
		  HEAD("/", "Cookie: a=b;user=jason;c=d\r\n"), true },
		{ SUBJECT_HEADER, OP_REGEX, 0, "cookie", "^(.*?;)?(user=jason)(;.*)?$",
		  HEAD("/", "Cookie: user=jasonx\r\n"), false },
		{ SUBJECT_HEADER, OP_PRESENT, 0, "x", "", HEAD("/", "X:\r\n"), true },
		{ SUBJECT_HEADER, OP_PRESENT, 0, "x", "", HEAD("/", ""), false },
		{ SUBJECT_HEADER, OP_PRESENT, MATCH_INVERT | MATCH_MISSING_IS_EMPTY, "x", "",
		  HEAD("/", ""), true },
		{ SUBJECT_HEADER, OP_EXACT, MATCH_INVERT | MATCH_MISSING_IS_EMPTY, "x", "1",
		  HEAD("/", ""), true },
		{ SUBJECT_HEADER, OP_EXACT, MATCH_INVERT | MATCH_MISSING_IS_EMPTY, "x", "1",
		  HEAD("/", "X: 1\r\n"), false },
		{ SUBJECT_HEADER, OP_REGEX, MATCH_INVERT | MATCH_MISSING_IS_EMPTY, "x", ".*",
		  HEAD("/", ""), false },
		{ SUBJECT_QUERY, OP_EXACT, 0, "v", "1", HEAD("/?u=0&v=1&v=2", ""), true },
		{ SUBJECT_QUERY, OP_EXACT, 0, "v", "2", HEAD("/?v=1&v=2", ""), false },
		{ SUBJECT_QUERY, OP_PRESENT, 0, "v", "", HEAD("/?v", ""), true },
		{ SUBJECT_QUERY, OP_PRESENT, 0, "v", "", HEAD("/v", ""), false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image_make *m = image_make_new();
		uint32_t k =
			im_matcher(m, rows[i].subject, rows[i].op, rows[i].name, rows[i].value);
		struct bench b;

		((struct image_matcher *)im_at(m, IMAGE_matchers, k))->flags = rows[i].flags;
		b = bench_of(m);
		if (holds(&b, rows[i].head) != rows[i].holds)
			fail_msg("row %zu: %s against %s", i, rows[i].value, rows[i].head);
		bench_done(&b);
	}
}

static void a_regex_that_would_take_for_ever_gives_up_and_is_counted(void **state)
{
	struct image_make *m = image_make_new();
	struct bench b;

	im_matcher(m, SUBJECT_PATH, OP_REGEX, "", "/((a+)+)+b");
	b = bench_of(m);
	assert_false(holds(&b, HEAD("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabx", "")));
	assert_int_equal(b.scratch.gave_up, 1);
	bench_done(&b);
}

static void the_first_route_whose_matchers_all_hold_is_taken(void **state)
{
	struct image_make *m = image_make_new();
	struct h1_scan scan = { 0 };
	struct h1_request r;
	struct match_request q = { .req = &r, .scheme = STR("http") };
	const struct image_route *route;
	uint32_t c = im_cluster(m, "c", NULL, 0);
	struct bench b;

	im_matcher(m, SUBJECT_PATH, OP_PREFIX, "", "/a");
	im_matcher(m, SUBJECT_HEADER, OP_EXACT, "x", "1");
	im_target(m, c, 1);
	im_route(m, 2, 1);
	im_matcher(m, SUBJECT_PATH, OP_PREFIX, "", "/a");
	im_target(m, c, 1);
	im_route(m, 1, 1);
	im_target(m, c, 1);
	im_route(m, 0, 1);
	im_vhost(m, "v", 3);
	b = bench_of(m);
	assert_true(h1_request(&scan, STR(HEAD("/abc", "")), &r) > 0);
	q.path = r.path;
	route = route_find(b.g, image_vhosts(b.g->im), &q, &b.scratch);
	assert_int_equal(route - image_routes(b.g->im), 1);
	q.path = STR("/other");
	route = route_find(b.g, image_vhosts(b.g->im), &q, &b.scratch);
	assert_int_equal(route - image_routes(b.g->im), 2);
	bench_done(&b);
}

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t draw(void *arg)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)(seed * 0x2545f4914f6cdd1du >> 32);
}

static void targets_are_drawn_by_weight(void **state)
{
	enum { DRAWS = 40000 };
	struct image_make *m = image_make_new();
	uint32_t c = im_cluster(m, "c", NULL, 0);
	struct image_range three = { 0, 3 };
	int hits[3] = { 0 };
	struct bench b;

	im_target(m, c, 75);
	im_target(m, c, 0);
	im_target(m, c, 25);
	b = bench_of(m);
	for (int i = 0; i < DRAWS; i++)
		hits[route_target(b.g, three, draw(NULL)) - image_targets(b.g->im)]++;
	assert_int_equal(hits[1], 0);
	assert_in_range(hits[0], DRAWS * 3 / 4 - 260, DRAWS * 3 / 4 + 260); /* 3 sigma */
	bench_done(&b);
}

static void balancing_is_even_and_passes_over_the_ejected(void **state)
{
	struct image_make *m = image_make_new();
	static const struct ip16 client;
	struct image_cluster settings = { .base_ejection_ms = 1000 };
	uint32_t e[3], hits[3] = { 0 };
	struct roster *r;
	struct bench b;

	for (uint32_t i = 0; i < 3; i++)
		e[i] = im_endpoint(m, "10.0.0.1", (uint16_t)(80 + i));
	im_cluster(m, "c", e, 3);
	b = bench_of(m);
	r = generation_roster(b.g, 0);
	for (int i = 0; i < 300; i++)
		hits[balance_pick(r, &client, draw, NULL)]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(hits[i], 100);
	outlier_eject(&r->members[1].member->health, &settings, 1);
	for (int i = 0; i < 300; i++)
		hits[balance_pick(r, &client, draw, NULL)]++;
	assert_int_equal(hits[1], 100);
	outlier_eject(&r->members[0].member->health, &settings, 1);
	outlier_eject(&r->members[2].member->health, &settings, 1);
	assert_int_equal(balance_pick(r, &client, draw, NULL), IMAGE_NONE);
	bench_done(&b);
}

static void the_less_loaded_of_two_gets_more(void **state)
{
	struct image_make *m = image_make_new();
	static const struct ip16 client;
	uint32_t e[2], hits[2] = { 0 };
	struct roster *r;
	struct bench b;

	e[0] = im_endpoint(m, "10.0.0.1", 80);
	e[1] = im_endpoint(m, "10.0.0.2", 80);
	im_cluster_at(m, im_cluster(m, "c", e, 2))->lb = LB_LEAST_REQUEST;
	b = bench_of(m);
	r = generation_roster(b.g, 0);
	atomic_store(&r->members[0].member->active, 5);
	for (int i = 0; i < 100; i++)
		hits[balance_pick(r, &client, draw, NULL)]++;
	assert_int_equal(hits[1], 100);
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matchers_hold_as_the_api_says),
		cmocka_unit_test(a_regex_that_would_take_for_ever_gives_up_and_is_counted),
		cmocka_unit_test(the_first_route_whose_matchers_all_hold_is_taken),
		cmocka_unit_test(targets_are_drawn_by_weight),
		cmocka_unit_test(balancing_is_even_and_passes_over_the_ejected),
		cmocka_unit_test(the_less_loaded_of_two_gets_more),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
