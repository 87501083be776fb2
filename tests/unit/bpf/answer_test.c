// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "bpf/lib/answer.h"
#include "tests/lib/frame.h"

static struct pkt parse(const struct frame *f)
{
	struct pkt p;

	pkt_parse(f->b, f->b + f->n, (__u32)f->n, PKT_ETH, pkt_u16(f->b + 12), &p);
	assert_int_equal(p.kind, PKT_FLOW);
	return p;
}

static const struct ends v4 = { "10.0.0.1", 1000, "10.96.0.2", 80 };
static const struct ends v6 = { "fd00::1", 1000, "fd00:96::2", 80 };
static const struct ends v4_back = { "10.96.0.2", 80, "10.0.0.1", 1000 };
static const struct ends v6_back = { "fd00:96::2", 80, "fd00::1", 1000 };

static uint32_t be32_at(const uint8_t *p)
{
	return host32_of(load_be32(p));
}

/* The frame that the refused one becomes. */
static struct frame reset(const struct frame *f, uint32_t seq, uint32_t ack, int partial)
{
	struct pkt p = parse(f);
	struct frame out = *f;

	answer_rst(out.b + PKT_ETH, &p, seq, ack, pkt_payload_len(&p, (__u32)f->n), partial);
	out.n = PKT_ETH + (p.v6 ? ANSWER_RST6 : ANSWER_RST4);
	return out;
}

static void a_syn_is_answered_with_a_reset_that_the_client_believes(void **state)
{
	struct frame f, r;
	uint8_t *tcp;

	frame_tcp(&f, v4, TCP_SYN, 0xfffffffeu, 0, "ab");
	r = reset(&f, 0xfffffffeu, 0, 0);
	assert_null(frame_wrong(&r, v4_back));
	tcp = r.b + frame_l4(&r);
	assert_int_equal(tcp[13], TCP_RST | TCP_ACK);
	assert_int_equal(be32_at(tcp + 4), 0);
	assert_int_equal(be32_at(tcp + 8), 1); /* seq + SYN + 2 bytes, over the wrap */
	frame_tcp(&f, v6, TCP_SYN, 7, 0, "");
	r = reset(&f, 7, 0, 0);
	assert_null(frame_wrong(&r, v6_back));
	assert_int_equal(be32_at(r.b + frame_l4(&r) + 8), 8);
}

static void a_packet_with_ack_is_answered_with_its_own_sequence(void **state)
{
	struct frame f, r;
	uint8_t *tcp;

	frame_tcp(&f, v4, TCP_ACK, 5, 99, "data");
	r = reset(&f, 5, 99, 0);
	assert_null(frame_wrong(&r, v4_back));
	tcp = r.b + frame_l4(&r);
	assert_int_equal(tcp[13], TCP_RST);
	assert_int_equal(be32_at(tcp + 4), 99);
	assert_int_equal(be32_at(tcp + 8), 0);
}

static void a_partial_checksum_holds_the_pseudo_header_only(void **state)
{
	struct frame f, r;
	uint8_t *tcp;
	uint32_t sum;

	frame_tcp(&f, v6, TCP_SYN, 7, 0, "");
	r = reset(&f, 7, 0, 1);
	assert_string_equal(frame_bad_sums(&r), "layer-4 checksum");
	tcp = r.b + frame_l4(&r);
	sum = pkt_u16(tcp + 16);
	/* what a device does: sum from the TCP header on, the field included, complemented */
	for (size_t i = 0; i < 20; i += 2)
		sum += i == 16 ? 0 : pkt_u16(tcp + i);
	store_be16(tcp + 16, be16_of(~csum_fold(sum)));
	assert_null(frame_wrong(&r, v6_back));
}

