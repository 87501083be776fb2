/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - the sub-commands of `weft`. argv[0] is the sub-command's word; the result is the exit
 * code: 0 done, 1 done with findings (invalid objects), 2 unusable arguments or input. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#define WEFT_VERSION "0.1.0"

int cmd_validate(int argc, char **argv); /* validate.c */
int cmd_docs(int argc, char **argv);	 /* docs.c: reference pages from the tables */

/* live.c: asks weftd over the control socket. word: status, services, endpoints, routes,
 * connections, pods, metrics. */
int cmd_live(const char *word, int argc, char **argv);

/* image.c: prints an image file. */
int cmd_image(int argc, char **argv);

#endif
