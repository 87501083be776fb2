// SPDX-License-Identifier: Apache-2.0
/* What stands in the structs after a text was read. */
#include "tests/lib/config_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define EQ(s, lit) assert_true(str_eq(s, STR(lit)))

static struct config_case mesh(const char *kind, const char *spec)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 "apiVersion: networking.istio.io/v1\nkind: %s\nmetadata: {name: a}\nspec:\n%s",
		 kind, spec);
	return case_text(str_of(text), false);
}

static void a_virtual_service_keeps_its_routes_and_matches(void **state)
{
	struct config_case c = mesh(
		"VirtualService", "  hosts: [a, b.c]\n"
				  "  http:\n"
				  "  - match:\n"
				  "    - uri: {prefix: /x}\n"
				  "      headers: {h1: {exact: ''}, h2: {}, h3: {regex: '*'}}\n"
				  "      port: 80\n"
				  "    route:\n"
				  "    - destination: {host: a, subset: v1, port: {number: 81}}\n"
				  "      weight: 75\n"
				  "    - {destination: {host: a}}\n"
				  "    timeout: 1.5s\n"
				  "    retries: {attempts: 0}\n"
				  "    mirror: {host: m}\n"
				  "    mirrorPercentage: {}\n"
				  "  tcp:\n"
				  "  - match: [{sourceSubnet: 172.17.0.0/16}]\n"
				  "    route: [{destination: {host: p, port: {number: 5555}}}]\n");
	const struct virtual_service *vs = case_only(&c)->spec;
	const struct http_route *r = vs->http.items;

	assert_int_equal(vs->hosts.n, 2);
	EQ(vs->hosts.items[1], "b.c");
	assert_int_equal(r->matches.items[0].uri.kind, SM_PREFIX);
	EQ(r->matches.items[0].uri.value, "/x");
	assert_int_equal(r->matches.items[0].headers.n, 3);
	assert_int_equal(r->matches.items[0].headers.items[0].match.kind, SM_EXACT);
	assert_int_equal(r->matches.items[0].headers.items[1].match.kind, SM_PRESENT);
	assert_int_equal(r->matches.items[0].headers.items[2].match.kind, SM_PRESENT);
	assert_int_equal(r->matches.items[0].port, 80);
	assert_int_equal(r->matches.items[0].pos.line, 8);
	assert_int_equal(r->routes.n, 2);
	EQ(r->routes.items[0].destination.subset, "v1");
	assert_int_equal(r->routes.items[0].destination.port, 81);
	assert_int_equal(r->routes.items[0].weight.v, 75);
	assert_false(r->routes.items[1].weight.set);
	assert_int_equal(r->timeout.v, 1500);
	assert_true(r->retries->attempts.set);
	EQ(r->mirror->host, "m");
	assert_true(r->mirror_percentage.set);
	assert_true(r->mirror_percentage.v == 0);
	assert_null(r->redirect);
	EQ(vs->tcp.items[0].matches.items[0].source_subnets.items[0], "172.17.0.0/16");
	assert_int_equal(vs->tcp.items[0].routes.items[0].destination.port, 5555);
	case_free(&c);
}

static void a_destination_rule_keeps_its_blocks_by_subset_and_port(void **state)
{
	struct config_case c =
		mesh("DestinationRule",
		     "  host: a\n"
		     "  trafficPolicy:\n"
		     "    connectionPool: {tcp: {maxConnections: 50, tcpKeepalive: {time: 1h}}, "
		     "http: {}}\n"
		     "    outlierDetection: {consecutiveErrors: 1, consecutive5xxErrors: 0}\n"
		     "    loadBalancer: {simple: LEAST_CONN}\n"
		     "    portLevelSettings:\n"
		     "    - {port: {number: 80}, tls: {mode: 3}}\n"
		     "  subsets:\n"
		     "  - name: v1\n"
		     "    labels: {version: v1}\n"
		     "    trafficPolicy:\n"
		     "      loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 0s}}}\n");
	const struct destination_rule *dr = case_only(&c)->spec;
	const struct traffic_policy *p = dr->policy;
	const struct consistent_hash *h;

	assert_int_equal(p->connection_pool->max_connections, 50);
	assert_int_equal(p->connection_pool->keepalive->time.v, 3600000);
	assert_true(p->connection_pool->has_http && p->connection_pool->has_tcp);
	assert_true(p->outlier->consecutive_5xx.set);
	assert_int_equal(p->outlier->consecutive_errors.v, 1);
	assert_int_equal(p->load_balancer->simple, LBS_LEAST_REQUEST);
	assert_int_equal(p->port_level.n, 1);
	assert_int_equal(p->port_level.items[0].port, 80);
	EQ(p->port_level.items[0].policy->tls->mode, "ISTIO_MUTUAL");
	EQ(dr->subsets.items[0].labels.items[0].value, "v1");
	h = dr->subsets.items[0].policy->load_balancer->hash;
	assert_true(h->has_cookie && h->cookie_ttl.set && h->cookie_ttl.v == 0);
	case_free(&c);
}

