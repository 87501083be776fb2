// SPDX-License-Identifier: Apache-2.0
/* Plans into kernel tables: what is touched, what keeps its number, what a restart finds. Root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "base/clock.h"
#include "kernel/fill.h"
#include "kernel/kernel.h"
#include "kernel/sweep.h"
#include "kernel/tables.h"
#include "tests/lib/bed.h"
#include "weft/limits.h"
#include "weft/reasons.h"

static struct kernel *k;
static char pins[64];

static struct kernel *open_kernel(void)
{
	struct kernel_options o = { .pins = pins, .cgroup = "" };
	struct kernel *out = NULL;

	if (kernel_open(&o, &out))
		print_error("kernel_open: %s\n", kernel_why());
	return out;
}

static int setup(void **state)
{
	snprintf(pins, sizeof(pins), "/sys/fs/bpf/fill%d", (int)getpid());
	k = open_kernel();
	return k ? 0 : -1;
}

static int teardown(void **state)
{
	k = kernel_close(k);
	return kernel_cleanup(pins);
}

static void fill(struct bed_plan *p, struct fill_stats *st)
{
	int err = fill_plan(k, bed_plan(p), st);

	if (err)
		print_error("fill_plan: %s\n", fill_why());
	assert_int_equal(err, 0);
}

static int steer_at(const char *ip, uint16_t port, struct steer *out)
{
	struct vip_key key = { .addr = bed_ip(ip), .port = htons(port), .proto = 6 };
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), "%s/vips", pins);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	err = bpf_map_lookup_elem(fd, &key, out);
	close(fd);
	return err;
}

static struct cluster *cluster_at(uint32_t i)
{
	return table_at(&k->clusters, i);
}

static struct endpoint *slot_endpoint(uint32_t slot)
{
	return table_at(&k->endpoints, *(uint32_t *)table_at(&k->slots, slot));
}

static struct bed_plan *two_clusters(void)
{
	struct bed_plan *p = calloc(1, sizeof(*p));
	uint32_t c = bed_cluster(p, 101, LB_ROUND_ROBIN);

	bed_endpoint(p, c, "10.0.0.1", 80);
	bed_endpoint(p, c, "10.0.0.2", 80);
	c = bed_cluster(p, 102, LB_RANDOM);
	bed_endpoint(p, c, "10.0.0.2", 80);
	bed_vip(p, "10.96.0.1", 80, 6, VERDICT_BACKEND, 0);
	bed_vip(p, "10.96.0.2", 80, 6, VERDICT_BACKEND, 1);
	return p;
}

static void the_same_plan_twice_writes_nothing(void **state)
{
	struct bed_plan *p = two_clusters();
	struct fill_stats st;
	struct steer s;

	fill(p, &st);
	assert_int_equal(st.endpoints_added, 2);
	assert_int_equal(st.clusters_added, 2);
	assert_int_equal(st.vips_written, 2);
	assert_int_equal(steer_at("10.96.0.1", 80, &s), 0);
	assert_int_equal(cluster_at(s.cluster)->id, 101);
	assert_int_equal(cluster_at(s.cluster)->slot_count, 2);
	assert_int_equal(slot_endpoint(cluster_at(s.cluster)->slot_base + 1)->addr.w[3],
			 bed_ip("10.0.0.2").w[3]);
	fill(p, &st);
	st.ns = 0;
	assert_memory_equal(&st, &(struct fill_stats){ 0 }, sizeof(st));
	free(p);
}

static void a_changed_cluster_moves_to_a_new_range_at_once(void **state)
{
	struct bed_plan *p = two_clusters();
	struct fill_stats st;
	struct steer s, after;
	uint32_t base;

	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.1", 80, &s), 0);
	base = cluster_at(s.cluster)->slot_base;
	bed_endpoint(p, 0, "10.0.0.3", 80);
	p->clusters[1].max_connections = 5;
	fill(p, &st);
	assert_int_equal(st.endpoints_added, 1);
	assert_int_equal(st.clusters_changed, 2);
	assert_int_equal(st.vips_written, 0);
	assert_int_equal(steer_at("10.96.0.1", 80, &after), 0);
	assert_memory_equal(&s, &after, sizeof(s));
	assert_int_equal(cluster_at(s.cluster)->slot_count, 3);
	assert_int_not_equal(cluster_at(s.cluster)->slot_base, base);
	free(p);
}

static void weights_become_exact_shares_of_a_split(void **state)
{
	struct bed_plan *p = two_clusters();
	uint32_t hits[2] = { 0 }, i, lost = 0;
	struct plan_vip *v = &p->vips[0];
	struct fill_stats st;
	struct steer s, t;

	p->splits[0][0] = (struct plan_split){ 0, 75 };
	p->splits[0][1] = (struct plan_split){ 1, 20 };
	p->splits[0][2] = (struct plan_split){ PLAN_NO_INDEX, 5 };
	v->nr_splits = 3;
	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.1", 80, &s), 0);
	assert_int_equal(s.split_count, 20);
	for (i = 0; i < s.split_count; i++) {
		uint32_t c = *(uint32_t *)table_at(&k->slots, s.split_base + i);

		if (c == WEFT_NO_CLUSTER)
			lost++;
		else
			hits[cluster_at(c)->id - 101]++;
	}
	assert_int_equal(hits[0], 15);
	assert_int_equal(hits[1], 4);
	assert_int_equal(lost, 1);
	fill(p, &st);
	assert_int_equal(st.vips_written, 0);
	/* weights without a small common measure: still all of them, and no more than the bound */
	p->splits[0][0].weight = 999983;
	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.1", 80, &t), 0);
	assert_int_equal(t.split_count, SPLIT_SLOTS);
	free(p);
}

