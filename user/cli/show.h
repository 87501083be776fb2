/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - the answers of weftd as tables for people. A field that is missing shows as nothing. */
#ifndef WEFT_CLI_SHOW_H
#define WEFT_CLI_SHOW_H

#include <jansson.h>

typedef void show_fn(const json_t *answer);

show_fn show_status, show_services, show_endpoints, show_routes, show_connections, show_pods;

/* ---- reading an answer ------------------------------------------------------------------------
 */

const char *get_text(const json_t *v, const char *key); /* "" when absent */
long long get_int(const json_t *v, const char *key);	/* 0 when absent */
double get_real(const json_t *v, const char *key);

#endif
