// SPDX-License-Identifier: Apache-2.0
/*
 * The tc programs as the kernel runs them (BPF_PROG_TEST_RUN on the device of a door): what comes
 * out is compared byte by byte, every checksum verified. Needs root.
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
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include "kernel/fill.h"
#include "kernel/kernel.h"
#include "kernel/sweep.h"
#include "kernel/tables.h"
#include "tests/lib/bed.h"
#include "tests/lib/frame.h"
#include "weft/reasons.h"

enum { TCP = 6, UDP = 17, SYN = 2, ACK = 16, RST = 4, FIN = 1 };
enum { PASSED = -1, DROPPED = TC_ACT_SHOT, SENT = TC_ACT_REDIRECT };

#define VIP4  "10.96.0.10"
#define VIP6  "fd00:10:96::10"
#define PROXY "169.254.77.1"

static struct bed bed;
static struct bed_plan plan;
static uint32_t web4, web6, dns, limited;
static uint64_t before[NR_KERNEL_REASONS];

/* --- running packets through a door -------------------------------------------------------- */

/* In place. from: ifindex it entered the node by, for door_out. Returns the program's verdict. */
static int pass(struct frame *f, int prog, uint32_t ifindex, uint32_t from)
{
	struct __sk_buff ctx = { .ifindex = ifindex, .ingress_ifindex = from };
	struct frame out = *f;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->b, .data_size_in = (uint32_t)f->n,
		    .data_out = out.b, .data_size_out = sizeof(out.b), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));

	assert_int_equal(bpf_prog_test_run_opts(prog, &o), 0);
	out.n = o.data_size_out;
	*f = out;
	return (int)o.retval;
}

static int in(struct frame *f, int pod)
{
	return pass(f, bed.k->door_in_fd, bed.pods[pod].ifindex, 0);
}

static int out(struct frame *f, int pod)
{
	return pass(f, bed.k->door_out_fd, bed.pods[pod].ifindex, 0);
}

static uint64_t counted(enum kernel_reason reason)
{
	uint64_t now[NR_KERNEL_REASONS];

	assert_int_equal(tables_reasons(bed.k, now), 0);
	return now[reason] - before[reason];
}

static struct cluster_state state_of(uint64_t id)
{
	struct cluster_state s;

	assert_int_equal(tables_cluster(bed.k, id, &s), 0);
	return s;
}

static void set_proxy(uint16_t port)
{
	struct proxy_at at = { .ip4 = bed_ip(PROXY),
			       .ip6 = bed_ip("fd77:6566:74::1"),
			       .port = htons(port) };

	assert_int_equal(proxy_put(bed.k, &at), 0);
}

static void set_pod_flags(int pod, uint32_t flags)
{
	struct pod p = { .pod_id = bed.pods[pod].id,
			 .ifindex = bed.pods[pod].ifindex,
			 .veth = 1,
			 .flags = flags };

	assert_int_equal(pod_put(bed.k, &bed.pods[pod].addr4, &p), 0);
}

static struct ends reversed(struct ends e)
{
	return (struct ends){ e.dst, e.dport, e.src, e.sport };
}

