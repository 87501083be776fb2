// SPDX-License-Identifier: Apache-2.0
#include "mesh/address.h"

#include <arpa/inet.h>

enum { V4_BITS = 96 }; /* of the v4-mapped prefix ::ffff:0:0/96 */

bool address_parse(struct str s, struct ip16 *out)
{
	struct ip16 a = { { 0, 0, htonl(0xffff), 0 } };
	char buf[ADDRESS_TEXT];

	if (!s.n || s.n >= sizeof(buf))
		return false;
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	if (inet_pton(AF_INET, buf, &a.w[3]) != 1 && inet_pton(AF_INET6, buf, &a) != 1)
		return false;
	*out = a;
	return true;
}

bool address_is_v4(const struct ip16 *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

bool address_is_zero(const struct ip16 *a)
{
	return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

int address_cmp(const struct ip16 *a, const struct ip16 *b)
{
	return memcmp(a, b, sizeof(*a));
}

static void clear_host_bits(struct subnet *n)
{
	uint8_t *p = (uint8_t *)&n->addr;

	for (unsigned int bit = n->prefix; bit < 128; bit = (bit | 7) + 1)
		p[bit / 8] &= (uint8_t)(0xff00 >> bit % 8);
}

bool subnet_parse(struct str s, struct subnet *out)
{
	struct subnet n = { .prefix = 128 };
	struct str head;
	uint64_t bits;
	bool cut = str_cut(&s, '/', &head);

	if (!address_parse(cut ? head : s, &n.addr))
		return false;
	if (cut) {
		bool v4 = address_is_v4(&n.addr);

		if (str_u64(s, v4 ? 32 : 128, &bits))
			return false;
		n.prefix = (uint8_t)(bits + (v4 ? V4_BITS : 0));
	}
	clear_host_bits(&n);
	*out = n;
	return true;
}

bool subnet_covers(const struct subnet *outer, const struct subnet *inner)
{
	struct subnet cut = *inner;

	if (inner->prefix < outer->prefix)
		return false;
	cut.prefix = outer->prefix;
	clear_host_bits(&cut);
	return !address_cmp(&cut.addr, &outer->addr);
}

static char *put_u32(char *p, uint32_t v)
{
	char tmp[10];
	int n = 0;

	do
		tmp[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*p++ = tmp[--n];
	return p;
}

/* By hand for IPv4: it is done for every endpoint of a compile. */
static char *put_address(char *p, const struct ip16 *a)
{
	const uint8_t *b = (const uint8_t *)&a->w[3];

	if (!address_is_v4(a)) {
		inet_ntop(AF_INET6, a, p, INET6_ADDRSTRLEN);
		return p + strlen(p);
	}
	for (int i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		p = put_u32(p, b[i]);
	}
	return p;
}

struct str address_text(const struct ip16 *a, char buf[ADDRESS_TEXT])
{
	char *end = put_address(buf, a);

	*end = '\0';
	return (struct str){ buf, (size_t)(end - buf) };
}

struct str address_port_text(const struct ip16 *a, uint16_t port, char buf[ADDRESS_TEXT])
{
	bool v4 = address_is_v4(a);
	char *p = buf;

	if (!v4)
		*p++ = '[';
	p = put_address(p, a);
	if (!v4)
		*p++ = ']';
	*p++ = ':';
	p = put_u32(p, port);
	*p = '\0';
	return (struct str){ buf, (size_t)(p - buf) };
}
