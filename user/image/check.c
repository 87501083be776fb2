// SPDX-License-Identifier: Apache-2.0
/*
 * check.c - everything about an image that a look-up relies on, looked at once. The order matters:
 * spans before records, so that the section checks may use the accessors of reader.h; strings and
 * ranges are checked where they are used.
 */
#include "image/reader.h"

#include <errno.h>
#include "image/checksum.h"

/* Sums of weights must fit the proxy's 32-bit draw. */
enum { MAX_WEIGHT_SUM = 0x7fffffff };

#define RECORD_SIZE(name, record) [IMAGE_##name] = sizeof(record),
static const uint32_t record_size[NR_IMAGE_SECTIONS] = { IMAGE_SECTIONS(RECORD_SIZE) };

static bool str_ok(const struct image_header *im, struct image_str s)
{
	size_t n = image_strings_count(im);

	/* strictly below: the NUL behind it lies inside too */
	return s.off < n && s.len < n - s.off && image_strings(im)[s.off + s.len] == '\0';
}

static bool range_ok(const struct image_header *im, struct image_range r, enum image_section s)
{
	uint64_t n = im->sections[s].count;

	return r.first <= n && r.count <= n - r.first;
}

static bool index_ok(const struct image_header *im, uint32_t i, enum image_section s)
{
	return i < im->sections[s].count;
}

static bool index_or_none(const struct image_header *im, uint32_t i, enum image_section s)
{
	return i == IMAGE_NONE || index_ok(im, i, s);
}

static int image_str_cmp(const struct image_header *im, struct image_str a, struct image_str b)
{
	return str_cmp(image_str(im, a), image_str(im, b));
}

static const char *check_spans(const struct image_header *im, size_t n)
{
	uint64_t end = sizeof(*im);

	for (int i = 0; i < NR_IMAGE_SECTIONS; i++) {
		const struct image_span *s = &im->sections[i];

		if (s->off % 8 || s->off < end || s->off > n)
			return "a section does not start where it may";
		if (s->count > (n - s->off) / record_size[i])
			return "a section ends behind the file";
		if (s->count >= IMAGE_NONE)
			return "a section has too many records";
		end = s->off + s->count * record_size[i];
	}
	return NULL;
}

static const char *check_pods(const struct image_header *im)
{
	const struct image_pod *p = image_pods(im);

	for (size_t i = 0; i < image_pods_count(im); i++) {
		if (i && p[i - 1].id >= p[i].id)
			return "pods are not sorted by id";
		if (!index_or_none(im, p[i].workload, IMAGE_workloads) || !str_ok(im, p[i].name))
			return "a pod points outside its section";
	}
	return NULL;
}

static const char *check_workloads(const struct image_header *im)
{
	const struct image_workload *w = image_workloads(im);

	for (size_t i = 0; i < image_workloads_count(im); i++, w++) {
		if (!str_ok(im, w->name) || !str_ok(im, w->ns) || !str_ok(im, w->app) ||
		    !str_ok(im, w->version) || !str_ok(im, w->canonical_name) ||
		    !str_ok(im, w->canonical_revision) || !str_ok(im, w->service_account) ||
		    !str_ok(im, w->cluster_name))
			return "a workload's string lies outside the strings";
	}
	return NULL;
}

static int listener_cmp(const struct image_listener *a, const struct image_listener *b)
{
	int c;

	if (a->view != b->view)
		return a->view < b->view ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	c = memcmp(&a->addr, &b->addr, sizeof(a->addr));
	return c ? c : (int)b->prefix - (int)a->prefix;
}

/* Bits behind the prefix would make it unfindable. */
static bool host_bits_clear(const struct image_listener *l)
{
	const uint8_t *p = (const uint8_t *)&l->addr;

	for (unsigned int bit = l->prefix; bit < 128; bit = (bit | 7) + 1)
		if (p[bit / 8] & (0xff >> bit % 8))
			return false;
	return true;
}

/* Target ranges are checked here; their clusters in check_targets. */
static const char *check_listener(const struct image_header *im, const struct image_listener *l)
{
	if (l->prefix > 128)
		return "a listener's prefix is above 128";
	if (!host_bits_clear(l))
		return "a listener's address has bits behind its prefix";
	if (!range_ok(im, l->targets, IMAGE_targets) || !index_or_none(im, l->vhost, IMAGE_vhosts))
		return "a listener points outside its section";
	switch (l->kind) {
	case LISTEN_HTTP:
		return index_ok(im, l->table, IMAGE_tables) ? NULL : "a listener has no table";
	case LISTEN_TCP: return l->targets.count ? NULL : "a TCP listener has no target";
	default: return "a listener is of no known kind";
	}
}

