// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "weft/control.h"
#include "weft/limits.h"

enum option_kind { OPT_TEXT, OPT_FLAG, OPT_COUNT, OPT_CHOICE };

struct option_row {
	const char *name, *value; /* value: what --help calls the argument */
	enum option_kind kind;
	size_t off;		    /* into struct options */
	const char *const *choices; /* the index is stored */
	const char *help;
};

static const char *const access_logs[] = { "off", "text", "json", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
	{ "config", "DIR", OPT_TEXT, AT(config), NULL,
	  "folder of YAML files to follow (required)" },
	{ "run", "DIR", OPT_TEXT, AT(run), NULL, "control socket and state [" CONTROL_RUN_DIR "]" },
	{ "state", "DIR", OPT_TEXT, AT(state), NULL, "what must survive a reboot [/var/lib/weft]" },
	{ "node", "NAME", OPT_TEXT, AT(node), NULL,
	  "spec.nodeName of this node's pods [hostname]" },
	{ "cgroup", "PATH", OPT_TEXT, AT(cgroup), NULL,
	  "cgroup v2 folder whose sockets are "
	  "observed [its mount]" },
	{ "pins", "DIR", OPT_TEXT, AT(pins), NULL, "pinned programs and maps [/sys/fs/bpf/weft]" },
	{ "access-log", "KIND", OPT_CHOICE, AT(access_log), access_logs,
	  "off, text or json [off]" },
	{ "workers", "N", OPT_COUNT, AT(workers), NULL, "threads of weft-proxy [one a core]" },
	{ "proxy", "PATH", OPT_TEXT, AT(proxy), NULL, "weft-proxy [beside weftd]" },
	{ "proxy-user", "NAME", OPT_TEXT, AT(proxy_user), NULL, "who weft-proxy runs as [nobody]" },
	{ "keep-congestion-control", NULL, OPT_FLAG, AT(keep_cc), NULL,
	  "do not replace bbr by reno where both ends are on this node" },
	{ "lenient", NULL, OPT_FLAG, AT(lenient), NULL, "repair stray YAML, with a warning each" },
	{ "cleanup", NULL, OPT_FLAG, AT(cleanup), NULL,
	  "at the end remove programs, maps, "
	  "addresses and proxy; without --config: now" },
	{ "log-level", "L", OPT_CHOICE, AT(log_level), levels,
	  "debug, info, warn or error [info]" },
	{ "version", NULL, OPT_FLAG, AT(version), NULL, "print the version" },
	{ "help", NULL, OPT_FLAG, AT(help), NULL, "this text" },
};

enum { NR_ROWS = sizeof(rows) / sizeof(rows[0]) };

size_t options_help(char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "usage: weftd --config DIR [option]...\n");

	for (size_t i = 0; i < NR_ROWS && n < cap; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		n += (size_t)snprintf(out + n, cap - n, "  %-26s %s\n", left, rows[i].help);
	}
	return n < cap ? n : cap - 1;
}

static const struct option_row *row_find(struct str name)
{
	for (size_t i = 0; i < NR_ROWS; i++)
		if (str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	return NULL;
}

static int store(const struct option_row *row, void *at, const char *value, char why[WHY_LEN])
{
	uint64_t n;

	switch (row->kind) {
	case OPT_FLAG: *(bool *)at = true; return 0;
	case OPT_TEXT:
		if (!*value)
			break;
		*(const char **)at = value;
		return 0;
	case OPT_COUNT:
		if (str_u64(str_of(value), MAX_WORKERS, &n) || !n)
			break;
		*(uint32_t *)at = (uint32_t)n;
		return 0;
	case OPT_CHOICE:
		for (uint32_t i = 0; row->choices[i]; i++) {
			if (!strcmp(row->choices[i], value)) {
				*(uint32_t *)at = i;
				return 0;
			}
		}
		break;
	}
	snprintf(why, WHY_LEN, "--%s: '%s' is not possible: %s", row->name, value, row->help);
	return -EINVAL;
}

static int parse_words(struct options *o, int argc, char **argv, char why[WHY_LEN])
{
	for (int i = 1; i < argc; i++) {
		struct str name = str_of(argv[i]), value = { 0 };
		const struct option_row *row = NULL;
		bool inline_value = false;
		int err;

		if (str_starts(name, STR("--"))) {
			value = str_sub(name, 2, name.n);
			inline_value = str_cut(&value, '=', &name);
			if (!inline_value)
				name = value;
			row = row_find(name);
		}
		if (!row || (inline_value && row->kind == OPT_FLAG)) {
			snprintf(why, WHY_LEN, "unknown option '%s', see weftd --help", argv[i]);
			return -EINVAL;
		}
		if (row->kind != OPT_FLAG && !inline_value && ++i == argc) {
			snprintf(why, WHY_LEN, "--%s needs a value: %s", row->name, row->help);
			return -EINVAL;
		}
		err = store(row, (char *)o + row->off, inline_value ? value.p : argv[i], why);
		if (err)
			return err;
	}
	return 0;
}

/* weft-proxy stands in the folder of weftd unless told otherwise */
static void default_proxy(struct options *o)
{
	ssize_t n = readlink("/proc/self/exe", o->proxy_buf, sizeof(o->proxy_buf) - 16);
	char *slash;

	o->proxy_buf[n > 0 ? n : 0] = 0;
	slash = strrchr(o->proxy_buf, '/');
	snprintf(slash ? slash + 1 : o->proxy_buf, 16, "weft-proxy");
	o->proxy = o->proxy_buf;
}

int options_parse(struct options *o, int argc, char **argv, char why[WHY_LEN])
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int err;

	*o = (struct options){
		.run = CONTROL_RUN_DIR,
		.state = "/var/lib/weft",
		.pins = "/sys/fs/bpf/weft",
		.proxy_user = "nobody",
		.workers = cores < 1		 ? 1
			   : cores > MAX_WORKERS ? MAX_WORKERS
						 : (uint32_t)cores,
		.log_level = LOG_INFO,
	};
	err = parse_words(o, argc, argv, why);
	if (err)
		return err;
	if (!o->node) {
		gethostname(o->node_buf, sizeof(o->node_buf) - 1);
		o->node = o->node_buf;
	}
	if (strlen(o->node) >= sizeof(o->node_buf)) {
		snprintf(why, WHY_LEN, "--node: name is longer than %zu bytes",
			 sizeof(o->node_buf) - 1);
		return -EINVAL;
	}
	if (!o->proxy)
		default_proxy(o);
	if (!o->config && !o->cleanup && !o->help && !o->version) {
		snprintf(why, WHY_LEN, "--config DIR is required, see weftd --help");
		return -EINVAL;
	}
	return 0;
}
