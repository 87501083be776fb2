// SPDX-License-Identifier: Apache-2.0
/* What an unknown field may have meant. */
#include "config/schema.h"

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

enum { MAX_WORD = 64 };

unsigned int edit_distance(struct str a, struct str b, unsigned int most)
{
	unsigned int row[3][MAX_WORD + 1];

	if (a.n > MAX_WORD || b.n > MAX_WORD)
		return most + 1;
	for (unsigned int j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (unsigned int i = 1; i <= a.n; i++) {
		unsigned int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned int j = 1; j <= b.n; j++) {
			char x = fold(a.p[i - 1]), y = fold(b.p[j - 1]);

			now[j] = min3(up[j] + 1, now[j - 1] + 1, up[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == fold(b.p[j - 2]) && y == fold(a.p[i - 2]) &&
			    up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[a.n % 3][b.n] > most ? most + 1 : row[a.n % 3][b.n];
}

static struct str list_names(struct arena *a, const struct schema *s)
{
	struct str all = STR("");
	size_t n = 0;

	for (const struct field *f = s->fields; f->name && n < 12; f++, n++)
		all = arena_printf(a, STR_FMT "%s%s", STR_ARG(all), all.n ? ", " : "", f->name);
	return all;
}

/* The path below s at which a field named exactly `key` stands, at most `levels` down. */
static struct str find_below(struct arena *a, const struct schema *s, struct str key, int levels)
{
	struct str found = { 0 };

	for (const struct field *f = s->fields; f->name && levels && !found.n; f++) {
		struct str in;

		if (!f->sub || f->type == T_CUSTOM || f->sub == s)
			continue;
		if (schema_find(f->sub, key))
			found = arena_printf(a, "%s%s." STR_FMT, f->name,
					     f->type == T_LIST ? "[]" : "", STR_ARG(key));
		else if ((in = find_below(a, f->sub, key, levels - 1)).n)
			found = arena_printf(a, "%s%s." STR_FMT, f->name,
					     f->type == T_LIST ? "[]" : "", STR_ARG(in));
	}
	return found;
}

struct str schema_suggest(struct arena *a, const struct schema *s, const struct node *map,
			  struct str key)
{
	unsigned int most = key.n < 4 ? 1 : key.n < 8 ? 2 : 3, best = most + 1;
	const struct field *like = NULL;
	struct str below = { 0 };

	for (const struct field *f = s->fields; f->name; f++) {
		unsigned int away = edit_distance(key, str_of(f->name), most);

		if (away < best) {
			best = away;
			like = f;
		}
	}
	if (like)
		return arena_printf(a, "did you mean `%s`?", like->name);
	for (int levels = 1; levels <= 3 && !below.n; levels++)
		below = find_below(a, s, key, levels);
	if (below.n)
		return arena_printf(a, "did you mean " STR_FMT "?", STR_ARG(below));
	return arena_printf(a, "remove it, or write one of " STR_FMT, STR_ARG(list_names(a, s)));
}
