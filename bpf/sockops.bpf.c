// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sockops.bpf.c - the life of local client sockets: keep-alive of the destination when they are
 * connected, and the exact end of their connection when they close, whatever the peer does.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>

/* sockets between pods of this node leave BBR for Reno; set by weftd before load */
const volatile _Bool cfg_local_cc = 1;

#include "bpf/maps.h"
#include "bpf/ledger.h"

enum { FAMILY_V4 = 2, FAMILY_V6 = 10, LEVEL_SOCKET = 1, OPT_KEEPALIVE = 9 };

/* The key of the client's packets. local_port is in host order, remote_port in network order in
 * its upper half: both leave here as __be16. False for other families. */
static __always_inline int key_of(struct bpf_sock_ops *ctx, struct conn_key *k)
{
	__builtin_memset(k, 0, sizeof(*k));
	if (ctx->family == FAMILY_V4) {
		k->src = ip16_from_v4(ctx->local_ip4);
		k->dst = ip16_from_v4(ctx->remote_ip4);
	} else if (ctx->family == FAMILY_V6) {
		/* v4-mapped already when the peer is IPv4 */
		k->src.w[0] = ctx->local_ip6[0];
		k->src.w[1] = ctx->local_ip6[1];
		k->src.w[2] = ctx->local_ip6[2];
		k->src.w[3] = ctx->local_ip6[3];
		k->dst.w[0] = ctx->remote_ip6[0];
		k->dst.w[1] = ctx->remote_ip6[1];
		k->dst.w[2] = ctx->remote_ip6[2];
		k->dst.w[3] = ctx->remote_ip6[3];
	} else {
		return 0;
	}
	k->sport = be16_of(ctx->local_port);
	k->dport = (__be16)(ctx->remote_port >> 16);
	k->proto = PKT_TCP;
	return 1;
}

static __always_inline struct conn *forward_of(struct conn_key *k)
{
	struct conn *c = bpf_map_lookup_elem(&conns, k);

	return c && !(c->flags & CONN_REPLY) ? c : NULL;
}

static __always_inline void set_option(struct bpf_sock_ops *ctx, int level, int name, int value)
{
	bpf_setsockopt(ctx, level, name, &value, sizeof(value));
}

/* tcpKeepalive of the destination; a zero leaves the OS default. */
static __always_inline void set_keepalive(struct bpf_sock_ops *ctx, const struct cluster *c)
{
	int time = c->keepalive_time_s, interval = c->keepalive_interval_s;
	int probes = c->keepalive_probes;

	set_option(ctx, LEVEL_SOCKET, OPT_KEEPALIVE, 1);
	if (time)
		set_option(ctx, IPPROTO_TCP, TCP_KEEPIDLE, time);
	if (interval)
		set_option(ctx, IPPROTO_TCP, TCP_KEEPINTVL, interval);
	if (probes)
		set_option(ctx, IPPROTO_TCP, TCP_KEEPCNT, probes);
}

/*
 * BBR paces by what it takes for the bottleneck's rate, and estimates it badly where there is no
 * wire: bulk between pods of one node is 1.5 to 1.9 times as fast with Reno. Only a socket that
 * has the system's default is changed; what the application has chosen stays.
 */
static __always_inline void calm(struct bpf_sock_ops *ctx)
{
	char now[16] = {}, reno[] = "reno";

	if (!cfg_local_cc || bpf_getsockopt(ctx, IPPROTO_TCP, TCP_CONGESTION, now, sizeof(now)))
		return;
	if (now[0] == 'b' && now[1] == 'b' && now[2] == 'r' && !now[3])
		bpf_setsockopt(ctx, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof(reno));
}

/* A server's socket whose client is a pod of this node, or the node. */
static __always_inline void on_accepted(struct bpf_sock_ops *ctx)
{
	struct conn_key k;

	if (key_of(ctx, &k) &&
	    (bpf_map_lookup_elem(&pods, &k.dst) || bpf_map_lookup_elem(&node_addrs, &k.dst)))
		calm(ctx);
}

static __always_inline void on_established(struct bpf_sock_ops *ctx)
{
	struct cluster *cl;
	struct conn_key k;
	struct conn *c;
	__u32 cluster;

	if (!key_of(ctx, &k))
		return;
	c = forward_of(&k);
	/* when it is not ours the flag stays on all the same: other programs share it */
	if (!c)
		return;
	if (c->redirect || (c->flags & CONN_PROXY))
		calm(ctx);
	cluster = c->cluster;
	cl = bpf_map_lookup_elem(&clusters, &cluster);
	if (cl && cl->keepalive)
		set_keepalive(ctx, cl);
}

static __always_inline void on_close(struct bpf_sock_ops *ctx)
{
	struct conn *c, *reply;
	struct conn_key k;

	if (!key_of(ctx, &k))
		return;
	c = forward_of(&k);
	if (!c)
		return;
	/* srtt_us is kept eightfold */
	c->srtt_us = ctx->srtt_us >> 3;
	reply = bpf_map_lookup_elem(&conns, &c->peer);
	/* as if both sides had ended: a last acknowledgement must not bring it back to life */
	__sync_fetch_and_or(&c->flags, CONN_FIN_FWD | CONN_FIN_REP);
	c->state = CONN_CLOSING;
	c->seen_ns = bpf_ktime_get_ns();
	if (reply) {
		reply->state = CONN_CLOSING;
		reply->seen_ns = c->seen_ns;
	}
	ledger_end(c, reply, PKT_TCP, REASON_released_close);
}

SEC("sockops")
int socket_life(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		/* from the first SYN on: a connection that never comes about ends here too */
		bpf_sock_ops_cb_flags_set(ctx,
					  ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB: on_established(ctx); break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB: on_accepted(ctx); break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] == BPF_TCP_CLOSE)
			on_close(ctx);
		break;
	}
	return 1;
}
