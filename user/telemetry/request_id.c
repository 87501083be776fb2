// SPDX-License-Identifier: Apache-2.0
#include "telemetry/request_id.h"

#include <errno.h>
#include <sys/random.h>

int request_ids_init(struct request_ids *g)
{
	ssize_t n = getrandom(g->s, sizeof(g->s), 0);

	if (n != (ssize_t)sizeof(g->s))
		return n < 0 ? -errno : -EIO;
	g->s[0] |= 1; /* the generator must not start from all zero */
	return 0;
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256++ (Blackman and Vigna, public domain) */
static uint64_t next(struct request_ids *g)
{
	uint64_t *s = g->s, result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

struct str request_id_next(struct request_ids *g, char buf[static REQUEST_ID_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t half[2] = { next(g), next(g) };
	size_t w = 0;

	/* RFC 9562: version 4, variant 10 */
	half[0] = (half[0] & ~0xf000ull) | 0x4000;
	half[1] = (half[1] & ~(3ull << 62)) | 1ull << 63;
	for (int nibble = 0; nibble < 32; nibble++) {
		if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
			buf[w++] = '-';
		buf[w++] = digits[half[nibble / 16] >> (60 - nibble % 16 * 4) & 0xf];
	}
	return (struct str){ buf, w };
}
