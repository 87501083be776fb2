// SPDX-License-Identifier: Apache-2.0
/* The checker and the look-ups, on an image that the compiler made and on damaged copies of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>

#include "image/checksum.h"
#include "image/reader.h"
#include "mesh/compile.h"

static const char yaml[] =
	"apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n"
	"  clusterIP: 10.96.0.1\n  selector: { app: web }\n"
	"  ports: [{ port: 80, name: http }, { port: 90, name: tcp }]\n---\n"
	"apiVersion: v1\nkind: Service\nmetadata: { name: api, namespace: other }\nspec:\n"
	"  clusterIP: 10.96.0.2\n  selector: { app: web }\n  ports: [{ port: 80, name: http "
	"}]\n---\n"
	"apiVersion: v1\nkind: Pod\nmetadata: { name: web-1, labels: { app: web } }\n"
	"spec: { containers: [{ name: a, image: x }] }\nstatus: { podIP: 10.244.1.2 }\n---\n"
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: wild }\nspec:\n"
	"  hosts: ['*.wild.example', '*.deep.wild.example', exact.wild.example]\n"
	"  ports: [{ number: 80, name: http, protocol: HTTP }]\n---\n"
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: net }\nspec:\n"
	"  hosts: [net.example]\n  addresses: [198.51.100.0/24, 198.51.0.0/16, 'fd00:5::/32']\n"
	"  ports: [{ number: 9000, name: tcp, protocol: TCP }]\n---\n"
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: web }\nspec:\n"
	"  hosts: [web]\n  http:\n"
	"  - match: [{ sourceLabels: { app: web }, headers: { x: { regex: a.* } } }]\n"
	"    name: mine\n    route: [{ destination: { host: web, port: { number: 80 } } }]\n"
	"  - route: [{ destination: { host: web, port: { number: 80 } }, weight: 1 },\n"
	"            { destination: { host: api.other.svc.cluster.local }, weight: 3 }]\n---\n"
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: web "
	"}\nspec:\n"
	"  host: web\n  trafficPolicy:\n    outlierDetection: { outlierDetectionHttpErrorCodes: "
	"[500] }\n";

struct fixture {
	struct arena *a;
	struct image_header *im;
	size_t size;
	uint32_t view; /* of the pod */
};

static int set_up(void **state)
{
	static const struct load_options strict;
	static const struct compile_options opt;
	struct fixture *f = calloc(1, sizeof(*f));
	struct objects objects;
	struct compiled *c;

	f->a = arena_new();
	objects = (struct objects){ .arena = f->a };
	load_text(&objects, STR("t.yaml"), str_of(yaml), &strict);
	for (size_t i = 0; i < objects.n; i++)
		if (!objects.items[i]->valid)
			return -1;
	c = mesh_compile(f->a, &objects, &opt);
	f->im = (struct image_header *)c->plan.image;
	f->size = c->plan.image_size;
	f->view = c->plan.pods[0].view;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->a);
	free(f);
	return 0;
}

static void an_image_of_the_compiler_passes(void **state)
{
	struct fixture *f = *state;
	const char *why = NULL;

	assert_int_equal(image_check(f->im, f->size, &why), 0);
	assert_null(why);
	/* every section has something in it, or the tests below prove nothing */
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		assert_true(f->im->sections[i].count > 0);
}

static void the_generation_is_not_part_of_the_checksum(void **state)
{
	struct fixture *f = *state;

	f->im->generation = 77;
	assert_int_equal(image_check(f->im, f->size, NULL), 0);
}

/* An exact copy on the heap, so that ASan sees a read behind its end. */
static void *copy(const struct fixture *f, size_t n)
{
	return memcpy(aligned_alloc(8, (n + 7) & ~7ull), f->im, n);
}

static void every_shorter_file_is_refused(void **state)
{
	struct fixture *f = *state;

	for (size_t n = 0; n < f->size; n++) {
		const char *why = NULL;
		void *p = malloc(n ? n : 1);

		memcpy(p, f->im, n);
		assert_int_equal(image_check(p, n, &why), -EINVAL);
		assert_non_null(why);
		free(p);
	}
}

static void every_flipped_byte_is_noticed(void **state)
{
	struct fixture *f = *state;
	unsigned char *p = copy(f, f->size);
	size_t generation = offsetof(struct image_header, generation);

	for (size_t i = 0; i < f->size; i++) {
		p[i] ^= 0x41;
		if (i < generation || i >= generation + sizeof(uint64_t))
			assert_int_equal(image_check(p, f->size, NULL), -EINVAL);
		p[i] ^= 0x41;
	}
	free(p);
}