static int setup(void **state)
{
	uint32_t i;

	if (bed_open(&bed, "door", 3, 0)) {
		bed_close(&bed);
		return -1;
	}
	web4 = bed_cluster(&plan, 11, LB_ROUND_ROBIN);
	bed_endpoint(&plan, web4, "10.244.1.3", 8080);
	web6 = bed_cluster(&plan, 12, LB_ROUND_ROBIN);
	bed_endpoint(&plan, web6, "fd00:10:244:1::3", 8080);
	dns = bed_cluster(&plan, 13, LB_RANDOM);
	bed_endpoint(&plan, dns, "10.244.1.3", 53);
	limited = bed_cluster(&plan, 14, LB_LEAST_REQUEST);
	plan.clusters[limited].max_connections = 2;
	bed_endpoint(&plan, limited, "10.244.1.3", 9090);
	i = bed_cluster(&plan, 15, LB_ROUND_ROBIN); /* empty */
	bed_vip(&plan, VIP4, 80, TCP, VERDICT_BACKEND, web4);
	bed_vip(&plan, "10.96.0.11", 80, TCP, VERDICT_BACKEND, web4);
	bed_vip(&plan, VIP6, 80, TCP, VERDICT_BACKEND, web6);
	bed_vip(&plan, VIP4, 53, UDP, VERDICT_BACKEND, dns);
	bed_vip(&plan, VIP4, 90, TCP, VERDICT_BACKEND, limited);
	bed_vip(&plan, VIP4, 91, TCP, VERDICT_BACKEND, i);
	bed_vip(&plan, VIP4, 92, TCP, VERDICT_BACKEND, PLAN_NO_INDEX);
	bed_vip(&plan, VIP4, 99, TCP, VERDICT_PROXY, 0);
	bed_vip(&plan, VIP4, 0, TCP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&plan, VIP4, 0, UDP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&plan, VIP6, 0, UDP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&plan, "10.66.0.0", 0, TCP, VERDICT_REFUSE, 0)->reason = REASON_denied;
	plan.vips[plan.plan.nr_vips - 1].prefix = 96 + 16;
	return fill_plan(bed.k, bed_plan(&plan), NULL);
}

static int teardown(void **state)
{
	bed_close(&bed);
	return 0;
}

/* Every test starts with an empty table. */
static int one(void **state)
{
	LIBBPF_OPTS(bpf_map_batch_opts, o);
	struct conn_key key;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/conns", bed.pins);
	fd = bpf_obj_get(path);
	while (fd >= 0 && !bpf_map_get_next_key(fd, NULL, &key))
		bpf_map_delete_elem(fd, &key);
	close(fd);
	memset(bed.k->cluster_state.at, 0, 64 * sizeof(struct cluster_state));
	memset(bed.k->endpoint_state.at, 0, 64 * sizeof(struct endpoint_state));
	set_proxy(0);
	set_pod_flags(1, 0);
	return tables_reasons(bed.k, before);
}

/* --- tests --------------------------------------------------------------------------------- */

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
		assert_int_equal(in(&f, 0), SENT);
		assert_null(frame_wrong(&f, both[i].served));
		frame_tcp(&f, reversed(both[i].served), SYN | ACK, 9, 2, "");
		assert_int_equal(in(&f, 1), SENT);
		assert_null(frame_wrong(&f, reversed(both[i].dialled)));
		frame_tcp(&f, both[i].dialled, ACK, 2, 10, "request");
		assert_int_equal(in(&f, 0), SENT);
		assert_null(frame_wrong(&f, both[i].served));
	}
	assert_int_equal(counted(REASON_balanced), 2);
	assert_int_equal(state_of(11).open, 1);
}

static void a_retransmitted_syn_reserves_once(void **state)
{
	struct ends e = { "10.244.1.2", 4001, VIP4, 80 };
	struct frame f;
	int i;

	for (i = 0; i < 3; i++) {
		frame_tcp(&f, e, SYN, 1, 0, "");
		assert_int_equal(in(&f, 0), SENT);
	}
	assert_int_equal(state_of(11).open, 1);
	assert_int_equal(state_of(11).opened, 1);
}

static void refuses_at(int pod, struct ends e, uint8_t flags, enum kernel_reason reason)
{
	struct frame f;

	frame_tcp(&f, e, flags, 41, 77, "");
	assert_int_equal(in(&f, pod), SENT);
	assert_null(frame_wrong(&f, reversed(e)));
	assert_true(frame_tcp_flags(&f) & RST);
	assert_int_equal(counted(reason), 1);
}

static void refuses(struct ends e, uint8_t flags, enum kernel_reason reason)
{
	refuses_at(0, e, flags, reason);
}

static void every_refusal_is_a_reset_and_counted(void **state)
{
	refuses((struct ends){ "10.244.1.2", 4002, VIP4, 81 }, SYN, REASON_unknown_port);
	refuses((struct ends){ "10.244.1.2", 4002, VIP4, 91 }, SYN, REASON_no_endpoint);
	refuses((struct ends){ "10.244.1.2", 4002, VIP4, 92 }, SYN, REASON_no_cluster);
	refuses((struct ends){ "10.244.1.2", 4002, VIP4, 99 }, SYN, REASON_no_proxy);
	refuses((struct ends){ "10.244.1.2", 4002, VIP4, 80 }, ACK, REASON_mid_connection);
	refuses((struct ends){ "10.244.1.2", 4002, "10.66.7.8", 443 }, SYN, REASON_denied);
}

