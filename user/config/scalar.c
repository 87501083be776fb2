// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool one_of(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_of(words[i])))
			return true;
	return false;
}

static bool says_true(struct str s)
{
	static const char *const words[] = { "true", "True", "TRUE", "yes", "Yes",
					     "YES",  "on",   "On",   "ON" };

	return one_of(s, words, sizeof(words) / sizeof(*words));
}

static bool says_false(struct str s)
{
	static const char *const words[] = { "false", "False", "FALSE", "no", "No",
					     "NO",    "off",   "Off",	"OFF" };

	return one_of(s, words, sizeof(words) / sizeof(*words));
}

bool scalar_bool(struct str s)
{
	return says_true(s);
}

int scalar_integer(struct str s, int64_t *out)
{
	char text[32], *end;
	long long v;
	size_t skip = s.n && (s.p[0] == '-' || s.p[0] == '+');
	int base = 10;

	if (s.n == skip || s.n >= sizeof(text))
		return -EINVAL;
	if (s.n - skip > 2 && s.p[skip] == '0') {
		base = s.p[skip + 1] == 'x' ? 16 : s.p[skip + 1] == 'o' ? 8 : 10;
		if (base != 10)
			s = str_sub(s, skip + 2, s.n);
	}
	if (base != 10 && skip)
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	for (size_t i = base == 10 ? skip : 0; i < s.n; i++)
		if (!((text[i] >= '0' && text[i] <= '9') ||
		      (base == 16 && (text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f')))
			return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, base);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*out = v;
	return 0;
}

int scalar_double(struct str s, double *out)
{
	char text[64], *end;
	double v;

	if (!s.n || s.n >= sizeof(text))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789+-.eE", s.p[i]) || !s.p[i])
			return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	v = strtod(text, &end);
	if (*end || end == text || !isfinite(v))
		return -EINVAL;
	*out = v;
	return 0;
}

enum scalar_is scalar_is(const struct node *n)
{
	int64_t i;
	double v;
	int err;
	char c;

	if (n->quoted || !n->text.n)
		return IS_STRING;
	c = n->text.p[0];
	if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
		err = scalar_integer(n->text, &i);
		if (err != -EINVAL)
			return IS_INTEGER;
		return scalar_double(n->text, &v) ? IS_STRING : IS_FLOAT;
	}
	if (n->text.n > 5 || !strchr("tTfFyYnNoO", c))
		return IS_STRING;
	return says_true(n->text) || says_false(n->text) ? IS_BOOL : IS_STRING;
}

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },	   { "us", 1000 },	{ "\xc2\xb5s", 1000 },	 { "\xce\xbcs", 1000 },
	{ "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000ULL }, { "h", 3600000000000ULL },
};

static uint64_t unit_of(struct str *s)
{
	size_t n = 0;

	while (n < s->n && !(s->p[n] >= '0' && s->p[n] <= '9') && s->p[n] != '.')
		n++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!str_eq(str_sub(*s, 0, n), str_of(units[i].name)))
			continue;
		*s = str_sub(*s, n, s->n);
		return units[i].ns;
	}
	return 0;
}

/* One "12.5m" off the front of *s, in nanoseconds. */
static int take_part(struct str *s, uint64_t most, uint64_t *ns)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit;
	size_t i = 0, digits = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++) {
		if (whole > most)
			return -ERANGE;
		whole = whole * 10 + (uint64_t)(s->p[i] - '0');
	}
	if (i < s->n && s->p[i] == '.')
		i++;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++) {
		if (scale >= 1000000000)
			return -EDOM;
		fraction = fraction * 10 + (uint64_t)(s->p[i] - '0');
		scale *= 10;
	}
	if (!digits)
		return -EINVAL;
	*s = str_sub(*s, i, s->n);
	unit = unit_of(s);
	if (!unit)
		return -EINVAL;
	if (whole > most / unit)
		return -ERANGE;
	*ns = whole * unit + fraction * unit / scale;
	return fraction * (unit % scale) % scale ? -EDOM : 0;
}

int scalar_duration(struct str s, uint64_t *ms)
{
	const uint64_t most = 100ULL * 365 * 24 * 3600 * 1000000000ULL;
	uint64_t total = 0, part;

	if (str_starts(s, STR("-")))
		return -ERANGE;
	if (!s.n)
		return -EINVAL;
	if (str_eq(s, STR("0"))) {
		*ms = 0;
		return 0;
	}
	while (s.n) {
		int err = take_part(&s, most, &part);

		if (err)
			return err;
		total += part;
		if (total > most)
			return -ERANGE;
	}
	if (total % 1000000)
		return -EDOM;
	*ms = total / 1000000;
	return 0;
}
