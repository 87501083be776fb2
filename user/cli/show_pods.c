// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"

void show_pods(const json_t *v)
{
	static const char *const heads[] = { "POD", "ADDRESS", "STATE", "DEVICE", "WHY", NULL };
	const json_t *list = json_object_get(v, "pods"), *p, *ip;
	struct table t;
	size_t i, k;

	table_init(&t, heads);
	json_array_foreach(list, i, p)
	{
		char ips[128] = "";

		json_array_foreach(json_object_get(p, "ips"), k, ip)
			snprintf(ips + strlen(ips), sizeof(ips) - strlen(ips), "%s%s", k ? "," : "",
				 json_string_value(ip));
		table_cell(&t, "%s/%s", get_text(p, "namespace"), get_text(p, "name"));
		table_cell(&t, "%s", ips);
		table_cell(&t, "%s", get_text(p, "state"));
		table_cell(&t, "%s", get_text(p, "device"));
		table_cell(&t, "%s", get_text(p, "reason"));
	}
	table_print(&t, stdout);
}

static const char *bytes(long long n, char out[32])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)n;
	int unit = 0;

	for (; value >= 10000 && unit < 4; unit++)
		value /= 1000;
	snprintf(out, 32, "%.0f %s", value, units[unit]);
	return out;
}

static const char *age(long long ms, char out[32])
{
	if (ms < 10000)
		snprintf(out, 32, "%lldms", ms);
	else
		snprintf(out, 32, "%llds", ms / 1000);
	return out;
}

static void conn_cells(struct table *t, const json_t *c)
{
	const char *cluster = get_text(c, "cluster");
	char text[32];

	table_cell(t, "%s", get_text(c, "protocol"));
	table_cell(t, "%s%s%s", get_text(c, "client"), *get_text(c, "pod") ? " " : "",
		   get_text(c, "pod"));
	table_cell(t, "%s", get_text(c, "dialled"));
	table_cell(t, "%s", get_text(c, "to"));
	table_cell(t, "%s", get_text(c, "via"));
	table_cell(t, "%s", get_text(c, "state"));
	table_cell(t, "%s", age(get_int(c, "age_ms"), text));
	table_cell(t, "%s", bytes(get_int(c, "sent_bytes"), text));
	table_cell(t, "%s", bytes(get_int(c, "received_bytes"), text));
	table_cell(t, "%s", cluster);
}

/* What weft-proxy says about its sessions is for people as it is: one object a line. */
static void show_sessions(const json_t *sessions)
{
	const json_t *s;
	size_t i;

	if (!json_array_size(sessions))
		return;
	printf("\nsessions of weft-proxy:\n");
	json_array_foreach(sessions, i, s)
	{
		char *line = json_dumps(s, JSON_COMPACT | JSON_ENSURE_ASCII);

		if (line)
			puts(line);
		free(line);
	}
}

void show_connections(const json_t *v)
{
	static const char *const heads[] = { "PROTO",	 "CLIENT",  "DIALLED", "TO",
					     "VIA",	 "STATE",   "AGE",     "SENT",
					     "RECEIVED", "CLUSTER", NULL };
	const json_t *list = json_object_get(v, "connections"), *c;
	struct table t;
	size_t i;

	table_init(&t, heads);
	json_array_foreach(list, i, c) conn_cells(&t, c);
	table_print(&t, stdout);
	if (json_is_true(json_object_get(v, "truncated")))
		printf("... and more: only %zu are shown\n", json_array_size(list));
	show_sessions(json_object_get(v, "sessions"));
}
