// SPDX-License-Identifier: Apache-2.0
/* Frames: nothing is read outside, both parsers agree, and every offset they give lies inside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "bpf/lib/pkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *p;
	size_t n;
};

static long load(const void *src, __u32 off, void *buf, __u32 n)
{
	const struct bytes *b = src;

	if (off > b->n || n > b->n - off)
		return -1;
	memcpy(buf, b->p + off, n);
	return 0;
}

static void check(const struct pkt *p, size_t size)
{
	if (p->kind == PKT_NOT_IP || p->kind == PKT_SHORT || p->kind == PKT_BAD)
		return;
	if (p->l3 != PKT_ETH || p->l4 < PKT_ETH + 20 || p->l4 >= PKT_L4_MAX)
		abort();
	if (p->kind == PKT_FLOW && (p->payload > size || p->l4 + 8u > size))
		abort();
	if (p->kind == PKT_FLOW && pkt_payload_len(p, (__u32)size) > size)
		abort();
	if (p->kind == PKT_FLOW && p->key.proto != PKT_TCP && p->key.proto != PKT_UDP)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	struct pkt near, far, quoted;
	size_t linear;
	uint16_t proto;

	if (size < PKT_ETH + 1 || size > 4096)
		return 0;
	proto = pkt_u16(data + 12);
	/* the first byte of the MAC says how much of the frame is linear */
	linear = PKT_ETH + (size - PKT_ETH) * data[0] / 255;
	pkt_parse(data, data + linear, (__u32)size, PKT_ETH, proto, &near);
	pkt_parse_far(&b, load, (__u32)size, PKT_ETH, proto, &far);
	check(&near, size);
	check(&far, size);
	if (near.kind != PKT_SHORT && memcmp(&near, &far, sizeof(near)) != 0)
		abort();
	if (far.kind == PKT_ERROR) {
		pkt_parse_quoted(&b, load, far.payload, far.v6, &quoted);
		if (quoted.kind == PKT_FLOW && quoted.l4 + 8u > size)
			abort();
	}
	return 0;
}
