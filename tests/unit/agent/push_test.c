// SPDX-License-Identifier: Apache-2.0
/* The order of a push, with a compiler and a sink of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/push.h"
#include "base/log.h"
#include "weft/image.h"

static struct {
	struct loop *loop;
	struct push *push;
	char trace[512];     /* what happened, in order */
	uint64_t content;    /* what the next compile puts into the image */
	uint64_t generation; /* of the last image given */
	int tables_err;
	int image_fd;
} t;

static const struct compile_options opt = { .cluster_domain = "cluster.local" };
static struct objects nothing;
static const struct source_view view = { &nothing, &nothing, 100 };

static void trace(const char *word)
{
	strncat(t.trace, word, sizeof(t.trace) - strlen(t.trace) - 2);
	strcat(t.trace, " ");
}

struct compiled *mesh_compile(struct arena *a, const struct objects *objects,
			      const struct compile_options *o)
{
	struct compiled *c = arena_alloc(a, sizeof(*c));
	struct image_header *h = arena_alloc(a, sizeof(*h));

	trace("compile");
	h->checksum = t.content;
	c->plan.image = h;
	c->plan.image_size = sizeof(*h);
	c->plan.nr_clusters = (uint32_t)t.content; /* lets the tests tell plans apart */
	return c;
}

static void sink_image(void *arg, int fd, uint64_t generation)
{
	trace("image");
	if (t.image_fd >= 0)
		close(t.image_fd);
	t.image_fd = fd;
	t.generation = generation;
}

static int sink_tables(void *arg, const struct plan *plan, char why[PUSH_WHY])
{
	trace("tables");
	if (t.tables_err)
		snprintf(why, PUSH_WHY, "no room");
	return t.tables_err;
}

static void sink_pods(void *arg, const struct plan *plan)
{
	trace("pods");
}

static int setup(void **state)
{
	static const struct push_sink sink = { NULL, sink_image, sink_tables, sink_pods };

	log_set_level(LOG_ERROR);
	memset(&t, 0, sizeof(t));
	t.image_fd = -1;
	t.content = 1;
	t.loop = loop_new();
	return push_new(t.loop, &sink, &opt, &t.push);
}

static int teardown(void **state)
{
	push_free(t.push);
	loop_free(t.loop);
	if (t.image_fd >= 0)
		close(t.image_fd);
	return 0;
}

static struct push_status status(void)
{
	struct push_status s;

	push_status(t.push, &s);
	return s;
}

static void nothing_is_in_force_before_the_proxy_has_said_yes(void **state)
{
	assert_null(push_plan(t.push));
	push_changed(t.push, &view);
	assert_string_equal(t.trace, "compile image ");
	assert_null(push_plan(t.push));
	assert_true(status().busy);
	push_image_answer(t.push, t.generation, 0, "");
	assert_string_equal(t.trace, "compile image tables pods ");
	assert_non_null(push_plan(t.push));
	assert_false(status().busy);
	assert_int_equal(status().pushes, 1);
	assert_int_equal(status().read_us, 100);
}

static void the_image_is_sealed_and_carries_its_generation(void **state)
{
	struct image_header h;
	const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	push_changed(t.push, &view);
	assert_int_equal(fcntl(t.image_fd, F_GET_SEALS), all);
	assert_int_equal(pread(t.image_fd, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(h.generation, t.generation);
	assert_int_equal(h.checksum, 1);
	assert_int_equal(write(t.image_fd, "x", 1), -1);
}

static void a_refused_image_leaves_tables_pods_and_plan_alone(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, 0, "");
	t.trace[0] = 0;
	t.content = 2;
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, -EINVAL, "bad section");
	assert_string_equal(t.trace, "compile image ");
	assert_int_equal(push_plan(t.push)->nr_clusters, 1);
	assert_non_null(strstr(status().why, "bad section"));
	assert_int_equal(status().failures, 1);
	t.content = 3;
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, 0, "");
	assert_int_equal(push_plan(t.push)->nr_clusters, 3);
	assert_string_equal(status().why, "");
}

