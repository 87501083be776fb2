// SPDX-License-Identifier: Apache-2.0
#include "image/checksum.h"

#include <stddef.h>
#include <string.h>

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

static uint64_t fnv(uint64_t h, const void *p, uint64_t n)
{
	const unsigned char *c = p;

	for (uint64_t i = 0; i < n; i++)
		h = (h ^ c[i]) * FNV_PRIME;
	return h;
}

uint64_t image_checksum(const struct image_header *im, uint64_t size)
{
	struct image_header head;

	memcpy(&head, im, sizeof(head));
	head.checksum = 0;
	head.generation = 0;
	return fnv(fnv(FNV_START, &head, sizeof(head)), im + 1, size - sizeof(head));
}
