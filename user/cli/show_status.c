// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"

const char *get_text(const json_t *v, const char *key)
{
	const char *text = json_string_value(json_object_get(v, key));

	return text ? text : "";
}

long long get_int(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

double get_real(const json_t *v, const char *key)
{
	return json_number_value(json_object_get(v, key));
}

static const char *duration(long long s, char out[32])
{
	if (s < 120)
		snprintf(out, 32, "%llds", s);
	else if (s < 7200)
		snprintf(out, 32, "%lldm", s / 60);
	else if (s < 2 * 86400)
		snprintf(out, 32, "%lldh", s / 3600);
	else
		snprintf(out, 32, "%lldd", s / 86400);
	return out;
}

static void show_processes(const json_t *v)
{
	const json_t *p = json_object_get(v, "proxy");
	char up[32];

	printf("node    %s  weftd %s  pid %lld  up %s  rss %.1f MB\n", get_text(v, "node"),
	       get_text(v, "version"), get_int(v, "pid"), duration(get_int(v, "uptime_s"), up),
	       (double)get_int(v, "rss_kb") / 1024);
	printf("proxy   %s", get_text(p, "state"));
	if (get_int(p, "pid"))
		printf("  pid %lld  up %s  rss %.1f MB", get_int(p, "pid"),
		       duration(get_int(p, "uptime_s"), up), (double)get_int(p, "rss_kb") / 1024);
	printf("  generation %lld  workers %lld  restarts %lld\n", get_int(p, "generation"),
	       get_int(p, "workers"), get_int(p, "restarts"));
	if (get_int(p, "replacing_pid"))
		printf("        replaces pid %lld, which serves until then\n",
		       get_int(p, "replacing_pid"));
}

static void show_push(const json_t *v)
{
	const json_t *p = json_object_get(v, "push"), *c = json_object_get(v, "config");

	printf("config  %s: %lld applied, %lld with warnings, %lld rejected, %lld skipped\n",
	       get_text(c, "dir"), get_int(c, "applied"), get_int(c, "warned"),
	       get_int(c, "rejected"), get_int(c, "skipped"));
	printf("push    %lld done, %lld failed%s; last took %.1f ms (read %.1f, compile %.1f, "
	       "proxy %.1f, tables %.1f)\n",
	       get_int(p, "pushes"), get_int(p, "failures"),
	       json_is_true(json_object_get(p, "busy")) ? ", one on its way" : "",
	       get_real(p, "total_ms"), get_real(p, "read_ms"), get_real(p, "compile_ms"),
	       get_real(p, "proxy_ms"), get_real(p, "tables_ms"));
	if (*get_text(p, "error"))
		printf("        FAILED: %s\n", get_text(p, "error"));
}

static void show_kernel(const json_t *v)
{
	const json_t *k = json_object_get(v, "kernel"), *use;
	const json_t *pods = json_object_get(v, "pods");
	const char *name;
	void *at;

	printf("pods    %lld here, %lld enrolled, %lld failed or waiting\n", get_int(pods, "local"),
	       get_int(pods, "enrolled"), get_int(pods, "failed"));
	printf("kernel ");
	for (at = json_object_iter(json_object_get(k, "tables")); at;
	     at = json_object_iter_next(json_object_get(k, "tables"), at)) {
		name = json_object_iter_key(at);
		use = json_object_iter_value(at);
		printf(" %s %lld/%lld ", name, get_int(use, "used"), get_int(use, "size"));
	}
	printf("\ncounts ");
	for (at = json_object_iter(json_object_get(k, "reasons")); at;
	     at = json_object_iter_next(json_object_get(k, "reasons"), at))
		if (json_integer_value(json_object_iter_value(at)))
			printf(" %s %lld ", json_object_iter_key(at),
			       (long long)json_integer_value(json_object_iter_value(at)));
	printf("\n");
}

static void add_problem(struct table *t, const json_t *o, const json_t *p)
{
	table_cell(t, "%s", get_text(o, "state"));
	table_cell(t, "%s %s/%s", get_text(o, "kind"), get_text(o, "namespace"),
		   get_text(o, "name"));
	table_cell(t, "%s:%lld:%lld", get_text(o, "file"),
		   p ? get_int(p, "line") : get_int(o, "line"), p ? get_int(p, "column") : 0);
	table_cell(t, "%s%s%s", get_text(p, "path"), *get_text(p, "path") ? ": " : "",
		   get_text(p, "message"));
}

static void add_object(struct table *t, const json_t *o)
{
	const json_t *problems = json_object_get(o, "problems"), *p;
	size_t i;

	if (!strcmp(get_text(o, "state"), "applied"))
		return;
	json_array_foreach(problems, i, p) add_problem(t, o, p);
	if (!json_array_size(problems))
		add_problem(t, o, NULL);
	if (json_is_true(json_object_get(o, "last_valid_in_force"))) {
		table_cell(t, "%s", "");
		table_cell(t, "%s", "");
		table_cell(t, "%s", "");
		table_cell(t, "%s", "its last valid version stays in force");
	}
}

void show_status(const json_t *v)
{
	static const char *const heads[] = { "STATE", "OBJECT", "WHERE", "WHY", NULL };
	const json_t *objects = json_object_get(json_object_get(v, "config"), "objects"), *o;
	struct table t;
	size_t i;

	show_processes(v);
	show_push(v);
	show_kernel(v);
	table_init(&t, heads);
	json_array_foreach(objects, i, o) add_object(&t, o);
	if (t.nr_cells == t.columns) {
		table_free(&t);
		return;
	}
	printf("\n");
	table_print(&t, stdout);
}