static void an_unaligned_image_is_refused(void **state)
{
	struct fixture *f = *state;
	char *p = malloc(f->size + 8);

	memcpy(p + 1, f->im, f->size);
	assert_int_equal(image_check(p + 1, f->size, NULL), -EINVAL);
	free(p);
}

/* Whoever can write a checksum can write anything: what passes must still be safe to use. */
static void use_everything(const struct image_header *im);

static void a_damaged_word_with_a_right_checksum_does_no_harm(void **state)
{
	static const uint32_t values[] = { 0, 1, 0x7fffffff, 0xfffffffe, 0xffffffff };
	struct fixture *f = *state;
	size_t refused = 0, tried = 0;

	for (size_t at = 0; at + 4 <= f->size; at += 4) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			struct image_header *p = copy(f, f->size);

			memcpy((char *)p + at, &values[v], 4);
			p->checksum = image_checksum(p, f->size);
			tried++;
			if (image_check(p, f->size, NULL))
				refused++;
			else
				use_everything(p);
			free(p);
		}
	}
	assert_true(refused > tried / 4);
}

static void use_lookups(const struct image_header *im)
{
	const struct image_listener *l = image_listeners(im);
	const struct image_pod *pods = image_pods(im);

	for (size_t i = 0; i < image_pods_count(im); i++)
		assert_ptr_equal(image_find_pod(im, pods[i].id), &pods[i]);
	for (size_t i = 0; i < image_listeners_count(im); i++) {
		const struct image_table *t = image_find_table(im, l[i].view, l[i].port);

		assert_non_null(image_find_listener(im, l[i].view, &l[i].addr, l[i].port));
		if (t)
			image_find_vhost(im, t, STR("a.b.example"));
	}
}

static uint32_t sum(const uint32_t *v, struct image_range r)
{
	uint32_t s = 0;

	for (uint32_t i = 0; i < r.count; i++)
		s += v[r.first + i];
	return s;
}

static void use_everything(const struct image_header *im)
{
	const struct image_cluster *c = image_clusters(im);
	const struct image_route *r = image_routes(im);
	volatile uint32_t sink = 0;

	use_lookups(im);
	for (size_t i = 0; i < image_clusters_count(im); i++) {
		sink += sum(image_slots(im), c[i].slots) + sum(image_codes(im), c[i].members) +
			sum(image_codes(im), c[i].outlier_codes);
		sink += (uint32_t)strlen(image_str(im, c[i].name).p);
	}
	for (size_t i = 0; i < image_routes_count(im); i++) {
		for (uint32_t j = 0; j < r[i].targets.count; j++)
			sink += image_targets(im)[r[i].targets.first + j].weight;
		if (r[i].action == ACTION_ROUTE)
			sink += 100 % r[i].weight_sum;
	}
	(void)sink;
}

static struct ip16 v4(const char *text)
{
	struct ip16 a = { { 0, 0, htonl(0xffff), 0 } };

	inet_pton(AF_INET, text, &a.w[3]);
	return a;
}

static const struct image_listener *at(const struct fixture *f, uint32_t view, const char *addr,
				       uint16_t port)
{
	struct ip16 a = v4(addr);

	return image_find_listener(f->im, view, &a, port);
}

static void a_listener_is_found_exact_first_then_by_longest_prefix(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(at(f, 0, "10.96.0.1", 80)->kind, LISTEN_HTTP);
	assert_int_equal(at(f, 0, "10.96.0.1", 90)->kind, LISTEN_TCP);
	assert_int_equal(at(f, 0, "198.51.100.9", 9000)->prefix, 96 + 24);
	assert_int_equal(at(f, 0, "198.51.7.9", 9000)->prefix, 96 + 16);
	assert_null(at(f, 0, "198.52.7.9", 9000));
	assert_int_equal(at(f, 0, "192.0.2.1", 80)->prefix, 0);
	assert_null(at(f, 0, "10.96.0.1", 81));
}

static void a_view_has_its_own_listeners_and_falls_back_to_view_0(void **state)
{
	struct fixture *f = *state;

	assert_true(f->view != 0);
	assert_int_equal(at(f, f->view, "10.96.0.1", 80)->view, f->view);
	assert_int_equal(at(f, f->view, "10.96.0.2", 80)->view, 0);
	assert_int_equal(at(f, f->view, "198.51.100.9", 9000)->prefix, 96 + 24);
	assert_int_equal(at(f, 0xdead, "10.96.0.1", 80)->view, 0);
}

static struct str vhost(const struct fixture *f, uint32_t view, const char *host)
{
	const struct image_table *t = image_find_table(f->im, view, 80);
	const struct image_vhost *v = image_find_vhost(f->im, t, str_of(host));

	assert_non_null(v);
	return image_str(f->im, v->name);
}

