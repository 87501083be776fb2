// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* Runs what logs with stderr on a pipe; returns what was written. */
static size_t captured(void (*run)(void), char *out, size_t cap)
{
	int keep = dup(STDERR_FILENO), p[2];
	ssize_t n;

	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	run();
	dup2(keep, STDERR_FILENO);
	close(p[1]);
	n = read(p[0], out, cap - 1);
	close(p[0]);
	close(keep);
	out[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

static void log_two_lines(void)
{
	log_debug("test", "not shown");
	log_info("test", "started pid=%d", 7);
	log_err(-ENOENT, "test", "file '%s'", "a\nb");
}

static void a_line_is_level_area_message_and_stays_one_line(void **state)
{
	char out[512];

	captured(log_two_lines, out, sizeof(out));
	assert_string_equal(out, "info test started pid=7\n"
				 "error test file 'a b': No such file or directory\n");
}

static void log_a_long_line(void)
{
	char *big = malloc(5000);

	memset(big, 'x', 4999);
	big[4999] = 0;
	log_info("test", "%s", big);
	free(big);
}

static void an_overlong_line_is_cut_not_lost(void **state)
{
	char out[8192];
	size_t n = captured(log_a_long_line, out, sizeof(out));

	assert_int_equal(n, 2048);
	assert_int_equal(out[n - 1], '\n');
}

static void quoting_leaves_nothing_to_break_a_line(void **state)
{
	char out[64], tiny[8];

	assert_string_equal(log_quote(STR("a\"b\\c\n\x7f"), out, sizeof(out)),
			    "a\\\"b\\\\c\\x0a\\x7f");
	assert_string_equal(log_quote(STR("\n\n\n\n\n\n"), tiny, sizeof(tiny)), "\\x0a");
}

static void iso_time_has_milliseconds_and_z(void **state)
{
	char out[CLOCK_ISO_LEN + 1];

	clock_iso(1767323045678ULL, out);
	assert_string_equal(out, "2026-01-02T03:04:05.678Z");
	clock_iso(0, out);
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_level_area_message_and_stays_one_line),
		cmocka_unit_test(an_overlong_line_is_cut_not_lost),
		cmocka_unit_test(quoting_leaves_nothing_to_break_a_line),
		cmocka_unit_test(iso_time_has_milliseconds_and_z),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
