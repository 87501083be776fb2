// SPDX-License-Identifier: Apache-2.0
#include "agent/answers.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "agent/events.h"
#include "base/clock.h"
#include "bpf/lib/addr.h"
#include "kernel/tables.h"

/* The walk runs in the loop: this many entries are a few milliseconds. */
enum { VIEWS_MAX = 8192 };

struct views {
	struct conn_view *items;
	size_t n, cap;
	bool truncated;
};

static int collect(void *arg, const struct conn_view *v)
{
	struct views *all = arg;

	if (all->n == VIEWS_MAX) {
		all->truncated = true;
		return 1;
	}
	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 64;
		struct conn_view *items = realloc(all->items, cap * sizeof(*items));

		if (!items)
			return -1;
		all->items = items;
		all->cap = cap;
	}
	all->items[all->n++] = *v;
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct conn_view *a = x, *b = y;

	return (a->fwd.opened_ns < b->fwd.opened_ns) - (a->fwd.opened_ns > b->fwd.opened_ns);
}

/* ---- names of ids -----------------------------------------------------------------------------
 */

struct named {
	uint64_t id;
	const char *name;
};

struct names {
	struct named *items;
	size_t n;
};

static int by_id(const void *x, const void *y)
{
	const struct named *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

static struct names cluster_names(const struct plan *p)
{
	struct names all = { p ? calloc(p->nr_clusters + 1, sizeof(struct named)) : NULL, 0 };

	for (uint32_t i = 0; all.items && i < p->nr_clusters; i++)
		all.items[all.n++] = (struct named){ p->clusters[i].id, p->clusters[i].name };
	if (all.n)
		qsort(all.items, all.n, sizeof(*all.items), by_id);
	return all;
}

static const char *name_of(const struct names *all, uint64_t id)
{
	struct named key = { .id = id };
	const struct named *hit =
		all->n ? bsearch(&key, all->items, all->n, sizeof(key), by_id) : NULL;

	return hit ? hit->name : "";
}

static json_t *pod_name(const struct agent *a, uint64_t id)
{
	for (size_t i = 0; id && i < enroll_count(a->enroll); i++) {
		const struct enroll_pod *p = enroll_at(a->enroll, i);

		if (p->id == id)
			return json_sprintf("%s/%s", p->ns, p->name);
	}
	return json_string("");
}

/* ---- one connection ---------------------------------------------------------------------------
 */

static const char *state_name(uint32_t state)
{
	static const char *const names[] = { "?", "opening", "open", "closing" };

	return state < 4 ? names[state] : "?";
}

static json_t *ms_ago(uint64_t now_ns, uint64_t ns)
{
	return json_integer(now_ns > ns ? (json_int_t)((now_ns - ns) / 1000000) : 0);
}

static json_t *conn_json(const struct agent *a, const struct names *clusters,
			 const struct conn_view *c, uint64_t now_ns)
{
	char text[ENDPOINT_TEXT];
	json_t *v = json_object();
	bool proxy = c->fwd.flags & CONN_PROXY;

	json_object_set_new(v, "protocol",
			    json_string(c->key.proto == IPPROTO_UDP ? "UDP" : "TCP"));
	json_object_set_new(v, "client",
			    json_string(endpoint_text(&c->key.src, c->key.sport, text)));
	json_object_set_new(v, "pod", pod_name(a, c->fwd.pod_id));
	json_object_set_new(v, "dialled",
			    json_string(endpoint_text(&c->key.dst, c->key.dport, text)));
	json_object_set_new(v, "to", json_string(endpoint_text(&c->fwd.dst, c->fwd.dport, text)));
	json_object_set_new(v, "via", json_string(proxy ? "proxy" : "kernel"));
	json_object_set_new(v, "cluster", json_text(str_of(name_of(clusters, c->cluster_id))));
	json_object_set_new(v, "state", json_string(state_name(c->fwd.state)));
	json_object_set_new(v, "age_ms", ms_ago(now_ns, c->fwd.opened_ns));
	json_object_set_new(v, "idle_ms", ms_ago(now_ns, c->fwd.seen_ns));
	json_object_set_new(v, "sent_bytes", json_integer((json_int_t)c->fwd.bytes));
	json_object_set_new(v, "received_bytes", json_integer((json_int_t)c->reply.bytes));
	json_object_set_new(v, "packets",
			    json_integer((json_int_t)(c->fwd.packets + c->reply.packets)));
	json_object_set_new(v, "srtt_us", json_integer(c->fwd.srtt_us));
	return v;
}

json_t *answer_connections(const struct question *q)
{
	const struct agent *a = q->agent;
	struct names clusters = cluster_names(push_plan(a->push));
	struct views all = { 0 };
	uint64_t now_ns = clock_ns();
	json_t *v = json_object(), *list = json_array();

	tables_conns(a->kernel, collect, &all);
	if (all.n)
		qsort(all.items, all.n, sizeof(*all.items), newest_first);
	for (size_t i = 0; i < all.n; i++)
		json_array_append_new(list, conn_json(a, &clusters, &all.items[i], now_ns));
	free(all.items);
	free(clusters.items);
	json_object_set_new(v, "connections", list);
	json_object_set_new(v, "truncated", json_boolean(all.truncated));
	/* lines of JSON that pods have influenced: weftd passes them on as text, unread */
	json_object_set_new(v, "proxy_sessions",
			    q->proxy_answered ? json_text(q->proxy) : json_null());
	return v;
}
