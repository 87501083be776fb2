// SPDX-License-Identifier: Apache-2.0
/* Response streams: the first byte of the input chooses the request's method. */
#include "tests/lib/h1_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum h1_method methods[] = { H1_GET, H1_HEAD, H1_CONNECT, H1_POST };
	struct feed f = { .responses = true };

	if (size < 1 || size > 4096)
		return 0;
	f.for_method = methods[data[0] % 4];
	f.in = (struct str){ (const char *)data + 1, size - 1 };
	feed_all_ways(&f, (uint32_t)size, 1);
	return 0;
}
