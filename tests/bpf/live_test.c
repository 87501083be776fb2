// SPDX-License-Identifier: Apache-2.0
/*
 * Real programs through real sockets: what a test run of a program cannot show. Sockets closed by
 * the kernel (sockops), the backstop, a restart under load. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <errno.h>
#include "kernel/fill.h"
#include "kernel/sweep.h"
#include "kernel/tables.h"
#include "tests/lib/bed.h"
#include "weft/reasons.h"

static struct bed bed;
static struct bed_plan plan;
static uint64_t before[NR_KERNEL_REASONS];

#define QUIET ">/dev/null 2>&1"

static uint64_t counted(enum kernel_reason reason)
{
	uint64_t now[NR_KERNEL_REASONS];

	assert_int_equal(tables_reasons(bed.k, now), 0);
	return now[reason] - before[reason];
}

static int64_t open_of(uint64_t cluster)
{
	struct cluster_state s;

	assert_int_equal(tables_cluster(bed.k, cluster, &s), 0);
	return s.open;
}

/* Waits up to 5 s. */
static void open_becomes(uint64_t cluster, int64_t want)
{
	int i;

	for (i = 0; i < 500 && open_of(cluster) != want; i++)
		usleep(10 * 1000);
	assert_int_equal(open_of(cluster), want);
}

