// SPDX-License-Identifier: Apache-2.0
#include "config/schema.h"

#include <errno.h>

#include "config/lenient.h"
#include "config/scalar.h"
#include "weft/limits.h"

struct str node_says(struct arena *a, const struct node *n)
{
	struct str shown;

	if (n->type == NODE_NULL)
		return STR("nothing (null)");
	if (n->type == NODE_LIST)
		return STR("a list");
	if (n->type == NODE_MAP)
		return STR("a mapping");
	shown = str_sub(n->text, 0, 60);
	switch (scalar_is(n)) {
	case IS_BOOL: return arena_printf(a, "the boolean " STR_FMT, STR_ARG(shown));
	case IS_INTEGER:
	case IS_FLOAT: return arena_printf(a, "the number " STR_FMT, STR_ARG(shown));
	case IS_STRING: break;
	}
	return arena_printf(a, "the string \"" STR_FMT "%s\"", STR_ARG(shown),
			    n->text.n > shown.n ? "…" : "");
}

static void wrong(struct decoder *d, const struct node *n, const struct path *p, const char *want)
{
	problem_add(d, false, n->pos, p, "found " STR_FMT ": write %s", STR_ARG(node_says(d->a, n)),
		    want);
}

/* mirrorPercent is also mirror_percent: an upper-case letter is `_` and its lower case. */
static bool snake_matches(const char *name, struct str key)
{
	size_t i = 0;

	for (; *name; name++) {
		char c = *name;

		if (c >= 'A' && c <= 'Z') {
			if (i >= key.n || key.p[i++] != '_')
				return false;
			c = (char)(c | 0x20);
		}
		if (i >= key.n || key.p[i++] != c)
			return false;
	}
	return i == key.n;
}

bool name_matches(const char *name, const char *alias, struct str key)
{
	return str_eq(key, str_of(name)) || snake_matches(name, key) ||
	       (alias && (str_eq(key, str_of(alias)) || snake_matches(alias, key)));
}

const struct field *schema_find(const struct schema *s, struct str key)
{
	/* as written in nearly every file: most names differ in the first byte */
	for (const struct field *f = s->fields; f->name && key.n; f++)
		if (*f->name == *key.p && str_eq(key, str_of(f->name)))
			return f;
	for (const struct field *f = s->fields; f->name; f++)
		if (name_matches(f->name, f->alias, key))
			return f;
	return NULL;
}

bool field_is_map(const struct field *f)
{
	return f->type == T_INLINE || f->type == T_PTR || f->type == T_PAIRS ||
	       (f->type == T_CUSTOM && f->sub);
}

static bool decode_str(struct decoder *d, const struct node *n, const struct path *p,
		       struct str *out)
{
	enum scalar_is is;

	if (n->type != NODE_SCALAR) {
		wrong(d, n, p, "a string");
		return false;
	}
	is = scalar_is(n);
	if (is != IS_STRING) {
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT
			    " where a string belongs: write it in quotes, \"" STR_FMT "\"",
			    STR_ARG(node_says(d->a, n)), STR_ARG(str_sub(n->text, 0, 60)));
		return false;
	}
	*out = arena_str(d->a, n->text);
	return true;
}

static bool out_of_bounds(struct decoder *d, const struct field *f, const struct node *n,
			  const struct path *p, double v)
{
	struct str shown = str_sub(n->text, 0, 60);

	if (v < f->min)
		problem_add(d, false, n->pos, p, STR_FMT " is below %.15g: write %.15g%s%.15g",
			    STR_ARG(shown), f->min, f->min, f->max ? "…" : " or more: at least ",
			    f->max ? f->max : f->min);
	else if (f->max && v > f->max)
		problem_add(d, false, n->pos, p, STR_FMT " is above %.15g: write %.15g…%.15g",
			    STR_ARG(shown), f->max, f->min, f->max);
	else
		return false;
	return true;
}

