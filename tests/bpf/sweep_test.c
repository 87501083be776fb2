// SPDX-License-Identifier: Apache-2.0
/* How entries of the connection table end, and the books that are kept of them. Needs root. */
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
#include "base/clock.h"
#include "kernel/fill.h"
#include "kernel/kernel.h"
#include "kernel/sweep.h"
#include "kernel/tables.h"
#include "tests/lib/door_rig.h"
#include "weft/limits.h"

static int entries(void)
{
	int fd = dr_conns(), n = 0;
	struct conn_key key, *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, &key)) {
		n++;
		prev = &key;
	}
	close(fd);
	return n;
}

static const struct ends web = { "10.244.1.2", 5200, VIP4, 80 };
static const struct ends web_served = { "10.244.1.2", 5200, "10.244.1.3", 8080 };

static void send_tcp(struct ends e, uint8_t flags, int pod)
{
	struct frame f;

	frame_tcp(&f, e, flags, 1, 1, "");
	assert_int_equal(dr_in(&f, pod), SENT);
}

/* Sweeps as if `ms` had gone by; what it leaves and what it ends. */
static void sweeps(uint64_t ms, uint64_t conns, uint64_t expired)
{
	struct sweep_stats s;

	assert_int_equal(sweep_at(dr.bed.k, clock_ns() + ms * 1000000, &s), 0);
	assert_int_equal(s.conns, conns);
	assert_int_equal(s.expired, expired);
}

static void an_unanswered_connection_ends_after_its_time(void **state)
{
	send_tcp(web, SYN, 0);
	sweeps(CONN_SYN_MS - 2000, 1, 0);
	assert_int_equal(dr_cluster(11).open, 1);
	sweeps(CONN_SYN_MS + 2000, 0, 1);
	assert_int_equal(dr_cluster(11).open, 0);
	assert_int_equal(dr_counted(REASON_released_expiry), 1);
	assert_int_equal(entries(), 0);
}

static void an_open_connection_outlives_the_keepalive_time(void **state)
{
	send_tcp(web, SYN, 0);
	send_tcp(ends_reversed(web_served), SYN | ACK, 1);
	sweeps(2 * 3600 * 1000 + 5000, 1, 0); /* the default tcp_keepalive_time */
	sweeps(CONN_OPEN_MS + 2000, 0, 1);
	assert_int_equal(entries(), 0);
}

static void a_closed_connection_leaves_nothing_and_is_released_once(void **state)
{
	send_tcp(web, SYN, 0);
	send_tcp(ends_reversed(web_served), SYN | ACK, 1);
	send_tcp(web, FIN | ACK, 0);
	send_tcp(ends_reversed(web_served), FIN | ACK, 1);
	assert_int_equal(dr_cluster(11).open, 0);
	sweeps(0, 1, 0);
	sweeps(CONN_CLOSING_MS + 2000, 0, 1);
	assert_int_equal(dr_cluster(11).open, 0);
	assert_int_equal(dr_counted(REASON_released_table), 1);
	assert_int_equal(dr_counted(REASON_released_expiry), 0);
	assert_int_equal(entries(), 0);
}

/* Packets do not keep a closed connection alive for ever. */
static void closing_is_not_prolonged_by_packets(void **state)
{
	send_tcp(web, SYN, 0);
	send_tcp(web, RST, 0);
	assert_int_equal(usleep(300 * 1000), 0);
	send_tcp(web, ACK, 0);
	/* counted from the reset, not from the packet after it */
	sweeps(CONN_CLOSING_MS - 150, 0, 1);
}

static void udp_ends_by_time_and_with_its_endpoint(void **state)
{
	struct ends dns = { "10.244.1.2", 5300, VIP4, 53 };
	static const struct plan empty;
	struct frame f;

	frame_udp(&f, dns, "q");
	assert_int_equal(dr_in(&f, 0), SENT);
	sweeps(CONN_UDP_MS - 2000, 1, 0);
	sweeps(CONN_UDP_MS + 2000, 0, 1);
	frame_udp(&f, dns, "q");
	assert_int_equal(dr_in(&f, 0), SENT);
	assert_int_equal(fill_plan(dr.bed.k, &empty, NULL), 0);
	sweeps(0, 0, 1);
	assert_int_equal(entries(), 0);
	assert_int_equal(fill_plan(dr.bed.k, bed_plan(&dr.plan), NULL), 0);
}

static int add_flow(void *arg, const struct flow_key *key, const struct flow_stats *s)
{
	struct flow_stats *sum = arg;

	if (key->cluster_id != 11 || key->pod_id != dr.bed.pods[0].id)
		return 0;
	sum->opened += s->opened;
	sum->closed += s->closed;
	sum->sent += s->sent;
	sum->received += s->received;
	return 0;
}

static struct flow_stats flows(void)
{
	struct flow_stats sum = { 0 };

	assert_int_equal(tables_flows(dr.bed.k, add_flow, &sum), 0);
	return sum;
}

static void bytes_are_told_while_it_runs_and_never_twice(void **state)
{
	struct flow_stats start = flows(), now;
	struct frame f;

	send_tcp(web, SYN, 0);
	send_tcp(ends_reversed(web_served), SYN | ACK, 1);
	frame_tcp(&f, web, ACK, 2, 2, "0123456789");
	assert_int_equal(dr_in(&f, 0), SENT);
	frame_tcp(&f, ends_reversed(web_served), ACK, 2, 12, "answer");
	assert_int_equal(dr_in(&f, 1), SENT);
	sweeps(0, 1, 0);
	sweeps(0, 1, 0);
	now = flows();
	assert_int_equal(now.opened - start.opened, 1);
	assert_int_equal(now.closed - start.closed, 0);
	assert_int_equal(now.received - start.received, 10);
	assert_int_equal(now.sent - start.sent, 6);
	frame_tcp(&f, web, ACK, 12, 8, "more");
	assert_int_equal(dr_in(&f, 0), SENT);
	send_tcp(web, RST, 0);
	sweeps(CONN_CLOSING_MS + 2000, 0, 1);
	now = flows();
	assert_int_equal(now.closed - start.closed, 1);
	assert_int_equal(now.received - start.received, 14);
	assert_int_equal(now.sent - start.sent, 6);
}

static void reconcile_puts_right_what_two_looks_agree_on(void **state)
{
	uint64_t drift;

	send_tcp(web, SYN, 0);
	assert_int_equal(kernel_reconcile(dr.bed.k, &drift), 0);
	assert_int_equal(kernel_reconcile(dr.bed.k, &drift), 0);
	assert_int_equal(drift, 0);
	((struct cluster_state *)dr.bed.k->cluster_state.at)[0].open += 3;
	assert_int_equal(kernel_reconcile(dr.bed.k, &drift), 0);
	assert_int_equal(drift, 0);
	assert_int_equal(kernel_reconcile(dr.bed.k, &drift), 0);
	assert_int_equal(drift, 3);
	assert_int_equal(dr_cluster(11).open, 1);
}

#define T(name) cmocka_unit_test_setup(name, dr_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_unanswered_connection_ends_after_its_time),
		T(an_open_connection_outlives_the_keepalive_time),
		T(a_closed_connection_leaves_nothing_and_is_released_once),
		T(closing_is_not_prolonged_by_packets),
		T(udp_ends_by_time_and_with_its_endpoint),
		T(bytes_are_told_while_it_runs_and_never_twice),
		T(reconcile_puts_right_what_two_looks_agree_on),
	};

	return cmocka_run_group_tests(tests, dr_open, dr_close);
}
