// SPDX-License-Identifier: Apache-2.0
/* Enrolment with real namespaces and a kernel side that only remembers what it was told. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/enroll.h"
#include "agent/linkwatch.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/lib/addr.h"

/* ---- the fake kernel --------------------------------------------------------------------------
 */

enum { FAKE_MAX = 32 };

static struct {
	struct door_entry doors[FAKE_MAX];
	int nr_doors;
	struct pod_entry pods[FAKE_MAX];
	int nr_pods;
	uint32_t fail_ifindex; /* attaching to it fails */
	bool pod_before_door;  /* an address was published whose door was not attached */
	int attached;
} fake;

static struct door_entry *fake_door(uint32_t ifindex)
{
	for (int i = 0; i < fake.nr_doors; i++)
		if (fake.doors[i].ifindex == ifindex)
			return &fake.doors[i];
	return NULL;
}

int door_attach(struct kernel *k, uint32_t ifindex, const struct door *d)
{
	struct door_entry *e = fake_door(ifindex);

	if (ifindex == fake.fail_ifindex && d->kind == DOOR_POD)
		return -EBUSY;
	if (!e)
		e = &fake.doors[fake.nr_doors++];
	*e = (struct door_entry){ ifindex, *d };
	fake.attached++;
	return 0;
}

int door_detach(struct kernel *k, uint32_t ifindex)
{
	struct door_entry *e = fake_door(ifindex);

	if (e)
		*e = fake.doors[--fake.nr_doors];
	return 0;
}

int door_check(struct kernel *k, uint32_t ifindex)
{
	return fake_door(ifindex) ? 0 : -ENOENT;
}

int doors_list(struct kernel *k, struct door_entry *out, int cap)
{
	memcpy(out, fake.doors, sizeof(*out) * (size_t)fake.nr_doors);
	return fake.nr_doors;
}

static struct pod_entry *fake_pod(const struct ip16 *addr)
{
	for (int i = 0; i < fake.nr_pods; i++)
		if (ip16_eq(&fake.pods[i].addr, addr))
			return &fake.pods[i];
	return NULL;
}

int pod_put(struct kernel *k, const struct ip16 *addr, const struct pod *p)
{
	struct pod_entry *e = fake_pod(addr);

	if (!fake_door(p->ifindex) || fake_door(p->ifindex)->door.kind != DOOR_POD)
		fake.pod_before_door = true;
	if (!e)
		e = &fake.pods[fake.nr_pods++];
	*e = (struct pod_entry){ *addr, *p };
	return 0;
}

int pod_del(struct kernel *k, const struct ip16 *addr)
{
	struct pod_entry *e = fake_pod(addr);

	if (e)
		*e = fake.pods[--fake.nr_pods];
	return 0;
}

int pods_list(struct kernel *k, struct pod_entry *out, int cap)
{
	memcpy(out, fake.pods, sizeof(*out) * (size_t)fake.nr_pods);
	return fake.nr_pods;
}

/* ---- a node with pods -------------------------------------------------------------------------
 */

static struct {
	struct loop *loop;
	struct doorset *doors;
	struct enroll *enroll;
	struct linkwatch *links;
	struct plan_pod pods[4];
	struct plan plan;
} n;

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

static void make_pod(int i)
{
	sh("ip netns add weft-enroll-%d-%d", getpid(), i);
	sh("ip link add pod%d type veth peer name eth0 netns weft-enroll-%d-%d", i, getpid(), i);
	sh("ip -n weft-enroll-%d-%d addr add 10.250.1.%d/32 dev eth0", getpid(), i, i);
}

static void remove_pods(void)
{
	sh("for n in $(ip netns list | grep -o '^weft-enroll-%d-[0-9]*'); do ip netns del $n; done",
	   getpid());
}

static void on_links(void *arg, const struct link *links, size_t count)
{
	enroll_links(n.enroll, links, count);
	doorset_links(n.doors, links, count);
}

static void open_node(void)
{
	n.loop = loop_new();
	n.doors = doorset_new(NULL);
	assert_int_equal(enroll_new(n.loop, NULL, n.doors, &n.enroll), 0);
	assert_int_equal(linkwatch_new(n.loop, on_links, NULL, &n.links), 0);
}

static void close_node(void)
{
	linkwatch_free(n.links);
	enroll_free(n.enroll);
	doorset_free(n.doors);
	loop_free(n.loop);
}

