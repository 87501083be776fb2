// SPDX-License-Identifier: Apache-2.0
#include "config/repair.h"

/* What the line scanner knows: enough to leave quotes, comments and block scalars alone. */
struct scanner {
	struct repairs *r;
	char *text; /* the copy that is blanked; NULL: nothing found yet */
	struct str in;
	size_t at; /* of the line */
	uint32_t line;
	bool mesh;	 /* the document says apiVersion: …istio.io/… */
	size_t block;	 /* indentation + 1 of the line that opened a block scalar; 0: none */
	size_t doc_list; /* first entry of r->list of this document */
	uint32_t doc_from;
};

static size_t indentation(struct str line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || (n && line.p[n] == '-' && line.p[n - 1] == ' ')))
		n++;
	return n;
}

static bool opens_block(struct str line)
{
	ptrdiff_t hash = str_find(line, '#');
	struct str code = str_trim(hash > 0 ? str_sub(line, 0, (size_t)hash) : line);
	size_t n = code.n;

	while (n && (code.p[n - 1] == '-' || code.p[n - 1] == '+' ||
		     (code.p[n - 1] >= '0' && code.p[n - 1] <= '9')))
		n--;
	return n > 1 && (code.p[n - 1] == '|' || code.p[n - 1] == '>') &&
	       (code.p[n - 2] == ' ' || code.p[n - 2] == '\t');
}

/* Column of an arrow note, -1: none. A quote or a comment before it: leave it alone. */
static ptrdiff_t find_arrow(struct str line)
{
	for (size_t i = 1; i + 2 < line.n; i++) {
		char c = line.p[i];

		if (c == '"' || c == '\'' || c == '#')
			return -1;
		if (c == '<' && line.p[i + 1] == '-' && line.p[i + 2] == '-' &&
		    (line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			return (ptrdiff_t)i;
	}
	return -1;
}

static void blank(struct scanner *s, size_t from, size_t n)
{
	if (!s->text) {
		s->text = arena_alloc(s->r->arena, s->in.n + 1);
		memcpy(s->text, s->in.p, s->in.n);
	}
	memset(s->text + s->at + from, ' ', n);
}

static void note(struct scanner *s, size_t col, bool warning, struct str message)
{
	struct repair *e = vec_push(s->r->arena, &s->r->list, sizeof(*e));

	*e = (struct repair){ .pos = { s->line, (uint32_t)col + 1 },
			      .from = s->doc_from,
			      .to = UINT32_MAX,
			      .warning = warning,
			      .message = message };
}

static void next_document(struct scanner *s)
{
	struct repair *list = s->r->list.items;

	for (; s->doc_list < s->r->list.n; s->doc_list++)
		list[s->doc_list].to = s->line;
	s->doc_from = s->line;
	s->mesh = false;
	s->block = 0;
}

static void scan_line(struct scanner *s, struct str line)
{
	struct str bare = str_trim(line);
	size_t indent = indentation(line);
	ptrdiff_t arrow;

	if (s->block && bare.n && indent >= s->block)
		return;
	if (bare.n)
		s->block = 0;
	if (opens_block(line))
		s->block = indent + 1;
	if (str_starts(line, STR("apiVersion:")))
		s->mesh = memmem(line.p, line.n, "istio.io/", 9) != NULL;
	if (!s->mesh)
		return;
	if (str_eq(bare, STR("...")) && indent) {
		blank(s, indent, 3);
		note(s, indent, s->r->lenient,
		     STR("`...` is no field (at the margin it would end the document): remove the "
			 "line"));
		return;
	}
	arrow = find_arrow(line);
	if (arrow < 0)
		return;
	blank(s, (size_t)arrow, line.n - (size_t)arrow);
	note(s, (size_t)arrow, true,
	     STR("the text from `<--` on is taken as a comment: begin it with #"));
}

struct str repair_text(struct repairs *r, struct str text)
{
	struct scanner s = { .r = r, .in = text };
	size_t end;

	if (!text.n || (!memmem(text.p, text.n, "<--", 3) && !memmem(text.p, text.n, " ...", 4)))
		return text;
	for (; s.at < text.n; s.at = end + 1) {
		struct str line = str_sub(text, s.at, text.n);
		ptrdiff_t nl = str_find(line, '\n');

		end = nl < 0 ? text.n : s.at + (size_t)nl;
		line = str_sub(text, s.at, end - s.at);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		s.line++;
		if (str_starts(line, STR("---")))
			next_document(&s);
		scan_line(&s, line);
	}
	return s.text ? (struct str){ s.text, text.n } : text;
}