static bool decode_u64(struct decoder *d, const struct field *f, const struct node *n,
		       const struct path *p, uint64_t *out)
{
	int64_t v = 0;
	double real;
	int err;

	if (n->type != NODE_SCALAR || (n->quoted && n->type == NODE_SCALAR)) {
		wrong(d, n, p,
		      n->type == NODE_SCALAR ? "a whole number without quotes" : "a whole number");
		return false;
	}
	err = scalar_integer(n->text, &v);
	if (err == -EINVAL && !scalar_double(n->text, &real) && real >= 0 && real < 9e15 &&
	    real == (double)(int64_t)real) {
		v = (int64_t)real; /* 80.0 */
		err = 0;
	}
	if (err == -EINVAL) {
		wrong(d, n, p, "a whole number");
		return false;
	}
	if (err)
		v = n->text.p[0] == '-' ? INT64_MIN : INT64_MAX;
	if (out_of_bounds(d, f, n, p, (double)v))
		return false;
	*out = (uint64_t)v;
	return true;
}

static bool decode_u32(struct decoder *d, const struct field *f, const struct node *n,
		       const struct path *p, uint32_t *out)
{
	struct field bounded = *f;
	uint64_t v;

	if (!bounded.max)
		bounded.max = UINT32_MAX;
	if (!decode_u64(d, &bounded, n, p, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool decode_bool(struct decoder *d, const struct node *n, const struct path *p, bool *out)
{
	if (n->type != NODE_SCALAR || scalar_is(n) != IS_BOOL) {
		wrong(d, n, p, "true or false");
		return false;
	}
	*out = scalar_bool(n->text);
	return true;
}

static void decode_ms(struct decoder *d, const struct field *f, const struct node *n,
		      const struct path *p, struct opt_ms *out)
{
	uint64_t ms = 0;
	int err = n->type == NODE_SCALAR ? scalar_duration(n->text, &ms) : -EINVAL;
	bool bare = n->type == NODE_SCALAR && scalar_is(n) != IS_STRING;

	if (bare && n->text.n < 12)
		problem_add(d, false, n->pos, p,
			    "found " STR_FMT " without a unit: write " STR_FMT "s for seconds",
			    STR_ARG(node_says(d->a, n)), STR_ARG(n->text));
	else if (err == -EDOM)
		problem_add(d, false, n->pos, p,
			    "\"" STR_FMT "\" is finer than a millisecond: write whole "
			    "milliseconds, such as 10ms or 0.25s",
			    STR_ARG(str_sub(n->text, 0, 60)));
	else if (err == -ERANGE)
		problem_add(d, false, n->pos, p,
			    "\"" STR_FMT "\" is out of range: write a duration from 1ms to a "
			    "hundred years",
			    STR_ARG(str_sub(n->text, 0, 60)));
	else if (err)
		wrong(d, n, p, "a duration such as 10ms, 1.5s, 1m or 1h30m");
	else if (!ms && !f->zero_ok)
		problem_add(d, false, n->pos, p,
			    "the duration is zero: write 1ms or more, or remove "
			    "the field");
	else
		*out = (struct opt_ms){ true, ms };
}

static void decode_double(struct decoder *d, const struct field *f, const struct node *n,
			  const struct path *p, struct percent *out)
{
	double v;

	if (n->type != NODE_SCALAR || n->quoted || scalar_double(n->text, &v)) {
		wrong(d, n, p, "a number");
		return;
	}
	if (!out_of_bounds(d, f, n, p, v))
		*out = (struct percent){ true, v };
}

static const struct enum_name *decode_enum(struct decoder *d, const struct field *f,
					   const struct node *n, const struct path *p)
{
	int64_t number = -1;
	struct str all = STR("");
	const struct enum_name *e;

	if (n->type != NODE_SCALAR) {
		wrong(d, n, p, "one of its names");
		return NULL;
	}
	if (!n->quoted && scalar_integer(n->text, &number))
		number = -1;
	for (e = f->names; e->name; e++)
		if (str_eq(n->text, str_of(e->name)) || (number >= 0 && number == e->number))
			return e;
	for (e = f->names; e->name; e++)
		all = arena_printf(d->a, STR_FMT "%s%s", STR_ARG(all),
				   all.n ? e[1].name ? ", " : " or " : "", e->name);
	problem_add(d, false, n->pos, p, "found " STR_FMT ": write " STR_FMT,
		    STR_ARG(node_says(d->a, n)), STR_ARG(all));
	return NULL;
}

static bool want_list(struct decoder *d, const struct field *f, const struct node *n,
		      const struct path *p)
{
	if (n->type == NODE_LIST)
		return true;
	problem_add(d, false, n->pos, p,
		    "found " STR_FMT ": write a list (`%s:` and one `- ` a line)",
		    STR_ARG(node_says(d->a, n)), f->name);
	return false;
}

static void decode_strs(struct decoder *d, const struct field *f, const struct node *n,
			const struct path *p, struct strs *out)
{
	if (!want_list(d, f, n, p))
		return;
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	out->n = n->n;
	for (size_t i = 0; i < n->n; i++) {
		struct path at = { .up = p, .index = i };

		decode_str(d, n->items[i], &at, &out->items[i]);
	}
}

static void decode_u32s(struct decoder *d, const struct field *f, const struct node *n,
			const struct path *p, struct u32s *out)
{
	if (!want_list(d, f, n, p))
		return;
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	out->n = n->n;
	for (size_t i = 0; i < n->n; i++) {
		struct path at = { .up = p, .index = i };

		decode_u32(d, f, n->items[i], &at, &out->items[i]);
	}
}

void decode_pairs(struct decoder *d, const struct node *n, const struct path *p, struct pairs *out)
{
	if (n->type != NODE_MAP) {
		wrong(d, n, p, "a mapping of names to strings");
		return;
	}
	out->items = arena_array(d->a, n->n, sizeof(*out->items));
	for (size_t i = 0; i < n->n; i++) {
		struct path at = { .up = p, .key = n->pairs[i].key, .quoted = true };
		struct pair *pair = &out->items[out->n++];

		pair->key = arena_str(d->a, n->pairs[i].key);
		pair->pos = n->pairs[i].pos;
		if (n->pairs[i].value->type != NODE_NULL)
			decode_str(d, n->pairs[i].value, &at, &pair->value);
	}
}

static void decode_list(struct decoder *d, const struct field *f, const struct node *n,
			const struct path *p, void *at)
{
	LIST_OF(char) *out = at;

	if (!want_list(d, f, n, p))
		return;
	out->items = arena_array(d->a, n->n, f->sub->size);
	out->n = n->n;
	for (size_t i = 0; i < n->n; i++) {
		struct path item = { .up = p, .index = i };

		decode_struct(d, f->sub, n->items[i], &item, out->items + i * f->sub->size);
	}
}

static void decode_opt(struct decoder *d, const struct field *f, const struct node *n,
		       const struct path *p, void *at)
{
	struct opt_u32 *number = at;
	struct opt_bool *flag = at;

	if (f->type == T_OPT_U32)
		number->set = decode_u32(d, f, n, p, &number->v);
	else
		flag->set = decode_bool(d, n, p, &flag->v);
}

static void decode_name(struct decoder *d, const struct field *f, const struct node *n,
			const struct path *p, void *at)
{
	const struct enum_name *e = decode_enum(d, f, n, p);

	if (e && f->type == T_ENUM)
		*(int *)at = e->value;
	else if (e)
		*(struct str *)at = str_of(e->name);
}

static void decode_sub(struct decoder *d, const struct field *f, const struct node *n,
		       const struct path *p, void *base, void *at)
{
	if (f->type == T_PTR) {
		void *made = arena_alloc(d->a, f->sub->size);

		*(void **)at = made;
		at = made;
	}
	if (f->has_off)
		*((bool *)base + f->has_off - 1) = true;
	decode_struct(d, f->sub, n, p, at);
}

void decode_field(struct decoder *d, const struct field *f, const struct node *n,
		  const struct path *p, void *base)
{
	void *at = (char *)base + f->off;

	switch (f->type) {
	case T_STR: decode_str(d, n, p, at); break;
	case T_U32: decode_u32(d, f, n, p, at); break;
	case T_U64: decode_u64(d, f, n, p, at); break;
	case T_BOOL: decode_bool(d, n, p, at); break;
	case T_OPT_U32:
	case T_OPT_BOOL: decode_opt(d, f, n, p, at); break;
	case T_MS: decode_ms(d, f, n, p, at); break;
	case T_DOUBLE: decode_double(d, f, n, p, at); break;
	case T_STRS: decode_strs(d, f, n, p, at); break;
	case T_U32S: decode_u32s(d, f, n, p, at); break;
	case T_PAIRS: decode_pairs(d, n, p, at); break;
	case T_ENUM:
	case T_ENUM_STR: decode_name(d, f, n, p, at); break;
	case T_INLINE:
	case T_PTR: decode_sub(d, f, n, p, base, at); break;
	case T_LIST: decode_list(d, f, n, p, at); break;
	case T_CUSTOM: f->decode(d, f, n, p, at); break;
	case T_ANY: break;
	}
}

static void unknown(struct decoder *d, const struct schema *s, const struct node *n,
		    const struct node_pair *pair, const struct path *p)
{
	struct path at = { .up = p, .key = pair->key };
	struct str hint;

	/* beyond the bound nothing is printed: do not look for what was meant either */
	if (s->open || d->o->problems.n > MAX_ERRORS_PER_OBJECT)
		return;
	hint = schema_suggest(d->a, s, n, pair->key);
	problem_add(d, false, pair->pos, &at, "unknown field `" STR_FMT "` of %s: %s" STR_FMT,
		    STR_ARG(str_sub(pair->key, 0, 60)), s->name, hint.n ? "" : "remove it",
		    STR_ARG(hint));
}

/* Both spellings of a field, or two members of a oneof. */
static void check_rivals(struct decoder *d, const struct field *f, const struct node_pair *pair,
			 const struct path *p, const struct field *const *seen, size_t n)
{
	struct path at = { .up = p, .key = pair->key };

	for (size_t i = 0; i < n; i++) {
		if (seen[i] == f)
			problem_add(d, false, pair->pos, &at,
				    "`%s` is given twice, in two spellings: keep %s", f->name,
				    f->name);
		else if (f->oneof && seen[i]->oneof == f->oneof)
			problem_add(d, false, pair->pos, &at,
				    "`%s` and `%s` exclude each other: keep one", seen[i]->name,
				    f->name);
	}
}

static void check_required(struct decoder *d, const struct schema *s, const struct node *n,
			   const struct path *p, const struct field *const *seen, size_t nr)
{
	for (const struct field *f = s->fields; f->name && !d->incomplete; f++) {
		struct path at = { .up = p, .key = str_of(f->name) };
		bool found = !f->required;

		for (size_t i = 0; i < nr && !found; i++)
			found = seen[i] == f;
		if (!found)
			problem_add(d, false, n->pos, &at, "`%s` is missing: add it to this %s",
				    f->name, s->name);
	}
}

enum { MAX_FIELDS = 48 };

void decode_struct(struct decoder *d, const struct schema *s, const struct node *n,
		   const struct path *p, void *at)
{
	const struct field *seen[MAX_FIELDS];
	size_t nr = 0;

	if (n->type != NODE_MAP) {
		problem_add(d, false, n->pos, p, "found " STR_FMT ": write a mapping, a %s",
			    STR_ARG(node_says(d->a, n)), s->name);
		return;
	}
	n = lenient_settle(d, s, n, p);
	if (s->pos_off)
		*(struct pos *)((char *)at + s->pos_off - 1) = n->pos;
	for (size_t i = 0; i < n->n; i++) {
		const struct node_pair *pair = &n->pairs[i];
		const struct field *f = schema_find(s, pair->key);
		struct path here = { .up = p };

		if (!f) {
			unknown(d, s, n, pair, p);
			continue;
		}
		here.key = str_of(f->name);
		if (pair->value->type == NODE_NULL) /* null is unset */
			continue;
		check_rivals(d, f, pair, p, seen, nr);
		if (nr < MAX_FIELDS)
			seen[nr++] = f;
		decode_field(d, f, pair->value, &here, at);
	}
	check_required(d, s, n, p, seen, nr);
}
