// SPDX-License-Identifier: Apache-2.0
#include "config/regex.h"

#include <errno.h>
#include <pcre2.h>

#include "weft/limits.h"

enum { MAX_REPEAT = 1000 };

struct scan {
	struct arena *a;
	struct str p;
	size_t i;
	bool can_repeat; /* what stands before can take a quantifier */
	bool repeated;	 /* and has one already */
	struct regex_error *e;
};

static int refuse(struct scan *s, size_t at, const char *message)
{
	s->e->at = at;
	s->e->message = str_of(message);
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static char peek(const struct scan *s, size_t ahead)
{
	return s->i + ahead < s->p.n ? s->p.p[s->i + ahead] : 0;
}

/* \p{Greek} and \x{1f600}: up to the brace. */
static void skip_braces(struct scan *s)
{
	if (peek(s, 0) != '{')
		return;
	while (s->i < s->p.n && s->p.p[s->i] != '}')
		s->i++;
	s->i++;
}

static int scan_escape(struct scan *s, bool in_class)
{
	size_t at = s->i;
	char c = peek(s, 1);

	s->i += 2;
	s->can_repeat = c != 'b' && c != 'B' && c != 'A' && c != 'z';
	s->repeated = false;
	if (!c && at + 1 >= s->p.n)
		return refuse(s, at, "a backslash ends the pattern: write \\\\ for a backslash");
	if (c >= '1' && c <= '9')
		return refuse(s, at, "backreferences are not supported (RE2): spell the text out");
	if (c == 'Q' && !in_class) {
		const char *end = memmem(s->p.p + s->i, s->p.n - s->i, "\\E", 2);

		s->i = end ? (size_t)(end - s->p.p) + 2 : s->p.n;
		return 0;
	}
	if (c == 'x' || c == 'p' || c == 'P') {
		skip_braces(s);
		return 0;
	}
	if (!is_letter(c) || strchr("dDsSwWafntrE", c) || (!in_class && strchr("bBAz", c)))
		return 0;
	if (c == 'v')
		return refuse(s, at, "\\v means different things: write \\x0b");
	if (c == 'Z')
		return refuse(s, at, "\\Z is not supported (RE2): write \\z, or leave it out");
	if (c == 'k' || c == 'g')
		return refuse(s, at, "backreferences are not supported (RE2): spell the text out");
	return refuse(s, at, "this escape is not known to RE2: write the character itself");
}

static int scan_class(struct scan *s)
{
	size_t at = s->i++;

	if (peek(s, 0) == '^')
		s->i++;
	if (peek(s, 0) == ']')
		s->i++;
	while (s->i < s->p.n && s->p.p[s->i] != ']') {
		int err = 0;

		if (s->p.p[s->i] == '[' && peek(s, 1) == ':') {
			const char *end = memmem(s->p.p + s->i, s->p.n - s->i, ":]", 2);

			s->i = end ? (size_t)(end - s->p.p) + 2 : s->i + 1;
		} else if (s->p.p[s->i] == '[' && (peek(s, 1) == '.' || peek(s, 1) == '=')) {
			return refuse(
				s, s->i,
				"collating elements are not supported (RE2): list the characters");
		} else if (s->p.p[s->i] == '\\') {
			err = scan_escape(s, true);
		} else {
			s->i++;
		}
		if (err)
			return err;
	}
	if (s->i >= s->p.n)
		return refuse(s, at,
			      "`]` is missing for this `[`: add it, or write \\[ for a bracket");
	s->i++;
	s->can_repeat = true;
	s->repeated = false;
	return 0;
}

static int scan_flags(struct scan *s, size_t at)
{
	for (; s->i < s->p.n; s->i++) {
		char c = s->p.p[s->i];

		if (c == ')' || c == ':') {
			s->i++;
			return 0;
		}
		if (!strchr("imsU-", c))
			break;
	}
	return refuse(s, at,
		      "this kind of group is not supported (RE2): write (…), (?:…), "
		      "(?P<name>…) or flags of i, m, s, U");
}

static int scan_group(struct scan *s)
{
	size_t at = s->i++;
	char c = peek(s, 0), d = peek(s, 1), e = peek(s, 2);

	s->can_repeat = s->repeated = false;
	if (c != '?')
		return 0;
	s->i++;
	if (d == '=' || d == '!' || (d == '<' && (e == '=' || e == '!')))
		return refuse(s, at,
			      "lookaround is not supported (RE2): use a second match, or "
			      "withoutHeaders");
	if (d == '>')
		return refuse(s, at, "atomic groups are not supported (RE2): write (?:…)");
	if (d == 'P' && e == '=')
		return refuse(s, at, "backreferences are not supported (RE2): spell the text out");
	if (d == '<' || (d == 'P' && e == '<')) {
		while (s->i < s->p.n && s->p.p[s->i] != '>' && s->p.p[s->i] != ')')
			s->i++;
		s->i++;
		return 0;
	}
	return scan_flags(s, at);
}

/* The length of {n}, {n,} or {n,m} at s->i; 0: these braces are plain text. */
static size_t count_length(const struct scan *s, bool *too_many)
{
	size_t i = s->i + 1, value = 0, digits = 0;

	*too_many = false;
	for (; i < s->p.n && s->p.p[i] != '}'; i++) {
		char c = s->p.p[i];

		if (c == ',' && digits) {
			value = 0;
			continue;
		}
		if (!is_digit(c))
			return 0;
		digits++;
		value = value > MAX_REPEAT ? value : value * 10 + (size_t)(c - '0');
		*too_many |= value > MAX_REPEAT;
	}
	return digits && i < s->p.n ? i + 1 - s->i : 0;
}

static int dangling(struct scan *s, size_t at)
{
	struct str head = str_sub(s->p, 0, at), tail = str_sub(s->p, at, s->p.n);

	s->e->instead = arena_printf(s->a, STR_FMT "." STR_FMT, STR_ARG(head), STR_ARG(tail));
	return refuse(s, at,
		      "nothing stands before this quantifier: write `.` before it for any "
		      "character, or \\ before it for the character itself");
}

static int scan_quantifier(struct scan *s, size_t n)
{
	size_t at = s->i;

	if (!s->can_repeat)
		return dangling(s, at);
	if (s->repeated)
		return refuse(s, at,
			      peek(s, 0) == '+'
				      ? "possessive quantifiers are not supported (RE2): leave "
					"out the `+`"
				      : "a quantifier follows a quantifier: keep one");
	s->i += n;
	if (peek(s, 0) == '?')
		s->i++;
	s->repeated = true;
	return 0;
}

static int scan_one(struct scan *s)
{
	bool too_many;
	size_t n;

	switch (s->p.p[s->i]) {
	case '\\': return scan_escape(s, false);
	case '[': return scan_class(s);
	case '(': return scan_group(s);
	case '*':
	case '+':
	case '?': return scan_quantifier(s, 1);
	case '{':
		n = count_length(s, &too_many);
		if (too_many)
			return refuse(s, s->i,
				      "repetition counts above 1000 are not supported (RE2): write "
				      "a smaller one");
		if (n)
			return scan_quantifier(s, n);
		break;
	case '|':
	case '^':
	case '$':
		s->i++;
		s->can_repeat = s->repeated = false;
		return 0;
	default: break;
	}
	s->i++;
	s->can_repeat = true;
	s->repeated = false;
	return 0;
}

static int compile(struct arena *a, struct str pattern, struct regex_error *e)
{
	PCRE2_UCHAR text[256];
	PCRE2_SIZE at;
	pcre2_code *code;
	int err;

	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_NEVER_BACKSLASH_C, &err, &at,
			     NULL);
	if (code) {
		pcre2_code_free(code);
		return 0;
	}
	if (pcre2_get_error_message(err, text, sizeof(text)) < 0)
		text[0] = 0;
	e->at = at;
	e->message = arena_printf(a, "%s: write \\ before a character that is meant as itself",
				  (const char *)text);
	return -EINVAL;
}

int regex_check(struct arena *a, struct str pattern, struct regex_error *e)
{
	struct scan s = { .a = a, .p = pattern, .e = e };
	struct regex_error again;
	int err = 0;

	*e = (struct regex_error){ 0 };
	if (pattern.n > MAX_REGEX_BYTES) {
		s.i = MAX_REGEX_BYTES;
		return refuse(&s, MAX_REGEX_BYTES,
			      "the pattern is longer than 1024 bytes: shorten "
			      "it");
	}
	while (s.i < pattern.n && !err)
		err = scan_one(&s);
	if (!err)
		return compile(a, pattern, e);
	if (e->instead.n) {
		struct scan t = { .a = a, .p = e->instead, .e = &again };
		bool ok = true;

		while (t.i < t.p.n && ok)
			ok = scan_one(&t) == 0;
		if (!ok || compile(a, t.p, &again))
			e->instead = (struct str){ 0 };
	}
	return err;
}