static int setup(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	log_set_level(LOG_ERROR);
	memset(&fake, 0, sizeof(fake));
	memset(&n, 0, sizeof(n));
	for (uint32_t i = 0; i < 4; i++) {
		__be32 v4 = htonl(0x0afa0100 + i);

		n.pods[i] = (struct plan_pod){ .name = names[i],
					       .ns = "default",
					       .id = 100 + i,
					       .local = 1,
					       .enroll = 1,
					       .why = "" };
		n.pods[i].ips[0] = ip16_from_v4(v4);
	}
	n.plan.pods = n.pods;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return 0;
	open_node();
	return 0;
}

static int teardown(void **state)
{
	if (!n.loop)
		return 0;
	close_node();
	remove_pods();
	return 0;
}

static void sync_pods(uint32_t count)
{
	n.plan.nr_pods = count;
	enroll_sync(n.enroll, &n.plan);
}

static const struct enroll_pod *pod(uint64_t id)
{
	for (size_t i = 0; i < enroll_count(n.enroll); i++)
		if (enroll_at(n.enroll, i)->id == id)
			return enroll_at(n.enroll, i);
	fail_msg("no pod %d", (int)id);
	return NULL;
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		uint64_t end_ = clock_ms() + 4000;                                                 \
		while (!(condition) && clock_ms() < end_)                                          \
			loop_once(n.loop, 10);                                                     \
		assert_true(condition);                                                            \
	} while (0)

static void run_ms(uint64_t ms)
{
	for (uint64_t end = clock_ms() + ms; clock_ms() < end;)
		loop_once(n.loop, 5);
}

static void need_root(void)
{
	if (n.loop)
		return;
	print_message("needs root to make network namespaces\n");
	skip();
}

/* ---- sentences --------------------------------------------------------------------------------
 */

static void a_pod_that_is_there_is_enrolled_door_first(void **state)
{
	const struct door_entry *d;

	need_root();
	make_pod(1);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	d = fake_door(if_nametoindex("pod1"));
	assert_non_null(d);
	assert_int_equal(d->door.kind, DOOR_POD);
	assert_int_equal(d->door.pod_id, 101);
	assert_true(ip16_eq(&d->door.ip4, &n.pods[1].ips[0]));
	assert_non_null(fake_pod(&n.pods[1].ips[0]));
	assert_false(fake.pod_before_door);
	assert_string_equal(pod(101)->device, "pod1");
}

static void a_pod_that_comes_after_its_config_is_found_soon(void **state)
{
	uint64_t t;

	need_root();
	sync_pods(3);
	run_ms(700);
	assert_int_equal(pod(102)->state, POD_WAITING);
	assert_non_null(strstr(pod(102)->reason, "no network namespace"));
	make_pod(2);
	t = clock_ms();
	RUN_UNTIL(pod(102)->state == POD_ENROLLED);
	assert_in_range(clock_ms() - t, 0, 1000); /* 60 when nothing else runs */
}

static void a_pod_that_fails_says_why_and_does_not_hold_up_others(void **state)
{
	need_root();
	make_pod(1);
	make_pod(2);
	fake.fail_ifindex = if_nametoindex("pod1");
	sync_pods(3);
	RUN_UNTIL(pod(102)->state == POD_ENROLLED && pod(101)->state == POD_FAILED);
	assert_non_null(strstr(pod(101)->reason, "cannot attach to the device pod1"));
	assert_non_null(strstr(pod(101)->reason, strerror(EBUSY)));
	assert_null(fake_pod(&n.pods[1].ips[0]));
	fake.fail_ifindex = 0;
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
}

static void a_pod_that_shall_not_be_enrolled_has_no_door(void **state)
{
	need_root();
	make_pod(1);
	n.pods[1].enroll = 0;
	n.pods[1].why = "label sidecar.istio.io/inject=false";
	sync_pods(2);
	RUN_UNTIL(fake_pod(&n.pods[1].ips[0]) != NULL);
	assert_int_equal(pod(101)->state, POD_IGNORED);
	assert_string_equal(pod(101)->reason, "label sidecar.istio.io/inject=false");
	run_ms(100);
	assert_null(fake_door(if_nametoindex("pod1")));
	n.pods[1].enroll = 1;
	sync_pods(2);
	assert_int_equal(pod(101)->state, POD_ENROLLED);
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.kind, DOOR_POD);
	n.pods[1].enroll = 0;
	sync_pods(2);
	assert_int_equal(pod(101)->state, POD_IGNORED);
	assert_string_equal(pod(101)->reason, "label sidecar.istio.io/inject=false");
	assert_null(fake_door(if_nametoindex("pod1")));
}

