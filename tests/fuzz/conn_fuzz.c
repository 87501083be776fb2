// SPDX-License-Identifier: Apache-2.0
/*
 * The connection table as a state machine: door_in and sweep themselves, driven by any order of
 * SYN, data, FIN and RST from either side, socket closes, time, changes of plan and a table that is
 * full. After every step the books must balance: both keys of each connection point at each other
 * and undo each other's rewriting, reservations counted in the table are those of the clusters,
 * never negative and never above a limit.
 */
#include "tests/lib/fake_bpf.h"
#include <stdio.h>
#include <sys/mman.h>
/* global functions of BPF programs are verified alone, hence not static, and have no header */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "bpf/door.bpf.c"
#define LICENSE sweep_license
#include "bpf/sweep.bpf.c"
#include "tests/lib/frame.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENTS = 3, SERVERS = 3, CLUSTERS = 3, TABLE = 24, STEPS = 400, LIMIT = 2 };

static const char *const pod_ip[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4" };
static const char *const vip_ip[] = { "10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.4" };
static struct __sk_buff *skb;

static struct ip16 ip(const char *text)
{
	struct frame f;

	frame_udp(&f, (struct ends){ text, 1, text, 1 }, "");
	return ip16_from_v4(load_be32(f.b + 26));
}

static void put_steer(int i, uint8_t proto, struct steer s)
{
	struct vip_key k = { .addr = ip(vip_ip[i]), .port = be16_of(80), .proto = proto };

	bpf_map_update_elem(&vips, &k, &s, BPF_ANY);
}

static void make_maps(void)
{
	FAKE_HASH(conns, TABLE);
	FAKE_HASH(vips, 64);
	FAKE_HASH(cidrs, 64);
	FAKE_ARRAY(clusters, CLUSTERS);
	FAKE_ARRAY(cluster_state, CLUSTERS);
	FAKE_ARRAY(endpoints, SERVERS);
	FAKE_ARRAY(endpoint_state, SERVERS);
	FAKE_ARRAY(slots, 16);
	FAKE_HASH(doors, 16);
	FAKE_HASH(door_loads, 16);
	FAKE_HASH(pods, 16);
	FAKE_ARRAY(proxy_at, 1);
	FAKE_ARRAY(own_ports, 1024);
	FAKE_HASH(node_addrs, 16);
	FAKE_ARRAY(entries_made, 1);
	FAKE_ARRAY(reasons, NR_KERNEL_REASONS);
	FAKE_HASH(flow_stats, 64);
	FAKE_ARRAY(event_budget, 1);
	FAKE_ARRAY(cluster_census, CLUSTERS);
	FAKE_ARRAY(endpoint_census, SERVERS);
	FAKE_ARRAY(scratch, 1);
}

static void make_mesh(void)
{
	uint32_t i, ifindex;

	for (i = 0; i < 4; i++) {
		struct ip16 addr = ip(pod_ip[i]);
		struct pod p = { .pod_id = i + 1, .ifindex = i + 1, .veth = 1 };
		struct door d = { .pod_id = i + 1, .kind = DOOR_POD, .veth = 1, .ip4 = addr };

		ifindex = i + 1;
		bpf_map_update_elem(&pods, &addr, &p, BPF_ANY);
		bpf_map_update_elem(&doors, &ifindex, &d, BPF_ANY);
	}
	for (i = 0; i < SERVERS; i++) {
		struct endpoint *e = bpf_map_lookup_elem(&endpoints, &i);
		uint32_t *slot = bpf_map_lookup_elem(&slots, &i);

		*e = (struct endpoint){
			.id = i + 1, .addr = ip(pod_ip[i + 1]), .port = be16_of(8080), .weight = 1
		};
		*slot = i;
	}
	for (i = 0; i < CLUSTERS; i++) {
		struct cluster *c = bpf_map_lookup_elem(&clusters, &i);

		*c = (struct cluster){ .id = i + 1,
				       .slot_count = SERVERS,
				       .max_connections = i ? LIMIT : WEFT_NO_LIMIT,
				       .lb = (__u8)i };
		put_steer((int)i, PKT_TCP, (struct steer){ VERDICT_BACKEND, 0, 0, i, 0, 0 });
		put_steer((int)i, PKT_UDP, (struct steer){ VERDICT_BACKEND, 0, 0, i, 0, 0 });
	}
	put_steer(3, PKT_TCP, (struct steer){ VERDICT_PROXY, 0, 0, 0, 0, 0 });
	*(struct proxy_at *)bpf_map_lookup_elem(&proxy_at, &(uint32_t){ 0 }) =
		(struct proxy_at){ ip("169.254.77.1"), { { 0 } }, be16_of(15001), { 0 } };
}

static void init(void)
{
	if (skb)
		return;
	/* an skb that is also the kernel's sk_buff of refuse.h: both read from zeroed memory */
	skb = calloc(1, sizeof(*skb));
	skb->data = (__u32)(uintptr_t)mmap(NULL, 65536, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	make_maps();
	make_mesh();
}

static void forget_all(void)
{
	struct fake_map *m = fake_find(&conns);
	uint32_t i;

	while (m->n)
		bpf_map_delete_elem(&conns, m->keys[0]);
	fake_settle();
	for (i = 0; i < CLUSTERS; i++)
		memset(bpf_map_lookup_elem(&cluster_state, &i), 0, sizeof(struct cluster_state));
	for (i = 0; i < SERVERS; i++) {
		memset(bpf_map_lookup_elem(&endpoint_state, &i), 0, sizeof(struct endpoint_state));
		((struct endpoint *)bpf_map_lookup_elem(&endpoints, &i))->flags = 0;
	}
}

/* --- steps --------------------------------------------------------------------------------- */

static void arrive(const struct frame *f, uint32_t ifindex)
{
	memcpy((void *)(uintptr_t)skb->data, f->b, f->n);
	skb->len = (__u32)f->n;
	skb->data_end = skb->data + skb->len;
	skb->ifindex = ifindex;
	skb->protocol = be16_of(PKT_P_IP);
	door_in(skb);
}

static const uint8_t tcp_flags[] = { TCP_SYN,		TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST,
				     TCP_SYN | TCP_ACK, TCP_ACK, TCP_RST | TCP_ACK, TCP_FIN };

static void from_client(uint8_t a, uint8_t b)
{
	struct ends e = { pod_ip[a % 4], (uint16_t)(5000 + (a >> 2) % 4), vip_ip[(a >> 4) % 4],
			  80 };
	struct frame f;

	if (b & 0x40) /* past the mesh, perhaps onto a translated tuple */
		e = (struct ends){ e.src, e.sport, pod_ip[(a >> 4) % 4], 8080 };
	if (b & 0x80)
		frame_udp(&f, e, "x");
	else
		frame_tcp(&f, e, tcp_flags[b % 8], 1, 1, b & 8 ? "payload" : "");
	arrive(&f, (b & 0x30) == 0x30 ? 1 + b % 4u : 1 + a % 4u);
}

static void text_of(const struct ip16 *a, char out[16])
{
	const uint8_t *p = (const uint8_t *)&a->w[3];

	snprintf(out, 16, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
}

/* An answer on one of the connections there are. */
static void from_server(uint8_t a, uint8_t b)
{
	struct fake_map *m = fake_find(&conns);
	const struct conn_key *k;
	char src[16], dst[16];
	struct conn *c;
	struct frame f;

	if (!m->n)
		return;
	k = (const struct conn_key *)m->keys[a % m->n];
	c = (struct conn *)m->values[a % m->n];
	if (!(c->flags & CONN_REPLY))
		return;
	text_of(&k->src, src);
	text_of(&k->dst, dst);
	if (k->proto == PKT_UDP)
		frame_udp(&f, (struct ends){ src, host16_of(k->sport), dst, host16_of(k->dport) },
			  "y");
	else
		frame_tcp(&f, (struct ends){ src, host16_of(k->sport), dst, host16_of(k->dport) },
			  tcp_flags[b % 8], 1, 1, b & 8 ? "payload" : "");
	arrive(&f, b & 0x10 ? 1 + b % 4u : c->door);
}

/* What sockops does when a client's socket closes. */
static void socket_closes(uint8_t a)
{
	struct fake_map *m = fake_find(&conns);
	struct conn *c, *reply;

	if (!m->n)
		return;
	c = (struct conn *)m->values[a % m->n];
	if (c->flags & CONN_REPLY)
		return;
	reply = bpf_map_lookup_elem(&conns, &c->peer);
	c->flags |= CONN_FIN_FWD | CONN_FIN_REP;
	c->state = CONN_CLOSING;
	if (reply)
		reply->state = CONN_CLOSING;
	ledger_end(c, reply, ((struct conn_key *)m->keys[a % m->n])->proto, REASON_released_close);
}

static void time_passes(uint8_t a)
{
	static const uint64_t ms[] = { 10, 1000, CONN_CLOSING_MS + 1, CONN_SYN_MS + 1,
				       CONN_OPEN_MS + 1ull };
	struct sweep_arg arg = { 0 };

	fake_now += ms[a % 5] * CONN_NS_PER_MS;
	arg.now = fake_now;
	arg.round = a / 5 + 1u;
	sweep(&arg);
}

static void plan_changes(uint8_t a)
{
	uint32_t i = a % SERVERS;
	struct endpoint *e = bpf_map_lookup_elem(&endpoints, &i);

	e->flags ^= a & 8 ? ENDPOINT_EJECTED : ENDPOINT_GONE;
}

/* --- the books ----------------------------------------------------------------------------- */

static void check_pair(const struct conn_key *k, const struct conn *c, const struct conn *o)
{
	struct conn_key out = { .src = c->src,
				.dst = c->dst,
				.sport = c->sport,
				.dport = c->dport,
				.proto = k->proto };
	struct conn_key back;

	if (!o || ((c->flags ^ o->flags) & CONN_REPLY) != CONN_REPLY)
		abort();
	if (!conn_key_eq(&o->peer, k))
		abort();
	/* what leaves here comes back, turned round, under the other key */
	conn_key_reverse(&out, &back);
	if (!conn_key_eq(&back, &c->peer))
		abort();
}

static void check_books(void)
{
	int64_t open[CLUSTERS] = { 0 }, active[SERVERS] = { 0 };
	struct fake_map *m = fake_find(&conns);
	uint32_t i;

	for (i = 0; i < (uint32_t)m->n; i++) {
		const struct conn_key *k = (const struct conn_key *)m->keys[i];
		const struct conn *c = (const struct conn *)m->values[i];

		check_pair(k, c, bpf_map_lookup_elem(&conns, &c->peer));
		if (!(c->flags & CONN_RESERVED))
			continue;
		if ((c->flags & CONN_REPLY) || c->cluster >= CLUSTERS)
			abort();
		open[c->cluster] += k->proto == PKT_TCP;
		active[c->endpoint] += 1;
	}
	for (i = 0; i < CLUSTERS; i++) {
		const struct cluster_state *s = bpf_map_lookup_elem(&cluster_state, &i);

		if (s->open != open[i] || s->open < 0 || (i && s->open > LIMIT))
			abort();
	}
	for (i = 0; i < SERVERS; i++) {
		const struct endpoint_state *s = bpf_map_lookup_elem(&endpoint_state, &i);

		if (s->active != active[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	init();
	for (i = 0; i + 2 < size && i < 3 * STEPS; i += 3) {
		switch (data[i] % 8) {
		case 5: socket_closes(data[i + 1]); break;
		case 6: time_passes(data[i + 1]); break;
		case 7: plan_changes(data[i + 1]); break;
		case 3:
		case 4: from_server(data[i + 1], data[i + 2]); break;
		default: from_client(data[i + 1], data[i + 2]);
		}
		fake_settle();
		check_books();
	}
	forget_all();
	return 0;
}
