// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "frame.h"

enum { ETH = 14 };

static int is_v6(const struct frame *f)
{
	return f->b[12] == 0x86;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

size_t frame_l4(const struct frame *f)
{
	return is_v6(f) ? ETH + 40 : ETH + (size_t)(f->b[ETH] & 15) * 4;
}

uint8_t frame_proto(const struct frame *f)
{
	return is_v6(f) ? f->b[ETH + 6] : f->b[ETH + 9];
}

uint8_t frame_tcp_flags(const struct frame *f)
{
	return f->b[frame_l4(f) + 13];
}

static size_t l3_end(const struct frame *f)
{
	return ETH + (is_v6(f) ? 40u + get16(f->b + ETH + 4) : get16(f->b + ETH + 2));
}

/* The sum of layer 4 with its pseudo-header where it has one: 0xffff when the field is right. */
static uint32_t l4_sum(const struct frame *f)
{
	size_t l4 = frame_l4(f), len = l3_end(f) - l4;
	uint8_t proto = frame_proto(f);
	uint32_t sum = 0;

	if (proto != 1) {
		sum = is_v6(f) ? sum16(f->b + ETH + 8, 32, 0) : sum16(f->b + ETH + 12, 8, 0);
		sum += proto + (uint32_t)len;
	}
	return sum16(f->b + l4, len, sum);
}

static size_t sum_at(const struct frame *f)
{
	uint8_t proto = frame_proto(f);

	return frame_l4(f) + (proto == 6 ? 16 : proto == 17 ? 6 : 2);
}

void frame_fix(struct frame *f)
{
	uint8_t *sum;

	if (is_v6(f)) {
		put16(f->b + ETH + 4, (uint32_t)(f->n - ETH - 40));
	} else {
		put16(f->b + ETH + 2, (uint32_t)(f->n - ETH));
		put16(f->b + ETH + 10, 0);
		put16(f->b + ETH + 10, ~sum16(f->b + ETH, (f->b[ETH] & 15) * 4u, 0));
	}
	sum = f->b + sum_at(f);
	put16(sum, 0);
	put16(sum, ~l4_sum(f));
	if (frame_proto(f) == 17 && !get16(sum))
		put16(sum, 0xffff);
}

/* Ethernet and IP header; returns where layer 4 goes. */
static uint8_t *start(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	int v6 = strchr(src, ':') != NULL;

	memset(f, 0, sizeof(*f));
	memcpy(f->b, macs, sizeof(macs));
	put16(f->b + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		f->b[ETH] = 0x60;
		f->b[ETH + 6] = proto;
		f->b[ETH + 7] = 64;
		inet_pton(AF_INET6, src, f->b + ETH + 8);
		inet_pton(AF_INET6, dst, f->b + ETH + 24);
		return f->b + ETH + 40;
	}
	f->b[ETH] = 0x45;
	f->b[ETH + 8] = 64;
	f->b[ETH + 9] = proto;
	inet_pton(AF_INET, src, f->b + ETH + 12);
	inet_pton(AF_INET, dst, f->b + ETH + 16);
	return f->b + ETH + 20;
}

static void finish(struct frame *f, uint8_t *l4, size_t head, const void *payload, size_t n)
{
	memcpy(l4 + head, payload, n);
	f->n = (size_t)(l4 - f->b) + head + n;
	frame_fix(f);
}

void frame_tcp(struct frame *f, struct ends e, uint8_t flags, uint32_t seq, uint32_t ack,
	       const char *payload)
{
	uint8_t *t = start(f, e.src, e.dst, 6);

	put16(t, e.sport);
	put16(t + 2, e.dport);
	put32(t + 4, seq);
	put32(t + 8, ack);
	t[12] = 5 << 4;
	t[13] = flags;
	put16(t + 14, 1000);
	finish(f, t, 20, payload, strlen(payload));
}

void frame_udp(struct frame *f, struct ends e, const char *payload)
{
	uint8_t *u = start(f, e.src, e.dst, 17);

	put16(u, e.sport);
	put16(u + 2, e.dport);
	put16(u + 4, (uint32_t)(8 + strlen(payload)));
	finish(f, u, 8, payload, strlen(payload));
}

void frame_icmp(struct frame *f, const char *from, const char *to, uint8_t type, uint8_t code,
		const struct frame *about, size_t quoted)
{
	uint8_t *i = start(f, from, to, strchr(from, ':') ? 58 : 1);

	i[0] = type;
	i[1] = code;
	put32(i + 4, 1400); /* the MTU of frag-needed and packet-too-big */
	finish(f, i, 8, about->b + ETH, quoted);
}

const char *frame_bad_sums(const struct frame *f)
{
	if (!is_v6(f) && sum16(f->b + ETH, (f->b[ETH] & 15) * 4u, 0) != 0xffff)
		return "IPv4 header checksum";
	if (frame_proto(f) == 17 && !is_v6(f) && !get16(f->b + frame_l4(f) + 6))
		return NULL; /* none was sent */
	return l4_sum(f) == 0xffff ? NULL : "layer-4 checksum";
}

static int addr_is(const uint8_t *at, int v6, const char *text)
{
	uint8_t want[16];

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, want) != 1)
		return 0;
	return !memcmp(at, want, v6 ? 16 : 4);
}

const char *frame_wrong(const struct frame *f, struct ends e)
{
	const uint8_t *l4 = f->b + frame_l4(f);
	int v6 = is_v6(f);

	if (!addr_is(f->b + ETH + (v6 ? 8 : 12), v6, e.src))
		return "source address";
	if (!addr_is(f->b + ETH + (v6 ? 24 : 16), v6, e.dst))
		return "destination address";
	if (get16(l4) != e.sport)
		return "source port";
	if (get16(l4 + 2) != e.dport)
		return "destination port";
	return frame_bad_sums(f);
}
