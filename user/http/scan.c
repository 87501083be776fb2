// SPDX-License-Identifier: Apache-2.0
#include "http/scan.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define T  SCAN_TOKEN
#define V  SCAN_VALUE
#define U  SCAN_TARGET
#define H  SCAN_HOST
#define VU (V | U)
#define A  (T | V | U | H) /* in all four */
#define TU (T | V | U)

/* clang-format off */
const uint8_t scan_table[256] = {
	['\t'] = V, [' '] = V,
	['!'] = A, ['"'] = VU, ['#'] = T | V, ['$'] = A, ['%'] = TU, ['&'] = A, ['\''] = A,
	['('] = VU | H, [')'] = VU | H, ['*'] = A, ['+'] = A, [','] = VU | H, ['-'] = A,
	['.'] = A, ['/'] = VU, ['0' ... '9'] = A, [':'] = VU, [';'] = VU | H, ['<'] = VU,
	['='] = VU | H, ['>'] = VU, ['?'] = VU, ['@'] = VU, ['A' ... 'Z'] = A, ['['] = VU,
	['\\'] = VU, [']'] = VU, ['^'] = TU, ['_'] = A, ['`'] = TU, ['a' ... 'z'] = A,
	['{'] = VU, ['|'] = TU, ['}'] = VU, ['~'] = A,
	[0x80 ... 0xff] = V,
};
/* clang-format on */

#ifdef __x86_64__

__attribute__((target("avx2"))) static const char *value_avx2(const char *p, const char *end)
{
	const __m256i low = _mm256_set1_epi8(0x1f);

	for (; end - p >= 32; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, low), v);
		__m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
		__m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f));
		__m256i bad = _mm256_or_si256(_mm256_andnot_si256(tab, control), del);
		unsigned int m = (unsigned int)_mm256_movemask_epi8(bad);

		if (m)
			return p + __builtin_ctz(m);
	}
	return scan_slow(p, end, SCAN_VALUE);
}

static const char *value_sse2(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned int m = scan_mask_value(scan_load(p));

		if (m)
			return p + __builtin_ctz(m);
	}
	return scan_slow(p, end, SCAN_VALUE);
}

const char *scan_value_long(const char *p, const char *end)
{
	return __builtin_cpu_supports("avx2") ? value_avx2(p, end) : value_sse2(p, end);
}

#else

const char *scan_value_long(const char *p, const char *end)
{
	return scan_slow(p, end, SCAN_VALUE);
}

#endif
