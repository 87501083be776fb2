// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/show.h"
#include "cli/table.h"

static char *text;
static size_t text_len;

static FILE *capture(void)
{
	free(text);
	text = NULL;
	return open_memstream(&text, &text_len);
}

static int teardown(void **state)
{
	free(text);
	text = NULL;
	return 0;
}

static void control_bytes_never_reach_the_terminal(void **state)
{
	static const char *const heads[] = { "A", NULL };
	struct table t;
	FILE *f = capture();

	table_init(&t, heads);
	table_cell(&t, "%s", "x\033[31m\ny\x7f");
	table_print(&t, f);
	fclose(f);
	assert_string_equal(text, "A\nx?[31m?y?\n");
}

static void columns_line_up_by_characters_not_bytes(void **state)
{
	static const char *const heads[] = { "NAME", "N", "WHY", NULL };
	struct table t;
	FILE *f = capture();

	table_init(&t, heads);
	table_cell(&t, "%s", "größer");
	table_cell(&t, "%d", 7);
	table_cell(&t, "%s", "");
	table_cell(&t, "%s", "a");
	table_cell(&t, "%d", 12345);
	table_cell(&t, "%s", "long last column");
	table_print(&t, f);
	fclose(f);
	assert_string_equal(text, "NAME    N      WHY\n"
				  "größer  7      \n"
				  "a       12345  long last column\n");
}

static void an_answer_with_missing_fields_shows_as_nothing(void **state)
{
	json_t *empty = json_object();
	json_t *odd = json_loads("{\"pods\":[{\"name\":7},{}],\"services\":[{}],\"clusters\":[{}],"
				 "\"hosts\":[{\"routes\":[{}]}],\"connections\":[{}],"
				 "\"config\":{\"objects\":[{},7]}}",
				 0, NULL);

	assert_string_equal(get_text(empty, "x"), "");
	assert_int_equal(get_int(empty, "x"), 0);
	for (int i = 0; i < 2; i++) {
		const json_t *v = i ? odd : empty;

		show_status(v);
		show_services(v);
		show_endpoints(v);
		show_routes(v);
		show_connections(v);
		show_pods(v);
	}
	json_decref(empty);
	json_decref(odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(control_bytes_never_reach_the_terminal, teardown),
		cmocka_unit_test_teardown(columns_line_up_by_characters_not_bytes, teardown),
		cmocka_unit_test_teardown(an_answer_with_missing_fields_shows_as_nothing, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