static const char *check_weights(const struct image_header *im, struct image_range r, uint64_t *sum)
{
	const struct image_target *t = image_targets(im) + r.first;

	*sum = 0;
	for (uint32_t i = 0; i < r.count; i++) {
		*sum += t[i].weight;
		if (*sum > MAX_WEIGHT_SUM)
			return "weights add up to too much";
	}
	return *sum ? NULL : "weights add up to 0";
}

static const char *check_listeners(const struct image_header *im)
{
	const struct image_listener *l = image_listeners(im);
	const char *why;
	uint64_t sum;

	for (size_t i = 0; i < image_listeners_count(im); i++) {
		if (i && listener_cmp(&l[i - 1], &l[i]) >= 0)
			return "listeners are not sorted";
		why = check_listener(im, &l[i]);
		if (!why && l[i].kind == LISTEN_TCP)
			why = check_weights(im, l[i].targets, &sum);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_table_domains(const struct image_header *im, const struct image_table *t)
{
	const struct image_domain *d = image_domains(im) + t->domains.first;

	for (uint32_t i = 1; i < t->domains.count; i++) {
		if (d[i - 1].kind > d[i].kind)
			return "domains are not sorted by kind";
		if (d[i - 1].kind == d[i].kind && image_str_cmp(im, d[i - 1].name, d[i].name) >= 0)
			return "domains are not sorted by name";
	}
	return NULL;
}

static const char *check_tables(const struct image_header *im)
{
	const struct image_table *t = image_tables(im), *f;
	uint64_t domains = 0;
	const char *why;

	for (size_t i = 0; i < image_tables_count(im); i++) {
		if (!range_ok(im, t[i].domains, IMAGE_domains) || t[i].port > 0xffff ||
		    !index_or_none(im, t[i].fallback, IMAGE_tables))
			return "a table points outside its section";
		if (i && (t[i - 1].view > t[i].view ||
			  (t[i - 1].view == t[i].view && t[i - 1].port >= t[i].port)))
			return "tables are not sorted";
		f = t[i].fallback == IMAGE_NONE ? NULL : &t[t[i].fallback];
		if (f && (f->view || !t[i].view || f->port != t[i].port))
			return "a table's fallback is not view 0 of the same port";
		/* ranges of a damaged file may overlap: no quadratic walk */
		domains += t[i].domains.count;
		why = domains > image_domains_count(im) ? "tables share their domains"
							: check_table_domains(im, &t[i]);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_domains(const struct image_header *im)
{
	const struct image_domain *d = image_domains(im);

	for (size_t i = 0; i < image_domains_count(im); i++) {
		if (!str_ok(im, d[i].name) || !index_ok(im, d[i].vhost, IMAGE_vhosts))
			return "a domain points outside its section";
		if (d[i].kind > DOMAIN_ANY)
			return "a domain is of no known kind";
	}
	return NULL;
}

static const char *check_vhosts(const struct image_header *im)
{
	const struct image_vhost *v = image_vhosts(im);

	for (size_t i = 0; i < image_vhosts_count(im); i++)
		if (!str_ok(im, v[i].name) || !range_ok(im, v[i].routes, IMAGE_routes))
			return "a virtual host points outside its section";
	return NULL;
}

static const char *check_route(const struct image_header *im, const struct image_route *r)
{
	const char *why;
	uint64_t sum;

	if (!str_ok(im, r->name) || !range_ok(im, r->matchers, IMAGE_matchers) ||
	    !range_ok(im, r->targets, IMAGE_targets))
		return "a route points outside its section";
	switch (r->action) {
	case ACTION_ROUTE:
		if (!r->targets.count)
			return "a route has no target";
		why = check_weights(im, r->targets, &sum);
		if (why)
			return why;
		return sum == r->weight_sum ? NULL : "a route's weights do not add up";
	case ACTION_PASSTHROUGH: return NULL;
	case ACTION_STATUS:
		return r->status >= 200 && r->status <= 600 ? NULL : "a route answers no status";
	default: return "a route has no known action";
	}
}

static const char *check_routes(const struct image_header *im)
{
	const struct image_route *r = image_routes(im);
	const char *why;

	for (size_t i = 0; i < image_routes_count(im); i++) {
		why = check_route(im, &r[i]);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_matchers(const struct image_header *im)
{
	const struct image_matcher *m = image_matchers(im);

	for (size_t i = 0; i < image_matchers_count(im); i++) {
		if (m[i].subject < SUBJECT_PATH || m[i].subject > SUBJECT_QUERY)
			return "a matcher has no known subject";
		if (m[i].op < OP_EXACT || m[i].op > OP_PRESENT)
			return "a matcher has no known operator";
		if (!str_ok(im, m[i].name) || !str_ok(im, m[i].value))
			return "a matcher's string lies outside the strings";
		if (m[i].op == OP_REGEX && !index_ok(im, m[i].regex, IMAGE_regexes))
			return "a matcher has no regular expression";
	}
	return NULL;
}

static const char *check_targets(const struct image_header *im)
{
	const struct image_target *t = image_targets(im);

	for (size_t i = 0; i < image_targets_count(im); i++)
		if (!index_or_none(im, t[i].cluster, IMAGE_clusters) ||
		    !str_ok(im, t[i].cluster_name))
			return "a target points outside its section";
	return NULL;
}

static bool indexes_ok(const uint32_t *v, struct image_range r, uint64_t below)
{
	for (uint32_t i = 0; i < r.count; i++)
		if (v[r.first + i] >= below)
			return false;
	return true;
}

static const char *check_cluster(const struct image_header *im, const struct image_cluster *c)
{
	uint64_t endpoints = image_endpoints_count(im);

	if (!str_ok(im, c->name) || !str_ok(im, c->host) || !str_ok(im, c->service) ||
	    !str_ok(im, c->ns) || !str_ok(im, c->subset))
		return "a cluster's string lies outside the strings";
	if (!range_ok(im, c->slots, IMAGE_slots) || !range_ok(im, c->members, IMAGE_codes) ||
	    !range_ok(im, c->outlier_codes, IMAGE_codes))
		return "a cluster's range lies outside its section";
	if (c->lb > LB_PASSTHROUGH || c->protocol < PROTO_TCP || c->protocol > PROTO_SNIFF)
		return "a cluster's policy or protocol is not known";
	if (c->max_ejection_percent > 100 || c->min_health_percent > 100)
		return "a cluster's percentage is above 100";
	if (!c->slots.count != !c->members.count)
		return "a cluster has slots or members, not both";
	if (!indexes_ok(image_codes(im), c->members, endpoints))
		return "a member is no endpoint";
	return NULL;
}

static const char *check_clusters(const struct image_header *im)
{
	const struct image_cluster *c = image_clusters(im);
	struct image_range all = { 0, (uint32_t)image_slots_count(im) };
	uint64_t members = 0;
	const char *why;

	if (!indexes_ok(image_slots(im), all, image_endpoints_count(im)))
		return "a slot is no endpoint";
	for (size_t i = 0; i < image_clusters_count(im); i++) {
		members += c[i].members.count;
		if (members > image_codes_count(im))
			return "clusters share their members";
		why = check_cluster(im, &c[i]);
		if (why)
			return why;
	}
	return NULL;
}

static const char *check_endpoints(const struct image_header *im)
{
	const struct image_endpoint *e = image_endpoints(im);

	for (size_t i = 0; i < image_endpoints_count(im); i++)
		if (!index_or_none(im, e[i].workload, IMAGE_workloads))
			return "an endpoint's workload does not exist";
	return NULL;
}

static const char *check_regexes(const struct image_header *im)
{
	const struct image_regex *r = image_regexes(im);

	for (size_t i = 0; i < image_regexes_count(im); i++)
		if (!str_ok(im, r[i].pattern))
			return "a pattern lies outside the strings";
	return NULL;
}

static const char *check_header(const struct image_header *im, size_t n)
{
	if (im->magic != IMAGE_MAGIC)
		return "not an image: wrong magic";
	if (im->version != IMAGE_VERSION)
		return "an image of another version";
	if (im->size != n)
		return "the file's size is not the one in its header";
	if (im->access_log > 2)
		return "access_log has no known value";
	if (im->checksum != image_checksum(im, n))
		return "the checksum does not match";
	return NULL;
}

static const char *check_all(const struct image_header *im, size_t n)
{
	/* domains before tables: tables compare the domains' names */
	static const char *(*const sections[])(const struct image_header *) = {
		check_pods,	check_workloads, check_domains,	  check_tables,
		check_vhosts,	check_targets,	 check_routes,	  check_listeners,
		check_matchers, check_clusters,	 check_endpoints, check_regexes,
	};
	const char *why = check_header(im, n);

	if (!why)
		why = check_spans(im, n);
	for (size_t i = 0; !why && i < sizeof(sections) / sizeof(sections[0]); i++)
		why = sections[i](im);
	return why;
}

int image_check(const void *p, size_t n, const char **why)
{
	const char *wrong = "not an image: too short or not aligned";

	if (n >= sizeof(struct image_header) && (uintptr_t)p % 8 == 0)
		wrong = check_all(p, n);
	if (!wrong)
		return 0;
	if (why)
		*why = wrong;
	return -EINVAL;
}
