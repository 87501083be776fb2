/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - rules that the validators of several kinds share. */
#ifndef WEFT_CONFIG_RULES_H
#define WEFT_CONFIG_RULES_H

#include "config/validate.h"

enum host_rules {
	HOST_WILDCARD = 1, /* * and *.x */
	HOST_PARTIAL = 2,  /* *-x.y and *x.y */
	HOST_IP = 4,
};

bool is_dns_label(struct str s);
bool is_dns_name(struct str s);
bool is_ip(struct str s);
bool is_cidr(struct str s);
bool is_token(struct str s);				     /* RFC 7230 */
const char *host_fault(struct str s, enum host_rules rules); /* what is wrong with it, or NULL */

bool check_host(struct check *c, struct str path, struct str host, enum host_rules rules);
void check_dns_label(struct check *c, struct str path, struct str s, const char *what);
void check_subnet(struct check *c, struct str path, struct str s); /* address or CIDR */
void check_labels(struct check *c, struct str path, const struct pairs *labels);
void check_selector(struct check *c, struct str path, const struct pairs *labels);
void check_export_to(struct check *c, const struct strs *list, bool nobody);
void check_regex(struct check *c, struct str path, struct str pattern);
void check_match(struct check *c, struct str path, const struct string_match *m, bool empty_prefix);
void check_percentage(struct check *c, struct str path, const struct percent *p);

/* 0 the first time that key is met, then 1 + the i of that time. */
size_t seen_before(struct map *seen, struct str key, size_t i);

/* hosts.c: a list of hosts that answers who covers a name without comparing all with all */
struct host_set {
	const struct strs *hosts;
	struct map by_name; /* in lower case -> 1 + index */
	bool wild, partial; /* some are *.x, some are *x */
	struct arena *scratch;
};

void host_set_init(struct host_set *s, struct arena *scratch, const struct strs *hosts);
size_t host_set_first(const struct host_set *s, struct str host); /* index; it is in the list */
bool host_set_covers(const struct host_set *s, struct str host);
/* Calls found(arg, j) for every wildcard j that covers host and is not host itself. */
void host_set_wildcards(const struct host_set *s, struct str host,
			void (*found)(void *arg, size_t j), void *arg);

/* validate_http.c: what VirtualService and RouteRule share */
void check_redirect(struct check *c, struct str path, const struct redirect *r);
void check_rewrite(struct check *c, struct str path, const struct rewrite *r);
void check_fault(struct check *c, struct str path, const struct fault *f);
void check_cors(struct check *c, struct str path, const struct cors *cors);
void check_retries(struct check *c, struct str path, const struct retries *r);
void check_header_ops(struct check *c, struct str path, const struct headers *h,
		      unsigned int authorities);

#endif