static void a_service_entry_has_its_defaults(void **state)
{
	struct config_case c =
		mesh("ServiceEntry", "  hosts: [a.b]\n"
				     "  ports: [{number: 80, name: http, protocol: http}]\n");
	const struct service_entry *se = case_only(&c)->spec;

	EQ(se->location, "MESH_EXTERNAL");
	EQ(se->resolution, "NONE");
	assert_int_equal(se->ports.items[0].port, 80);
	assert_int_equal(se->ports.items[0].target_port, 0);
	case_free(&c);
}

static void the_kubernetes_kinds_keep_what_is_used(void **state)
{
	struct config_case c = case_file("tests/data/config/valid/others.yaml", false);
	const struct endpoints *e = NULL;
	const struct pod_object *pod = NULL;
	const struct service *s = NULL;

	for (size_t i = 0; i < c.objs.n; i++) {
		const struct object *o = c.objs.items[i];

		s = o->kind == KIND_SERVICE ? o->spec : s;
		pod = o->kind == KIND_POD ? o->spec : pod;
		e = o->kind == KIND_ENDPOINTS ? o->spec : e;
		if (o->kind == KIND_NAMESPACE)
			assert_int_equal(o->meta.ns.n, 0);
		else
			assert_true(o->meta.ns.n > 0);
	}
	assert_true(s && pod && e);
	EQ(s->cluster_ip, "None");
	EQ(s->ports.items[0].target_port_name, "http");
	EQ(s->ports.items[0].protocol, "TCP");
	assert_int_equal(s->ports.items[1].target_port, 5353);
	assert_true(pod->ready.set && pod->ready.v);
	EQ(pod->pod_ips.items[1], "fd00::1");
	EQ(pod->owner_name, "a-1");
	EQ(pod->service_account, "default");
	EQ(e->service, "reviews");
	assert_int_equal(e->sets.n, 1);
	assert_int_equal(e->sets.items[0].addresses.n, 2);
	assert_true(e->sets.items[0].addresses.items[0].ready);
	assert_false(e->sets.items[0].addresses.items[1].ready);
	case_free(&c);
}

static void an_endpoint_slice_knows_its_service_and_readiness(void **state)
{
	struct config_case c = case_text(
		STR("apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\n"
		    "metadata: {name: a-1, namespace: n, labels: {kubernetes.io/service-name: a}}\n"
		    "ports: [{port: 80}]\n"
		    "endpoints:\n"
		    "- {addresses: [10.0.0.1], targetRef: {kind: Pod, name: p, namespace: n}}\n"
		    "- {addresses: [10.0.0.2], conditions: {ready: false}, nodeName: x}\n"),
		false);
	const struct endpoints *e = case_only(&c)->spec;
	const struct endpoint_set *set = e->sets.items;

	EQ(e->service, "a");
	assert_int_equal(e->sets.n, 1);
	assert_int_equal(set->addresses.n, 2);
	EQ(set->addresses.items[0].target_name, "p");
	assert_true(set->addresses.items[0].ready);
	assert_false(set->addresses.items[1].ready);
	EQ(set->addresses.items[1].node_name, "x");
	EQ(set->ports.items[0].protocol, "TCP");
	case_free(&c);
}

static void a_problem_prints_as_file_line_column_object_path(void **state)
{
	struct config_case c = mesh("DestinationRule", "  host: \"*.*\"\n");
	struct str s;

	assert_int_equal(c.objs.items[0]->problems.n, 1);
	s = problem_format(c.arena, c.objs.items[0], &c.objs.items[0]->problems.items[0]);
	assert_true(str_starts(s, STR("test.yaml:5:9: DestinationRule default/a: spec.host: ")));
	case_free(&c);
}

static void folders_are_read_in_byte_order_and_bad_paths_are_named(void **state)
{
	struct arena *a = arena_new();
	struct objects objs = { .arena = a };
	struct load_options opt = { 0 };
	struct str bad;

	assert_int_equal(load_path(&objs, "tests/data/config/valid", &opt, &bad), 0);
	assert_true(objs.n > 10);
	for (size_t i = 0; i < objs.n; i++)
		assert_int_equal(objs.items[i]->ordinal, i);
	assert_true(str_cmp(objs.items[0]->file, objs.items[objs.n - 1]->file) < 0);
	assert_int_equal(load_path(&objs, "/nowhere/x.yaml", &opt, &bad), -2);
	EQ(bad, "/nowhere/x.yaml");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_virtual_service_keeps_its_routes_and_matches),
		cmocka_unit_test(a_destination_rule_keeps_its_blocks_by_subset_and_port),
		cmocka_unit_test(a_service_entry_has_its_defaults),
		cmocka_unit_test(the_kubernetes_kinds_keep_what_is_used),
		cmocka_unit_test(an_endpoint_slice_knows_its_service_and_readiness),
		cmocka_unit_test(a_problem_prints_as_file_line_column_object_path),
		cmocka_unit_test(folders_are_read_in_byte_order_and_bad_paths_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
