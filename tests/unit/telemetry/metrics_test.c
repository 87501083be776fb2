// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "telemetry/flags.h"
#include "telemetry/metrics.h"

/* The line that begins with `start`, without it and the LF; empty: none. */
static struct str line(const struct text *t, const char *start)
{
	struct str rest = text_str(t), one;

	while (str_cut(&rest, '\n', &one))
		if (str_starts(one, str_of(start)))
			return str_sub(one, strlen(start), one.n);
	return (struct str){ 0 };
}

static unsigned int count(const struct text *t, const char *start)
{
	struct str rest = text_str(t), one;
	unsigned int n = 0;

	while (str_cut(&rest, '\n', &one))
		n += str_starts(one, str_of(start));
	return n;
}

static void render(const struct metrics *const *workers, size_t n, struct text *out)
{
	struct metrics_view view = { .workers = workers, .nr_workers = n };

	*out = (struct text){ 0 };
	assert_int_equal(metrics_render(&view, out), 0);
}

static void a_request_counts_once_with_all_labels_of_istio(void **state)
{
	struct metrics *m = metrics_new();
	const struct metrics *workers[] = { m };
	struct metrics_key key = { .source = 1, .code = 200 };
	struct metrics_labels labels = {
		.source_workload = STR("sleep"),
		.destination_service = STR("a.ns.svc.cluster.local"),
		.response_code = STR("200"),
		.request_protocol = STR("http"),
	};
	struct series *s;
	struct text t;

	assert_null(metrics_find(m, SET_HTTP, &key));
	s = metrics_intern(m, SET_HTTP, &key, &labels);
	assert_ptr_equal(metrics_find(m, SET_HTTP, &key), s);
	assert_ptr_equal(metrics_intern(m, SET_HTTP, &key, &labels), s);
	assert_null(metrics_find(m, SET_TCP, &key));
	metrics_request(s, 700, 100, 375);
	render(workers, 1, &t);
	assert_true(str_eq(
		line(&t, "istio_requests_total"),
		STR("{reporter=\"source\",source_workload=\"sleep\","
		    "source_workload_namespace=\"unknown\",source_principal=\"unknown\","
		    "source_app=\"unknown\",source_version=\"unknown\","
		    "source_canonical_service=\"unknown\",source_canonical_revision=\"latest\","
		    "source_cluster=\"unknown\",destination_workload=\"unknown\","
		    "destination_workload_namespace=\"unknown\",destination_principal=\"unknown\","
		    "destination_app=\"unknown\",destination_version=\"unknown\","
		    "destination_service=\"a.ns.svc.cluster.local\","
		    "destination_service_name=\"unknown\","
		    "destination_service_namespace=\"unknown\","
		    "destination_canonical_service=\"unknown\","
		    "destination_canonical_revision=\"latest\",destination_cluster=\"unknown\","
		    "request_protocol=\"http\",connection_security_policy=\"unknown\","
		    "response_flags=\"-\",response_code=\"200\",grpc_response_status=\"\"} 1")));
	assert_int_equal(count(&t, "# TYPE istio_requests_total counter"), 1);
	assert_int_equal(count(&t, "istio_request_duration_milliseconds_bucket{"), METRICS_BUCKETS);
	text_done(&t);
	metrics_free(m);
}

/* Value of the histogram line with that suffix and bound. */
static uint64_t bucket(const struct text *t, const char *name, const char *le)
{
	struct str rest = text_str(t), one;
	char tail[64];
	uint64_t v;

	snprintf(tail, sizeof(tail), "le=\"%s\"}", le);
	while (str_cut(&rest, '\n', &one)) {
		ptrdiff_t blank = str_rfind(one, ' ');

		if (blank < 0 || !str_starts(one, str_of(name)) ||
		    !str_ends(str_sub(one, 0, (size_t)blank), str_of(tail)))
			continue;
		assert_int_equal(str_u64(str_sub(one, (size_t)blank + 1, one.n), UINT64_MAX, &v),
				 0);
		return v;
	}
	fail_msg("no %s with %s", name, tail);
	return 0;
}

