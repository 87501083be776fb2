/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - IP addresses and prefixes as text and as struct ip16 (IPv4 is v4-mapped). */
#ifndef WEFT_MESH_ADDRESS_H
#define WEFT_MESH_ADDRESS_H

#include "base/arena.h"
#include "weft/abi.h"

/* addr/prefix, host bits zero; prefix counts in 128 bits (v4: 96 + n), 128: one address */
struct subnet {
	struct ip16 addr;
	uint8_t prefix;
};

bool address_parse(struct str s, struct ip16 *out);
bool subnet_parse(struct str s, struct subnet *out); /* "10.0.0.0/8", "10.0.0.1", "fd00::/16" */
bool address_is_v4(const struct ip16 *a);
bool address_is_zero(const struct ip16 *a);
int address_cmp(const struct ip16 *a, const struct ip16 *b);

/* Is every address of `inner` in `outer`? prefix 0 covers both families. */
bool subnet_covers(const struct subnet *outer, const struct subnet *inner);

/* "10.0.0.1", "fd00::1"; NUL-terminated */
enum { ADDRESS_TEXT = 64 };
struct str address_text(const struct ip16 *a, char buf[ADDRESS_TEXT]);
/* "10.0.0.1:80", "[fd00::1]:80" */
struct str address_port_text(const struct ip16 *a, uint16_t port, char buf[ADDRESS_TEXT]);

#endif