static void an_image_that_is_the_same_is_not_sent_again(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, 0, "");
	t.trace[0] = 0;
	push_changed(t.push, &view);
	assert_string_equal(t.trace, "compile tables pods ");
	assert_int_equal(status().generation, 1);
}

static void changes_during_a_push_become_one_push_after_it(void **state)
{
	push_changed(t.push, &view);
	for (int i = 0; i < 20; i++) {
		t.content++;
		push_changed(t.push, &view);
	}
	assert_string_equal(t.trace, "compile image ");
	push_image_answer(t.push, t.generation, 0, "");
	assert_string_equal(t.trace, "compile image tables pods compile image ");
	push_image_answer(t.push, t.generation, 0, "");
	assert_int_equal(push_plan(t.push)->nr_clusters, 21);
	assert_int_equal(status().pushes, 2);
}

static void answers_to_older_images_are_not_mistaken_for_this_one(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation + 1, 0, "");
	push_image_answer(t.push, t.generation - 1, 0, "");
	assert_string_equal(t.trace, "compile image ");
	assert_null(push_plan(t.push));
}

static void without_a_proxy_the_kernel_still_gets_its_tables(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, -ENOTCONN, "weft-proxy is not running");
	assert_string_equal(t.trace, "compile image tables pods ");
	assert_non_null(push_plan(t.push));
}

static void an_image_refused_late_is_reported_and_sent_again_next_time(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, -ENOTCONN, "");
	push_image_answer(t.push, t.generation, -EINVAL, "bad section");
	assert_non_null(strstr(status().why, "bad section"));
	t.trace[0] = 0;
	push_changed(t.push, &view);
	assert_string_equal(t.trace, "compile image ");
}

static void an_image_gets_one_more_chance_when_the_proxy_died_of_it(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, -EPIPE, "weft-proxy died while taking it");
	t.trace[0] = 0;
	for (int i = 0; i < 200 && !t.trace[0]; i++)
		loop_once(t.loop, 20);
	assert_string_equal(t.trace, "compile image ");
	push_image_answer(t.push, t.generation, -EPIPE, "weft-proxy died while taking it");
	for (int i = 0; i < 60; i++)
		loop_once(t.loop, 50);
	assert_string_equal(t.trace, "compile image ");
	push_changed(t.push, &view);
	assert_string_equal(t.trace, "compile image compile image ");
	push_image_answer(t.push, t.generation, 0, "");
	assert_string_equal(status().why, "");
}

static void tables_that_do_not_fit_keep_the_plan_and_are_tried_again(void **state)
{
	push_changed(t.push, &view);
	push_image_answer(t.push, t.generation, 0, "");
	t.tables_err = -ENOSPC;
	t.content = 2;
	push_changed(t.push, &view);
	t.trace[0] = 0;
	push_image_answer(t.push, t.generation, 0, "");
	assert_string_equal(t.trace, "tables ");
	assert_int_equal(push_plan(t.push)->nr_clusters, 1);
	assert_non_null(strstr(status().why, "no room"));
	t.tables_err = 0;
	for (int i = 0; i < 200 && push_plan(t.push)->nr_clusters == 1; i++)
		loop_once(t.loop, 20);
	assert_int_equal(push_plan(t.push)->nr_clusters, 2);
	assert_string_equal(status().why, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_in_force_before_the_proxy_has_said_yes),
		TEST(the_image_is_sealed_and_carries_its_generation),
		TEST(a_refused_image_leaves_tables_pods_and_plan_alone),
		TEST(an_image_that_is_the_same_is_not_sent_again),
		TEST(changes_during_a_push_become_one_push_after_it),
		TEST(answers_to_older_images_are_not_mistaken_for_this_one),
		TEST(without_a_proxy_the_kernel_still_gets_its_tables),
		TEST(an_image_refused_late_is_reported_and_sent_again_next_time),
		TEST(an_image_gets_one_more_chance_when_the_proxy_died_of_it),
		TEST(tables_that_do_not_fit_keep_the_plan_and_are_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
