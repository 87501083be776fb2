// SPDX-License-Identifier: Apache-2.0
#include "mesh/clusters.h"

#include <arpa/inet.h>

#include "mesh/policies.h"
#include "mesh/registry.h"
#include "mesh/slots.h"
#include "mesh/workloads.h"
#include "weft/limits.h"

static char *put(char *p, struct str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

/* By hand: it is done several times for every service port. */
struct str cluster_name(struct arena *a, uint32_t port, struct str subset, struct str host)
{
	char digits[10];
	int n = 0;
	char *start = arena_alloc(a, sizeof("outbound|4294967295||") + subset.n + host.n), *p;

	p = put(start, STR("outbound|"));
	do
		digits[n++] = (char)('0' + port % 10);
	while (port /= 10);
	while (n)
		*p++ = digits[--n];
	*p++ = '|';
	p = put(p, subset);
	*p++ = '|';
	p = put(p, host);
	return (struct str){ start, (size_t)(p - start) };
}

/* Unique and stable: the name, and what else makes it another cluster of the same name. */
static struct str cluster_key(struct compile *c, const struct cluster_wish *w,
			      const struct rule_group *g, struct str name, bool through)
{
	const struct view *everybody = c->views.items;
	bool usual = w->view->id == 0 || g == policy_select(c, everybody, w->service);
	struct str key = name;

	if (!usual)
		key = arena_printf(c->scratch, STR_FMT "@" STR_FMT "/" STR_FMT, STR_ARG(key),
				   STR_ARG(g ? g->ns : STR("")),
				   STR_ARG(g ? g->first->meta.name : STR("")));
	if (w->port->proto == IPPROTO_UDP)
		key = arena_printf(c->scratch, STR_FMT "|udp", STR_ARG(key));
	if (!through && w->family != service_family(w->service))
		key = arena_printf(c->scratch, STR_FMT "|v%d", STR_ARG(key), w->family ? 6 : 4);
	if (w->dialled && w->service->headless)
		key = arena_printf(c->scratch, STR_FMT "|dialled", STR_ARG(key));
	return key;
}

static bool passes_through(const struct cluster_wish *w, const struct effective *e)
{
	if (w->service->headless)
		return w->dialled;
	return w->service->original_dst || (e->lb && e->lb->simple == LBS_PASSTHROUGH);
}

static uint8_t lb_of(const struct load_balancer *lb)
{
	if (lb && lb->hash)
		return lb->hash->use_source_ip ? LB_SOURCE_HASH : LB_RANDOM;
	switch (lb ? lb->simple : LBS_UNSET) {
	case LBS_RANDOM: return LB_RANDOM;
	case LBS_ROUND_ROBIN: return LB_ROUND_ROBIN;
	default: return LB_LEAST_REQUEST;
	}
}

static void choose_members(struct compile *c, struct mesh_cluster *k, const struct subset *s,
			   int family)
{
	const struct mesh_port *p = k->port;

	k->members = arena_array(c->scratch, p->nr_members, sizeof(struct member *));
	for (uint32_t i = 0; i < p->nr_members; i++) {
		struct member *m = &p->members[i];

		if (address_is_v4(&m->addr) == !family &&
		    (!s || !s->labels.n || labels_match(&s->labels, m->labels)))
			k->members[k->nr_members++] = m;
	}
}

static uint64_t member_id(const struct member *m)
{
	char buf[ADDRESS_TEXT];

	return str_hash(address_port_text(&m->addr, m->port, buf));
}

static bool is_prime(uint64_t n)
{
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n > 1;
}

/* A table size that was asked for is taken when it is prime and not beyond ours. */
static uint32_t maglev_size(const struct consistent_hash *h)
{
	return h->maglev && h->table_size <= MAGLEV_SLOTS && is_prime(h->table_size)
		       ? (uint32_t)h->table_size
		       : 0;
}

static void make_slots(struct compile *c, struct mesh_cluster *k)
{
	uint32_t n = k->nr_members;
	uint32_t *weights = arena_array(c->scratch, n, sizeof(*weights));
	struct slots s;

	for (uint32_t i = 0; i < n; i++)
		weights[i] = k->members[i]->weight;
	if (k->lb == LB_SOURCE_HASH) {
		uint64_t *ids = arena_array(c->scratch, n, sizeof(*ids));

		for (uint32_t i = 0; i < n; i++)
			ids[i] = member_id(k->members[i]);
		s = slots_maglev(c->scratch, ids, weights, n, maglev_size(k->policy.lb->hash));
	} else {
		s = n ? slots_weighted(c->scratch, weights, n, CLUSTER_SLOTS) : (struct slots){ 0 };
	}
	k->slots = s.items;
	k->nr_slots = s.n;
}

uint32_t cluster_get(struct compile *c, const struct cluster_wish *w)
{
	const struct rule_group *g = policy_select(c, w->view, w->service);
	const struct subset *s = NULL;
	struct effective policy;
	struct mesh_cluster *k;
	struct str name, key;
	bool through;
	void **slot;

	if (w->subset.n) {
		s = policy_subset(g, w->subset);
		if (!s)
			return PLAN_NO_INDEX;
	}
	policy = policy_effective(g, s, w->port->port);
	through = passes_through(w, &policy);
	name = cluster_name(c->scratch, w->port->port, w->subset, w->service->host);
	key = cluster_key(c, w, g, name, through);
	slot = map_at(&c->key_to_cluster, key);
	if (*slot)
		return (uint32_t)(uintptr_t)*slot - 1;
	k = arena_alloc(c->scratch, sizeof(*k));
	k->key = key;
	k->name = name;
	k->subset = w->subset;
	k->service = w->service;
	k->port = w->port;
	k->policy = policy;
	if (through) {
		k->lb = LB_PASSTHROUGH;
	} else {
		k->lb = lb_of(k->policy.lb);
		choose_members(c, k, s, w->family);
		make_slots(c, k);
	}
	*(struct mesh_cluster **)vec_push(c->scratch, &c->clusters, sizeof(k)) = k;
	*slot = (void *)(uintptr_t)c->clusters.n;
	return (uint32_t)c->clusters.n - 1;
}

/* ---- into the plan --------------------------------------------------------------------------- */
struct numbering {
	struct compile *c;
	struct plan_endpoint *endpoints;
	uint32_t n;
	uint32_t *table; /* index + 1 by address and port */
	size_t mask;
};

static size_t member_slot(const struct numbering *t, const struct member *m)
{
	uint64_t h = (uint64_t)m->addr.w[2] << 32 | m->addr.w[3];
	size_t at;

	h = (h ^ m->addr.w[0]) * 0x9e3779b97f4a7c15ull;
	h = (h ^ m->addr.w[1] ^ m->port) * 0x9e3779b97f4a7c15ull;
	for (at = (h >> 24) & t->mask; t->table[at]; at = (at + 1) & t->mask) {
		const struct plan_endpoint *e = &t->endpoints[t->table[at] - 1];

		if (e->port == htons(m->port) && !address_cmp(&e->addr, &m->addr))
			break;
	}
	return at;
}

static void number_member(struct numbering *t, struct member *m)
{
	size_t at = member_slot(t, m);
	char buf[ADDRESS_TEXT];
	struct plan_endpoint *e;
	struct str name;

	if (!t->table[at]) {
		name = address_port_text(&m->addr, m->port, buf);
		e = &t->endpoints[t->n++];
		e->name = arena_str(t->c->out, name).p;
		e->id = str_hash(name);
		e->addr = m->addr;
		e->port = htons(m->port);
		e->weight = m->weight;
		t->table[at] = t->n;
	}
	m->endpoint = t->table[at] - 1;
}

/* In order of clusters and their members: the same for every order of documents. */
static void number_endpoints(struct compile *c, struct plan *plan)
{
	struct mesh_cluster **k = c->clusters.items;
	struct numbering t = { .c = c };
	size_t members = 0, size = 16;

	for (size_t i = 0; i < c->clusters.n; i++)
		members += k[i]->nr_members;
	while (size < members * 2)
		size *= 2;
	t.mask = size - 1;
	t.table = arena_array(c->scratch, size, sizeof(*t.table));
	t.endpoints = arena_array(c->scratch, members, sizeof(*t.endpoints));
	for (size_t i = 0; i < c->clusters.n; i++)
		for (uint32_t j = 0; j < k[i]->nr_members; j++)
			number_member(&t, k[i]->members[j]);
	/* an exact copy: the table above had room for every double */
	plan->endpoints = arena_array(c->out, t.n, sizeof(*t.endpoints));
	if (t.n)
		memcpy((void *)plan->endpoints, t.endpoints, t.n * sizeof(*t.endpoints));
	plan->nr_endpoints = t.n;
}

static uint32_t seconds(const struct opt_ms *d)
{
	return d->set ? (uint32_t)((d->v + 999) / 1000) : 0;
}

static void plan_cluster(struct compile *c, struct mesh_cluster *k, struct plan_cluster *out)
{
	const struct connection_pool *pool = k->policy.pool;
	const struct keepalive *ka = pool ? pool->keepalive : NULL;
	uint32_t *slots = arena_array(c->out, k->nr_slots, sizeof(*slots));

	for (uint32_t i = 0; i < k->nr_slots; i++)
		slots[i] = k->members[k->slots[i]]->endpoint;
	k->slots = slots;
	out->slots = slots;
	out->nr_slots = k->nr_slots;
	out->name = arena_str(c->out, k->name).p;
	out->id = str_hash(k->key);
	out->lb = k->lb;
	out->max_connections =
		pool && pool->max_connections ? pool->max_connections : WEFT_NO_LIMIT;
	if (!ka)
		return;
	out->keepalive = 1;
	out->keepalive_probes = (uint16_t)(ka->probes > 0xffff ? 0xffff : ka->probes);
	out->keepalive_time_s = seconds(&ka->time);
	out->keepalive_interval_s = seconds(&ka->interval);
}

void clusters_finish(struct compile *c, struct plan *plan)
{
	struct mesh_cluster **k = c->clusters.items;
	struct plan_cluster *out = arena_array(c->out, c->clusters.n, sizeof(*out));

	number_endpoints(c, plan);
	for (size_t i = 0; i < c->clusters.n; i++)
		plan_cluster(c, k[i], &out[i]);
	plan->clusters = out;
	plan->nr_clusters = (uint32_t)c->clusters.n;
}
