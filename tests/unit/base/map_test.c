// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"

enum { MANY = 20000 };

static void map_keeps_every_key_and_the_order_of_insertion(void **state)
{
	struct arena *a = arena_new();
	struct map m;
	size_t i = 0;

	map_init(&m, a);
	assert_null(map_get(&m, STR("absent")));
	for (uintptr_t k = 0; k < MANY; k++)
		*map_at(&m, arena_printf(a, "key-%u", (unsigned int)k)) = (void *)(k + 1);
	assert_int_equal(m.n, MANY);
	map_for_each(e, &m) {
		char want[32];
		int n = snprintf(want, sizeof(want), "key-%zu", i);

		assert_true(str_eq(e->key, (struct str){ want, (size_t)n }));
		assert_ptr_equal(map_get(&m, e->key), (void *)(i + 1));
		i++;
	}
	assert_null(map_get(&m, STR("key-20000")));
	arena_free(a);
}

static void at_finds_the_same_slot_again(void **state)
{
	struct arena *a = arena_new();
	struct map m;

	map_init(&m, a);
	*map_at(&m, STR("x")) = &m;
	assert_ptr_equal(*map_at(&m, STR("x")), &m);
	assert_int_equal(m.n, 1);
	arena_free(a);
}

static void arena_memory_is_zeroed_aligned_and_large_blocks_work(void **state)
{
	struct arena *a = arena_new();
	unsigned char *big;

	for (int i = 1; i < 3000; i += 7) {
		unsigned char *p = arena_alloc(a, (size_t)i);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (int b = 0; b < i; b++)
			assert_int_equal(p[b], 0);
		memset(p, 0xff, (size_t)i);
	}
	big = arena_alloc(a, 1 << 20);
	memset(big, 0xff, 1 << 20);
	assert_true(arena_used(a) > 1 << 20);
	assert_true(str_eq(arena_printf(a, "%d-%s", 7, "x"), STR("7-x")));
	arena_free(a);
}

static void vec_keeps_its_elements_when_it_grows(void **state)
{
	struct arena *a = arena_new();
	struct vec v = { 0 };

	for (int i = 0; i < 1000; i++) {
		int *e = vec_push(a, &v, sizeof(*e));

		assert_int_equal(*e, 0);
		*e = i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(((int *)v.items)[i], i);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_keeps_every_key_and_the_order_of_insertion),
		cmocka_unit_test(at_finds_the_same_slot_again),
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_large_blocks_work),
		cmocka_unit_test(vec_keeps_its_elements_when_it_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
