// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "http/scan.h"

/* The definition of each class, written out again from the RFCs. */
static bool is_tchar(int c)
{
	return c && (strchr("!#$%&'*+-.^_`|~", c) || (c >= '0' && c <= '9') ||
		     (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

static bool is_value(int c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool is_target(int c)
{
	return c > 0x20 && c < 0x7f && c != '#';
}

static bool is_host(int c)
{
	return c && (strchr("-._~!$&'()*+,;=", c) || (c >= '0' && c <= '9') ||
		     (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

static void the_table_says_what_the_rfcs_say(void **state)
{
	for (int c = 0; c < 256; c++) {
		assert_int_equal(scan_is((char)c, SCAN_TOKEN), is_tchar(c));
		assert_int_equal(scan_is((char)c, SCAN_VALUE), is_value(c));
		assert_int_equal(scan_is((char)c, SCAN_TARGET), is_target(c));
		assert_int_equal(scan_is((char)c, SCAN_HOST), is_host(c));
	}
}

/* Every byte value at every place of blocks of every length that the wide steps can meet. */
static void wide_steps_stop_where_single_steps_do(void **state)
{
	for (size_t n = 0; n <= 140; n++) {
		char *p = malloc(n ? n : 1), *end = p + n;

		assert_non_null(p);
		memset(p, 'a', n);
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				p[at] = (char)c;
				assert_ptr_equal(scan_value(p, end), is_value(c) ? end : p + at);
				assert_ptr_equal(scan_target(p, end), is_target(c) ? end : p + at);
				assert_ptr_equal(scan_name(p, end), is_tchar(c) ? end : p + at);
			}
			p[at] = 'a';
		}
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_says_what_the_rfcs_say),
		cmocka_unit_test(wide_steps_stop_where_single_steps_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
