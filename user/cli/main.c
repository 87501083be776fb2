// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct command {
	const char *word, *args, *does;
	int (*run)(int argc, char **argv); /* NULL: cmd_live */
};

static const struct command commands[] = {
	{ "validate", "[--json] [--lenient] PATH…", "checks config files and folders",
	  cmd_validate },
	{ "docs", "fields", "prints the reference of all fields (Markdown)", cmd_docs },
	{ 0 },
};

static void usage(FILE *to)
{
	fprintf(to, "weft - a service mesh in the kernel\n\nusage: weft COMMAND [--help]\n\n");
	for (const struct command *c = commands; c->word; c++)
		fprintf(to, "  weft %-11s %-28s %s\n", c->word, c->args, c->does);
	fprintf(to, "  weft %-11s %-28s %s\n", "version", "", "prints the version");
}

static int run(const struct command *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			printf("usage: weft %s %s\n%s\n", c->word, c->args, c->does);
			return 0;
		}
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--help";

	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		usage(stdout);
		return argc > 1 ? 0 : 2;
	}
	for (const struct command *c = commands; c->word; c++)
		if (!strcmp(word, c->word))
			return run(c, argc - 1, argv + 1);
	if (!strcmp(word, "version") || !strcmp(word, "--version")) {
		printf("weft %s\n", WEFT_VERSION);
		return 0;
	}
	fprintf(stderr, "weft: no command '%s'; `weft --help` lists them\n", word);
	return 2;
}
