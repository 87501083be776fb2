// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/image_make.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/checksum.h"
#include "weft/limits.h"

struct section {
	char *p;
	size_t n, size; /* records, bytes of one */
};

struct image_make {
	struct section s[NR_IMAGE_SECTIONS];
	uint32_t access_log;
};

#define RECORD_SIZE(name, record) [IMAGE_##name] = sizeof(record),
static const size_t sizes[NR_IMAGE_SECTIONS] = { IMAGE_SECTIONS(RECORD_SIZE) };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct image_make *image_make_new(void)
{
	struct image_make *m = must(calloc(1, sizeof(*m)));

	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		m->s[i].size = sizes[i];
	im_str(m, ""); /* offset 0 is the empty string: zeroed records are valid */
	return m;
}

void image_make_free(struct image_make *m)
{
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		free(m->s[i].p);
	free(m);
}

static uint32_t append(struct section *s, const void *records, size_t n)
{
	s->p = must(realloc(s->p, (s->n + n) * s->size));
	memcpy(s->p + s->n * s->size, records, n * s->size);
	s->n += n;
	return (uint32_t)(s->n - n);
}

struct image_str im_str(struct image_make *m, const char *s)
{
	return (struct image_str){ append(&m->s[IMAGE_strings], s, strlen(s) + 1),
				   (uint32_t)strlen(s) };
}

uint32_t im_add(struct image_make *m, enum image_section section, const void *record)
{
	return append(&m->s[section], record, 1);
}

void *im_at(struct image_make *m, enum image_section section, uint32_t index)
{
	return m->s[section].p + index * m->s[section].size;
}

uint32_t im_count(const struct image_make *m, enum image_section section)
{
	return (uint32_t)m->s[section].n;
}

static struct image_range last(const struct image_make *m, enum image_section section, uint32_t n)
{
	return (struct image_range){ im_count(m, section) - n, n };
}

uint32_t im_endpoint(struct image_make *m, const char *ip4, uint16_t port)
{
	struct image_endpoint e = { .port = port, .weight = 1, .workload = IMAGE_NONE };
	struct in_addr a;

	if (inet_pton(AF_INET, ip4, &a) != 1)
		abort();
	e.addr = (struct ip16){ .w = { 0, 0, htonl(0xffff), a.s_addr } };
	e.id = (uint64_t)ntohl(a.s_addr) << 16 | port;
	return im_add(m, IMAGE_endpoints, &e);
}

uint32_t im_cluster(struct image_make *m, const char *name, const uint32_t *endpoints, uint32_t n)
{
	struct image_cluster c = {
		.id = str_hash(str_of(name)),
		.name = im_str(m, name),
		.host = im_str(m, "service.default.svc.cluster.local"),
		.service = im_str(m, "service"),
		.ns = im_str(m, "default"),
		.port = 80,
		.lb = LB_ROUND_ROBIN,
		.protocol = PROTO_HTTP1,
		.max_connections = WEFT_NO_LIMIT,
		.max_pending = WEFT_NO_LIMIT,
		.max_requests = WEFT_NO_LIMIT,
		.max_requests_per_connection = WEFT_NO_LIMIT,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.idle_timeout_ms = TUNNEL_IDLE_MS,
		.max_ejection_percent = 10,
	};

	if (n) {
		c.slots = (struct image_range){ append(&m->s[IMAGE_slots], endpoints, n), n };
		c.members = (struct image_range){ append(&m->s[IMAGE_codes], endpoints, n), n };
	}
	return im_add(m, IMAGE_clusters, &c);
}

struct image_cluster *im_cluster_at(struct image_make *m, uint32_t index)
{
	return im_at(m, IMAGE_clusters, index);
}

uint32_t im_regex(struct image_make *m, const char *pattern)
{
	struct image_regex r = { im_str(m, pattern) };

	return im_add(m, IMAGE_regexes, &r);
}

