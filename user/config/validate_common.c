// SPDX-License-Identifier: Apache-2.0
/* Rules that several kinds share: names, hosts, labels, selectors, exportTo, string matches. */
#include <arpa/inet.h>

#include "config/regex.h"
#include "config/rules.h"
#include "weft/limits.h"

static bool is_alnum(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
}

bool is_dns_label(struct str s)
{
	if (!s.n || s.n > 63 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

bool is_ip(struct str s)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[16];

	if (!s.n || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

bool is_cidr(struct str s)
{
	struct str ip, bits = s;
	uint64_t n;

	return str_cut(&bits, '/', &ip) && is_ip(ip) &&
	       !str_u64(bits, str_find(ip, ':') >= 0 ? 128 : 32, &n);
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* DNS-1123 labels joined by dots, a trailing dot allowed. */
bool is_dns_name(struct str s)
{
	struct str rest, label;

	if (!s.n || s.n > 255)
		return false;
	if (s.p[s.n - 1] == '.')
		s.n--;
	rest = s;
	while (str_cut(&rest, '.', &label))
		if (!is_dns_label(label))
			return false;
	return is_dns_label(rest) && !(all_digits(rest) && rest.n < s.n);
}

/* Why s is no host, or NULL. A wildcard may only stand in the first label. */
const char *host_fault(struct str s, enum host_rules rules)
{
	struct str label = s, rest = s;

	if (!s.n)
		return "is empty: write the name of a service";
	if (s.n > 255)
		return "is longer than 255 characters";
	if ((rules & HOST_IP) && is_ip(s))
		return NULL;
	if (is_ip(s))
		return "is an address: write a name";
	if (s.p[0] != '*')
		return is_dns_name(s) ? NULL
				      : "is not a host name: use letters, digits, `-` and `.`; `*` "
					"only at the beginning";
	if (!(rules & HOST_WILDCARD))
		return "has a wildcard: write a full name";
	if (s.n == 1)
		return NULL;
	rest = str_sub(s, 1, s.n);
	if (rest.p[0] == '.') {
		rest = str_sub(rest, 1, rest.n);
		return is_dns_name(rest) ? NULL : "is not a host name below its wildcard";
	}
	if (!(rules & HOST_PARTIAL))
		return "has a partial wildcard: write `*`, `*.` and a name, or a full name";
	if (!str_cut(&rest, '.', &label))
		label = rest;
	while (label.n && label.p[0] == '-')
		label = str_sub(label, 1, label.n);
	return is_dns_label(label) && (str_eq(label, rest) || is_dns_name(rest))
		       ? NULL
		       : "is not a host name behind its wildcard";
}

bool check_host(struct check *c, struct str path, struct str host, enum host_rules rules)
{
	const char *fault = host_fault(host, rules);

	if (fault)
		check_error(c, path, "\"" STR_FMT "\" %s", STR_ARG(str_sub(host, 0, 100)), fault);
	return !fault;
}

size_t seen_before(struct map *seen, struct str key, size_t i)
{
	void **slot = map_at(seen, key);

	if (*slot)
		return (size_t)(uintptr_t)*slot;
	*slot = (void *)(uintptr_t)(i + 1);
	return 0;
}

void check_dns_label(struct check *c, struct str path, struct str s, const char *what)
{
	if (!is_dns_label(s))
		check_error(c, path,
			    "\"" STR_FMT "\" is not the name of a %s: use letters, digits and `-`, "
			    "at most 63, no `-` at the ends",
			    STR_ARG(str_sub(s, 0, 100)), what);
}

void check_subnet(struct check *c, struct str path, struct str s)
{
	if (!is_ip(s) && !is_cidr(s))
		check_error(c, path,
			    "\"" STR_FMT "\" is neither an address nor a CIDR: write 10.1.2.3, "
			    "10.1.0.0/16 or fd00::/64",
			    STR_ARG(str_sub(s, 0, 100)));
}

/* ---- labels ---------------------------------------------------------------------------------- */
static bool label_part(struct str s, size_t most)
{
	if (!s.n || s.n > most || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !strchr("-_.", s.p[i]))
			return false;
	return true;
}

static bool label_key_ok(struct str key)
{
	struct str name = key, prefix;

	if (str_cut(&name, '/', &prefix) && !(is_dns_name(prefix) && prefix.n <= 253))
		return false;
	return label_part(name, 63);
}

void check_labels(struct check *c, struct str path, const struct pairs *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		struct str key = labels->items[i].key, value = labels->items[i].value;
		struct str here = at(c, STR_FMT "[\"" STR_FMT "\"]", STR_ARG(path), STR_ARG(key));

		if (!key.n)
			check_error(c, path, "a label has no name: remove it");
		else if (!label_key_ok(key))
			check_error(c, here,
				    "\"" STR_FMT "\" is not a label name: use letters, digits, "
				    "`-`, `_` and `.`, at most 63, after an optional prefix/",
				    STR_ARG(str_sub(key, 0, 100)));
		if (value.n && !label_part(value, 63))
			check_error(c, here,
				    "\"" STR_FMT "\" is not a label value: use letters, digits, "
				    "`-`, `_` and `.`, at most 63",
				    STR_ARG(str_sub(value, 0, 100)));
	}
}

void check_selector(struct check *c, struct str path, const struct pairs *labels)
{
	if (!labels->n)
		check_warn(c, path,
			   "the selector has no labels and selects everything in the namespace: "
			   "add labels or remove it");
	for (size_t i = 0; i < labels->n; i++) {
		struct str key = labels->items[i].key;
		struct str here = at(c, STR_FMT "[\"" STR_FMT "\"]", STR_ARG(path), STR_ARG(key));

		if (str_find(key, '*') >= 0 || str_find(labels->items[i].value, '*') >= 0) {
			check_error(c, here,
				    "a wildcard is not supported in a selector: write the "
				    "full value");
			return;
		}
	}
	check_labels(c, path, labels);
}

/* ---- exportTo -------------------------------------------------------------------------------- */
static void check_one_export(struct check *c, const struct strs *list, size_t i, bool nobody,
			     struct map *seen)
{
	struct str ns = list->items[i], here = at(c, "spec.exportTo[%zu]", i);
	struct str own = c->o->meta.ns;

	if ((str_eq(ns, STR("*")) || (nobody && str_eq(ns, STR("~")))) && list->n > 1)
		check_error(c, here, "`" STR_FMT "` stands beside other namespaces: write it alone",
			    STR_ARG(ns));
	else if (!str_eq(ns, STR("*")) && !str_eq(ns, STR(".")) &&
		 !(nobody && str_eq(ns, STR("~"))) && !is_dns_label(ns))
		check_error(c, here,
			    "\"" STR_FMT "\" is not a namespace: write its name, `.` or `*`",
			    STR_ARG(str_sub(ns, 0, 100)));
	if (seen_before(seen, str_eq(ns, STR(".")) ? own : ns, i))
		check_error(c, here, "`" STR_FMT "` is named twice: remove one",
			    STR_ARG(str_sub(ns, 0, 100)));
}

void check_export_to(struct check *c, const struct strs *list, bool nobody)
{
	struct map seen;

	map_init(&seen, c->scratch);
	for (size_t i = 0; i < list->n; i++)
		check_one_export(c, list, i, nobody, &seen);
}

/* ---- matches --------------------------------------------------------------------------------- */
void check_regex(struct check *c, struct str path, struct str pattern)
{
	struct regex_error e;

	if (!regex_check(c->scratch, pattern, &e))
		return;
	check_error_in(c, path, e.at,
		       "\"" STR_FMT "\" is not a regular expression (RE2), character %zu: " STR_FMT
		       "%s" STR_FMT,
		       STR_ARG(str_sub(pattern, 0, 100)), e.at + 1, STR_ARG(e.message),
		       e.instead.n ? "; did you mean " : "", STR_ARG(e.instead));
}

void check_match(struct check *c, struct str path, const struct string_match *m, bool empty_prefix)
{
	if (m->kind == SM_PREFIX && !m->value.n && !empty_prefix)
		check_error(c, at(c, STR_FMT ".prefix", STR_ARG(path)),
			    "the prefix is empty: write one, or {} for \"is present\"");
	if (m->kind != SM_REGEX)
		return;
	path = at(c, STR_FMT ".regex", STR_ARG(path));
	if (!m->value.n)
		check_error(c, path, "the regular expression is empty: write one, such as .*");
	else
		check_regex(c, path, m->value);
}

bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !(s.p[i] && strchr("!#$%&'*+-.^_`|~", s.p[i])))
			return false;
	return s.n > 0;
}

/* ---- numbers --------------------------------------------------------------------------------- */
void check_percentage(struct check *c, struct str path, const struct percent *p)
{
	if (p->set && p->v > 0 && p->v < 0.0001)
		check_error(c, at(c, STR_FMT ".value", STR_ARG(path)),
			    "%g is finer than can be told apart: write 0, or 0.0001 to 100", p->v);
}
