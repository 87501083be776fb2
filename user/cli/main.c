// SPDX-License-Identifier: Apache-2.0
/* weft - validates and explains configuration, shows what weftd and weft-proxy do. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "weft/control.h"

struct command {
	const char *word, *arguments, *help;
	int (*run)(int argc, char **argv);
};

#define LIVE_COMMAND(word, help) { #word, "[--json] [--run DIR]", help, cmd_live },

static const struct command commands[] = {
	{ "validate", "[--json] [--lenient] PATH…", "checks files and folders as weftd would",
	  cmd_validate },
	{ "image", "[FILE]", "the compiled mesh of weft-proxy as text: of weftd, or of a file",
	  cmd_image },
	{ "docs", "fields|metrics", "the reference pages, in Markdown", cmd_docs },
	CONTROL_WORDS(LIVE_COMMAND)
};
enum { NR_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
	fputs("usage: weft COMMAND [ARGUMENT…]\n\n", out);
	for (int i = 0; i < NR_COMMANDS; i++) {
		/* `image` is in CONTROL_WORDS too; the first of a name is the command */
		if (i > 1 && !strcmp(commands[i].word, "image"))
			continue;
		fprintf(out, "  %-12s %-30s %s\n", commands[i].word, commands[i].arguments,
			commands[i].help);
	}
	fputs("\nCommands that ask weftd look for its socket in --run DIR, else in $WEFT_RUN, "
	      "else in " CONTROL_RUN_DIR ".\n"
	      "Exit code: 0 fine, 1 bad news, 2 unusable input.\n",
	      out);
}

int main(int argc, char **argv)
{
	static char version[] = "version";

	if (argc < 2) {
		print_help(stderr);
		return CLI_UNUSABLE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = version;
	for (int i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].word))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "weft: '%s' is not a command; see weft --help\n", argv[1]);
	return CLI_UNUSABLE;
}
