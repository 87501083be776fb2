// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bpf/lib/pkt.h"
#include "tests/lib/frame.h"

static const struct ends v4 = { "10.0.0.1", 1000, "10.0.0.2", 80 };
static const struct ends v6 = { "fd00::1", 1000, "fd00::2", 80 };

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

static struct pkt near(const struct frame *f, size_t linear)
{
	struct pkt p;

	pkt_parse(f->b, f->b + linear, (__u32)f->n, PKT_ETH, pkt_u16(f->b + 12), &p);
	return p;
}

/* The far parser; where the near one answers as well they must agree. */
static struct pkt parse(const struct frame *f)
{
	struct bytes b = { f->b, f->n };
	struct pkt p, q = near(f, f->n);

	pkt_parse_far(&b, load, (__u32)f->n, PKT_ETH, pkt_u16(f->b + 12), &p);
	if (q.kind != PKT_SHORT)
		assert_memory_equal(&p, &q, sizeof(p));
	return p;
}

static void a_tcp_packet_is_read_whole(void **state)
{
	struct frame f;
	struct pkt p;

	frame_tcp(&f, v4, TCP_SYN, 1, 0, "hello");
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_true(ip16_is_v4(&p.key.src));
	assert_int_equal(host32_of(p.key.src.w[3]), 0x0a000001);
	assert_int_equal(host32_of(p.key.dst.w[3]), 0x0a000002);
	assert_int_equal(host16_of(p.key.sport), 1000);
	assert_int_equal(host16_of(p.key.dport), 80);
	assert_int_equal(p.key.proto, PKT_TCP);
	assert_int_equal(p.tcp_flags, TCP_SYN);
	assert_int_equal(pkt_payload_len(&p, (__u32)f.n), 5);
	frame_tcp(&f, v6, TCP_ACK, 1, 0, "hello!");
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.v6, 1);
	assert_int_equal(host32_of(p.key.dst.w[0]), 0xfd000000);
	assert_int_equal(pkt_payload_len(&p, (__u32)f.n), 6);
}

static void ethernet_padding_is_no_payload(void **state)
{
	struct frame f;
	struct pkt p;

	frame_tcp(&f, v4, TCP_ACK, 1, 0, "");
	f.n += 6;
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(pkt_payload_len(&p, (__u32)f.n), 0);
}

static void no_cut_frame_is_taken_for_a_flow(void **state)
{
	struct ends ends[] = { v4, v6 };
	struct frame f;
	size_t i, n, whole;
	int udp;

	for (i = 0; i < 4; i++) {
		udp = i & 1;
		if (udp)
			frame_udp(&f, ends[i / 2], "x");
		else
			frame_tcp(&f, ends[i / 2], TCP_SYN, 1, 2, "x");
		for (n = PKT_ETH, whole = f.n; n < whole; n++) {
			f.n = n;
			assert_int_not_equal(parse(&f).kind, PKT_FLOW);
			f.n = whole;
			/* the rest lies outside the linear part: given up, not guessed */
			if (n < whole - 1)
				assert_int_equal(near(&f, n).kind, PKT_SHORT);
		}
	}
}

static void ipv4_options_are_stepped_over(void **state)
{
	struct frame f;
	struct pkt p;

	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	memmove(f.b + 14 + 60, f.b + 14 + 20, 20);
	memset(f.b + 14 + 20, 1, 40);
	f.b[14] = 0x4f;
	f.n += 40;
	frame_fix(&f);
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.l4, 14 + 60);
	assert_int_equal(host16_of(p.key.dport), 80);
}

static void lying_headers_are_bad(void **state)
{
	struct frame f;

	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	f.b[14] = 0x44; /* header of 16 bytes */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	f.b[14] = 0x65; /* version 6 under an IPv4 type */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	f.b[17] += 1; /* claims one byte more than there is */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	f.b[17] = 39; /* shorter than its headers */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	f.b[14 + 20 + 12] = 4 << 4; /* TCP header of 16 bytes */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	f.b[14 + 20 + 12] = 15 << 4; /* TCP header behind the end */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	frame_tcp(&f, v4, TCP_SYN | TCP_FIN, 1, 0, "");
	assert_int_equal(parse(&f).kind, PKT_BAD);
	frame_tcp(&f, v4, TCP_SYN | TCP_RST, 1, 0, "");
	assert_int_equal(parse(&f).kind, PKT_BAD);
	frame_tcp(&f, v6, TCP_SYN, 1, 0, "");
	f.b[14] = 0x50;
	assert_int_equal(parse(&f).kind, PKT_BAD);
}

static void fragments_are_told_apart(void **state)
{
	struct frame f;
	struct pkt p;

	frame_udp(&f, v4, "abcdefgh");
	f.b[20] = 0x20; /* more fragments, offset 0 */
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.first_fragment, 1);
	f.b[20] = 0x20;
	f.b[21] = 1;
	assert_int_equal(parse(&f).kind, PKT_FRAGMENT);
	f.b[20] = 0; /* the last one */
	assert_int_equal(parse(&f).kind, PKT_FRAGMENT);
	f.b[20] = 0x40; /* do not fragment */
	f.b[21] = 0;
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.first_fragment, 0);
}

