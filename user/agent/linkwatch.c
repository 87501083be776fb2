// SPDX-License-Identifier: Apache-2.0
#include "agent/linkwatch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

struct linkwatch {
	struct loop *loop;
	struct source news; /* multicast: something changed */
	struct timer settle;
	int questions; /* netlink socket for reading everything */
	links_changed *changed;
	void *arg;
	struct link *links; /* of the walk that is going on */
	size_t n, cap;
	bool incomplete;
};

static void collect(void *arg, const struct link *l)
{
	struct linkwatch *w = arg;

	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 32;
		struct link *links =
			cap > LINKS_MAX ? NULL : realloc(w->links, cap * sizeof(*links));

		if (!links) {
			w->incomplete = true;
			return;
		}
		w->links = links;
		w->cap = cap;
	}
	w->links[w->n++] = *l;
}

static void settled(struct timer *t)
{
	struct linkwatch *w = (struct linkwatch *)((char *)t - offsetof(struct linkwatch, settle));
	int err;

	w->n = 0;
	w->incomplete = false;
	err = netlink_links(w->questions, collect, w);
	/* with a partial list live doors would look gone: rather nothing than that */
	if (!err && !w->incomplete) {
		w->changed(w->arg, w->links, w->n);
		return;
	}
	log_err(err ? err : -ENOSPC, "links", "cannot read the devices, trying again");
	timer_set(w->loop, &w->settle, 1000);
}

static void news_ready(struct source *src, uint32_t events)
{
	struct linkwatch *w = (struct linkwatch *)((char *)src - offsetof(struct linkwatch, news));
	char buf[8192];

	/* what it says does not matter; ENOBUFS means that it was too much, which is news too */
	while (recv(src->fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	if (!w->settle.heap_slot)
		timer_set(w->loop, &w->settle, LINK_SETTLE_MS);
}

int linkwatch_new(struct loop *l, links_changed *changed, void *arg, struct linkwatch **out)
{
	struct linkwatch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->loop = l;
	w->changed = changed;
	w->arg = arg;
	w->news.ready = news_ready;
	w->settle.fire = settled;
	w->questions = netlink_open(0);
	w->news.fd = netlink_open(RTMGRP_LINK);
	err = w->questions < 0 ? w->questions : w->news.fd < 0 ? w->news.fd : 0;
	if (!err)
		err = loop_add(l, &w->news, EPOLLIN);
	if (err) {
		linkwatch_free(w);
		return err;
	}
	timer_set(l, &w->settle, 1);
	*out = w;
	return 0;
}

struct linkwatch *linkwatch_free(struct linkwatch *w)
{
	if (!w)
		return NULL;
	timer_stop(w->loop, &w->settle);
	if (w->news.fd >= 0) {
		loop_del(w->loop, &w->news);
		close(w->news.fd);
	}
	if (w->questions >= 0)
		close(w->questions);
	free(w->links);
	free(w);
	return NULL;
}
