// SPDX-License-Identifier: Apache-2.0
/*
 * What the doors make of packets they let through: compared byte by byte, every checksum verified.
 * Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <bpf/bpf.h>
#include "kernel/fill.h"
#include "kernel/kernel.h"
#include "kernel/sweep.h"
#include "kernel/tables.h"
#include "tests/lib/door_rig.h"

static void a_connection_is_translated_both_ways(void **state)
{
	const struct {
		struct ends dialled, served;
	} both[] = {
		{ { "10.244.1.2", 4000, VIP4, 80 }, { "10.244.1.2", 4000, "10.244.1.3", 8080 } },
		{ { "fd00:10:244:1::2", 4000, VIP6, 80 },
		  { "fd00:10:244:1::2", 4000, "fd00:10:244:1::3", 8080 } },
	};
	struct frame f;
	int i;

	for (i = 0; i < 2; i++) {
		frame_tcp(&f, both[i].dialled, SYN, 1, 0, "");
		assert_int_equal(dr_in(&f, 0), SENT);
		assert_null(frame_wrong(&f, both[i].served));
		frame_tcp(&f, ends_reversed(both[i].served), SYN | ACK, 9, 2, "");
		assert_int_equal(dr_in(&f, 1), SENT);
		assert_null(frame_wrong(&f, ends_reversed(both[i].dialled)));
		frame_tcp(&f, both[i].dialled, ACK, 2, 10, "request");
		assert_int_equal(dr_in(&f, 0), SENT);
		assert_null(frame_wrong(&f, both[i].served));
	}
	assert_int_equal(dr_counted(REASON_balanced), 2);
	assert_int_equal(dr_cluster(11).open, 1);
}

static void a_retransmitted_syn_reserves_once(void **state)
{
	struct ends e = { "10.244.1.2", 4001, VIP4, 80 };
	struct frame f;
	int i;

	for (i = 0; i < 3; i++) {
		frame_tcp(&f, e, SYN, 1, 0, "");
		assert_int_equal(dr_in(&f, 0), SENT);
	}
	assert_int_equal(dr_cluster(11).open, 1);
	assert_int_equal(dr_cluster(11).opened, 1);
}

static void a_half_closed_connection_lives_on(void **state)
{
	struct ends e = { "10.244.1.2", 4200, VIP4, 80 };
	struct ends served = { "10.244.1.2", 4200, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	dr_in(&f, 0);
	frame_tcp(&f, ends_reversed(served), SYN | ACK, 1, 2, "");
	dr_in(&f, 1);
	frame_tcp(&f, e, FIN | ACK, 2, 2, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(dr_cluster(11).open, 1);
	frame_tcp(&f, ends_reversed(served), ACK, 2, 3, "still talking");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_null(frame_wrong(&f, ends_reversed(e)));
	frame_tcp(&f, ends_reversed(served), FIN | ACK, 15, 3, "");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_int_equal(dr_cluster(11).open, 0);
	frame_tcp(&f, e, ACK, 3, 16, "");
	assert_int_equal(dr_in(&f, 0), SENT); /* the last acknowledgement */
	assert_null(frame_wrong(&f, served));
	/* the tuple again: a new connection */
	frame_tcp(&f, e, SYN, 100, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(dr_cluster(11).open, 1);
	assert_int_equal(dr_cluster(11).opened, 2);
}

