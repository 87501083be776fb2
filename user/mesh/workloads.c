// SPDX-License-Identifier: Apache-2.0
#include "mesh/workloads.h"

struct str label_get(const struct pairs *labels, struct str key)
{
	for (size_t i = 0; labels && i < labels->n; i++)
		if (str_eq(labels->items[i].key, key))
			return labels->items[i].value;
	return (struct str){ NULL, 0 };
}

bool labels_match(const struct pairs *want, const struct pairs *have)
{
	for (size_t i = 0; i < want->n; i++) {
		struct str v = label_get(have, want->items[i].key);

		if (!v.p || !str_eq(v, want->items[i].value))
			return false;
	}
	return true;
}

static void set_addresses(struct workload *w)
{
	const struct pod_object *pod = w->pod;
	struct ip16 a;

	for (size_t i = 0; i <= pod->pod_ips.n; i++) {
		struct str text = i ? pod->pod_ips.items[i - 1] : pod->pod_ip;
		int family;

		if (!address_parse(text, &a))
			continue;
		family = address_is_v4(&a) ? 0 : 1;
		if (address_is_zero(&w->ips[family]))
			w->ips[family] = a;
	}
}

static bool serves(const struct pod_object *pod)
{
	if (str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed")))
		return false;
	return !pod->ready.set || pod->ready.v;
}

static bool on_this_node(const struct compile *c, const struct pod_object *pod)
{
	return !c->opt->node || !pod->node_name.n || str_eq(pod->node_name, str_of(c->opt->node));
}

/* The hash of "ns/name" without making the string. */
static uint64_t pod_id(struct str ns, struct str name)
{
	char buf[512];
	size_t n = ns.n + 1 + name.n;

	if (n > sizeof(buf))
		return str_hash(name) ^ str_hash(ns);
	memcpy(buf, ns.p, ns.n);
	buf[ns.n] = '/';
	memcpy(buf + ns.n + 1, name.p, name.n);
	return str_hash((struct str){ buf, n });
}

void workloads_build(struct compile *c, const struct object *const *pods, size_t n)
{
	struct workload *all = arena_array(c->scratch, n, sizeof(*all));

	for (size_t i = 0; i < n; i++) {
		const struct object *o = pods[i];
		struct workload *w = &all[i];

		w->object = o;
		w->pod = o->spec;
		w->id = pod_id(o->meta.ns, o->meta.name);
		w->ready = serves(w->pod);
		w->local = on_this_node(c, w->pod);
		w->image_index = PLAN_NO_INDEX;
		set_addresses(w);
		*(struct workload **)vec_push(c->scratch, &c->workloads, sizeof(w)) = w;
	}
}

/* ---- the index ------------------------------------------------------------------------------- */
struct chain {
	uint64_t hash; /* 0: free */
	uint32_t head, count;
};

struct link {
	uint32_t pod, next; /* next: index + 1 */
};

struct pod_index {
	struct chain *chains;
	size_t mask;
	struct link *links;
	uint32_t nr_links;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ull;
}

static uint64_t label_key(struct str ns, const struct pair *p)
{
	return mix(mix(mix(1, str_hash(ns)), str_hash(p->key)), str_hash(p->value)) | 1;
}

static uint64_t address_key(const struct ip16 *ip)
{
	return mix(2, str_hash((struct str){ (const char *)ip, sizeof(*ip) })) | 1;
}

static uint64_t name_key(uint64_t id)
{
	return mix(3, id) | 1;
}

static struct chain *chain_at(const struct pod_index *ix, uint64_t hash)
{
	size_t at = (hash >> 20) & ix->mask;

	while (ix->chains[at].hash && ix->chains[at].hash != hash)
		at = (at + 1) & ix->mask;
	return &ix->chains[at];
}

static void index_put(struct pod_index *ix, uint64_t hash, uint32_t pod)
{
	struct chain *ch = chain_at(ix, hash);

	ch->hash = hash;
	ch->count++;
	ix->links[ix->nr_links] = (struct link){ pod, ch->head };
	ch->head = ++ix->nr_links;
}

static void index_pod(struct pod_index *ix, const struct workload *w, uint32_t pod)
{
	const struct meta *m = &w->object->meta;

	for (size_t i = 0; i < m->labels.n; i++)
		index_put(ix, label_key(m->ns, &m->labels.items[i]), pod);
	index_put(ix, name_key(w->id), pod);
	for (int i = 0; i < 2; i++)
		if (!address_is_zero(&w->ips[i]) && !w->pod->host_network)
			index_put(ix, address_key(&w->ips[i]), pod);
}

struct pod_index *pod_index_new(struct compile *c)
{
	struct pod_index *ix = arena_alloc(c->scratch, sizeof(*ix));
	struct workload **w = c->workloads.items;
	size_t keys = 0, size = 16;

	for (size_t i = 0; i < c->workloads.n; i++)
		keys += w[i]->object->meta.labels.n + 3;
	while (size < keys * 2)
		size *= 2;
	ix->mask = size - 1;
	ix->chains = arena_array(c->scratch, size, sizeof(*ix->chains));
	ix->links = arena_array(c->scratch, keys, sizeof(*ix->links));
	/* backwards: a chain then lists its pods in order */
	for (size_t i = c->workloads.n; i--;)
		index_pod(ix, w[i], (uint32_t)i);
	return ix;
}

static const struct chain *rarest(const struct pod_index *ix, struct str ns,
				  const struct pairs *selector)
{
	const struct chain *best = NULL;

	for (size_t i = 0; i < selector->n; i++) {
		const struct chain *ch = chain_at(ix, label_key(ns, &selector->items[i]));

		if (!best || ch->count < best->count)
			best = ch;
	}
	return best;
}

struct workload **pods_selected(struct compile *c, const struct pod_index *ix, struct str ns,
				const struct pairs *selector, size_t *n)
{
	const struct chain *ch = rarest(ix, ns, selector);
	struct workload **pods = c->workloads.items, **out;

	*n = 0;
	if (!ch)
		return NULL;
	out = arena_array(c->scratch, ch->count, sizeof(struct workload *));
	for (uint32_t at = ch->head; at; at = ix->links[at - 1].next) {
		struct workload *w = pods[ix->links[at - 1].pod];

		if (str_eq(w->object->meta.ns, ns) &&
		    labels_match(selector, &w->object->meta.labels))
			out[(*n)++] = w;
	}
	return out;
}

const struct workload *pod_at(const struct compile *c, const struct pod_index *ix,
			      const struct ip16 *ip)
{
	struct workload *const *pods = c->workloads.items;

	for (uint32_t at = chain_at(ix, address_key(ip))->head; at; at = ix->links[at - 1].next) {
		const struct workload *w = pods[ix->links[at - 1].pod];

		if (!address_cmp(&w->ips[0], ip) || !address_cmp(&w->ips[1], ip))
			return w;
	}
	return NULL;
}

const struct workload *pod_named(const struct compile *c, const struct pod_index *ix, struct str ns,
				 struct str name)
{
	struct workload *const *pods = c->workloads.items;
	uint64_t key = name_key(pod_id(ns, name));

	for (uint32_t at = chain_at(ix, key)->head; at; at = ix->links[at - 1].next) {
		const struct workload *w = pods[ix->links[at - 1].pod];

		if (str_eq(w->object->meta.ns, ns) && str_eq(w->object->meta.name, name))
			return w;
	}
	return NULL;
}

/* ---- enrolment ------------------------------------------------------------------------------- */
struct answer {
	bool known, yes;
	struct str why;
};

static bool is_system(struct str ns)
{
	static const char *const never[] = { "kube-system", "kube-public", "kube-node-lease",
					     "local-path-storage" };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (str_eq(ns, str_of(never[i])))
			return true;
	return false;
}

static bool says(struct str value, const char *what)
{
	return value.p && str_eq(value, str_of(what));
}

static struct answer yes(const char *why)
{
	return (struct answer){ true, true, str_of(why) };
}

static struct answer no(const char *why)
{
	return (struct answer){ true, false, str_of(why) };
}

static struct answer ask_pod(const struct meta *m)
{
	struct str inject = label_get(&m->labels, STR("sidecar.istio.io/inject"));
	struct str mode = label_get(&m->labels, STR("istio.io/dataplane-mode"));

	if (!inject.p)
		inject = label_get(&m->annotations, STR("sidecar.istio.io/inject"));
	if (says(inject, "true"))
		return yes("pod says sidecar.istio.io/inject=true");
	if (says(inject, "false"))
		return no("pod says sidecar.istio.io/inject=false");
	if (says(mode, "ambient"))
		return yes("pod label istio.io/dataplane-mode=ambient");
	if (says(mode, "none"))
		return no("pod label istio.io/dataplane-mode=none");
	return (struct answer){ 0 };
}

static struct answer ask_namespace(const struct object *ns)
{
	const struct pairs *labels = &ns->meta.labels;
	struct str injection = label_get(labels, STR("istio-injection"));
	struct str mode = label_get(labels, STR("istio.io/dataplane-mode"));

	if (says(mode, "ambient"))
		return yes("namespace label istio.io/dataplane-mode=ambient");
	if (says(injection, "enabled"))
		return yes("namespace label istio-injection=enabled");
	if (says(injection, "disabled"))
		return no("namespace label istio-injection=disabled");
	if (label_get(labels, STR("istio.io/rev")).n)
		return yes("namespace label istio.io/rev");
	if (says(mode, "none"))
		return no("namespace label istio.io/dataplane-mode=none");
	return no("namespace has no label istio-injection=enabled");
}

static struct answer ask(const struct compile *c, const struct workload *w)
{
	const struct meta *m = &w->object->meta;
	const struct object *ns;
	struct answer a;

	if (w->pod->host_network)
		return no("hostNetwork pods are never enrolled");
	if (is_system(m->ns))
		return no("system namespaces are never enrolled");
	a = ask_pod(m);
	if (a.known)
		return a;
	ns = map_get(&c->namespaces, m->ns);
	return ns ? ask_namespace(ns) : yes("no Namespace object: enrolled by default");
}

bool workload_enrolled(const struct compile *c, const struct workload *w, struct str *why)
{
	struct answer a = ask(c, w);

	*why = a.why;
	return a.yes;
}
