// SPDX-License-Identifier: Apache-2.0
#include "proxy/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "proxy/bpfmap.h"

static int find_kernel(const struct origin_source *s, const struct sock_addr *at,
		       const struct sock_addr *peer, struct origin *out)
{
	struct conn_key key = {
		.src = at->ip,
		.dst = peer->ip,
		.sport = htons(at->port),
		.dport = htons(peer->port),
		.proto = IPPROTO_TCP,
	};
	struct conn conn;
	int err = bpfmap_lookup(s->map, &key, &conn);

	if (err)
		return err;
	out->dst = (struct sock_addr){ conn.orig_dst, ntohs(conn.orig_port) };
	out->pod_id = conn.pod_id;
	return 0;
}

static int find_static(const struct origin_source *s, const struct sock_addr *at,
		       const struct sock_addr *peer, struct origin *out)
{
	*out = s->answer;
	return 0;
}

struct origin_source origin_kernel(int map)
{
	return (struct origin_source){ .find = find_kernel, .map = map };
}

struct origin_source origin_static(const struct origin *answer)
{
	return (struct origin_source){ .find = find_static, .map = -1, .answer = *answer };
}
