// SPDX-License-Identifier: Apache-2.0
#include "http/authority.h"

#include <arpa/inet.h>
#include <errno.h>

#include "http/scan.h"

static int parse_port(struct str s, uint16_t *out)
{
	uint64_t port;

	if (s.n == 0 || s.p[0] == '0' || str_u64(s, UINT16_MAX, &port) < 0)
		return -EINVAL;
	*out = (uint16_t)port;
	return 0;
}

/* "[...]": its length, 0 when it is no IPv6 literal */
static size_t literal(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	ptrdiff_t stop = str_find(s, ']');

	if (stop < 2 || (size_t)stop - 1 >= sizeof(text))
		return 0;
	memcpy(text, s.p + 1, (size_t)stop - 1);
	text[stop - 1] = '\0';
	/* a NUL inside would hide what follows it */
	if (strlen(text) != (size_t)stop - 1 || inet_pton(AF_INET6, text, &addr) != 1)
		return 0;
	return (size_t)stop + 1;
}

int authority_parse(struct str s, struct authority *out)
{
	uint16_t port = 0;
	size_t n;

	if (s.n == 0)
		return -EINVAL;
	if (s.p[0] == '[')
		n = literal(s);
	else
		n = (size_t)(scan_slow(s.p, s.p + s.n, SCAN_HOST) - s.p);
	if (n == 0)
		return -EINVAL;
	if (n < s.n && (s.p[n] != ':' || parse_port(str_sub(s, n + 1, s.n), &port) < 0))
		return -EINVAL;
	*out = (struct authority){ str_sub(s, 0, n), port };
	return 0;
}

struct str authority_canonical(struct str host, char *buf, size_t cap)
{
	size_t n = host.n;

	if (n > 1 && host.p[n - 1] == '.')
		n--;
	if (n > cap)
		return (struct str){ 0 };
	for (size_t i = 0; i < n; i++) {
		char c = host.p[i];

		buf[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return (struct str){ buf, n };
}
