// SPDX-License-Identifier: Apache-2.0
#include "telemetry/flags.h"

/* clang-format off */
#define FLAG_NAME(name, help) { #name, sizeof(#name) - 1 },
static const struct str names[NR_RESPONSE_FLAGS] = { RESPONSE_FLAGS(FLAG_NAME) };
#define FLAG_LENGTH(name, help) + sizeof(#name)
_Static_assert(0 RESPONSE_FLAGS(FLAG_LENGTH) <= FLAGS_TEXT_MAX, "all flags fit, each with its comma");
/* clang-format on */

struct str response_flags_text(uint32_t flags, char buf[static FLAGS_TEXT_MAX])
{
	size_t n = 0;

	flags &= (uint32_t)((1ull << NR_RESPONSE_FLAGS) - 1);
	if (!flags)
		return STR("-");
	if (!(flags & (flags - 1))) /* one: the usual case */
		return names[__builtin_ctz(flags)];
	for (; flags; flags &= flags - 1) {
		struct str name = names[__builtin_ctz(flags)];

		if (n)
			buf[n++] = ',';
		memcpy(buf + n, name.p, name.n);
		n += name.n;
	}
	return (struct str){ buf, n };
}