static void histograms_are_cumulative_with_istio_buckets(void **state)
{
	static const char *const bounds[] = { "0.5",	"1",	  "5",	     "10",	"25",
					      "50",	"100",	  "250",     "500",	"1000",
					      "2500",	"5000",	  "10000",   "30000",	"60000",
					      "300000", "600000", "1800000", "3600000", "+Inf" };
	static const struct {
		uint64_t us;
		const char *le; /* the first bucket it is in */
	} rows[] = {
		{ 0, "0.5" },		{ 500, "0.5" },
		{ 501, "1" },		{ 1000, "1" },
		{ 1001, "5" },		{ 2500000, "2500" },
		{ 2500001, "5000" },	{ 3600000000, "3600000" },
		{ 3600000001, "+Inf" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct metrics *m = metrics_new();
		const struct metrics *workers[] = { m };
		struct metrics_labels labels = { .reporter = STR("source") };
		struct metrics_key key = { 0 };
		struct text t;
		bool in = false;

		metrics_request(metrics_intern(m, SET_HTTP, &key, &labels), rows[i].us, 0,
				UINT64_MAX);
		render(workers, 1, &t);
		for (size_t b = 0; b < METRICS_BUCKETS; b++) {
			in |= strcmp(bounds[b], rows[i].le) == 0;
			assert_int_equal(
				bucket(&t, "istio_request_duration_milliseconds_bucket", bounds[b]),
				in);
		}
		assert_int_equal(bucket(&t, "istio_response_bytes_bucket", "3600000"), 0);
		assert_int_equal(bucket(&t, "istio_response_bytes_bucket", "+Inf"), 1);
		text_done(&t);
		metrics_free(m);
	}
}

static void equal_label_sets_of_workers_and_kernel_are_added_up(void **state)
{
	struct metrics *a = metrics_new(), *b = metrics_new();
	const struct metrics *workers[] = { a, b };
	struct metrics_labels tcp = { .source_workload = STR("x") };
	struct metrics_labels cluster = { .cluster_name = STR("outbound|80||h") };
	struct metrics_key one = { .source = 1 }, two = { .source = 2 };
	struct kernel_flow flow = {
		tcp, { .opened = 5, .sent = 1000, .rtt_us_sum = 70, .rtt_count = 2 }
	};
	struct kernel_cluster kc = { STR("outbound|80||h"),
				     { .open = 3, .opened = 9, .overflow = 4 } };
	uint64_t reasons[NR_KERNEL_REASONS] = { [REASON_pool_full] = 4 };
	struct metrics_view view = { workers, 2, reasons, &flow, 1, &kc, 1, STR("1.0") };
	struct text t = { 0 };

	series_add(metrics_intern(a, SET_TCP, &one, &tcp), TCP_OPENED, 1);
	series_add(metrics_intern(a, SET_TCP, &two, &tcp), TCP_OPENED, 2);
	series_add(metrics_intern(b, SET_TCP, &one, &tcp), TCP_OPENED, 4);
	series_add(metrics_intern(b, SET_CLUSTER, &one, &cluster), CLUSTER_CX_OVERFLOW, 10);
	series_set(metrics_intern(b, SET_CLUSTER, &one, &cluster), CLUSTER_CX_ACTIVE, 1);
	metrics_count(a, PREASON_overflow);
	metrics_count(b, PREASON_overflow);
	assert_int_equal(metrics_render(&view, &t), 0);

	assert_int_equal(count(&t, "istio_tcp_connections_opened_total{"), 1);
	assert_true(str_ends(line(&t, "istio_tcp_connections_opened_total{"), STR("} 12")));
	assert_true(str_ends(line(&t, "istio_tcp_sent_bytes_total{"), STR("} 1000")));
	assert_true(str_ends(line(&t, "weft_tcp_rtt_microseconds_sum{"), STR("} 70")));
	assert_true(str_ends(line(&t, "weft_tcp_rtt_microseconds_count{"), STR("} 2")));
	assert_true(str_eq(line(&t, "envoy_cluster_upstream_cx_overflow"),
			   STR("{cluster_name=\"outbound|80||h\"} 14")));
	assert_true(str_eq(line(&t, "envoy_cluster_upstream_cx_active"),
			   STR("{cluster_name=\"outbound|80||h\"} 4")));
	assert_true(str_eq(line(&t, "weft_kernel_events_total{reason=\"pool_full\"}"), STR(" 4")));
	assert_true(str_eq(line(&t, "weft_proxy_events_total{reason=\"overflow\"}"), STR(" 2")));
	assert_true(str_eq(line(&t, "istio_build"), STR("{component=\"proxy\",tag=\"1.0\"} 1")));
	assert_true(str_eq(line(&t, "weft_metric_series"), STR(" 4")));
	text_done(&t);
	metrics_free(a);
	metrics_free(b);
}

static void every_line_is_a_comment_or_a_sample_and_each_sample_is_there_once(void **state)
{
	struct metrics *m = metrics_new();
	const struct metrics *workers[] = { m };
	struct metrics_labels labels = { .destination_service = STR("a\"b\\c\nd\xff e\0f") };
	struct str rest, one, want = STR("=\"a\\\"b\\\\c\\nd? e?f\"");
	struct text t;

	for (int set = SET_HTTP; set < NR_METRICS_SETS; set++) {
		struct metrics_key key = { .other = 1 };

		metrics_intern(m, (enum metrics_set)set, &key, &labels);
	}
	render(workers, 1, &t);
	assert_non_null(memmem(t.p, t.n, want.p, want.n));
	rest = text_str(&t);
	while (str_cut(&rest, '\n', &one)) {
		struct text start = { 0 };
		uint64_t v;

		assert_true(one.n > 0);
		if (one.p[0] == '#')
			continue;
		assert_int_equal(str_u64(str_sub(one, (size_t)str_rfind(one, ' ') + 1, one.n),
					 UINT64_MAX, &v),
				 0);
		text_put(&start, str_sub(one, 0, (size_t)str_rfind(one, ' ') + 1));
		text_put(&start, STR("\0"));
		assert_int_equal(count(&t, start.p), 1);
		text_done(&start);
	}
	assert_int_equal(rest.n, 0);
	text_done(&t);
	metrics_free(m);
}

static void pieces_make_the_same_text_as_the_whole(void **state)
{
	struct metrics *m = metrics_new();
	const struct metrics *workers[] = { m };
	struct kernel_cluster kc = { STR("c"), { .open = 3 } };
	struct metrics_view view = {
		.workers = workers, .nr_workers = 1, .clusters = &kc, .nr_clusters = 1
	};
	struct text whole = { 0 }, all = { 0 }, piece = { 0 };
	struct render *r;
	int more = 1;

	for (int i = 0; i < 5; i++) {
		struct metrics_key key = { .source = (uint64_t)i };
		struct metrics_labels labels = { .source_app = { "abcde", (size_t)i } };

		metrics_request(metrics_intern(m, SET_HTTP, &key, &labels), 1, 2, 3);
		metrics_intern(m, SET_TCP, &key, &labels);
	}
	assert_int_equal(metrics_render(&view, &whole), 0);
	r = render_new(&view);
	while (more) {
		piece.n = 0;
		more = render_more(r, &piece, 1);
		assert_true(more >= 0);
		assert_true(piece.n < 64 << 10);
		text_put(&all, text_str(&piece));
	}
	render_free(r);
	assert_true(str_eq(text_str(&all), text_str(&whole)));
	text_done(&whole);
	text_done(&all);
	text_done(&piece);
	metrics_free(m);
}

static void too_many_label_sets_are_dropped_and_counted(void **state)
{
	struct metrics *m = metrics_new(), *other = metrics_new();
	struct metrics_labels labels = { .cluster_name = STR("c") };
	struct metrics_key key = { 0 };
	struct series *s, *hidden;

	for (key.source = 1; key.source <= MAX_METRIC_SERIES; key.source++) {
		s = metrics_intern(key.source % 2 ? m : other, SET_CLUSTER, &key, &labels);
		assert_int_equal(s->key.source, key.source);
	}
	assert_int_equal(metrics_counted(m, PREASON_series_full), 0);
	hidden = metrics_intern(m, SET_CLUSTER, &key, &labels);
	assert_non_null(hidden);
	series_add(hidden, CLUSTER_CX_OPENED, 1);
	assert_null(metrics_find(m, SET_CLUSTER, &key));
	assert_int_equal(metrics_counted(m, PREASON_series_full), 1);
	for (key.source = 1; key.source <= MAX_METRIC_SERIES; key.source += 997)
		assert_non_null(metrics_find(key.source % 2 ? m : other, SET_CLUSTER, &key));
	metrics_free(m);
	/* what a freed worker held can be interned again */
	s = metrics_intern(other, SET_CLUSTER, &key, &labels);
	assert_int_equal(s->key.source, key.source);
	metrics_free(other);
}

static void hosts_that_clients_make_up_share_a_series_in_the_end(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_key key = { .code = 404 }, known = { .code = 404 };
	struct series *shared = NULL, *s;
	char name[32];

	for (key.other = 1; key.other <= MAX_METRIC_HOSTS + 10; key.other++) {
		int n = snprintf(name, sizeof(name), "h%d.", (int)key.other);
		struct metrics_labels l = { .destination_service = { name, (size_t)n } };

		s = metrics_intern(m, SET_HTTP, &key, &l);
		assert_int_equal(memmem(s->labels.p, s->labels.n, name, (size_t)n) != NULL,
				 key.other <= MAX_METRIC_HOSTS);
		assert_ptr_equal(metrics_intern(m, SET_HTTP, &key, &l), s);
		if (key.other == MAX_METRIC_HOSTS + 1)
			shared = s;
	}
	assert_ptr_equal(s, shared);
	/* what the configuration knows still has its own */
	s = metrics_intern(m, SET_HTTP, &known,
			   &(struct metrics_labels){ .destination_service = STR("known") });
	assert_non_null(memmem(s->labels.p, s->labels.n, "known", 5));
	/* ten more hosts, each asked for twice */
	assert_int_equal(metrics_counted(m, PREASON_series_full), 20);
	metrics_free(m);
}

enum { ROUNDS = 20000 };

static void *writer(void *arg)
{
	struct metrics *m = arg;
	struct metrics_labels labels = { .reporter = STR("source") };

	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct metrics_key key = { .source = i % 500 };
		struct series *s = metrics_find(m, SET_HTTP, &key);

		if (!s)
			s = metrics_intern(m, SET_HTTP, &key, &labels);
		metrics_request(s, i, i, i);
	}
	return NULL;
}