static void assert_vhost(const struct fixture *f, const char *host, const char *want)
{
	struct str got = vhost(f, 0, host);

	if (!str_eq(got, str_of(want)))
		fail_msg("%s -> '" STR_FMT "', want '%s'", host, STR_ARG(got), want);
}

static void a_host_is_found_exact_then_by_longest_wildcard_then_any(void **state)
{
	struct fixture *f = *state;

	assert_vhost(f, "web.default", "web.default.svc.cluster.local:80");
	assert_vhost(f, "web.default.svc", "web.default.svc.cluster.local:80");
	assert_vhost(f, "web.default.svc.cluster.local", "web.default.svc.cluster.local:80");
	assert_vhost(f, "10.96.0.2", "api.other.svc.cluster.local:80");
	assert_vhost(f, "exact.wild.example", "exact.wild.example:80");
	assert_vhost(f, "a.wild.example", "*.wild.example:80");
	assert_vhost(f, "a.b.wild.example", "*.wild.example:80");
	assert_vhost(f, "a.deep.wild.example", "*.deep.wild.example:80");
	assert_vhost(f, "deep.wild.example", "*.wild.example:80");
	assert_vhost(f, "wild.example", "allow_any");
	assert_vhost(f, ".wild.example", "allow_any");
	assert_vhost(f, "web", "allow_any");
	assert_vhost(f, "", "allow_any");
}

static void a_views_table_overrides_and_falls_back(void **state)
{
	struct fixture *f = *state;
	const struct image_table *mine = image_find_table(f->im, f->view, 80);
	const struct image_vhost *v;

	assert_int_equal(mine->view, f->view);
	v = image_find_vhost(f->im, mine, STR("web.default"));
	assert_int_equal(v->routes.count, 2);
	v = image_find_vhost(f->im, image_find_table(f->im, 0, 80), STR("web.default"));
	assert_int_equal(v->routes.count, 1);
	assert_true(str_eq(vhost(f, f->view, "api.other"), STR("api.other.svc.cluster.local:80")));
	assert_true(str_eq(vhost(f, f->view, "elsewhere"), STR("allow_any")));
}

static void assert_host(const char *raw, const char *ns, const char *want)
{
	char buf[IMAGE_HOST_MAX];
	struct str out = { 0 };

	assert_int_equal(image_host(str_of(raw), str_of(ns), buf, &out), 0);
	if (!str_eq(out, str_of(want)))
		fail_msg("'%s' -> '" STR_FMT "', want '%s'", raw, STR_ARG(out), want);
}

static void a_host_loses_port_dot_and_case(void **state)
{
	assert_host("Reviews:9080", "prod", "reviews.prod");
	assert_host("reviews", "", "reviews");
	assert_host("A.Example.", "x", "a.example");
	assert_host("a.example.:80", "x", "a.example");
	assert_host("10.0.0.1:80", "x", "10.0.0.1");
	assert_host("[FD00::1]:80", "x", "[fd00::1]");
	assert_host("[fd00::1]", "x", "[fd00::1]");
	assert_host("fd00::1", "x", "fd00::1");
	assert_host("a:", "x", "a.x");
}

static void an_empty_or_endless_host_is_refused(void **state)
{
	char buf[IMAGE_HOST_MAX], much[IMAGE_HOST_MAX + 8];
	struct str out;

	memset(much, 'a', sizeof(much));
	assert_int_equal(image_host(STR(""), STR("x"), buf, &out), -EINVAL);
	assert_int_equal(image_host(STR("."), STR("x"), buf, &out), -EINVAL);
	assert_int_equal(image_host(STR(":80"), STR("x"), buf, &out), -EINVAL);
	for (size_t n = IMAGE_HOST_MAX - 8; n < sizeof(much); n++) {
		int err = image_host((struct str){ much, n }, STR("ns"), buf, &out);

		assert_int_equal(err, n + 3 < IMAGE_HOST_MAX ? 0 : -ENAMETOOLONG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_of_the_compiler_passes),
		cmocka_unit_test(every_shorter_file_is_refused),
		cmocka_unit_test(every_flipped_byte_is_noticed),
		cmocka_unit_test(an_unaligned_image_is_refused),
		cmocka_unit_test(a_damaged_word_with_a_right_checksum_does_no_harm),
		cmocka_unit_test(a_listener_is_found_exact_first_then_by_longest_prefix),
		cmocka_unit_test(a_view_has_its_own_listeners_and_falls_back_to_view_0),
		cmocka_unit_test(a_host_is_found_exact_then_by_longest_wildcard_then_any),
		cmocka_unit_test(a_views_table_overrides_and_falls_back),
		cmocka_unit_test(a_host_loses_port_dot_and_case),
		cmocka_unit_test(an_empty_or_endless_host_is_refused),
		cmocka_unit_test(the_generation_is_not_part_of_the_checksum),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