static void a_taken_tuple_gets_another_source_port(void **state)
{
	struct ends a = { "10.244.1.2", 4300, VIP4, 80 },
		    b = { "10.244.1.2", 4300, "10.96.0.11", 80 };
	struct ends served = { "10.244.1.2", 0, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, a, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	frame_tcp(&f, b, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	served.sport = (uint16_t)(f.b[frame_l4(&f)] << 8 | f.b[frame_l4(&f) + 1]);
	assert_int_not_equal(served.sport, 4300);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, ends_reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_null(frame_wrong(&f, ends_reversed(b)));
	/* and a third one that bypasses the mesh on the first one's translated tuple */
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4300, "10.244.1.3", 8080 }, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(dr_counted(REASON_port_clash), 0);
}

static void a_pod_that_calls_itself_sees_another_source(void **state)
{
	struct ends e = { "10.244.1.3", 4400, VIP4, 80 };
	struct ends served = { PROXY, 4400, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, ends_reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_null(frame_wrong(&f, ends_reversed(e)));
}

static void flows_for_the_proxy_go_to_its_address_and_come_back(void **state)
{
	struct ends e = { "10.244.1.2", 4500, VIP4, 99 };
	struct ends served = { "10.244.1.2", 4500, PROXY, 15001 };
	struct frame f;

	dr_proxy(15001);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, ends_reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(dr_out(&f, 0), PASSED);
	assert_null(frame_wrong(&f, ends_reversed(e)));
	/* nobody else can speak as the proxy: neither a pod, nor what is forwarded */
	frame_tcp(&f, ends_reversed(served), ACK, 1, 2, "forged");
	assert_int_equal(dr_in(&f, 1), DROPPED);
	frame_tcp(&f, ends_reversed(served), ACK, 1, 2, "forged");
	dr_pass(&f, dr.bed.k->door_out_fd, dr.bed.pods[0].ifindex, dr.bed.pods[1].ifindex);
	assert_null(frame_wrong(
		&f, ends_reversed(served))); /* not translated: the client knows no such peer */
	assert_int_equal(dr_counted(REASON_spoofed), 1);
}

static void udp_is_balanced_and_keeps_a_missing_checksum_missing(void **state)
{
	struct ends e = { "10.244.1.2", 4700, VIP4, 53 };
	struct ends served = { "10.244.1.2", 4700, "10.244.1.3", 53 };
	struct frame f;

	frame_udp(&f, e, "q");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_null(frame_wrong(&f, served));
	frame_udp(&f, e, "q");
	f.b[frame_l4(&f) + 6] = f.b[frame_l4(&f) + 7] = 0;
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(f.b[frame_l4(&f) + 6] | f.b[frame_l4(&f) + 7], 0);
	assert_null(frame_wrong(&f, served));
	frame_udp(&f, ends_reversed(served), "a");
	assert_int_equal(dr_in(&f, 1), SENT);
	assert_null(frame_wrong(&f, ends_reversed(e)));
	assert_int_equal(dr_cluster(13).open, 0); /* maxConnections is about TCP */
}

/* A quote of `about` inside f, made a frame of its own so that it can be checked. */
static struct frame quote_of(const struct frame *f, size_t n)
{
	struct frame q = *f;

	memmove(q.b + 14, f->b + frame_l4(f) + 8, n);
	q.n = 14 + n;
	return q;
}

static void an_icmp_error_about_a_translated_packet_is_translated(void **state)
{
	const struct {
		struct ends dialled, served;
		const char *router;
		uint8_t type;
	} c[] = {
		{ { "10.244.1.2", 4800, VIP4, 80 },
		  { "10.244.1.2", 4800, "10.244.1.3", 8080 },
		  "10.99.0.1",
		  3 },
		{ { "fd00:10:244:1::2", 4800, VIP6, 80 },
		  { "fd00:10:244:1::2", 4800, "fd00:10:244:1::3", 8080 },
		  "fd00::99",
		  2 },
	};
	struct frame f, sent, q;
	int i;

	for (i = 0; i < 2; i++) {
		frame_tcp(&sent, c[i].dialled, SYN, 1, 0, "");
		assert_int_equal(dr_in(&sent, 0), SENT);
		assert_null(frame_wrong(&sent, c[i].served));
		/* by a router on the way, leaving to the client: its own address stays */
		frame_icmp(&f, c[i].router, c[i].dialled.src, c[i].type, 4, &sent, sent.n - 14);
		assert_int_equal(dr_out(&f, 0), PASSED);
		assert_null(frame_bad_sums(&f));
		q = quote_of(&f, sent.n - 14);
		assert_null(frame_bad_sums(&f));
		frame_fix(&q);
		assert_null(frame_wrong(&q, c[i].dialled));
		/* by the server itself: it speaks as the service */
		frame_icmp(&f, c[i].served.dst, c[i].served.src, c[i].type, 3, &sent, sent.n - 14);
		assert_int_equal(dr_in(&f, 1), SENT);
		assert_null(frame_bad_sums(&f));
		q = quote_of(&f, sent.n - 14);
		frame_fix(&q);
		assert_null(frame_wrong(&q, c[i].dialled));
	}
	assert_int_equal(dr_counted(REASON_icmp_translated), 4);
}

static void headers_far_in_are_rewritten_all_the_same(void **state)
{
	struct ends e = { "fd00:10:244:1::2", 5100, VIP6, 80 };
	struct frame f;
	int i;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	frame_tcp(&f, e, ACK, 2, 2, "far");
	memmove(f.b + 54 + 1024, f.b + 54, f.n - 54);
	memset(f.b + 54, 0, 1024);
	for (i = 0; i < 4; i++) {
		f.b[54 + 256 * i] = i == 3 ? TCP : 60; /* destination options */
		f.b[55 + 256 * i] = 31;
	}
	f.b[20] = 60;
	f.n += 1024;
	f.b[18] = (uint8_t)((f.n - 54) >> 8);
	f.b[19] = (uint8_t)(f.n - 54);
	assert_int_equal(dr_in(&f, 0), SENT);
	memmove(f.b + 54, f.b + 54 + 1024, f.n - 54 - 1024);
	f.n -= 1024;
	f.b[18] = 0;
	f.b[19] = (uint8_t)(f.n - 54);
	f.b[20] = TCP;
	assert_null(frame_wrong(
		&f, (struct ends){ "fd00:10:244:1::2", 5100, "fd00:10:244:1::3", 8080 }));
}

static void what_the_node_does_not_know_passes(void **state)
{
	struct frame f;

	frame_tcp(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }));
	assert_int_equal(dr_counted(REASON_pass), 1);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }, ACK, 2, 2, "x");
	assert_int_equal(dr_in(&f, 0), PASSED);
	f.b[12] = 8;
	f.b[13] = 6;
	assert_int_equal(dr_in(&f, 0), PASSED);
}

#define T(name) cmocka_unit_test_setup(name, dr_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_connection_is_translated_both_ways),
		T(a_retransmitted_syn_reserves_once),
		T(a_half_closed_connection_lives_on),
		T(a_taken_tuple_gets_another_source_port),
		T(a_pod_that_calls_itself_sees_another_source),
		T(flows_for_the_proxy_go_to_its_address_and_come_back),
		T(udp_is_balanced_and_keeps_a_missing_checksum_missing),
		T(an_icmp_error_about_a_translated_packet_is_translated),
		T(headers_far_in_are_rewritten_all_the_same),
		T(what_the_node_does_not_know_passes),
	};

	return cmocka_run_group_tests(tests, dr_open, dr_close);
}
