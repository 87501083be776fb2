// SPDX-License-Identifier: Apache-2.0
/* What every answer needs to say, and the two answers that are plain text. */
#include "agent/answers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/lib/addr.h"
#include "image/dump.h"

json_t *json_text(struct str s)
{
	json_t *v = s.p ? json_stringn(s.p, s.n) : json_string("");
	char *ascii;

	if (v || !s.p)
		return v;
	ascii = malloc(s.n + 1);
	if (!ascii)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		ascii[i] = (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?';
	v = json_stringn(ascii, s.n);
	free(ascii);
	return v;
}

json_t *json_address(const struct ip16 *ip)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (ip16_is_v4(ip))
		inet_ntop(AF_INET, &ip->w[3], text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip, text, sizeof(text));
	return json_string(text);
}

char *answer_metrics(const struct question *q, size_t *n, const char **error)
{
	char *text;

	if (!q->proxy_answered) {
		*error = "weft-proxy does not answer: see weft status";
		return NULL;
	}
	text = malloc(q->proxy.n + 1);
	if (!text)
		return NULL;
	memcpy(text, q->proxy.p, q->proxy.n);
	*n = q->proxy.n;
	return text;
}

char *answer_image(const struct question *q, size_t *n, const char **error)
{
	const struct plan *p = push_plan(q->agent->push);
	char *text = NULL;
	FILE *f;

	if (!p) {
		*error = "no image is in force yet: see weft status";
		return NULL;
	}
	f = open_memstream(&text, n);
	if (!f)
		return NULL;
	image_dump_head(p->image, f);
	image_dump(p->image, f);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}
