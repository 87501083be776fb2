/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h - is a pattern within RE2's syntax (what Istio accepts), as far as PCRE2 (what runs it)
 * agrees about the meaning? Refused: backreferences, lookaround, possessive quantifiers, atomic
 * groups, conditionals, recursion, verbs, and escapes that mean different things to the two.
 */
#ifndef WEFT_CONFIG_REGEX_H
#define WEFT_CONFIG_REGEX_H

#include "base/arena.h"

struct regex_error {
	size_t at; /* byte of the pattern, from 0 */
	struct str message;
	struct str instead; /* a pattern that was probably meant, or empty */
};

/* 0, or -EINVAL with *e filled. */
int regex_check(struct arena *a, struct str pattern, struct regex_error *e);

#endif
