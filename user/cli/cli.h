/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the subcommands of `weft`. Each takes its own word as argv[0] and returns the exit code:
 * 0 fine, 1 the answer is bad news (an invalid object, weftd refused), 2 the question was unusable
 * (wrong options, no such file, weftd not running).
 */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

enum { CLI_OK, CLI_BAD, CLI_UNUSABLE };

int cmd_validate(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_docs(int argc, char **argv);

/* Everything that asks weftd: argv[0] is a word of CONTROL_WORDS (control.h). */
int cmd_live(int argc, char **argv);

#endif
