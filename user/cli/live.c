// SPDX-License-Identifier: Apache-2.0
/* weft status, services, endpoints, routes, connections, pods, metrics, version, and image when no
 * file is given. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "weft/control.h"

struct live {
	const char *word, *run, *arg;
	bool json;
};

struct view {
	const char *word;
	show_fn *show;
	bool takes_argument;
};

static const struct view views[] = {
	{ "status", show_status, false },
	{ "services", show_services, false },
	{ "endpoints", show_endpoints, false },
	{ "routes", show_routes, true },
	{ "connections", show_connections, false },
	{ "pods", show_pods, false },
	{ "metrics", NULL, false },
	{ "version", NULL, false },
};

static const struct view *view_find(const char *word)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (!strcmp(views[i].word, word))
			return &views[i];
	return NULL;
}

static int usage(const char *word, const char *what)
{
	const struct view *v = view_find(word);

	fprintf(stderr, "weft %s: %s; usage: weft %s %s[--json] [--run DIR]\n", word, what, word,
		v && v->takes_argument ? "[HOST] " : "");
	return CLI_UNUSABLE;
}

static int parse(struct live *o, int argc, char **argv)
{
	const struct view *v = view_find(argv[0]);

	*o = (struct live){ .word = argv[0] };
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			o->json = true;
		else if (!strncmp(argv[i], "--run=", 6))
			o->run = argv[i] + 6;
		else if (!strcmp(argv[i], "--run") && i + 1 < argc)
			o->run = argv[++i];
		else if (!strcmp(argv[i], "--run"))
			return usage(argv[0], "--run needs a folder");
		else if (argv[i][0] == '-' || !v || !v->takes_argument || o->arg)
			return usage(argv[0], "unknown argument");
		else
			o->arg = argv[i];
	}
	return CLI_OK;
}

/* weft-proxy's part comes as lines of text, which weftd has not read: an array for everybody. */
static void unfold_sessions(json_t *v)
{
	const char *line = json_string_value(json_object_get(v, "proxy_sessions"));
	json_t *list;

	if (!json_object_get(v, "proxy_sessions"))
		return;
	list = line ? json_array() : json_null();
	while (line && *line) {
		size_t n = strcspn(line, "\n");
		json_t *one = json_loadb(line, n, 0, NULL);

		if (one)
			json_array_append_new(list, one);
		line += n + (line[n] == '\n');
	}
	json_object_set_new(v, "sessions", list);
	json_object_del(v, "proxy_sessions");
}

static int show_answer(const struct live *o, const char *text)
{
	const struct view *view = view_find(o->word);
	json_error_t error;
	json_t *v = json_loads(text, 0, &error);

	if (!v) {
		fprintf(stderr, "weft: the answer of weftd broke off: %s\n", error.text);
		return CLI_UNUSABLE;
	}
	if (json_object_get(v, "error")) {
		fprintf(stderr, "weft: %s\n", get_text(v, "error"));
		json_decref(v);
		return CLI_BAD;
	}
	unfold_sessions(v);
	if (o->json || !view || !view->show) {
		json_dumpf(v, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		view->show(v);
	}
	json_decref(v);
	return CLI_OK;
}

/* Text as it is; with --json as one string, so that every word has a JSON form. */
static int show_text(const struct live *o, const char *text, size_t n)
{
	if (text[0] == '{')
		return show_answer(o, text);
	if (o->json) {
		json_t *v = json_pack("{s:s%}", o->word, text, n);

		json_dumpf(v, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(v);
	} else {
		fwrite(text, 1, n, stdout);
	}
	return CLI_OK;
}

/* Works without weftd: then it says so. */
static int show_version(const struct live *o)
{
	size_t n;
	char *text = ask(o->run, "version", NULL, &n, 1);
	json_t *agent = text ? json_loads(text, 0, NULL) : NULL;

	if (o->json) {
		json_t *v = json_pack("{s:s,s:o}", "weft", WEFT_VERSION, "weftd",
				      agent ? json_incref(agent) : json_null());

		json_dumpf(v, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(v);
	} else {
		printf("weft %s\n", WEFT_VERSION);
		if (json_object_get(agent, "error"))
			printf("weftd: %s\n", get_text(agent, "error"));
		else if (agent)
			printf("weftd %s on node %s\n", get_text(agent, "version"),
			       get_text(agent, "node"));
		else
			printf("weftd does not run in %s\n", ask_run_dir(o->run));
	}
	json_decref(agent);
	free(text);
	return CLI_OK;
}

int cmd_live(int argc, char **argv)
{
	struct live o;
	char *text;
	size_t n;
	int code = parse(&o, argc, argv);

	if (code)
		return code;
	if (!strcmp(o.word, "version"))
		return show_version(&o);
	text = ask(o.run, o.word, o.arg, &n, 0);
	if (!text)
		return CLI_UNUSABLE;
	if (!strcmp(o.word, "metrics") || !strcmp(o.word, "image"))
		code = show_text(&o, text, n);
	else
		code = show_answer(&o, text);
	free(text);
	return code;
}
