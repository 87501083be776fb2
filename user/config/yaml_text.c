// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_text.h"

#include <stdlib.h>

/* Cuts the first line off *rest, without CR and LF; false: nothing left. */
static bool take_line(struct str *rest, struct str *line)
{
	if (!rest->n)
		return false;
	if (!str_cut(rest, '\n', line)) {
		*line = *rest;
		*rest = (struct str){ 0 };
	}
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

struct str yaml_line(struct str text, uint32_t line)
{
	struct str one = { 0 };

	for (uint32_t i = 0; i < line; i++)
		if (!take_line(&text, &one))
			return (struct str){ 0 };
	return one;
}

/* U+E000, of the private use area: in no config file, and where it is, nothing is guarded. */
static const char stand_in[] = "\xee\x80\x80";
enum { STAND_IN = sizeof(stand_in) - 1 };

/* The offset of the next colon to guard, from `from` on; text.n: none. */
static size_t next_guarded(struct str text, size_t from)
{
	while (from + 2 < text.n) {
		const char *p = memmem(text.p + from, text.n - from, "::", 2);
		size_t at = p ? (size_t)(p - text.p) + 1 : text.n;

		if (at + 1 >= text.n)
			break;
		if (text.p[at + 1] && strchr(",]}", text.p[at + 1]))
			return at;
		from = at;
	}
	return text.n;
}

char *yaml_guard(struct str text, size_t *n)
{
	size_t found = 0, from = 0, to = 0;
	char *out;

	for (size_t at = next_guarded(text, 0); at < text.n; at = next_guarded(text, at))
		found++;
	if (!found || memmem(text.p, text.n, stand_in, STAND_IN))
		return NULL;
	out = malloc(text.n + found * STAND_IN);
	if (!out)
		abort();
	while (from < text.n) {
		size_t at = next_guarded(text, from);

		memcpy(out + to, text.p + from, at - from);
		to += at - from;
		from = at;
		if (at < text.n) {
			memcpy(out + to, stand_in, STAND_IN);
			to += STAND_IN;
			from++;
		}
	}
	*n = to;
	return out;
}

void yaml_unguard(struct str *s)
{
	char *p = (char *)s->p;
	size_t to = 0;

	for (size_t i = 0; i < s->n;) {
		bool hit = s->n - i >= STAND_IN && !memcmp(p + i, stand_in, STAND_IN);

		p[to++] = hit ? ':' : p[i];
		i += hit ? STAND_IN : 1;
	}
	s->n = to;
}

struct pos yaml_pos_of_offset(struct str text, size_t offset)
{
	struct pos pos = { 1, 1 };

	for (size_t i = 0; i < offset && i < text.n; i++) {
		pos.col++;
		if (text.p[i] == '\n')
			pos = (struct pos){ pos.line + 1, 1 };
	}
	return pos;
}

static bool starts_document(struct str line)
{
	return str_starts(line, STR("---")) &&
	       (line.n == 3 || line.p[3] == ' ' || line.p[3] == '\t');
}

size_t yaml_next_document(struct str text, uint32_t line, uint32_t *lines)
{
	struct str rest = text, one;

	for (uint32_t i = 1;; i++) {
		size_t at = text.n - rest.n;

		if (!take_line(&rest, &one))
			return 0;
		if (i > line && starts_document(one)) {
			*lines = i - 1;
			return at;
		}
	}
}

struct str yaml_apparent_kind(struct str text, uint32_t line)
{
	struct str one, kind = { 0 };

	for (uint32_t i = 1; take_line(&text, &one); i++) {
		if (i > line && starts_document(one))
			break;
		if (i < line || !str_starts(one, STR("kind:")))
			continue;
		kind = str_trim(str_sub(one, 5, one.n));
		if (kind.n > 2 && (kind.p[0] == '"' || kind.p[0] == '\''))
			kind = str_sub(kind, 1, kind.n - 2);
	}
	for (size_t i = 0; i < kind.n; i++)
		if (!((kind.p[i] | 0x20) >= 'a' && (kind.p[i] | 0x20) <= 'z'))
			return (struct str){ 0 };
	return kind;
}

static bool has(struct str s, const char *word)
{
	return s.n && memmem(s.p, s.n, word, strlen(word));
}

/* libyaml's words -> ours. First match wins. */
static const struct {
	const char *problem, *say;
} explanations[] = {
	{ "did not find expected key",
	  "a `key: value` is expected here: check the indentation of this line against the lines "
	  "above" },
	{ "did not find expected '-' indicator",
	  "a list item (`- `) is expected here: check the indentation of this line against the "
	  "items above" },
	{ "could not find expected ':'",
	  "a `:` is missing: write `key: value`, or indent the line if it continues the text "
	  "above" },
	{ "mapping values are not allowed",
	  "a second `: ` on one line: put the value in quotes, or start a new line" },
	{ "block sequence entries are not allowed",
	  "a list item (`- `) cannot start here: begin it on its own line" },
	{ "found character that cannot start any token",
	  "this character cannot start a value: use spaces, not tabs, for indentation, and put a "
	  "value that begins with @ ` or % in quotes" },
	{ "found unexpected end of stream",
	  "the text ends inside a quoted value: close the quote" },
	{ "did not find expected ',' or ']'", "`,` or `]` is missing in a list in brackets" },
	{ "did not find expected ',' or '}'", "`,` or `}` is missing in a mapping in braces" },
	{ "found unexpected document indicator", "`---` or `...` stands inside a quoted value: "
						 "close the quote" },
	{ "found unexpected ':'",
	  "a word in brackets or braces ends with `:`: put it in quotes, such as \"fd00::\"" },
	{ "found unknown escape character",
	  "this escape is not known: write \\\\ for a backslash, or use single quotes" },
	{ "did not find expected <document start>",
	  "text follows the end of a document (`...`): write `---` before it, or remove `...`" },
	{ "found undefined tag handle", "a `!` begins a tag: put the value in quotes" },
	{ "did not find expected alphabetic", "`&` and `*` begin an anchor or alias: put the value "
					      "in quotes" },
	{ "control characters are not allowed", "a control character: remove it" },
	{ "invalid leading UTF-8 octet", "this byte is not UTF-8: save the file as UTF-8" },
	{ "invalid trailing UTF-8 octet", "this byte is not UTF-8: save the file as UTF-8" },
	{ "incomplete UTF-8 octet sequence", "the text ends inside a UTF-8 character" },
};

struct str yaml_explain(struct arena *a, struct str text, const struct yaml_complaint *c)
{
	struct str line = str_trim(yaml_line(text, c->at.line));

	if (has(c->problem, "did not find expected key") && str_starts(line, STR("- ")))
		return arena_printf(
			a,
			"not YAML: a list item (`- `) stands where a key of the mapping "
			"that began at line %u is expected: indent it below the key "
			"that it belongs to",
			c->began.line);
	for (size_t i = 0; i < sizeof(explanations) / sizeof(*explanations); i++)
		if (has(c->problem, explanations[i].problem))
			return arena_printf(a, "not YAML: %s", explanations[i].say);
	return arena_printf(a, "not YAML: " STR_FMT "%s" STR_FMT, STR_ARG(c->problem),
			    c->context.n ? " " : "", STR_ARG(c->context));
}
