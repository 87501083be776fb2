// SPDX-License-Identifier: Apache-2.0
#include "proxy/match.h"

#include <errno.h>
#include <pcre2.h>

#include "http/path.h"

enum { JOINED_MAX = 8 << 10 };

int match_scratch_init(struct match_scratch *s)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	*s = (struct match_scratch){ .data = pcre2_match_data_create(1, NULL), .context = context };
	if (!s->data || !context) {
		match_scratch_done(s);
		return -ENOMEM;
	}
	pcre2_set_match_limit(context, REGEX_MATCH_LIMIT);
	return 0;
}

void match_scratch_done(struct match_scratch *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
}

static bool regex_matches(const struct generation *g, uint32_t regex, struct str v,
			  struct match_scratch *s)
{
	/* patterns are compiled anchored at both ends: a match is a match of all of v */
	int rc = pcre2_match(g->regexes[regex], (PCRE2_SPTR)(v.p ? v.p : ""), v.n, 0, 0, s->data,
			     s->context);

	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		s->gave_up++;
	return rc >= 0;
}

/* Several headers of one name count as one, joined by commas (RFC 9110 5.3). */
static bool header_value(const struct h1_head *h, struct str name, char *joined, struct str *out)
{
	size_t n = 0;
	int found = 0;

	for (unsigned int i = 0; i < h->count; i++) {
		const struct h1_header *f = &h->headers[i];

		if (f->name.n != name.n || !str_ieq(f->name, name))
			continue;
		if (!found++) {
			*out = f->value;
			continue;
		}
		if (out->n + 1 + f->value.n > JOINED_MAX)
			return true; /* too long for anybody's rule: the first ones count */
		if (!n) {
			memcpy(joined, out->p, out->n);
			n = out->n;
		}
		joined[n++] = ',';
		memcpy(joined + n, f->value.p, f->value.n);
		n += f->value.n;
		*out = (struct str){ joined, n };
	}
	return found;
}

static bool subject(const struct image_matcher *m, struct str name, const struct match_request *r,
		    char *joined, struct str *out)
{
	switch (m->subject) {
	case SUBJECT_PATH: *out = r->path; return true;
	case SUBJECT_SCHEME: *out = r->scheme; return true;
	case SUBJECT_METHOD: *out = r->req->method_name; return true;
	case SUBJECT_AUTHORITY: *out = r->req->authority; return true;
	case SUBJECT_HEADER: return header_value(&r->req->head, name, joined, out);
	default: return query_param(r->req->query, name, out);
	}
}

static bool value_matches(const struct generation *g, const struct image_matcher *m, struct str v,
			  struct match_scratch *s)
{
	struct str want = image_str(g->im, m->value);
	bool fold = m->flags & MATCH_IGNORE_CASE;

	switch (m->op) {
	case OP_EXACT: return fold ? str_ieq(v, want) : str_eq(v, want);
	case OP_PREFIX: return fold ? str_istarts(v, want) : str_starts(v, want);
	case OP_REGEX: return regex_matches(g, m->regex, v, s);
	default: return true; /* OP_PRESENT */
	}
}

bool match(const struct generation *g, const struct image_matcher *m, const struct match_request *r,
	   struct match_scratch *s)
{
	char joined[JOINED_MAX];
	struct str v = { 0 };
	bool there = subject(m, image_str(g->im, m->name), r, joined, &v);
	bool holds;

	if (!there && (m->flags & MATCH_MISSING_IS_EMPTY) && m->op != OP_PRESENT)
		there = true;
	holds = there && value_matches(g, m, v, s);
	return m->flags & MATCH_INVERT ? !holds : holds;
}