static void rendering_while_workers_count_never_goes_back(void **state)
{
	struct metrics *m[2] = { metrics_new(), metrics_new() };
	const struct metrics *workers[] = { m[0], m[1] };
	uint64_t last = 0, now;
	pthread_t threads[2];
	struct text t;

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writer, m[i]), 0);
	for (int i = 0; i < 20; i++) {
		struct str l;

		render(workers, 2, &t);
		l = line(&t, "istio_requests_total{");
		if (l.n) {
			l = str_sub(l, (size_t)str_rfind(l, ' ') + 1, l.n);
			assert_int_equal(str_u64(l, UINT64_MAX, &now), 0);
			assert_true(now >= last);
			last = now;
		}
		text_done(&t);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	render(workers, 2, &t);
	assert_true(str_ends(line(&t, "istio_requests_total{"), STR("} 40000")));
	text_done(&t);
	metrics_free(m[0]);
	metrics_free(m[1]);
}

static void the_reference_names_every_metric_and_reason(void **state)
{
	char *page = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&page, &n);

	assert_non_null(f);
	metrics_reference(f);
	fclose(f);
	assert_non_null(strstr(page, "| `istio_requests_total` | counter |"));
	assert_non_null(strstr(page, "| `istio_request_duration_milliseconds` | histogram |"));
	assert_non_null(strstr(page, "| `pool_full` |"));
	assert_non_null(strstr(page, "| `series_full` |"));
	assert_non_null(strstr(page, "0.5, 1, 5, 10, 25,"));
	assert_non_null(strstr(page, "source_workload, source_workload_namespace"));
	free(page);
}