static void a_number_is_given_out_again_only_after_a_census(void **state)
{
	struct bed_plan *p = two_clusters();
	struct bed_plan *empty = calloc(1, sizeof(*empty));
	struct fill_stats st;
	struct steer s;
	uint32_t i;

	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.2", 80, &s), 0);
	i = s.cluster;
	fill(empty, &st);
	assert_int_equal(st.clusters_removed, 2);
	assert_true(st.vips_removed >= 2);
	assert_int_not_equal(steer_at("10.96.0.2", 80, &s), 0);
	assert_int_equal(cluster_at(i)->id, 102); /* a connection may still refer to it */
	assert_int_equal(cluster_at(i)->slot_count, 0);
	assert_int_equal(kernel_reconcile(k, NULL), 0);
	assert_int_equal(cluster_at(i)->id, 0);
	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.2", 80, &s), 0);
	assert_int_equal(cluster_at(s.cluster)->id, 102);
	free(p);
	free(empty);
}

static void a_restart_finds_numbers_counters_and_destinations_again(void **state)
{
	struct bed_plan *p = two_clusters();
	struct fill_stats st;
	struct steer s, after;

	fill(p, NULL);
	assert_int_equal(steer_at("10.96.0.1", 80, &s), 0);
	((struct cluster_state *)table_at(&k->cluster_state, s.cluster))->opened = 77;
	k = kernel_close(k);
	k = open_kernel();
	assert_non_null(k);
	assert_true(kernel_reused(k));
	fill(p, &st);
	assert_int_equal(st.clusters_added + st.clusters_changed + st.endpoints_added, 0);
	assert_int_equal(st.vips_written + st.vips_removed, 0);
	assert_int_equal(steer_at("10.96.0.1", 80, &after), 0);
	assert_memory_equal(&s, &after, sizeof(s));
	assert_int_equal(((struct cluster_state *)table_at(&k->cluster_state, s.cluster))->opened,
			 77);
	free(p);
}

static void a_plan_that_does_not_fit_changes_nothing(void **state)
{
	struct bed_plan *p = two_clusters();
	struct fill_stats st;
	struct plan big;

	fill(p, NULL);
	big = p->plan;
	big.nr_clusters = MAX_CLUSTERS + 1;
	assert_int_equal(fill_plan(k, &big, NULL), -ENOSPC);
	assert_non_null(strstr(fill_why(), "clusters"));
	fill(p, &st);
	assert_int_equal(st.clusters_changed + st.vips_written, 0);
	free(p);
}

static void maps_of_another_abi_are_replaced(void **state)
{
	struct tables_meta meta;
	uint32_t zero = 0;
	char path[128];
	int fd;

	k = kernel_close(k);
	snprintf(path, sizeof(path), "%s/meta", pins);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &meta), 0);
	meta.abi = WEFT_ABI + 1;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &meta, BPF_ANY), 0);
	close(fd);
	k = open_kernel();
	assert_non_null(k);
	assert_false(kernel_reused(k));
}