static void a_reset_is_never_answered(void **state)
{
	struct ends e = { "10.244.1.2", 4003, VIP4, 80 };
	struct frame f;

	frame_tcp(&f, e, RST, 41, 0, "");
	assert_int_equal(in(&f, 0), DROPPED);
}

static void refused_udp_gets_port_unreachable(void **state)
{
	struct ends e[] = { { "10.244.1.2", 4004, VIP4, 54 },
			    { "fd00:10:244:1::2", 4004, VIP6, 54 } };
	struct frame f;
	int i;

	for (i = 0; i < 2; i++) {
		frame_udp(&f, e[i], "who is it");
		assert_int_equal(in(&f, 0), SENT);
		assert_null(frame_bad_sums(&f));
		assert_int_equal(frame_proto(&f), i ? 58 : 1);
	}
	assert_int_equal(counted(REASON_unknown_port), 2);
}

static void the_limit_is_exact_and_a_close_makes_room(void **state)
{
	struct ends e = { "10.244.1.2", 4100, VIP4, 90 };
	struct ends served = { "10.244.1.2", 4100, "10.244.1.3", 9090 };
	struct frame f;
	int i;

	for (i = 0; i < 5; i++) {
		e.sport = (uint16_t)(4100 + i);
		frame_tcp(&f, e, SYN, 1, 0, "");
		assert_int_equal(in(&f, 0), SENT);
		assert_int_equal(!!(frame_tcp_flags(&f) & RST), i >= 2);
	}
	assert_int_equal(counted(REASON_pool_full), 3);
	assert_int_equal(state_of(14).open, 2);
	assert_int_equal(state_of(14).overflow, 3);
	/* the server refuses the first one: its place is free, once */
	for (i = 0; i < 2; i++) {
		frame_tcp(&f, reversed(served), RST | ACK, 0, 2, "");
		assert_int_equal(in(&f, 1), SENT);
	}
	assert_int_equal(state_of(14).open, 1);
	assert_int_equal(counted(REASON_released_table), 1);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_false(frame_tcp_flags(&f) & RST);
}