static void flags_are_joined_by_commas(void **state)
{
	char buf[FLAGS_TEXT_MAX];

	assert_true(str_eq(response_flags_text(0, buf), STR("-")));
	assert_true(str_eq(response_flags_text(FLAG_UO, buf), STR("UO")));
	assert_true(str_eq(response_flags_text(FLAG_URX | FLAG_UF, buf), STR("UF,URX")));
	assert_true(str_eq(response_flags_text(FLAG_DI | FLAG_FI, buf), STR("DI,FI")));
	assert_true(response_flags_text(UINT32_MAX, buf).n < FLAGS_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_counts_once_with_all_labels_of_istio),
		cmocka_unit_test(histograms_are_cumulative_with_istio_buckets),
		cmocka_unit_test(equal_label_sets_of_workers_and_kernel_are_added_up),
		cmocka_unit_test(every_line_is_a_comment_or_a_sample_and_each_sample_is_there_once),
		cmocka_unit_test(pieces_make_the_same_text_as_the_whole),
		cmocka_unit_test(too_many_label_sets_are_dropped_and_counted),
		cmocka_unit_test(hosts_that_clients_make_up_share_a_series_in_the_end),
		cmocka_unit_test(rendering_while_workers_count_never_goes_back),
		cmocka_unit_test(the_reference_names_every_metric_and_reason),
		cmocka_unit_test(flags_are_joined_by_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
