// SPDX-License-Identifier: Apache-2.0
/*
 * compile_bench - how long mesh_compile takes and what it keeps: compile_bench [SERVICES [PODS
 * [NAMESPACES]]]. With namespaces, all rules are private to theirs: as many views as namespaces.
 * Every tenth service has a VirtualService and a DestinationRule with two subsets. Prints the
 * median of several runs; judges nothing.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "mesh/compile.h"

enum { RUNS = 9, RULE_EVERY = 10 };

struct world {
	struct arena *a;
	struct objects objects;
	uint32_t services, pods, namespaces;
	struct str own; /* "." */
};

static struct object *add(struct world *w, enum kind kind, const char *name, uint32_t number,
			  size_t spec)
{
	struct object *o = arena_alloc(w->a, sizeof(*o));

	o->kind = kind;
	o->valid = true;
	o->ordinal = (uint32_t)w->objects.n;
	o->meta.kind = STR("Kind");
	o->meta.ns = w->namespaces
			     ? arena_printf(w->a, "ns-%u", number % w->services % w->namespaces)
			     : STR("default");
	o->meta.name = arena_str(w->a, str_of(name));
	o->spec = arena_alloc(w->a, spec);
	w->objects.items[w->objects.n++] = o;
	return o;
}

static struct pairs labels(struct world *w, const char *app, const char *version)
{
	struct pairs p = { arena_array(w->a, 2, sizeof(struct pair)), version ? 2 : 1 };

	p.items[0] = (struct pair){ .key = STR("app"), .value = arena_str(w->a, str_of(app)) };
	if (version)
		p.items[1] = (struct pair){ .key = STR("version"), .value = str_of(version) };
	return p;
}

static void add_service(struct world *w, uint32_t i)
{
	struct service *s;
	char name[32];

	snprintf(name, sizeof(name), "svc-%u", i);
	s = add(w, KIND_SERVICE, name, i, sizeof(*s))->spec;
	s->cluster_ip =
		arena_printf(w->a, "10.%u.%u.%u", 96 + i / 62500, i / 250 % 250, i % 250 + 1);
	s->selector = labels(w, name, NULL);
	s->ports.items = arena_alloc(w->a, sizeof(*s->ports.items));
	s->ports.n = 1;
	s->ports.items[0].name = i % 2 ? STR("http") : STR("tcp");
	s->ports.items[0].port = 8080;
}

static void add_pod(struct world *w, uint32_t i)
{
	char name[32], app[32];
	struct pod_object *p;
	struct object *o;

	snprintf(name, sizeof(name), "pod-%u", i);
	snprintf(app, sizeof(app), "svc-%u", i % w->services);
	o = add(w, KIND_POD, name, i, sizeof(*p));
	o->meta.labels = labels(w, app, i / w->services % 2 ? "v2" : "v1");
	p = o->spec;
	p->node_name = arena_printf(w->a, "node%u", i / w->services);
	p->pod_ip = arena_printf(w->a, "10.%u.%u.%u", 10 + i / 62500, i / 250 % 250, i % 250 + 1);
}

static void add_rules(struct world *w, uint32_t i)
{
	struct route_destination *to;
	struct destination_rule *d;
	struct virtual_service *v;
	char name[32];

	snprintf(name, sizeof(name), "svc-%u", i);
	d = add(w, KIND_DESTINATION_RULE, name, i, sizeof(*d))->spec;
	d->host = arena_str(w->a, str_of(name));
	d->subsets.items = arena_array(w->a, 2, sizeof(*d->subsets.items));
	d->subsets.n = 2;
	v = add(w, KIND_VIRTUAL_SERVICE, name, i, sizeof(*v))->spec;
	if (w->namespaces)
		d->export_to = v->export_to = (struct strs){ &w->own, 1 };
	v->hosts = (struct strs){ &d->host, 1 };
	v->http.items = arena_alloc(w->a, sizeof(*v->http.items));
	v->http.n = 1;
	to = arena_array(w->a, 2, sizeof(*to));
	v->http.items[0].routes.items = to;
	v->http.items[0].routes.n = 2;
	for (int k = 0; k < 2; k++) {
		struct subset *s = &d->subsets.items[k];

		s->name = k ? STR("v2") : STR("v1");
		s->labels.items = arena_alloc(w->a, sizeof(struct pair));
		s->labels.items[0] = (struct pair){ .key = STR("version"), .value = s->name };
		s->labels.n = 1;
		to[k].destination.host = d->host;
		to[k].destination.subset = s->name;
		to[k].weight = (struct opt_u32){ true, 50 };
	}
}

static void build_world(struct world *w)
{
	w->a = arena_new();
	w->objects.items = calloc((size_t)w->services * 2 + w->pods + 2, sizeof(struct object *));
	for (uint32_t i = 0; i < w->services; i++)
		add_service(w, i);
	for (uint32_t i = 0; i < w->pods; i++)
		add_pod(w, i);
	for (uint32_t i = 1; i < w->services; i += RULE_EVERY)
		add_rules(w, i);
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t resident_kb(void)
{
	size_t pages = 0, skipped;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%zu %zu", &skipped, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

int main(int argc, char **argv)
{
	struct world w = { .services = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000 };
	struct compile_options opt = { .node = "node1" };
	uint64_t times[RUNS];
	clock_t cpu;
	struct compiled *c = NULL;
	struct arena *a = NULL;
	size_t before, peak;

	w.pods = argc > 2 ? (uint32_t)atoi(argv[2]) : w.services * 10;
	w.namespaces = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;
	w.own = STR(".");
	build_world(&w);
	before = resident_kb();
	cpu = clock();
	for (int i = 0; i < RUNS; i++) {
		uint64_t start = clock_ns();

		arena_free(a);
		a = arena_new();
		c = mesh_compile(a, &w.objects, &opt);
		times[i] = clock_ns() - start;
	}
	cpu = clock() - cpu;
	peak = resident_kb();
	malloc_trim(0);
	qsort(times, RUNS, sizeof(times[0]), cmp_u64);
	printf("%u services, %u pods: %.1f ms (best %.1f, worst %.1f); %u clusters, %u endpoints, "
	       "%u vips; image %.2f MB; plan and image %.1f MB in the arena; resident %+.1f MB, "
	       "%+.1f before malloc_trim; CPU %.1f ms a compile\n",
	       w.services, w.pods, (double)times[RUNS / 2] / 1e6, (double)times[0] / 1e6,
	       (double)times[RUNS - 1] / 1e6, c->plan.nr_clusters, c->plan.nr_endpoints,
	       c->plan.nr_vips, (double)c->plan.image_size / 1e6, (double)arena_used(a) / 1e6,
	       ((double)resident_kb() - (double)before) / 1e3,
	       ((double)peak - (double)before) / 1e3, 1e3 * (double)cpu / CLOCKS_PER_SEC / RUNS);
	arena_free(a);
	arena_free(w.a);
	free(w.objects.items);
	return 0;
}
