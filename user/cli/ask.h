/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - one question to weftd over its control socket (include/weft/control.h). */
#ifndef WEFT_CLI_ASK_H
#define WEFT_CLI_ASK_H

#include <stddef.h>

enum { ASK_TIMEOUT_S = 15 };

/* The run directory: `run` when given, else $WEFT_RUN, else CONTROL_RUN_DIR. */
const char *ask_run_dir(const char *run);

/*
 * The whole answer, malloc'ed, with a NUL behind *n bytes; arg may be NULL. On failure NULL, and
 * unless quiet one line on stderr that names the socket and says what to do.
 */
char *ask(const char *run, const char *word, const char *arg, size_t *n, int quiet);

#endif