static void a_changed_view_reaches_the_door_at_once(void **state)
{
	int before;

	need_root();
	make_pod(1);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	run_ms(50);
	before = fake.attached;
	sync_pods(2);
	assert_int_equal(fake.attached, before); /* nothing changed, nothing done */
	n.pods[1].view = 77;
	sync_pods(2);
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.view, 77);
}

static void a_pod_that_leaves_the_config_leaves_nothing_behind(void **state)
{
	need_root();
	make_pod(1);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	sync_pods(1);
	assert_null(fake_pod(&n.pods[1].ips[0]));
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.kind, DOOR_NODE);
}

static void a_device_that_vanishes_is_noticed_and_its_successor_found(void **state)
{
	uint32_t old;

	need_root();
	make_pod(1);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	old = pod(101)->ifindex;
	remove_pods();
	RUN_UNTIL(pod(101)->state == POD_WAITING);
	assert_null(fake_pod(&n.pods[1].ips[0]));
	RUN_UNTIL(!fake_door(old));
	make_pod(1);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	assert_int_not_equal(pod(101)->ifindex, old);
}

static void a_new_weftd_keeps_doors_of_pods_and_drops_strangers(void **state)
{
	struct pod stranger = { .pod_id = 9999, .ifindex = 1 };
	struct netns_dummy {
		struct ip16 ip;
	} other = { ip16_from_v4(htonl(0x0afa01ff)) };
	int attached;

	need_root();
	make_pod(1);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	fake_door(if_nametoindex("pod1"))->door.view = 5;
	close_node();
	pod_put(NULL, &other.ip, &stranger);
	open_node();
	attached = fake.attached;
	run_ms(60);
	/* not known to the config yet: it must not lose its identity meanwhile */
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.kind, DOOR_POD);
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.view, 5);
	sync_pods(2);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	assert_true(fake.attached > attached); /* with the programs of this weftd */
	assert_null(fake_pod(&other.ip));
	assert_non_null(fake_pod(&n.pods[1].ips[0]));
}

static void an_ended_pod_does_not_take_the_door_of_the_one_with_its_address(void **state)
{
	need_root();
	make_pod(1);
	n.pods[0].ips[0] = n.pods[1].ips[0];
	n.pods[0].enroll = 0;
	n.pods[0].why = "phase Succeeded";
	n.pods[2].ips[0] = n.pods[1].ips[0];
	sync_pods(3);
	RUN_UNTIL(pod(101)->state == POD_ENROLLED);
	run_ms(100);
	assert_int_equal(pod(100)->state, POD_IGNORED);
	assert_string_equal(pod(100)->reason, "phase Succeeded");
	assert_int_equal(pod(102)->state, POD_WAITING);
	assert_non_null(strstr(pod(102)->reason, "also that of pod default/b"));
	assert_int_equal(fake_door(if_nametoindex("pod1"))->door.pod_id, 101);
	assert_int_equal(fake_pod(&n.pods[1].ips[0])->pod.pod_id, 101);
}

static void pods_of_other_nodes_and_without_address_wait_quietly(void **state)
{
	need_root();
	n.pods[1].local = 0;
	n.pods[2].ips[0] = (struct ip16){ 0 };
	sync_pods(3);
	run_ms(100);
	assert_int_equal(enroll_count(n.enroll), 2);
	assert_int_equal(pod(102)->state, POD_WAITING);
	assert_non_null(strstr(pod(102)->reason, "podIP"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pod_that_is_there_is_enrolled_door_first),
		TEST(a_pod_that_comes_after_its_config_is_found_soon),
		TEST(a_pod_that_fails_says_why_and_does_not_hold_up_others),
		TEST(a_pod_that_shall_not_be_enrolled_has_no_door),
		TEST(a_changed_view_reaches_the_door_at_once),
		TEST(a_pod_that_leaves_the_config_leaves_nothing_behind),
		TEST(a_device_that_vanishes_is_noticed_and_its_successor_found),
		TEST(a_new_weftd_keeps_doors_of_pods_and_drops_strangers),
		TEST(an_ended_pod_does_not_take_the_door_of_the_one_with_its_address),
		TEST(pods_of_other_nodes_and_without_address_wait_quietly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
