// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include "door_rig.h"
#include "kernel/fill.h"
#include "kernel/kernel.h"
#include "kernel/tables.h"

struct door_rig dr;
static uint64_t before[NR_KERNEL_REASONS];

/* In place. from: ifindex it entered the node by, for door_out. Returns the program's verdict. */
int dr_pass(struct frame *f, int prog, uint32_t ifindex, uint32_t from)
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

int dr_in(struct frame *f, int pod)
{
	return dr_pass(f, dr.bed.k->door_in_fd, dr.bed.pods[pod].ifindex, 0);
}

int dr_out(struct frame *f, int pod)
{
	return dr_pass(f, dr.bed.k->door_out_fd, dr.bed.pods[pod].ifindex, 0);
}

uint64_t dr_counted(enum kernel_reason reason)
{
	uint64_t now[NR_KERNEL_REASONS];

	assert_int_equal(tables_reasons(dr.bed.k, now), 0);
	return now[reason] - before[reason];
}

struct cluster_state dr_cluster(uint64_t id)
{
	struct cluster_state s;

	assert_int_equal(tables_cluster(dr.bed.k, id, &s), 0);
	return s;
}

void dr_proxy(uint16_t port)
{
	struct proxy_at at = { .ip4 = bed_ip(PROXY),
			       .ip6 = bed_ip("fd77:6566:74::1"),
			       .port = htons(port) };

	assert_int_equal(proxy_put(dr.bed.k, &at), 0);
}

void dr_pod_flags(int pod, uint32_t flags)
{
	struct pod p = { .pod_id = dr.bed.pods[pod].id,
			 .ifindex = dr.bed.pods[pod].ifindex,
			 .veth = 1,
			 .flags = flags };

	assert_int_equal(pod_put(dr.bed.k, &dr.bed.pods[pod].addr4, &p), 0);
}

int dr_conns(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/conns", dr.bed.pins);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

struct ends ends_reversed(struct ends e)
{
	return (struct ends){ e.dst, e.dport, e.src, e.sport };
}

int dr_open(void **state)
{
	uint32_t web4, web6, dns, limited, i;

	if (bed_open(&dr.bed, "door", 3, 0)) {
		bed_close(&dr.bed);
		return -1;
	}
	web4 = bed_cluster(&dr.plan, 11, LB_ROUND_ROBIN);
	bed_endpoint(&dr.plan, web4, "10.244.1.3", 8080);
	web6 = bed_cluster(&dr.plan, 12, LB_ROUND_ROBIN);
	bed_endpoint(&dr.plan, web6, "fd00:10:244:1::3", 8080);
	dns = bed_cluster(&dr.plan, 13, LB_RANDOM);
	bed_endpoint(&dr.plan, dns, "10.244.1.3", 53);
	limited = bed_cluster(&dr.plan, 14, LB_LEAST_REQUEST);
	dr.plan.clusters[limited].max_connections = 2;
	bed_endpoint(&dr.plan, limited, "10.244.1.3", 9090);
	i = bed_cluster(&dr.plan, 15, LB_ROUND_ROBIN); /* empty */
	bed_vip(&dr.plan, VIP4, 80, TCP, VERDICT_BACKEND, web4);
	bed_vip(&dr.plan, "10.96.0.11", 80, TCP, VERDICT_BACKEND, web4);
	bed_vip(&dr.plan, VIP6, 80, TCP, VERDICT_BACKEND, web6);
	bed_vip(&dr.plan, VIP4, 53, UDP, VERDICT_BACKEND, dns);
	bed_vip(&dr.plan, VIP4, 90, TCP, VERDICT_BACKEND, limited);
	bed_vip(&dr.plan, VIP4, 91, TCP, VERDICT_BACKEND, i);
	bed_vip(&dr.plan, VIP4, 92, TCP, VERDICT_BACKEND, PLAN_NO_INDEX);
	bed_vip(&dr.plan, VIP4, 99, TCP, VERDICT_PROXY, 0);
	bed_vip(&dr.plan, VIP4, 0, TCP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&dr.plan, VIP4, 0, UDP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&dr.plan, VIP6, 0, UDP, VERDICT_REFUSE, 0)->reason = REASON_unknown_port;
	bed_vip(&dr.plan, "10.66.0.0", 0, TCP, VERDICT_REFUSE, 0)->reason = REASON_denied;
	dr.plan.vips[dr.plan.plan.nr_vips - 1].prefix = 96 + 16;
	return fill_plan(dr.bed.k, bed_plan(&dr.plan), NULL);
}

int dr_close(void **state)
{
	bed_close(&dr.bed);
	return 0;
}

/* Every test starts with an empty table. */
int dr_fresh(void **state)
{
	struct conn_key key;
	int fd = dr_conns();

	while (!bpf_map_get_next_key(fd, NULL, &key))
		bpf_map_delete_elem(fd, &key);
	close(fd);
	memset(dr.bed.k->cluster_state.at, 0, 64 * sizeof(struct cluster_state));
	memset(dr.bed.k->endpoint_state.at, 0, 64 * sizeof(struct endpoint_state));
	dr_proxy(0);
	dr_pod_flags(1, 0);
	return tables_reasons(dr.bed.k, before);
}
