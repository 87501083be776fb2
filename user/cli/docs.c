// SPDX-License-Identifier: Apache-2.0
/* weft docs: the reference pages come from the tables that the code itself uses. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/docs.h"
#include "telemetry/metrics.h"

int cmd_docs(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "fields"))
		docs_fields(stdout);
	else if (argc == 2 && !strcmp(argv[1], "metrics"))
		metrics_reference(stdout);
	else {
		fputs("usage: weft docs fields|metrics\n", stderr);
		return CLI_UNUSABLE;
	}
	return ferror(stdout) ? CLI_UNUSABLE : CLI_OK;
}
