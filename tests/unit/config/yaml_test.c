// SPDX-License-Identifier: Apache-2.0
#include "config/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/lib/config_case.h"
#include "weft/limits.h"

/* The tree in one line: maps {k:v}, lists [a], strings 'x', nulls ~. */
static void show(const struct node *n, FILE *out)
{
	switch (n->type) {
	case NODE_NULL: fputc('~', out); break;
	case NODE_SCALAR:
		fprintf(out, n->quoted ? "'" STR_FMT "'" : STR_FMT, STR_ARG(n->text));
		break;
	case NODE_LIST:
		fputc('[', out);
		for (size_t i = 0; i < n->n; i++) {
			fputs(i ? "," : "", out);
			show(n->items[i], out);
		}
		fputc(']', out);
		break;
	case NODE_MAP:
		fputc('{', out);
		for (size_t i = 0; i < n->n; i++) {
			fprintf(out, "%s" STR_FMT ":", i ? "," : "", STR_ARG(n->pairs[i].key));
			show(n->pairs[i].value, out);
		}
		fputc('}', out);
	}
}

/* All documents, `|` between them; an error as !LINE:COL. */
static char *shown(struct str text)
{
	struct yaml_reader *r = yaml_reader_new(text);
	struct yaml_doc doc;
	char *line = NULL;
	size_t n;
	FILE *out = open_memstream(&line, &n);
	int docs = 0;

	while (yaml_next(r, &doc)) {
		fputs(docs++ ? "|" : "", out);
		if (doc.error.n)
			fprintf(out, "!%u:%u", doc.error_pos.line, doc.error_pos.col);
		else if (doc.root)
			show(doc.root, out);
	}
	fclose(out);
	yaml_reader_free(r);
	return line;
}

static const struct {
	const char *text, *tree, *why;
} cases[] = {
	{ "", "", "nothing" },
	{ "# a\n# b\n", "", "comments only" },
	{ "---\n---\n# x\n", "~|~", "empty documents" },
	{ "a: 1\n---\nb: 2\n...\n---\nc: 3\n", "{a:1}|{b:2}|{c:3}", "several documents" },
	{ "\xef\xbb\xbf"
	  "a: b\n",
	  "{a:b}", "byte order mark" },
	{ "a: b\r\nc:\r\n- d\r\n", "{a:b,c:[d]}", "CRLF" },
	{ "a: \t\t# tabs before a comment\n  b: c\n", "{a:{b:c}}", "tabs before a comment" },
	{ "a: null\nb: ~\nc:\nd: Null\ne: \"null\"\n", "{a:~,b:~,c:~,d:~,e:'null'}", "nulls" },
	{ "{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e4\"}", "{a:[1,{b:~}],c:'\xc3\xa4'}", "JSON" },
	{ "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a:'x\ny\n',b:'x y'}", "block scalars" },
	{ "a: &x {b: c}\nd: *x\n", "{a:{b:c},d:{b:c}}", "alias" },
	{ "a: &x {b: c, d: e}\nf:\n  <<: *x\n  b: z\n", "{a:{b:c,d:e},f:{b:z,d:e}}", "merge key" },
	{ "f:\n  <<: [{a: b}, {a: c, d: e}]\n", "{f:{a:b,d:e}}", "merge of a list" },
	{ "a: !!str 5\nb: !!int \"5\"\n", "{a:'5',b:'5'}", "tags of the core" },
	{ "a: b\na: c\n", "!2:1", "duplicate key" },
	{ "a: b\n\"a\": c\n", "!2:1", "duplicate key, quoted" },
	{ "a: *x\n", "!1:4", "alias without anchor" },
	{ "a: &x [*x]\n", "!1:8", "alias inside its own anchor" },
	{ "a: !ours b\n", "!1:4", "unknown tag" },
	{ "[a]: b\n", "!1:1", "a list as a key" },
	{ "<<: 5\n", "!1:5", "merge of a scalar" },
	{ "a: b\n c: d\n", "!2:3", "indentation" },
	{ "a: [b\n", "!2:1", "bracket not closed" },
	{ "a: \"b\n", "!2:1", "quote not closed" },
	{ "\ta: b\n", "!1:1", "tab as indentation" },
	{ "a: \xff\n", "!1:4", "not UTF-8" },
	{ "a: \x01\n", "!1:4", "control character" },
	{ "a: [\n---\nb: c\n", "!2:1|{b:c}", "the next document is read all the same" },
	{ "a: b\n---\na: b: c\n---\nd: e\n", "{a:b}|!3:5|{d:e}", "one broken in the middle" },
	{ "a: *x\n--- # y\nb: c\n", "!1:4|{b:c}", "broken by its meaning" },
	{ "a: [fd00::, 1::]\nb: {c: 2::}\nd: 'x::]'\n", "{a:[fd00::,1::],b:{c:2::},d:'x::]'}",
	  "IPv6 in brackets" },
	{ "a: [fd00::, \xee\x80\x80]\n", "!1:10", "the stand-in itself: nothing is guarded" },
	{ "%YAML 1.1\n---\na: b\n", "{a:b}", "directive" },
};

