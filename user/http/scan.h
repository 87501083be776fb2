/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - finds the byte that ends a name, value or target. 16 bytes a step where the machine has
 * them, 32 for what is long (checked at run time), one otherwise; never reads at or behind `end`.
 * All return `end` when every byte passed.
 */
#ifndef WEFT_HTTP_SCAN_H
#define WEFT_HTTP_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum scan_class {
	SCAN_TOKEN = 1,	 /* RFC 9110 tchar */
	SCAN_VALUE = 2,	 /* HTAB, SP, VCHAR, obs-text */
	SCAN_TARGET = 4, /* VCHAR without '#': a fragment has no place in a request target */
	SCAN_HOST = 8,	 /* RFC 3986 reg-name, without brackets and colon */
};

extern const uint8_t scan_table[256]; /* byte to enum scan_class bits */

static inline bool scan_is(char c, enum scan_class k)
{
	return scan_table[(uint8_t)c] & k;
}

static inline const char *scan_slow(const char *p, const char *end, enum scan_class k)
{
	while (p < end && scan_is(*p, k))
		p++;
	return p;
}

const char *scan_value_long(const char *p, const char *end);

#ifdef __SSE2__

static inline unsigned int scan_mask_value(__m128i v)
{
	const __m128i low = _mm_set1_epi8(0x1f);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, low), v);
	__m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

	return (unsigned int)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
}

static inline unsigned int scan_mask_target(__m128i v)
{
	/* signed: bytes from 0x80 on are negative */
	__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
	__m128i hash = _mm_cmpeq_epi8(v, _mm_set1_epi8('#'));

	return (unsigned int)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), hash));
}

/* what is no letter, digit or '-': the rest of tchar is left to the table */
static inline unsigned int scan_mask_name(__m128i v)
{
	__m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i letter = _mm_and_si128(_mm_cmpgt_epi8(folded, _mm_set1_epi8('a' - 1)),
				       _mm_cmplt_epi8(folded, _mm_set1_epi8('z' + 1)));
	__m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
				      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
	__m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
	__m128i good = _mm_or_si128(_mm_or_si128(letter, digit), dash);

	return (unsigned int)_mm_movemask_epi8(good) ^ 0xffffu;
}

static inline __m128i scan_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline const char *scan_value(const char *p, const char *end)
{
	for (int step = 0; step < 4 && end - p >= 16; step++, p += 16) {
		unsigned int m = scan_mask_value(scan_load(p));

		if (m)
			return p + __builtin_ctz(m);
	}
	return end - p >= 16 ? scan_value_long(p, end) : scan_slow(p, end, SCAN_VALUE);
}

static inline const char *scan_target(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned int m = scan_mask_target(scan_load(p));

		if (m)
			return p + __builtin_ctz(m);
	}
	return scan_slow(p, end, SCAN_TARGET);
}

static inline const char *scan_name(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned int m = scan_mask_name(scan_load(p));

		if (m)
			return scan_slow(p + __builtin_ctz(m), end, SCAN_TOKEN);
	}
	return scan_slow(p, end, SCAN_TOKEN);
}

#else

static inline const char *scan_value(const char *p, const char *end)
{
	return scan_slow(p, end, SCAN_VALUE);
}

static inline const char *scan_target(const char *p, const char *end)
{
	return scan_slow(p, end, SCAN_TARGET);
}

static inline const char *scan_name(const char *p, const char *end)
{
	return scan_slow(p, end, SCAN_TOKEN);
}

#endif
#endif