static void a_half_closed_connection_lives_on(void **state)
{
	struct ends e = { "10.244.1.2", 4200, VIP4, 80 };
	struct ends served = { "10.244.1.2", 4200, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	in(&f, 0);
	frame_tcp(&f, reversed(served), SYN | ACK, 1, 2, "");
	in(&f, 1);
	frame_tcp(&f, e, FIN | ACK, 2, 2, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_int_equal(state_of(11).open, 1);
	frame_tcp(&f, reversed(served), ACK, 2, 3, "still talking");
	assert_int_equal(in(&f, 1), SENT);
	assert_null(frame_wrong(&f, reversed(e)));
	frame_tcp(&f, reversed(served), FIN | ACK, 15, 3, "");
	assert_int_equal(in(&f, 1), SENT);
	assert_int_equal(state_of(11).open, 0);
	frame_tcp(&f, e, ACK, 3, 16, "");
	assert_int_equal(in(&f, 0), SENT); /* the last acknowledgement */
	assert_null(frame_wrong(&f, served));
	/* the tuple again: a new connection */
	frame_tcp(&f, e, SYN, 100, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_int_equal(state_of(11).open, 1);
	assert_int_equal(state_of(11).opened, 2);
}

static void no_payload_passes_after_a_reset(void **state)
{
	struct ends e = { "10.244.1.2", 4201, VIP4, 80 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	in(&f, 0);
	frame_tcp(&f, e, RST, 2, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_int_equal(state_of(11).open, 0);
	frame_tcp(&f, e, ACK, 2, 2, "");
	assert_int_equal(in(&f, 0), SENT);
	frame_tcp(&f, e, ACK, 2, 2, "smuggled");
	assert_int_equal(in(&f, 0), DROPPED);
}

static void a_taken_tuple_gets_another_source_port(void **state)
{
	struct ends a = { "10.244.1.2", 4300, VIP4, 80 },
		    b = { "10.244.1.2", 4300, "10.96.0.11", 80 };
	struct ends served = { "10.244.1.2", 0, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, a, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	frame_tcp(&f, b, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	served.sport = (uint16_t)(f.b[frame_l4(&f)] << 8 | f.b[frame_l4(&f) + 1]);
	assert_int_not_equal(served.sport, 4300);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(in(&f, 1), SENT);
	assert_null(frame_wrong(&f, reversed(b)));
	/* and a third one that bypasses the mesh on the first one's translated tuple */
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4300, "10.244.1.3", 8080 }, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_int_equal(counted(REASON_port_clash), 0);
}

static void when_every_source_port_is_taken_the_flow_is_refused(void **state)
{
	struct conn_key key = { .src = bed_ip("10.244.1.3"),
				.dst = bed_ip("10.244.1.2"),
				.sport = htons(8080),
				.proto = TCP };
	struct conn taken = { .flags = CONN_REPLY, .state = CONN_OPEN };
	struct frame f;
	char path[128];
	uint32_t port;
	int fd;

	snprintf(path, sizeof(path), "%s/conns", bed.pins);
	fd = bpf_obj_get(path);
	for (port = 1; port < 65536; port++) {
		key.dport = htons((uint16_t)port);
		assert_int_equal(bpf_map_update_elem(fd, &key, &taken, BPF_ANY), 0);
	}
	close(fd);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4301, VIP4, 80 }, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_true(frame_tcp_flags(&f) & RST);
	assert_int_equal(counted(REASON_port_clash), 1);
	assert_int_equal(state_of(11).open, 0); /* the reservation was given back */
}

static void a_pod_that_calls_itself_sees_another_source(void **state)
{
	struct ends e = { "10.244.1.3", 4400, VIP4, 80 };
	struct ends served = { PROXY, 4400, "10.244.1.3", 8080 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 1), SENT);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(in(&f, 1), SENT);
	assert_null(frame_wrong(&f, reversed(e)));
}

static void flows_for_the_proxy_go_to_its_address_and_come_back(void **state)
{
	struct ends e = { "10.244.1.2", 4500, VIP4, 99 };
	struct ends served = { "10.244.1.2", 4500, PROXY, 15001 };
	struct frame f;

	set_proxy(15001);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, served));
	frame_tcp(&f, reversed(served), SYN | ACK, 1, 2, "");
	assert_int_equal(out(&f, 0), PASSED);
	assert_null(frame_wrong(&f, reversed(e)));
	/* nobody else can speak as the proxy: neither a pod, nor what is forwarded */
	frame_tcp(&f, reversed(served), ACK, 1, 2, "forged");
	assert_int_equal(in(&f, 1), DROPPED);
	frame_tcp(&f, reversed(served), ACK, 1, 2, "forged");
	pass(&f, bed.k->door_out_fd, bed.pods[0].ifindex, bed.pods[1].ifindex);
	assert_null(frame_wrong(
		&f, reversed(served))); /* not translated: the client knows no such peer */
	assert_int_equal(counted(REASON_spoofed), 1);
}

static void a_pod_cannot_send_as_another(void **state)
{
	struct ends e = { "10.244.1.2", 4600, VIP4, 80 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	frame_tcp(&f, e, ACK, 2, 2, "injected"); /* into the known connection, from pod 2 */
	assert_int_equal(in(&f, 2), DROPPED);
	frame_tcp(&f, (struct ends){ "10.244.1.9", 1, "8.8.8.8", 53 }, SYN, 1, 0, "");
	assert_int_equal(in(&f, 2), DROPPED);
	frame_udp(&f, (struct ends){ "fe80::1", 1, VIP6, 54 }, "x"); /* link-local to a service */
	assert_int_equal(in(&f, 2), DROPPED);
	assert_int_equal(counted(REASON_spoofed), 3);
}

static void udp_is_balanced_and_keeps_a_missing_checksum_missing(void **state)
{
	struct ends e = { "10.244.1.2", 4700, VIP4, 53 };
	struct ends served = { "10.244.1.2", 4700, "10.244.1.3", 53 };
	struct frame f;

	frame_udp(&f, e, "q");
	assert_int_equal(in(&f, 0), SENT);
	assert_null(frame_wrong(&f, served));
	frame_udp(&f, e, "q");
	f.b[frame_l4(&f) + 6] = f.b[frame_l4(&f) + 7] = 0;
	assert_int_equal(in(&f, 0), SENT);
	assert_int_equal(f.b[frame_l4(&f) + 6] | f.b[frame_l4(&f) + 7], 0);
	assert_null(frame_wrong(&f, served));
	frame_udp(&f, reversed(served), "a");
	assert_int_equal(in(&f, 1), SENT);
	assert_null(frame_wrong(&f, reversed(e)));
	assert_int_equal(state_of(13).open, 0); /* maxConnections is about TCP */
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
		assert_int_equal(in(&sent, 0), SENT);
		assert_null(frame_wrong(&sent, c[i].served));
		/* by a router on the way, leaving to the client: its own address stays */
		frame_icmp(&f, c[i].router, c[i].dialled.src, c[i].type, 4, &sent, sent.n - 14);
		assert_int_equal(out(&f, 0), PASSED);
		assert_null(frame_bad_sums(&f));
		q = quote_of(&f, sent.n - 14);
		assert_null(frame_bad_sums(&f));
		frame_fix(&q);
		assert_null(frame_wrong(&q, c[i].dialled));
		/* by the server itself: it speaks as the service */
		frame_icmp(&f, c[i].served.dst, c[i].served.src, c[i].type, 3, &sent, sent.n - 14);
		assert_int_equal(in(&f, 1), SENT);
		assert_null(frame_bad_sums(&f));
		q = quote_of(&f, sent.n - 14);
		frame_fix(&q);
		assert_null(frame_wrong(&q, c[i].dialled));
	}
	assert_int_equal(counted(REASON_icmp_translated), 4);
}

static void what_cannot_be_read_does_not_leave_a_pod(void **state)
{
	struct frame f;

	frame_tcp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 80 }, SYN, 1, 0, "");
	f.b[14 + 20 + 12] = 4 << 4;
	assert_int_equal(in(&f, 0), DROPPED);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 80 }, SYN, 1, 0, "");
	f.n -= 8;
	assert_int_equal(in(&f, 0), DROPPED);
	assert_int_equal(counted(REASON_unparsable), 2);
	frame_udp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 53 }, "abcdefgh");
	f.b[20] = 0x20;
	assert_int_equal(in(&f, 0), DROPPED);
	f.b[20] = 0;
	f.b[21] = 2;
	assert_int_equal(in(&f, 0), DROPPED);
	assert_int_equal(counted(REASON_fragment), 2);
}

