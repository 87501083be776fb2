// SPDX-License-Identifier: Apache-2.0
/* What the doors turn away, how, and under which name it is counted. Needs root. */
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

static void refuses_at(int pod, struct ends e, uint8_t flags, enum kernel_reason reason)
{
	struct frame f;

	frame_tcp(&f, e, flags, 41, 77, "");
	assert_int_equal(dr_in(&f, pod), SENT);
	assert_null(frame_wrong(&f, ends_reversed(e)));
	assert_true(frame_tcp_flags(&f) & RST);
	assert_int_equal(dr_counted(reason), 1);
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
	assert_int_equal(dr_in(&f, 0), DROPPED);
}

static void refused_udp_gets_port_unreachable(void **state)
{
	struct ends e[] = { { "10.244.1.2", 4004, VIP4, 54 },
			    { "fd00:10:244:1::2", 4004, VIP6, 54 } };
	struct frame f;
	int i;

	for (i = 0; i < 2; i++) {
		frame_udp(&f, e[i], "who is it");
		assert_int_equal(dr_in(&f, 0), SENT);
		assert_null(frame_bad_sums(&f));
		assert_int_equal(frame_proto(&f), i ? 58 : 1);
	}
	assert_int_equal(dr_counted(REASON_unknown_port), 2);
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
		assert_int_equal(dr_in(&f, 0), SENT);
		assert_int_equal(!!(frame_tcp_flags(&f) & RST), i >= 2);
	}
	assert_int_equal(dr_counted(REASON_pool_full), 3);
	assert_int_equal(dr_cluster(14).open, 2);
	assert_int_equal(dr_cluster(14).overflow, 3);
	/* the server refuses the first one: its place is free, once */
	for (i = 0; i < 2; i++) {
		frame_tcp(&f, ends_reversed(served), RST | ACK, 0, 2, "");
		assert_int_equal(dr_in(&f, 1), SENT);
	}
	assert_int_equal(dr_cluster(14).open, 1);
	assert_int_equal(dr_counted(REASON_released_table), 1);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_false(frame_tcp_flags(&f) & RST);
}

static void no_payload_passes_after_a_reset(void **state)
{
	struct ends e = { "10.244.1.2", 4201, VIP4, 80 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	dr_in(&f, 0);
	frame_tcp(&f, e, RST, 2, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(dr_cluster(11).open, 0);
	frame_tcp(&f, e, ACK, 2, 2, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	frame_tcp(&f, e, ACK, 2, 2, "smuggled");
	assert_int_equal(dr_in(&f, 0), DROPPED);
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

	snprintf(path, sizeof(path), "%s/conns", dr.bed.pins);
	fd = bpf_obj_get(path);
	for (port = 1; port < 65536; port++) {
		key.dport = htons((uint16_t)port);
		assert_int_equal(bpf_map_update_elem(fd, &key, &taken, BPF_ANY), 0);
	}
	close(fd);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4301, VIP4, 80 }, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_true(frame_tcp_flags(&f) & RST);
	assert_int_equal(dr_counted(REASON_port_clash), 1);
	assert_int_equal(dr_cluster(11).open, 0); /* the reservation was given back */
}

static void a_pod_cannot_send_as_another(void **state)
{
	struct ends e = { "10.244.1.2", 4600, VIP4, 80 };
	struct frame f;

	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	frame_tcp(&f, e, ACK, 2, 2, "injected"); /* into the known connection, from pod 2 */
	assert_int_equal(dr_in(&f, 2), DROPPED);
	frame_tcp(&f, (struct ends){ "10.244.1.9", 1, "8.8.8.8", 53 }, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 2), DROPPED);
	frame_udp(&f, (struct ends){ "fe80::1", 1, VIP6, 54 }, "x"); /* link-local to a service */
	assert_int_equal(dr_in(&f, 2), DROPPED);
	assert_int_equal(dr_counted(REASON_spoofed), 3);
}

static void what_cannot_be_read_does_not_leave_a_pod(void **state)
{
	struct frame f;

	frame_tcp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 80 }, SYN, 1, 0, "");
	f.b[14 + 20 + 12] = 4 << 4;
	assert_int_equal(dr_in(&f, 0), DROPPED);
	frame_tcp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 80 }, SYN, 1, 0, "");
	f.n -= 8;
	assert_int_equal(dr_in(&f, 0), DROPPED);
	assert_int_equal(dr_counted(REASON_unparsable), 2);
	frame_udp(&f, (struct ends){ "10.244.1.2", 4900, VIP4, 53 }, "abcdefgh");
	f.b[20] = 0x20;
	assert_int_equal(dr_in(&f, 0), DROPPED);
	f.b[20] = 0;
	f.b[21] = 2;
	assert_int_equal(dr_in(&f, 0), DROPPED);
	assert_int_equal(dr_counted(REASON_fragment), 2);
}

/* The backstop itself needs packets without a socket, which a test run has not: live_test.c. */
static void a_pod_that_demands_the_proxy_is_reached_through_it(void **state)
{
	struct ends e = { "10.244.1.2", 5000, "10.244.1.3", 8080 };
	struct frame f;

	dr_pod_flags(1, POD_DEMANDS_PROXY);
	refuses(e, SYN, REASON_no_proxy);
	refuses(e, ACK, REASON_mid_connection);
	dr_proxy(15001);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5000, PROXY, 15001 }));
	/* by way of a service as well; the reservation at its cluster is given back */
	e.dst = VIP4;
	e.dport = 80;
	e.sport = 5001;
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), PASSED);
	assert_null(frame_wrong(&f, (struct ends){ "10.244.1.2", 5001, PROXY, 15001 }));
	assert_int_equal(dr_cluster(11).open, 0);
	assert_int_equal(dr_counted(REASON_to_proxy), 2);
}

static void a_hairpin_without_an_address_to_hide_behind_is_refused(void **state)
{
	struct proxy_at nowhere = { 0 };

	assert_int_equal(proxy_put(dr.bed.k, &nowhere), 0);
	refuses_at(1, (struct ends){ "10.244.1.3", 5101, VIP4, 80 }, SYN, REASON_error);
	assert_int_equal(dr_cluster(11).open, 0);
}

static void an_ejected_endpoint_gets_nothing(void **state)
{
	struct ends e = { "10.244.1.2", 5300, VIP4, 80 };
	struct frame f;

	assert_int_equal(fill_eject(dr.bed.k, dr.plan.endpoints[0].id, true), 0);
	refuses(e, SYN, REASON_no_endpoint);
	assert_int_equal(dr_cluster(11).open, 0);
	assert_int_equal(fill_set_ejected(dr.bed.k, NULL, 0), 0);
	frame_tcp(&f, e, SYN, 1, 0, "");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_false(frame_tcp_flags(&f) & RST);
	assert_int_equal(fill_eject(dr.bed.k, 424242, true), -ENOENT);
}

#define T(name) cmocka_unit_test_setup(name, dr_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_refusal_is_a_reset_and_counted),
		T(a_reset_is_never_answered),
		T(refused_udp_gets_port_unreachable),
		T(the_limit_is_exact_and_a_close_makes_room),
		T(no_payload_passes_after_a_reset),
		T(when_every_source_port_is_taken_the_flow_is_refused),
		T(a_pod_cannot_send_as_another),
		T(what_cannot_be_read_does_not_leave_a_pod),
		T(a_pod_that_demands_the_proxy_is_reached_through_it),
		T(a_hairpin_without_an_address_to_hide_behind_is_refused),
		T(an_ejected_endpoint_gets_nothing),
	};

	return cmocka_run_group_tests(tests, dr_open, dr_close);
}
