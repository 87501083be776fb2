// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"

enum { LINE = 512 };

/* Appends to out[LINE], cut where it is full. */
__attribute__((format(printf, 2, 3))) static void append(char *out, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, LINE - n, fmt, ap);
	va_end(ap);
}

static void join_targets(const json_t *targets, char out[LINE])
{
	const json_t *t;
	size_t i;

	out[0] = 0;
	json_array_foreach(targets, i, t)
	{
		const char *name = get_text(t, "cluster");

		append(out, "%s%s", i ? ", " : "", *name ? name : "(subset not defined)");
		if (json_array_size(targets) > 1)
			append(out, " %lld", get_int(t, "weight"));
		if (json_is_false(json_object_get(t, "defined")))
			append(out, " (not defined)");
	}
}

void show_services(const json_t *v)
{
	static const char *const heads[] = { "HOST",	"ADDRESS",     "PORT", "PROTO", "VIEW",
					     "VERDICT", "DESTINATION", "WHY",  NULL };
	const json_t *list = json_object_get(v, "services"), *s;
	char to[LINE];
	struct table t;
	size_t i;

	table_init(&t, heads);
	json_array_foreach(list, i, s)
	{
		bool v6 = strchr(get_text(s, "address"), ':');

		join_targets(json_object_get(s, "clusters"), to);
		table_cell(&t, "%s", get_text(s, "host"));
		if (get_int(s, "prefix") == (v6 ? 128 : 32))
			table_cell(&t, "%s", get_text(s, "address"));
		else
			table_cell(&t, "%s/%lld", get_text(s, "address"), get_int(s, "prefix"));
		if (get_int(s, "port"))
			table_cell(&t, "%lld", get_int(s, "port"));
		else
			table_cell(&t, "other");
		table_cell(&t, "%s", get_text(s, "protocol"));
		table_cell(&t, "%llx", get_int(s, "view"));
		table_cell(&t, "%s", get_text(s, "verdict"));
		table_cell(&t, "%s", *to ? to : get_text(s, "reason"));
		table_cell(&t, "%s", get_text(s, "why"));
	}
	table_print(&t, stdout);
}

static void cluster_cells(struct table *t, const json_t *c, bool first)
{
	const json_t *limit = json_object_get(c, "max_connections");

	table_cell(t, "%s", first ? get_text(c, "cluster") : "");
	table_cell(t, "%s", first ? get_text(c, "policy") : "");
	if (!first)
		table_cell(t, "%s", "");
	else if (json_is_integer(limit))
		table_cell(t, "%lld/%lld", get_int(c, "open"),
			   (long long)json_integer_value(limit));
	else
		table_cell(t, "%lld", get_int(c, "open"));
}

static void endpoint_cells(struct table *t, const json_t *e)
{
	table_cell(t, "%s", e ? get_text(e, "endpoint") : "(none)");
	table_cell(t, "%lld", get_int(e, "weight"));
	table_cell(t, "%lld", get_int(e, "open"));
	table_cell(t, "%lld", get_int(e, "total"));
	table_cell(t, "%s",
		   !e						 ? ""
		   : json_is_true(json_object_get(e, "ejected")) ? "ejected"
								 : "in service");
}

void show_endpoints(const json_t *v)
{
	static const char *const heads[] = { "CLUSTER", "POLICY", "OPEN",  "ENDPOINT", "WEIGHT",
					     "OPEN",	"TOTAL",  "STATE", NULL };
	const json_t *list = json_object_get(v, "clusters"), *c, *e;
	struct table t;
	size_t i, k;

	table_init(&t, heads);
	json_array_foreach(list, i, c)
	{
		const json_t *members = json_object_get(c, "endpoints");

		json_array_foreach(members, k, e)
		{
			cluster_cells(&t, c, k == 0);
			endpoint_cells(&t, e);
		}
		if (!json_array_size(members)) {
			cluster_cells(&t, c, true);
			endpoint_cells(&t, NULL);
		}
	}
	table_print(&t, stdout);
}

static void join_matches(const json_t *matches, char out[LINE])
{
	const json_t *m;
	size_t i;

	out[0] = 0;
	json_array_foreach(matches, i, m)
	{
		append(out, "%s%s%s", i ? " and " : "",
		       json_is_true(json_object_get(m, "not")) ? "not " : "", get_text(m, "on"));
		if (*get_text(m, "name"))
			append(out, " %s", get_text(m, "name"));
		append(out, " %s", get_text(m, "is"));
		if (strcmp(get_text(m, "is"), "present") != 0)
			append(out, " \"%s\"", get_text(m, "value"));
	}
	if (!out[0])
		append(out, "always");
}

static void route_cells(struct table *t, const json_t *r)
{
	char match[LINE], to[LINE];

	join_matches(json_object_get(r, "match"), match);
	join_targets(json_object_get(r, "targets"), to);
	table_cell(t, "%s", get_text(r, "name"));
	table_cell(t, "%s", match);
	if (!strcmp(get_text(r, "action"), "status"))
		table_cell(t, "status %lld", get_int(r, "status"));
	else if (!strcmp(get_text(r, "action"), "passthrough"))
		table_cell(t, "original destination");
	else if (get_int(r, "timeout_ms"))
		table_cell(t, "%s, timeout %lld ms", to, get_int(r, "timeout_ms"));
	else
		table_cell(t, "%s", to);
}

void show_routes(const json_t *v)
{
	static const char *const heads[] = { "HOST", "PORT", "VIEW", "ROUTE", "WHEN", "TO", NULL };
	const json_t *list = json_object_get(v, "hosts"), *h, *r;
	struct table t;
	size_t i, k;

	table_init(&t, heads);
	json_array_foreach(list, i, h) json_array_foreach(json_object_get(h, "routes"), k, r)
	{
		table_cell(&t, "%s", k ? "" : get_text(h, "domain"));
		if (k)
			table_cell(&t, "%s", "");
		else
			table_cell(&t, "%lld", get_int(h, "port"));
		table_cell(&t, "%llx", get_int(h, "view"));
		route_cells(&t, r);
	}
	table_print(&t, stdout);
}