/* The backstop itself needs packets without a socket, which a test run has not: live_test.c. */
static void a_pod_that_demands_the_proxy_is_reached_through_it(void **state)
{
	struct ends e = { "10.244.1.2", 5000, "10.244.1.3", 8080 };
	struct frame f;

	set_pod_flags(1, POD_DEMANDS_PROXY);
	refuses(e, SYN, REASON_no_proxy);
	refuses(e, ACK, REASON_mid_connection);
	set_proxy(15001);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5000, PROXY, 15001 }));
	/* by way of a service as well; the reservation at its cluster is given back */
	e.dst = VIP4;
	e.dport = 80;
	e.sport = 5001;
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5001, PROXY, 15001 }));
	assert_int_equal(state_of(11).open, 0);
	assert_int_equal(counted(REASON_to_proxy), 2);
}

static void headers_far_in_are_rewritten_all_the_same(void **state)
{
	struct ends e = { "fd00:10:244:1::2", 5100, VIP6, 80 };
	struct frame f;
	int i;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
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
	assert_int_equal(in(&f, 0), SENT);
	memmove(f.b + 54, f.b + 54 + 1024, f.n - 54 - 1024);
	f.n -= 1024;
	f.b[18] = 0;
	f.b[19] = (uint8_t)(f.n - 54);
	f.b[20] = TCP;
	assert_null(frame_wrong(
		&f, (struct ends){ "fd00:10:244:1::2", 5100, "fd00:10:244:1::3", 8080 }));
}