uint32_t im_matcher(struct image_make *m, enum image_subject subject, enum image_operator op,
		    const char *name, const char *value)
{
	struct image_matcher k = {
		.subject = (uint8_t)subject,
		.op = (uint8_t)op,
		.name = im_str(m, name),
		.value = im_str(m, value),
	};

	if (op == OP_REGEX)
		k.regex = im_regex(m, value);
	return im_add(m, IMAGE_matchers, &k);
}

uint32_t im_target(struct image_make *m, uint32_t cluster, uint32_t weight)
{
	struct image_target t = { .cluster = cluster, .weight = weight };

	t.cluster_name = cluster == IMAGE_NONE ? im_str(m, "outbound|80|none|service")
					       : im_cluster_at(m, cluster)->name;
	return im_add(m, IMAGE_targets, &t);
}

uint32_t im_route(struct image_make *m, uint32_t nr_matchers, uint32_t nr_targets)
{
	struct image_route r = {
		.name = im_str(m, "default"),
		.matchers = last(m, IMAGE_matchers, nr_matchers),
		.targets = last(m, IMAGE_targets, nr_targets),
		.action = ACTION_ROUTE,
	};

	for (uint32_t i = 0; i < nr_targets; i++) {
		const struct image_target *t = im_at(m, IMAGE_targets, r.targets.first + i);

		r.weight_sum += t->weight;
	}
	return im_add(m, IMAGE_routes, &r);
}

uint32_t im_vhost(struct image_make *m, const char *name, uint32_t nr_routes)
{
	struct image_vhost v = { im_str(m, name), last(m, IMAGE_routes, nr_routes) };

	return im_add(m, IMAGE_vhosts, &v);
}

uint32_t im_domain(struct image_make *m, enum image_domain_kind kind, const char *name,
		   uint32_t vhost)
{
	struct image_domain d = { im_str(m, name), kind, vhost };

	return im_add(m, IMAGE_domains, &d);
}

uint32_t im_table(struct image_make *m, uint16_t port, uint32_t nr_domains)
{
	struct image_table t = { .port = port,
				 .domains = last(m, IMAGE_domains, nr_domains),
				 .fallback = IMAGE_NONE };

	return im_add(m, IMAGE_tables, &t);
}

uint32_t im_listener_http(struct image_make *m, uint16_t port, uint32_t table)
{
	struct image_listener l = {
		.port = port, .kind = LISTEN_HTTP, .table = table, .vhost = IMAGE_NONE
	};

	return im_add(m, IMAGE_listeners, &l);
}

uint32_t im_listener_tcp(struct image_make *m, uint16_t port, uint32_t nr_targets)
{
	struct image_listener l = { .port = port,
				    .kind = LISTEN_TCP,
				    .targets = last(m, IMAGE_targets, nr_targets),
				    .table = IMAGE_NONE,
				    .vhost = IMAGE_NONE };

	return im_add(m, IMAGE_listeners, &l);
}

static size_t aligned(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

void im_access_log(struct image_make *m, uint32_t how)
{
	m->access_log = how;
}

void *im_finish(struct image_make *m, uint64_t generation, size_t *size)
{
	size_t end = aligned(sizeof(struct image_header)), at = end;
	struct image_header *im;

	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		end = aligned(end + m->s[i].n * m->s[i].size);
	im = must(calloc(1, end));
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++) {
		im->sections[i] = (struct image_span){ at, m->s[i].n };
		if (m->s[i].n)
			memcpy((char *)im + at, m->s[i].p, m->s[i].n * m->s[i].size);
		at = aligned(at + m->s[i].n * m->s[i].size);
	}
	im->magic = IMAGE_MAGIC;
	im->version = IMAGE_VERSION;
	im->size = end;
	im->access_log = m->access_log;
	im->checksum = image_checksum(im, end);
	im->generation = generation;
	*size = end;
	return im;
}