static void shared_descriptors_cannot_write(void **state)
{
	uint64_t zeros[1024] = { 0 };
	uint32_t zero = 0;
	int fds[NR_SHARED], i;

	assert_int_equal(kernel_shared_fds(k, fds), 0);
	assert_int_equal(bpf_map_lookup_elem(fds[SHARED_REASONS], &zero, zeros), 0);
	assert_int_not_equal(bpf_map_update_elem(fds[SHARED_REASONS], &zero, zeros, BPF_ANY), 0);
	assert_int_equal(errno, EPERM);
	for (i = 0; i < NR_SHARED; i++)
		close(fds[i]);
}

/* 1,000 services of 10 endpoints, 3 addresses each. */
static void a_thousand_services_are_filled_well_under_100_ms(void **state)
{
	enum { SERVICES = 1000, EACH = 10 };
	struct plan_endpoint *e = calloc(SERVICES * EACH, sizeof(*e));
	struct plan_cluster *c = calloc(SERVICES, sizeof(*c));
	struct plan_vip *v = calloc(SERVICES * 3, sizeof(*v));
	struct plan_split *sp = calloc(SERVICES, sizeof(*sp));
	uint32_t *slots = calloc(SERVICES * EACH, sizeof(*slots)), i;
	struct plan p = { e, SERVICES * EACH, c, SERVICES, v, SERVICES * 3, NULL, 0, NULL, 0 };
	struct fill_stats first, same, one;

	for (i = 0; i < SERVICES * EACH; i++) {
		e[i] = (struct plan_endpoint){ .id = 0x9e3779b97f4a7c15ull * (i + 1),
					       .addr = { { 0, 0, htonl(0xffff),
							   htonl(0x0a000000u + i) } },
					       .port = htons(80),
					       .weight = 1 };
		slots[i] = i;
	}
	for (i = 0; i < SERVICES; i++) {
		c[i] = (struct plan_cluster){ .name = "c",
					      .id = 0xc2b2ae3d27d4eb4full * (i + 1),
					      .max_connections = WEFT_NO_LIMIT,
					      .slots = slots + i * EACH,
					      .nr_slots = EACH };
		sp[i] = (struct plan_split){ i, 1 };
	}
	for (i = 0; i < SERVICES * 3; i++)
		v[i] = (struct plan_vip){ .addr = { { 0, 0, htonl(0xffff),
						      htonl(0x0a600000u + i / 3) } },
					  .prefix = 128,
					  .proto = 6,
					  .port = htons((uint16_t)(i % 3)),
					  .verdict = VERDICT_BACKEND,
					  .splits = &sp[i / 3],
					  .nr_splits = 1 };
	assert_int_equal(fill_plan(k, &p, &first), 0);
	assert_int_equal(fill_plan(k, &p, &same), 0);
	slots[5] = 7;
	assert_int_equal(fill_plan(k, &p, &one), 0);
	assert_int_equal(one.clusters_changed, 1);
	print_message("fill: first %.1f ms, unchanged %.1f ms, one cluster %.1f ms\n",
		      (double)first.ns / 1e6, (double)same.ns / 1e6, (double)one.ns / 1e6);
	assert_true(first.ns < 100 * 1000000ull);
	assert_true(one.ns < 50 * 1000000ull);
	free(e);
	free(c);
	free(v);
	free(sp);
	free(slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_plan_twice_writes_nothing),
		cmocka_unit_test(a_changed_cluster_moves_to_a_new_range_at_once),
		cmocka_unit_test(weights_become_exact_shares_of_a_split),
		cmocka_unit_test(a_number_is_given_out_again_only_after_a_census),
		cmocka_unit_test(a_restart_finds_numbers_counters_and_destinations_again),
		cmocka_unit_test(a_plan_that_does_not_fit_changes_nothing),
		cmocka_unit_test(maps_of_another_abi_are_replaced),
		cmocka_unit_test(shared_descriptors_cannot_write),
		cmocka_unit_test(a_thousand_services_are_filled_well_under_100_ms),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