static void a_hairpin_without_an_address_to_hide_behind_is_refused(void **state)
{
	struct proxy_at nowhere = { 0 };

	assert_int_equal(proxy_put(bed.k, &nowhere), 0);
	refuses_at(1, (struct ends){ "10.244.1.3", 5101, VIP4, 80 }, SYN, REASON_error);
	assert_int_equal(state_of(11).open, 0);
}

static void the_sweep_ends_what_is_over_and_finds_no_drift(void **state)
{
	struct ends e = { "10.244.1.2", 5200, VIP4, 80 };
	struct sweep_stats s;
	uint64_t drift;
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	in(&f, 0);
	assert_int_equal(kernel_sweep(bed.k, &s), 0);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.expired, 0);
	assert_int_equal(kernel_reconcile(bed.k, &drift), 0);
	assert_int_equal(kernel_reconcile(bed.k, &drift), 0);
	assert_int_equal(drift, 0);
	/* a counter that is wrong is put right in the second look, not in the first */
	((struct cluster_state *)bed.k->cluster_state.at)[0].open += 3;
	assert_int_equal(kernel_reconcile(bed.k, &drift), 0);
	assert_int_equal(drift, 0);
	assert_int_equal(kernel_reconcile(bed.k, &drift), 0);
	assert_int_equal(drift, 3);
	assert_int_equal(state_of(11).open, 1);
}

static void an_ejected_endpoint_gets_nothing(void **state)
{
	struct ends e = { "10.244.1.2", 5300, VIP4, 80 };
	struct frame f;

	assert_int_equal(fill_eject(bed.k, plan.endpoints[0].id, true), 0);
	refuses(e, SYN, REASON_no_endpoint);
	assert_int_equal(state_of(11).open, 0);
	assert_int_equal(fill_set_ejected(bed.k, NULL, 0), 0);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), SENT);
	assert_false(frame_tcp_flags(&f) & RST);
	assert_int_equal(fill_eject(bed.k, 424242, true), -ENOENT);
}

static void what_the_node_does_not_know_passes(void **state)
{
	struct frame f;

	frame_tcp(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }, SYN, 1, 0, "");
	assert_int_equal(in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }));
	assert_int_equal(counted(REASON_pass), 1);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 5400, "192.0.2.1", 443 }, ACK, 2, 2, "x");
	assert_int_equal(in(&f, 0), PASSED);
	f.b[12] = 8;
	f.b[13] = 6;
	assert_int_equal(in(&f, 0), PASSED);
}

#define T(name) cmocka_unit_test_setup(name, one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_connection_is_translated_both_ways),
		T(a_retransmitted_syn_reserves_once),
		T(every_refusal_is_a_reset_and_counted),
		T(a_reset_is_never_answered),
		T(refused_udp_gets_port_unreachable),
		T(the_limit_is_exact_and_a_close_makes_room),
		T(a_half_closed_connection_lives_on),
		T(no_payload_passes_after_a_reset),
		T(a_taken_tuple_gets_another_source_port),
		T(when_every_source_port_is_taken_the_flow_is_refused),
		T(a_pod_that_calls_itself_sees_another_source),
		T(flows_for_the_proxy_go_to_its_address_and_come_back),
		T(a_pod_cannot_send_as_another),
		T(udp_is_balanced_and_keeps_a_missing_checksum_missing),
		T(an_icmp_error_about_a_translated_packet_is_translated),
		T(what_cannot_be_read_does_not_leave_a_pod),
		T(a_pod_that_demands_the_proxy_is_reached_through_it),
		T(headers_far_in_are_rewritten_all_the_same),
		T(a_hairpin_without_an_address_to_hide_behind_is_refused),
		T(the_sweep_ends_what_is_over_and_finds_no_drift),
		T(an_ejected_endpoint_gets_nothing),
		T(what_the_node_does_not_know_passes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