static void texts_become_trees_or_positions_of_errors(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *got = shown(str_of(cases[i].text));

		print_message("%s\n", cases[i].why);
		assert_string_equal(got, cases[i].tree);
		free(got);
	}
}

static void nodes_know_their_line_and_column(void **state)
{
	struct yaml_reader *r =
		yaml_reader_new(STR("---\n# x\na:\n  - b\n  -   {c: d}\n\xc3\xa4: e\n"));
	const struct node *list;
	struct yaml_doc doc;

	assert_true(yaml_next(r, &doc));
	assert_int_equal(doc.pos.line, 3);
	list = doc.root->pairs[0].value;
	assert_int_equal(list->items[0]->pos.line, 4);
	assert_int_equal(list->items[0]->pos.col, 5);
	assert_int_equal(list->items[1]->pairs[0].pos.col, 8);
	assert_int_equal(list->items[1]->pairs[0].value->pos.col, 11);
	/* columns count characters, not bytes */
	assert_int_equal(doc.root->pairs[1].value->pos.col, 4);
	assert_false(yaml_next(r, &doc));
	assert_false(yaml_next(r, &doc));
	yaml_reader_free(r);
}

static void expect_error(struct str text, const char *part)
{
	struct yaml_reader *r = yaml_reader_new(text);
	struct yaml_doc doc;

	assert_true(yaml_next(r, &doc));
	assert_true(doc.error.n > 0);
	assert_true(memmem(doc.error.p, doc.error.n, part, strlen(part)) != NULL);
	assert_true(doc.error_pos.line > 0 && doc.error_pos.col > 0);
	yaml_reader_free(r);
}

static void depth_is_bounded(void **state)
{
	char text[4096] = "a: ";
	struct str deep = { text, 3 + MAX_DOC_DEPTH + 8 };

	memset(text + 3, '[', MAX_DOC_DEPTH + 8);
	expect_error(deep, "nested deeper than 64");
	expect_error(
		STR("a: &a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
		    "b: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"),
		"nested deeper than 64");
}

static void aliases_count_as_often_as_they_are_used(void **state)
{
	/* nine levels of ten: a thousand million nodes out of a kilobyte */
	expect_error(STR("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
			 "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			 "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
			 "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
			 "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
			 "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
			 "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
			 "h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
			 "i: [*h,*h,*h,*h,*h,*h,*h,*h,*h,*h]\n"),
		     "YAML nodes");
}

static void a_long_scalar_is_kept_whole(void **state)
{
	enum { LONG = 3 << 20 };
	char *text = malloc(LONG + 16);
	struct yaml_reader *r;
	struct yaml_doc doc;

	memcpy(text, "a: \"", 4);
	memset(text + 4, 'x', LONG);
	memcpy(text + 4 + LONG, "\"\n", 2);
	r = yaml_reader_new((struct str){ text, LONG + 6 });
	assert_true(yaml_next(r, &doc));
	assert_int_equal(doc.error.n, 0);
	assert_int_equal(doc.root->pairs[0].value->text.n, LONG);
	yaml_reader_free(r);
	free(text);
}

static void a_map_of_many_keys_finds_its_duplicate(void **state)
{
	struct arena *a = arena_new();
	struct str text = STR("");

	for (int i = 0; i < 200; i++)
		text = arena_printf(a, STR_FMT "k%d: x\n", STR_ARG(text), i);
	text = arena_printf(a, STR_FMT "k7: x\n", STR_ARG(text));
	expect_error(text, "`k7` is written twice in one mapping (first at line 8)");
	arena_free(a);
}

static void any_cut_of_a_text_ends_without_a_crash(void **state)
{
	struct str text = STR("---\na: &x {b: 'c', \"d\": [e, *x]}\n---\nf: |\n  g\n...\n");

	for (size_t n = 0; n <= text.n; n++)
		free(shown(str_sub(text, 0, n)));
}

static void a_broken_document_says_which_kind_it_seems_to_be(void **state)
{
	struct config_case c = case_text(
		STR("kind: Other\n---\nkind: \"Gateway\"\na: [\n---\nkind: Pod\n"), false);

	assert_int_equal(c.objs.n, 3);
	assert_true(str_eq(c.objs.items[1]->meta.kind, STR("Gateway")));
	assert_false(c.objs.items[1]->valid);
	case_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_trees_or_positions_of_errors),
		cmocka_unit_test(nodes_know_their_line_and_column),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(aliases_count_as_often_as_they_are_used),
		cmocka_unit_test(a_long_scalar_is_kept_whole),
		cmocka_unit_test(a_map_of_many_keys_finds_its_duplicate),
		cmocka_unit_test(any_cut_of_a_text_ends_without_a_crash),
		cmocka_unit_test(a_broken_document_says_which_kind_it_seems_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
