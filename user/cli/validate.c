// SPDX-License-Identifier: Apache-2.0
/* weft validate: what the agent would say about these files, without an agent. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"
#include "config/load.h"

struct tally {
	size_t valid, warned, invalid, skipped, unreadable;
};

static json_t *text(struct str s)
{
	json_t *j = json_stringn(s.p ? s.p : "", s.n);

	return j ? j : json_string("?"); /* not UTF-8 */
}

static json_t *problem_json(const struct problem *p)
{
	return json_pack("{s:i, s:i, s:o, s:o}", "line", (int)p->pos.line, "column",
			 (int)p->pos.col, "path", text(p->path), "message", text(p->message));
}

static json_t *problems_json(const struct object *o, bool warnings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->problems.n; i++)
		if (o->problems.items[i].warning == warnings)
			json_array_append_new(list, problem_json(&o->problems.items[i]));
	return list;
}

static void print_json(const struct object *o)
{
	json_t *line = json_object();

	json_object_set_new(line, "file", text(o->file));
	json_object_set_new(line, "line", json_integer(o->pos.line));
	json_object_set_new(line, "apiVersion", text(o->meta.api_version));
	json_object_set_new(line, "kind", text(o->meta.kind));
	json_object_set_new(line, "namespace", text(o->meta.ns));
	json_object_set_new(line, "name", text(o->meta.name));
	json_object_set_new(line, "valid", json_boolean(o->valid));
	json_object_set_new(line, "errors", problems_json(o, false));
	json_object_set_new(line, "warnings", problems_json(o, true));
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

static void print_text(struct arena *a, const struct object *o)
{
	for (size_t i = 0; i < o->problems.n; i++) {
		const struct problem *p = &o->problems.items[i];

		printf("%s" STR_FMT "\n",
		       o->skipped && p->warning ? "note: "
		       : p->warning		? "warning: "
						: "error: ",
		       STR_ARG(problem_format(a, o, p)));
	}
}

static bool has_warning(const struct object *o)
{
	for (size_t i = 0; i < o->problems.n; i++)
		if (o->problems.items[i].warning && !o->skipped)
			return true;
	return false;
}

static void count(struct tally *t, const struct object *o)
{
	if (!o->valid)
		t->invalid++;
	else if (o->skipped)
		t->skipped++;
	else
		t->valid++;
	if (o->valid && has_warning(o))
		t->warned++;
}

static void print_summary(const struct tally *t)
{
	printf("%zu valid", t->valid);
	if (t->warned)
		printf(" (%zu with warnings)", t->warned);
	printf(", %zu invalid", t->invalid);
	if (t->skipped)
		printf(", %zu skipped", t->skipped);
	putchar('\n');
}

static const char usage[] =
	"usage: weft validate [--json] [--lenient] PATH…\n"
	"\n"
	"Checks YAML and JSON files, and all of them below a folder, as weftd would.\n"
	"  --json     one line of JSON for each object\n"
	"  --lenient  repairs fields that stand beside the one they belong to, with a warning "
	"each\n"
	"Exit code: 0 all valid, 1 some invalid, 2 unusable input.\n";

static int help(void)
{
	fputs(usage, stdout);
	return CLI_OK;
}

static int unusable(const char *why)
{
	fprintf(stderr, "weft validate: %s\n%s", why, usage);
	return CLI_UNUSABLE;
}

static void load_all(struct objects *objects, struct tally *t, char **paths,
		     const struct load_options *opt)
{
	for (; *paths; paths++) {
		struct str bad;
		int err = load_path(objects, *paths, opt, &bad);

		if (!err)
			continue;
		t->unreadable++;
		fprintf(stderr, "weft validate: cannot read " STR_FMT ": %s\n", STR_ARG(bad),
			strerror(-err));
	}
}

int cmd_validate(int argc, char **argv)
{
	struct load_options opt = { 0 };
	struct objects objects = { 0 };
	struct tally tally = { 0 };
	bool json = false;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--lenient"))
			opt.lenient = true;
		else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return help();
		else if (!strcmp(argv[i], "--")) {
			i++;
			break;
		} else
			return unusable("no such option");
	}
	if (i >= argc)
		return unusable("name at least one file or folder");
	objects.arena = arena_new();
	load_all(&objects, &tally, argv + i, &opt);
	for (size_t n = 0; n < objects.n; n++) {
		count(&tally, objects.items[n]);
		if (json)
			print_json(objects.items[n]);
		else
			print_text(objects.arena, objects.items[n]);
	}
	if (!json)
		print_summary(&tally);
	arena_free(objects.arena);
	return tally.unreadable ? CLI_UNUSABLE : tally.invalid ? CLI_BAD : CLI_OK;
}
