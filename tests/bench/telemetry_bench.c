// SPDX-License-Identifier: Apache-2.0
/* telemetry_bench: what counting and logging one request costs, and a scrape. No test. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "telemetry/accesslog.h"
#include "telemetry/metrics.h"
#include "telemetry/request_id.h"

enum { ROUNDS = 2000000, SERIES = 200 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void report(const char *name, double start, double n)
{
	printf("%-28s %9.1f ns\n", name, (now() - start) * 1e9 / n);
}

static void count(struct metrics *m)
{
	struct metrics_labels labels = { .source_workload = STR("productpage-v1"),
					 .response_code = STR("200") };
	double start = now();

	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct metrics_key key = { .source = 7, .endpoint = i % SERIES, .code = 200 };
		struct series *s = metrics_find(m, SET_HTTP, &key);
		char name[32];

		if (!s) {
			snprintf(name, sizeof(name), "reviews-%d", (int)key.endpoint);
			labels.destination_workload = str_of(name);
			s = metrics_intern(m, SET_HTTP, &key, &labels);
		}
		metrics_request(s, 700 + i % 4096, 180, 375);
	}
	report("find and count a request", start, ROUNDS);
}

static void log_lines(void)
{
	struct access_record r = {
		.start_us = 1767323045678901,
		.method = STR("GET"),
		.path = STR("/reviews/0"),
		.protocol = STR("HTTP/1.1"),
		.code = 200,
		.details = STR("via_upstream"),
		.user_agent = STR("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"),
		.authority = STR("reviews:9080"),
		.upstream_cluster = STR("outbound|9080|v2|reviews.default.svc.cluster.local"),
	};
	static char buf[ACCESS_LINE_MAX];
	size_t total = 0;
	double start = now();

	for (int i = 0; i < ROUNDS / 10; i++)
		total += access_text(&r, buf, sizeof(buf));
	report("access log line, text", start, ROUNDS / 10.0);
	start = now();
	for (int i = 0; i < ROUNDS / 10; i++)
		total += access_json(&r, buf, sizeof(buf));
	report("access log line, JSON", start, ROUNDS / 10.0);
	if (!total)
		abort();
}

int main(void)
{
	struct metrics *m = metrics_new();
	const struct metrics *workers[] = { m };
	struct metrics_view view = { .workers = workers, .nr_workers = 1 };
	char id[REQUEST_ID_LEN];
	struct request_ids ids;
	struct text t = { 0 };
	double start;

	if (!m || request_ids_init(&ids))
		abort();
	count(m);
	log_lines();
	start = now();
	for (int i = 0; i < ROUNDS; i++)
		request_id_next(&ids, id);
	report("x-request-id", start, ROUNDS);
	start = now();
	if (metrics_render(&view, &t))
		abort();
	report("scrape, a series", start, SERIES);
	printf("scrape of %d series: %zu KB\n", SERIES, t.n >> 10);
	text_done(&t);
	metrics_free(m);
	return 0;
}
