// SPDX-License-Identifier: Apache-2.0
#include "agent/events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/rate.h"
#include "base/log.h"
#include "bpf/lib/addr.h"

struct kernel_log {
	struct loop *loop;
	struct events *events;
	struct source src;
	struct rate rate;
};

const char *endpoint_text(const struct ip16 *ip, __be16 port, char out[ENDPOINT_TEXT])
{
	char addr[INET6_ADDRSTRLEN] = "?";

	if (ip16_is_v4(ip)) {
		inet_ntop(AF_INET, &ip->w[3], addr, sizeof(addr));
		snprintf(out, ENDPOINT_TEXT, "%s:%u", addr, ntohs(port));
	} else {
		inet_ntop(AF_INET6, ip, addr, sizeof(addr));
		snprintf(out, ENDPOINT_TEXT, "[%s]:%u", addr, ntohs(port));
	}
	return out;
}

static void one_event(void *arg, const struct event *e)
{
	struct kernel_log *g = arg;
	char src[ENDPOINT_TEXT], dst[ENDPOINT_TEXT], dev[IF_NAMESIZE] = "?";
	unsigned missed;

	if (!rate_pass(&g->rate, loop_now_ms(g->loop), EVENT_LINES_PER_SECOND, &missed))
		return;
	if (missed)
		log_info("kernel", "%u events more in the second before", missed);
	if_indextoname(e->ifindex, dev);
	log_info("kernel", "%s src=%s dst=%s proto=%u device=%s", reason_name(e->reason),
		 endpoint_text(&e->key.src, e->key.sport, src),
		 endpoint_text(&e->key.dst, e->key.dport, dst), e->key.proto, dev);
}

static void events_ready(struct source *s, uint32_t events)
{
	struct kernel_log *g = (struct kernel_log *)((char *)s - offsetof(struct kernel_log, src));

	events_consume(g->events);
}

int kernel_log_new(struct loop *l, struct kernel *k, struct kernel_log **out)
{
	struct kernel_log *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->loop = l;
	err = events_open(k, one_event, g, &g->events);
	if (err) {
		free(g);
		return err;
	}
	g->src = (struct source){ .fd = events_fd(g->events), .ready = events_ready };
	err = loop_add(l, &g->src, EPOLLIN);
	if (err) {
		kernel_log_free(g);
		return err;
	}
	*out = g;
	return 0;
}

struct kernel_log *kernel_log_free(struct kernel_log *g)
{
	if (!g)
		return NULL;
	loop_del(g->loop, &g->src);
	events_close(g->events);
	free(g);
	return NULL;
}
