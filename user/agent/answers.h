/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.h - one function a word of the control socket: reads the agent, changes nothing, returns
 * a new JSON value (the caller's) or NULL when memory is out.
 */
#ifndef WEFT_AGENT_ANSWERS_H
#define WEFT_AGENT_ANSWERS_H

#include <jansson.h>

#include "agent/agent.h"
#include "base/str.h"

struct question {
	const struct agent *agent;
	struct str arg;	  /* behind the word; empty: none */
	struct str proxy; /* weft-proxy's text, where it was asked */
	bool proxy_answered;
};

typedef json_t *answer_fn(const struct question *q);

answer_fn answer_status, answer_services, answer_endpoints, answer_routes, answer_connections,
	answer_pods, answer_version;

/* Plain text, malloc'ed; NULL with *error a fixed text. */
typedef char *answer_text_fn(const struct question *q, size_t *n, const char **error);

answer_text_fn answer_image, answer_metrics;

/* ---- what they share --------------------------------------------------------------------------
 */

/* Strings from outside may hold any byte; JSON takes only UTF-8: others become "?". */
json_t *json_text(struct str s);
json_t *json_address(const struct ip16 *ip);

#endif
