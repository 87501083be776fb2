// SPDX-License-Identifier: Apache-2.0
/*
 *   node (this process, in a namespace of its own)
 *    ├── veth ── named namespace A     10.250.0.1, fd00:250::1
 *    ├── veth ── unnamed, of a process 10.250.0.2
 *    └── (none)  named namespace B     10.250.0.3: equal addresses, but not joined to us
 */
#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/netlink.h"
#include "agent/netns.h"
#include "base/clock.h"
#include "bpf/lib/addr.h"

static pid_t holder; /* of the unnamed namespace */
static bool ready;

__attribute__((format(printf, 1, 2))) static void sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

static void name_of(char which, char out[64])
{
	snprintf(out, 64, "weft-netns-test-%d-%c", getpid(), which);
}

static void hold_namespace(int go)
{
	if (unshare(CLONE_NEWNET) < 0)
		_exit(1);
	(void)!write(go, "x", 1);
	pause();
	_exit(0);
}

static int group_setup(void **state)
{
	char a[64], b[64], byte;
	int go[2];

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return 0;
	name_of('a', a);
	name_of('b', b);
	assert_int_equal(pipe(go), 0);
	holder = fork();
	if (!holder)
		hold_namespace(go[1]);
	assert_int_equal(read(go[0], &byte, 1), 1);
	sh("ip netns add %s && ip netns add %s", a, b);
	sh("ip link add hosta type veth peer name eth0 netns %s", a);
	sh("ip -n %s addr add 10.250.0.1/24 dev eth0 && ip -n %s addr add fd00:250::1/64 dev eth0",
	   a, a);
	sh("ip link add hostc type veth peer name eth0 netns %d", holder);
	sh("nsenter -t %d -n ip addr add 10.250.0.2/32 dev eth0", holder);
	sh("ip -n %s link add x type veth peer name y", b);
	sh("ip -n %s addr add 10.250.0.3/24 dev x", b);
	sh("ip -n %s addr add 10.250.0.1/24 dev x", b);
	ready = true;
	return 0;
}

static int group_teardown(void **state)
{
	char a[64], b[64];

	if (!ready)
		return 0;
	name_of('a', a);
	name_of('b', b);
	sh("ip netns del %s; ip netns del %s", a, b);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	return 0;
}

static void need_root(void)
{
	if (ready)
		return;
	print_message("needs root to make network namespaces\n");
	skip();
}

static struct netns_query query(const char *ip)
{
	struct netns_query q = { 0 };
	__be32 v4;

	if (inet_pton(AF_INET, ip, &v4) == 1)
		q.ips[0] = ip16_from_v4(v4);
	else
		inet_pton(AF_INET6, ip, &q.ips[1]);
	return q;
}

static ino_t own_namespace(void)
{
	char link[64] = "";

	assert_true(readlink("/proc/self/ns/net", link, sizeof(link) - 1) > 0);
	return strtoul(link + 5, NULL, 10);
}

static void a_pod_in_a_named_namespace_is_found_by_either_address(void **state)
{
	struct netns_query q[2] = { query("10.250.0.1"), query("fd00:250::1") };

	need_root();
	assert_int_equal(netns_scan(q, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(q[i].found);
		assert_string_equal(q[i].device, "hosta");
		assert_int_equal(q[i].ifindex, if_nametoindex("hosta"));
	}
	assert_true(q[0].mac[0] || q[0].mac[5]);
}

static void a_pod_in_the_namespace_of_a_process_is_found(void **state)
{
	struct netns_query q = query("10.250.0.2");

	need_root();
	assert_int_equal(netns_scan(&q, 1), 0);
	assert_true(q.found);
	assert_string_equal(q.device, "hostc");
}

static void an_equal_address_elsewhere_is_not_our_pod(void **state)
{
	struct netns_query q[2] = { query("10.250.0.3"), query("10.250.0.77") };

	need_root();
	assert_int_equal(netns_scan(q, 2), 0);
	assert_false(q[0].found);
	assert_false(q[1].found);
}

static void our_own_namespace_is_never_left_and_never_a_pod(void **state)
{
	ino_t before = own_namespace();
	struct netns_query q = query("127.0.0.1");

	need_root();
	sh("ip link set lo up");
	assert_int_equal(netns_scan(&q, 1), 0);
	assert_false(q.found);
	assert_int_equal(own_namespace(), before);
}

static void a_scan_takes_milliseconds(void **state)
{
	struct netns_query q = query("10.250.0.99");
	uint64_t t = clock_ms();

	need_root();
	assert_int_equal(netns_scan(&q, 1), 0);
	assert_in_range(clock_ms() - t, 0, 500);
}

static void count_link(void *arg, const struct link *l)
{
	*(int *)arg += l->veth && l->peer_nsid >= 0;
}

static void find_address(void *arg, const struct address *a)
{
	struct netns_query want = query("10.9.8.7");

	*(bool *)arg |= ip16_eq(&a->ip, &want.ips[0]);
}

static void addresses_are_set_and_taken_off_twice_without_complaint(void **state)
{
	struct netns_query q = query("10.9.8.7");
	bool there = false;
	int nl, veths = 0;

	need_root();
	nl = netlink_open(0);
	assert_true(nl >= 0);
	assert_int_equal(netlink_links(nl, count_link, &veths), 0);
	assert_int_equal(veths, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(netlink_address_set(nl, 1, &q.ips[0], true), 0);
	assert_int_equal(netlink_addresses(nl, find_address, &there), 0);
	assert_true(there);
	for (int i = 0; i < 2; i++)
		assert_int_equal(netlink_address_set(nl, 1, &q.ips[0], false), 0);
	there = false;
	assert_int_equal(netlink_addresses(nl, find_address, &there), 0);
	assert_false(there);
	close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_in_a_named_namespace_is_found_by_either_address),
		cmocka_unit_test(a_pod_in_the_namespace_of_a_process_is_found),
		cmocka_unit_test(an_equal_address_elsewhere_is_not_our_pod),
		cmocka_unit_test(our_own_namespace_is_never_left_and_never_a_pod),
		cmocka_unit_test(a_scan_takes_milliseconds),
		cmocka_unit_test(addresses_are_set_and_taken_off_twice_without_complaint),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
