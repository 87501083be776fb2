/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - does a request satisfy a matcher of the image (mesh-api 2.2)? Pure but for the scratch
 * memory of regular expressions, which each worker has of its own.
 */
#ifndef WEFT_PROXY_MATCH_H
#define WEFT_PROXY_MATCH_H

#include "http/h1.h"
#include "proxy/generation.h"

/* What matchers look at. */
struct match_request {
	const struct h1_request *req;
	struct str path; /* canonical, without query */
	struct str scheme;
};

struct match_scratch {
	void *data, *context; /* pcre2 */
	uint64_t gave_up;     /* regular expressions that hit REGEX_MATCH_LIMIT: no match */
};

int match_scratch_init(struct match_scratch *s); /* -ENOMEM */
void match_scratch_done(struct match_scratch *s);

bool match(const struct generation *g, const struct image_matcher *m, const struct match_request *r,
	   struct match_scratch *s);

#endif