static int setup(void **state)
{
	uint32_t c;

	if (bed_open(&bed, "live", 3, 0)) {
		bed_close(&bed);
		return -1;
	}
	c = bed_cluster(&plan, 11, LB_ROUND_ROBIN);
	plan.clusters[c].keepalive = 1;
	plan.clusters[c].keepalive_time_s = 77;
	bed_endpoint(&plan, c, "10.244.1.3", 8080);
	bed_vip(&plan, "10.96.0.10", 80, 6, VERDICT_BACKEND, c);
	c = bed_cluster(&plan, 12, LB_ROUND_ROBIN);
	bed_endpoint(&plan, c, "fd00:10:244:1::3", 8080);
	bed_vip(&plan, "fd00:10:96::10", 80, 6, VERDICT_BACKEND, c);
	c = bed_cluster(&plan, 13, LB_ROUND_ROBIN);
	bed_endpoint(&plan, c, "10.244.1.3", 5353);
	bed_vip(&plan, "10.96.0.10", 53, 17, VERDICT_BACKEND, c);
	bed_vip(&plan, "10.96.0.10", 0, 6, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&plan, "10.96.0.10", 0, 17, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	if (fill_plan(bed.k, bed_plan(&plan), NULL))
		return -1;
	/* an echo that half-closes last, on both families; a server that never closes; UDP echo */
	bed_spawn(&bed, 1,
		  "exec socat TCP6-LISTEN:8080,ipv6only=0,fork,reuseaddr,backlog=512 "
		  "EXEC:cat " QUIET);
	bed_spawn(&bed, 1, "exec socat UDP4-LISTEN:5353,fork,reuseaddr EXEC:cat " QUIET);
	bed_run(&bed, 0, "sysctl -qw net.ipv4.tcp_fin_timeout=1");
	return bed_until(&bed, 0,
			 "echo x | socat -t 2 - TCP:10.244.1.3:8080,connect-timeout=1 " QUIET);
}

static int teardown(void **state)
{
	bed_close(&bed);
	return 0;
}

static int fresh(void **state)
{
	return tables_reasons(bed.k, before);
}

static void bytes_come_back_after_half_close_on_both_families(void **state)
{
	char out[64];

	assert_int_equal(
		bed_read(&bed, 0, out, sizeof(out),
			 "head -c 3000000 /dev/zero | socat -t 5 - TCP:10.96.0.10:80 | wc -c"),
		0);
	assert_int_equal(atoi(out), 3000000);
	assert_int_equal(bed_read(&bed, 0, out, sizeof(out),
				  "head -c 3000000 /dev/zero | socat -t 5 - "
				  "'TCP6:[fd00:10:96::10]:80' | wc -c"),
			 0);
	assert_int_equal(atoi(out), 3000000);
	open_becomes(11, 0);
	open_becomes(12, 0);
}

static void a_pod_reaches_itself_through_its_service(void **state)
{
	char out[64];

	assert_int_equal(
		bed_read(&bed, 1, out, sizeof(out), "echo me | socat -t 2 - TCP:10.96.0.10:80"), 0);
	assert_string_equal(out, "me\n");
	assert_int_equal(bed_read(&bed, 1, out, sizeof(out),
				  "echo me | socat -t 2 - 'TCP6:[fd00:10:96::10]:80'"),
			 0);
	assert_string_equal(out, "me\n");
}

static void udp_answers_come_from_the_service(void **state)
{
	char out[64];

	/* a connected socket takes answers from the dialled address only */
	assert_int_equal(
		bed_read(&bed, 0, out, sizeof(out), "echo q | socat -t 1 - UDP:10.96.0.10:53"), 0);
	assert_string_equal(out, "q\n");
}

static void refusals_reach_the_client_at_once(void **state)
{
	char out[256];

	bed_read(&bed, 0, out, sizeof(out), "socat -u OPEN:/dev/null TCP:10.96.0.10:81 2>&1");
	assert_non_null(strstr(out, "Connection refused"));
	bed_read(&bed, 0, out, sizeof(out),
		 "(echo q; sleep 0.2; echo q) | socat -t 0.5 - UDP:10.96.0.10:54 2>&1");
	assert_non_null(strstr(out, "Connection refused"));
	assert_int_equal(counted(REASON_unknown_port), 2);
}

/* Of cluster 14: is there a connection that is not about to expire? */
static int is_alive(void *arg, const struct conn_view *v)
{
	return v->cluster_id == 14 && v->fwd.state != CONN_CLOSING;
}

/* The peer never closes: FIN_WAIT2 ends by the client's own timer, which only sockops sees. */
static void a_killed_client_is_released_although_the_server_stays(void **state)
{
	pid_t server = bed_spawn(
		&bed, 1,
		"exec socat -T 60 TCP-LISTEN:8081,fork,reuseaddr EXEC:'sleep 60',nofork " QUIET);
	struct bed_plan *p = &plan;
	uint32_t c = bed_cluster(p, 14, LB_ROUND_ROBIN);
	pid_t client;

	bed_endpoint(p, c, "10.244.1.3", 8081);
	bed_vip(p, "10.96.0.12", 80, 6, VERDICT_BACKEND, c);
	assert_int_equal(fill_plan(bed.k, bed_plan(p), NULL), 0);
	assert_int_equal(bed_until(&bed, 1, "ss -Hltn sport = 8081 | grep -q LISTEN"), 0);
	client = bed_spawn(&bed, 0, "exec socat PIPE TCP:10.96.0.12:80 " QUIET);
	open_becomes(14, 1);
	bed_kill(&bed, client);
	open_becomes(14, 0);
	assert_int_equal(counted(REASON_released_close), 1);
	/* the server's FIN is acknowledged by the client's TIME_WAIT: that is no sign of life */
	bed_kill(&bed, server);
	usleep(200 * 1000);
	assert_int_equal(tables_conns(bed.k, is_alive, NULL), 0);
}

static void keepalive_of_the_destination_is_on_the_clients_socket(void **state)
{
	pid_t client = bed_spawn(&bed, 0, "exec socat PIPE TCP:10.96.0.10:80 " QUIET);
	char out[1024];

	open_becomes(11, 1);
	assert_int_equal(bed_until(&bed, 0, "ss -Htno dst 10.96.0.10 | grep -q keepalive"), 0);
	bed_read(&bed, 0, out, sizeof(out), "ss -Htno dst 10.96.0.10");
	/* 77 s, not the 2 hours of the OS */
	assert_non_null(strstr(out, "timer:(keepalive,1min1"));
	bed_kill(&bed, client);
	open_becomes(11, 0);
}

static void the_backstop_lets_only_the_node_itself_in(void **state)
{
	struct pod p = { .pod_id = bed.pods[1].id,
			 .ifindex = bed.pods[1].ifindex,
			 .veth = 1,
			 .flags = POD_DEMANDS_PROXY };
	static const char probe[] =
		"echo x | timeout 1 socat -t 0.5 - TCP:10.244.1.3:8080,connect-timeout=0.5 " QUIET;

	/* pod 2 stands for a pod that is not in the mesh: no door on its side */
	assert_int_equal(door_detach(bed.k, bed.pods[2].ifindex), 0);
	assert_int_equal(bed_run(&bed, 2, probe), 0);
	assert_int_equal(pod_put(bed.k, &bed.pods[1].addr4, &p), 0);
	assert_int_not_equal(bed_run(&bed, 2, probe), 0);
	assert_true(counted(REASON_backstop) >= 1);
	assert_int_equal(bed_run(&bed, -1, probe), 0);
	p.flags = 0;
	assert_int_equal(pod_put(bed.k, &bed.pods[1].addr4, &p), 0);
	assert_int_equal(bed_doors(&bed), 0);
}

static void a_pod_outside_the_mesh_can_serve_a_service(void **state)
{
	char out[64];

	/* its answers come by no door: they are translated where they leave to the client */
	assert_int_equal(door_detach(bed.k, bed.pods[1].ifindex), 0);
	assert_int_equal(
		bed_read(&bed, 0, out, sizeof(out), "echo hi | socat -t 2 - TCP:10.96.0.10:80"), 0);
	assert_string_equal(out, "hi\n");
	assert_int_equal(bed_doors(&bed), 0);
}

/* kernel_close leaves all in place; the next one takes it over while bytes flow. */
static void a_restart_is_not_noticed(void **state)
{
	struct kernel_options o = { .pins = bed.pins, .cgroup = bed.cgroup };
	char out[64];
	pid_t load;
	int i;

	load = bed_spawn(&bed, 0,
			 "for i in $(seq 40); do echo $i | timeout 3 socat -t 2 - "
			 "TCP:10.96.0.10:80; sleep 0.02; done >/tmp/%s.out 2>&1",
			 bed.name);
	for (i = 0; i < 5; i++) {
		bed.k = kernel_close(bed.k);
		usleep(100 * 1000);
		assert_int_equal(kernel_open(&o, &bed.k), 0);
		assert_true(kernel_reused(bed.k));
		assert_int_equal(bed_doors(&bed), 0);
		assert_int_equal(fill_plan(bed.k, bed_plan(&plan), NULL), 0);
	}
	assert_int_equal(bed_until(&bed, -1, "grep -qx 40 /tmp/%s.out", bed.name), 0);
	bed_kill(&bed, load);
	bed_read(&bed, -1, out, sizeof(out), "wc -l </tmp/%s.out; rm -f /tmp/%s.out", bed.name,
		 bed.name);
	assert_int_equal(atoi(out), 40);
	open_becomes(11, 0);
}

/* Doors are read back, and a device that is none is refused. */
static void doors_are_verified(void **state)
{
	struct door d = { .kind = DOOR_POD };

	assert_int_equal(door_check(bed.k, bed.pods[0].ifindex), 0);
	assert_int_equal(bed_run(&bed, -1, "rm %s/door-%u-in", bed.pins, bed.pods[0].ifindex), 0);
	assert_int_not_equal(door_check(bed.k, bed.pods[0].ifindex), 0);
	assert_int_equal(bed_doors(&bed), 0);
	assert_int_equal(door_check(bed.k, bed.pods[0].ifindex), 0);
	assert_int_equal(door_attach(bed.k, 999999, &d), -ENODEV);
	assert_int_equal(door_attach(bed.k, 1, &d), -EOPNOTSUPP); /* lo */
	assert_int_equal(doors_list(bed.k, NULL, 0), 3);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bytes_come_back_after_half_close_on_both_families),
		T(a_pod_reaches_itself_through_its_service),
		T(udp_answers_come_from_the_service),
		T(refusals_reach_the_client_at_once),
		T(a_killed_client_is_released_although_the_server_stays),
		T(keepalive_of_the_destination_is_on_the_clients_socket),
		T(the_backstop_lets_only_the_node_itself_in),
		T(a_pod_outside_the_mesh_can_serve_a_service),
		T(a_restart_is_not_noticed),
		T(doors_are_verified),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
