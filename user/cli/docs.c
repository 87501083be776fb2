// SPDX-License-Identifier: Apache-2.0
/* weft docs: reference pages out of the tables, so that they cannot lie. */
#include <string.h>

#include "cli/cli.h"
#include "config/docs.h"

int cmd_docs(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "fields")) {
		docs_fields(stdout);
		return 0;
	}
	fprintf(stderr, "usage: weft docs fields\n");
	return 2;
}
