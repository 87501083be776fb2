// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "net/buf.h"

static void put(struct buf *b, const char *s)
{
	memcpy(buf_space(b), s, strlen(s));
	buf_add(b, strlen(s));
}

static void bytes_leave_in_the_order_they_came(void **state)
{
	struct buf_pool pool = { 0 };
	struct buf b = { 0 };

	assert_int_equal(buf_take(&pool, &b), 0);
	put(&b, "abc");
	buf_eat(&b, 1);
	put(&b, "de");
	assert_true(str_eq(buf_view(&b), STR("bcde")));
	buf_pack(&b);
	assert_int_equal(b.head, 0);
	assert_true(str_eq(buf_view(&b), STR("bcde")));
	buf_drop(&pool, &b);
	buf_pool_done(&pool);
}

static void an_empty_buffer_gives_its_storage_back(void **state)
{
	struct buf_pool pool = { 0 };
	struct buf b = { 0 };

	buf_take(&pool, &b);
	put(&b, "x");
	buf_rest(&pool, &b);
	assert_non_null(b.p);
	buf_eat(&b, 1);
	buf_rest(&pool, &b);
	assert_null(b.p);
	assert_int_equal(pool.nr_lent, 0);
	assert_int_equal(pool.nr_free, 1);
	buf_rest(&pool, &b); /* again: nothing to give */
	buf_pool_done(&pool);
	assert_int_equal(pool.nr_free, 0);
}

static void growing_keeps_the_bytes_and_ends_at_the_large_size(void **state)
{
	struct buf_pool pool = { 0 };
	struct buf b = { 0 };

	buf_take(&pool, &b);
	put(&b, "0123456789");
	buf_eat(&b, 4);
	assert_int_equal(buf_grow(&pool, &b), 0);
	assert_true(str_eq(buf_view(&b), STR("456789")));
	assert_int_equal(b.cap, BUF_LARGE);
	assert_int_equal(buf_grow(&pool, &b), -EMSGSIZE);
	buf_drop(&pool, &b);
	assert_int_equal(pool.nr_lent, 0);
	assert_int_equal(buf_grow(&pool, &b), 0); /* from nothing */
	buf_drop(&pool, &b);
	buf_pool_done(&pool);
}

static void the_pool_keeps_only_so_many(void **state)
{
	static struct buf many[BUF_POOL_KEEP + 10];
	struct buf_pool pool = { 0 };

	for (int i = 0; i < BUF_POOL_KEEP + 10; i++)
		buf_take(&pool, &many[i]);
	for (int i = 0; i < BUF_POOL_KEEP + 10; i++)
		buf_drop(&pool, &many[i]);
	assert_int_equal(pool.nr_free, BUF_POOL_KEEP);
	buf_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_in_the_order_they_came),
		cmocka_unit_test(an_empty_buffer_gives_its_storage_back),
		cmocka_unit_test(growing_keeps_the_bytes_and_ends_at_the_large_size),
		cmocka_unit_test(the_pool_keeps_only_so_many),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