/* Puts an extension header of 8 bytes in front of layer 4. */
static void push_ext(struct frame *f, uint8_t type)
{
	memmove(f->b + 62, f->b + 54, f->n - 54);
	memset(f->b + 54, 0, 8);
	f->b[54] = f->b[20];
	f->b[20] = type;
	f->n += 8;
	f->b[19] += 8;
}

static void ipv6_extension_headers_are_followed_up_to_a_bound(void **state)
{
	static const uint8_t types[] = { 0, 43, 60 };
	struct frame f;
	struct pkt p;
	int i, n;

	for (n = 1; n <= PKT_EXT_MAX + 1; n++) {
		frame_tcp(&f, v6, TCP_SYN, 1, 0, "");
		for (i = 0; i < n; i++)
			push_ext(&f, types[i % 3]);
		assert_int_equal(near(&f, f.n).kind, PKT_SHORT);
		p = parse(&f);
		assert_int_equal(p.kind, n <= PKT_EXT_MAX ? PKT_FLOW : PKT_BAD);
		if (n <= PKT_EXT_MAX)
			assert_int_equal(host16_of(p.key.dport), 80);
	}
}

static void an_extension_header_of_full_length_ends_out_of_bounds(void **state)
{
	struct frame f;

	frame_tcp(&f, v6, TCP_SYN, 1, 0, "");
	push_ext(&f, 60);
	f.b[55] = 255; /* 2 KiB */
	assert_int_equal(parse(&f).kind, PKT_BAD);
	f.b[55] = 1; /* into the TCP header and over its end */
	assert_int_equal(parse(&f).kind, PKT_SHORT);
}

static void ipv6_fragments_are_told_apart(void **state)
{
	struct frame f;
	struct pkt p;

	frame_udp(&f, v6, "abcdefgh");
	push_ext(&f, 44);
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.first_fragment, 0); /* an atomic fragment */
	f.b[57] = 1;
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FLOW);
	assert_int_equal(p.first_fragment, 1);
	f.b[57] = 8;
	p = parse(&f);
	assert_int_equal(p.kind, PKT_FRAGMENT);
	assert_int_equal(p.key.proto, PKT_UDP);
}

static void what_is_not_ip_or_has_no_ports_is_said_so(void **state)
{
	struct frame f;

	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	f.b[12] = 8;
	f.b[13] = 6; /* ARP */
	assert_int_equal(parse(&f).kind, PKT_NOT_IP);
	frame_tcp(&f, v4, TCP_SYN, 1, 0, "");
	f.b[23] = 132; /* SCTP */
	assert_int_equal(parse(&f).kind, PKT_OTHER);
	f.b[23] = 58; /* ICMPv6 inside IPv4 */
	assert_int_equal(parse(&f).kind, PKT_OTHER);
}

static void icmp_errors_quote_a_flow(void **state)
{
	struct frame about, f;
	struct bytes b;
	struct pkt p, q;

	frame_udp(&about, v4, "abcdefgh");
	frame_icmp(&f, "10.9.9.9", "10.0.0.1", 3, 4, &about, 28);
	p = parse(&f);
	assert_int_equal(p.kind, PKT_ERROR);
	b = (struct bytes){ f.b, f.n };
	pkt_parse_quoted(&b, load, p.payload, 0, &q);
	assert_int_equal(q.kind, PKT_FLOW);
	assert_int_equal(host16_of(q.key.sport), 1000);
	assert_int_equal(q.l4, 14 + 20 + 8 + 20);
	b.n = f.n - 1; /* ports without the eight bytes that every quote has */
	pkt_parse_quoted(&b, load, p.payload, 0, &q);
	assert_int_equal(q.kind, PKT_SHORT);
	frame_tcp(&about, v6, TCP_ACK, 1, 1, "abc");
	frame_icmp(&f, "fd00::9", "fd00::1", 2, 0, &about, 60);
	p = parse(&f);
	assert_int_equal(p.kind, PKT_ERROR);
	b = (struct bytes){ f.b, f.n };
	pkt_parse_quoted(&b, load, p.payload, 1, &q);
	assert_int_equal(q.kind, PKT_FLOW);
	assert_int_equal(host16_of(q.key.dport), 80);
	frame_icmp(&f, "fd00::9", "fd00::1", 128, 0, &about, 60); /* echo */
	assert_int_equal(parse(&f).kind, PKT_ICMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_packet_is_read_whole),
		cmocka_unit_test(ethernet_padding_is_no_payload),
		cmocka_unit_test(no_cut_frame_is_taken_for_a_flow),
		cmocka_unit_test(ipv4_options_are_stepped_over),
		cmocka_unit_test(lying_headers_are_bad),
		cmocka_unit_test(fragments_are_told_apart),
		cmocka_unit_test(ipv6_extension_headers_are_followed_up_to_a_bound),
		cmocka_unit_test(an_extension_header_of_full_length_ends_out_of_bounds),
		cmocka_unit_test(ipv6_fragments_are_told_apart),
		cmocka_unit_test(what_is_not_ip_or_has_no_ports_is_said_so),
		cmocka_unit_test(icmp_errors_quote_a_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