static void refused_udp_is_quoted_in_port_unreachable(void **state)
{
	const struct ends ends[] = { v4, v6 };
	struct frame f, out;
	struct pkt p;
	int i;

	for (i = 0; i < 2; i++) {
		frame_udp(&f, ends[i], "query");
		p = parse(&f);
		out = f;
		memcpy(out.b + PKT_ETH + (i ? 48 : 28), f.b + PKT_ETH,
		       i ? ANSWER_QUOTE6 : ANSWER_QUOTE4);
		answer_unreach(out.b + PKT_ETH, &p);
		out.n = PKT_ETH + (i ? ANSWER_UNREACH6 : ANSWER_UNREACH4);
		assert_null(frame_bad_sums(&out));
		assert_int_equal(frame_proto(&out), i ? 58 : 1);
		assert_int_equal(out.b[frame_l4(&out)], i ? 1 : 3);
		assert_int_equal(out.b[frame_l4(&out) + 1], i ? 4 : 3);
	}
}

/* Rewrites addresses and ports by deltas only, as the kernel does. */
static void rewrite(struct frame *f, struct ends to)
{
	struct frame want;
	struct pkt p = parse(f), q;
	uint8_t *sum = f->b + p.l4 + (p.key.proto == PKT_TCP ? 16 : 6);
	__u32 addr, port;

	frame_udp(&want, to, "");
	q = parse(&want);
	addr = csum_fold64(csum_delta_ip16(&p.key.src, &q.key.src) +
			   csum_delta_ip16(&p.key.dst, &q.key.dst));
	port = csum_fold64(csum_delta_be16(p.key.sport, q.key.sport) +
			   csum_delta_be16(p.key.dport, q.key.dport));
	store_be16(sum, csum_update(csum_update(load_be16(sum), addr), port));
	if (!p.v6)
		store_be16(f->b + 24, csum_update(load_be16(f->b + 24), addr));
	memcpy(f->b + (p.v6 ? 22 : 26), want.b + (p.v6 ? 22 : 26), p.v6 ? 32 : 8);
	store_be16(f->b + p.l4, q.key.sport);
	store_be16(f->b + p.l4 + 2, q.key.dport);
}

static void deltas_give_the_checksum_of_the_rewritten_packet(void **state)
{
	struct frame f;
	char src[64], dst[64];
	uint32_t i, h = 1;

	for (i = 0; i < 20000; i++) {
		struct ends to = { src, 0, dst, 0 };

		h = mix32(h + i);
		to.sport = (uint16_t)h;
		to.dport = (uint16_t)(h >> 16);
		if (i & 1) {
			snprintf(src, sizeof(src), "%u.%u.%u.%u", h >> 24, h & 255, i & 255, 255);
			snprintf(dst, sizeof(dst), "255.255.%u.%u", h >> 24, (h >> 8) & 255);
			frame_tcp(&f, v4, TCP_ACK, h, i, "odd");
		} else {
			snprintf(src, sizeof(src), "%x:%x::ffff", h >> 16, h & 0xffff);
			snprintf(dst, sizeof(dst), "ffff::%x:0", (h >> 8) & 0xffff);
			frame_tcp(&f, v6, TCP_ACK, h, i, "even");
		}
		rewrite(&f, to);
		assert_null(frame_wrong(&f, to));
	}
}

static void other_source_ports_lie_outside_the_default_client_range(void **state)
{
	uint64_t r;
	uint16_t port, low = 65535, high = 0;

	for (r = 0; r <= 0xffffffffu; r += 65521) {
		port = host16_of(nat_port((uint32_t)r));
		assert_true(port >= 1024);
		assert_true(port < 32768 || port >= 61000);
		low = port < low ? port : low;
		high = port > high ? port : high;
	}
	assert_int_equal(low, 1024);
	assert_int_equal(high, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_is_answered_with_a_reset_that_the_client_believes),
		cmocka_unit_test(a_packet_with_ack_is_answered_with_its_own_sequence),
		cmocka_unit_test(a_partial_checksum_holds_the_pseudo_header_only),
		cmocka_unit_test(refused_udp_is_quoted_in_port_unreachable),
		cmocka_unit_test(deltas_give_the_checksum_of_the_rewritten_packet),
		cmocka_unit_test(other_source_ports_lie_outside_the_default_client_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
