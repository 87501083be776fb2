// SPDX-License-Identifier: Apache-2.0
#include "image/dump.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "image/reader.h"

struct dump {
	const struct image_header *im;
	FILE *out;
};

static struct str text(const struct dump *d, struct image_str s)
{
	return image_str(d->im, s);
}

static void put_address(const struct dump *d, const struct ip16 *a)
{
	char buf[INET6_ADDRSTRLEN];
	bool v4 = !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : a, buf, sizeof(buf));
	fprintf(d->out, v4 ? "%s" : "[%s]", buf);
}

/* " key=value" when the value says something */
static void put_text(const struct dump *d, const char *key, struct image_str s)
{
	if (s.len)
		fprintf(d->out, " %s=" STR_FMT, key, STR_ARG(text(d, s)));
}

static void put_number(const struct dump *d, const char *key, uint32_t v, uint32_t usual)
{
	if (v != usual)
		fprintf(d->out, " %s=%u", key, v);
}

static void put_targets(const struct dump *d, struct image_range r)
{
	const struct image_target *t = image_targets(d->im) + r.first;

	for (uint32_t i = 0; i < r.count; i++)
		fprintf(d->out, " %u*" STR_FMT "%s", t[i].weight,
			STR_ARG(text(d, t[i].cluster_name)),
			t[i].cluster == IMAGE_NONE ? "(missing)" : "");
}

static void dump_pods(const struct dump *d)
{
	const struct image_pod *p = image_pods(d->im);
	const struct image_workload *w = image_workloads(d->im);

	for (size_t i = 0; i < image_pods_count(d->im); i++) {
		fprintf(d->out, "pod " STR_FMT " view=%08x", STR_ARG(text(d, p[i].name)),
			p[i].view);
		if (p[i].workload != IMAGE_NONE)
			put_text(d, "workload", w[p[i].workload].name);
		fputc('\n', d->out);
	}
	for (size_t i = 0; i < image_workloads_count(d->im); i++) {
		fprintf(d->out, "workload " STR_FMT, STR_ARG(text(d, w[i].name)));
		put_text(d, "ns", w[i].ns);
		put_text(d, "app", w[i].app);
		put_text(d, "version", w[i].version);
		put_text(d, "canonical", w[i].canonical_name);
		put_text(d, "revision", w[i].canonical_revision);
		put_text(d, "account", w[i].service_account);
		put_text(d, "cluster", w[i].cluster_name);
		fputc('\n', d->out);
	}
}

static struct image_str vhost_name(const struct dump *d, uint32_t vhost)
{
	return image_vhosts(d->im)[vhost].name;
}

static void dump_listeners(const struct dump *d)
{
	const struct image_listener *l = image_listeners(d->im);

	for (size_t i = 0; i < image_listeners_count(d->im); i++, l++) {
		fprintf(d->out, "listener view=%08x ", l->view);
		put_address(d, &l->addr);
		fprintf(d->out, "/%u port=%u", l->prefix, l->port);
		if (l->kind == LISTEN_HTTP) {
			fprintf(d->out, " http table=%08x:%u", image_tables(d->im)[l->table].view,
				image_tables(d->im)[l->table].port);
			if (l->vhost != IMAGE_NONE)
				put_text(d, "vhost", vhost_name(d, l->vhost));
		} else {
			fputs(" tcp", d->out);
			put_targets(d, l->targets);
		}
		fputc('\n', d->out);
	}
}

static void dump_tables(const struct dump *d)
{
	static const char *const kinds[] = { "exact", "suffix", "any" };
	const struct image_table *t = image_tables(d->im);

	for (size_t i = 0; i < image_tables_count(d->im); i++) {
		const struct image_domain *n = image_domains(d->im) + t[i].domains.first;

		fprintf(d->out, "table view=%08x port=%u%s\n", t[i].view, t[i].port,
			t[i].fallback == IMAGE_NONE ? "" : " fallback=view0");
		for (uint32_t j = 0; j < t[i].domains.count; j++)
			fprintf(d->out, "  %s " STR_FMT " -> " STR_FMT "\n", kinds[n[j].kind],
				STR_ARG(text(d, n[j].name)),
				STR_ARG(text(d, vhost_name(d, n[j].vhost))));
	}
}

static void put_matcher(const struct dump *d, const struct image_matcher *m)
{
	static const char *const subjects[] = { "",	     "path",   "scheme", "method",
						"authority", "header", "query" };
	static const char *const ops[] = { "", "=", "^", "~", "present" };

	fprintf(d->out, " %s%s", m->flags & MATCH_INVERT ? "!" : "", subjects[m->subject]);
	if (m->name.len)
		fprintf(d->out, "[" STR_FMT "]", STR_ARG(text(d, m->name)));
	fprintf(d->out, "%s%s\"" STR_FMT "\"", ops[m->op],
		m->flags & MATCH_IGNORE_CASE ? "(nocase)" : "", STR_ARG(text(d, m->value)));
	if (m->flags & MATCH_MISSING_IS_EMPTY)
		fputs("(or missing)", d->out);
}

static void dump_route(const struct dump *d, const struct image_route *r)
{
	const struct image_matcher *m = image_matchers(d->im) + r->matchers.first;

	fprintf(d->out, "  route \"" STR_FMT "\"", STR_ARG(text(d, r->name)));
	for (uint32_t i = 0; i < r->matchers.count; i++)
		put_matcher(d, &m[i]);
	fputs(" ->", d->out);
	if (r->action == ACTION_ROUTE)
		put_targets(d, r->targets);
	else if (r->action == ACTION_PASSTHROUGH)
		fputs(" passthrough", d->out);
	else
		fprintf(d->out, " status %u", r->status);
	put_number(d, "timeout_ms", r->timeout_ms, 0);
	fputc('\n', d->out);
}

static void dump_vhosts(const struct dump *d)
{
	const struct image_vhost *v = image_vhosts(d->im);

	for (size_t i = 0; i < image_vhosts_count(d->im); i++) {
		const struct image_route *r = image_routes(d->im) + v[i].routes.first;

		fprintf(d->out, "vhost " STR_FMT "\n", STR_ARG(text(d, v[i].name)));
		for (uint32_t j = 0; j < v[i].routes.count; j++)
			dump_route(d, &r[j]);
	}
}

static void put_endpoint(const struct dump *d, uint32_t index)
{
	const struct image_endpoint *e = image_endpoints(d->im) + index;

	fputc(' ', d->out);
	put_address(d, &e->addr);
	fprintf(d->out, ":%u", e->port);
}

static void put_settings(const struct dump *d, const struct image_cluster *c)
{
	put_number(d, "max_connections", c->max_connections, WEFT_NO_LIMIT);
	put_number(d, "max_pending", c->max_pending, WEFT_NO_LIMIT);
	put_number(d, "max_requests", c->max_requests, WEFT_NO_LIMIT);
	put_number(d, "max_requests_per_connection", c->max_requests_per_connection, WEFT_NO_LIMIT);
	put_number(d, "connect_timeout_ms", c->connect_timeout_ms, 10000);
	put_number(d, "idle_timeout_ms", c->idle_timeout_ms, 3600000);
	put_number(d, "max_connection_ms", c->max_connection_ms, 0);
	if (c->keepalive)
		fprintf(d->out, " keepalive=%u,%us,%us", c->keepalive_probes, c->keepalive_time_s,
			c->keepalive_interval_s);
	if (!c->outlier)
		return;
	fprintf(d->out,
		" outlier=5xx:%u,gateway:%u,local:%u%s,interval:%u,ejection:%u,max:%u%%,min_health:"
		"%u%%",
		c->consecutive_5xx, c->consecutive_gateway, c->consecutive_local,
		c->outlier_split_local ? "(split)" : "", c->outlier_interval_ms,
		c->base_ejection_ms, c->max_ejection_percent, c->min_health_percent);
	for (uint32_t i = 0; i < c->outlier_codes.count; i++)
		fprintf(d->out, ",%u", image_codes(d->im)[c->outlier_codes.first + i]);
}

/* A Maglev table is long and random to the eye: its size only. */
static void put_order(const struct dump *d, const struct image_cluster *c)
{
	enum { SHOWN = 64 };

	if (c->slots.count == c->members.count)
		return;
	fprintf(d->out, "  slots %u", c->slots.count);
	for (uint32_t i = 0; i < c->slots.count && c->slots.count <= SHOWN; i++)
		put_endpoint(d, image_slots(d->im)[c->slots.first + i]);
	fputc('\n', d->out);
}

static void dump_clusters(const struct dump *d)
{
	static const char *const lbs[] = { "round_robin", "random", "least_request", "source_hash",
					   "passthrough" };
	static const char *const protocols[] = { "", "tcp", "http1", "http2", "sniff" };
	const struct image_cluster *c = image_clusters(d->im);

	for (size_t i = 0; i < image_clusters_count(d->im); i++, c++) {
		fprintf(d->out, "cluster " STR_FMT " id=%016" PRIx64 " %s %s",
			STR_ARG(text(d, c->name)), c->id, lbs[c->lb], protocols[c->protocol]);
		put_settings(d, c);
		fputs("\n  members", d->out);
		for (uint32_t j = 0; j < c->members.count; j++)
			put_endpoint(d, image_codes(d->im)[c->members.first + j]);
		fputc('\n', d->out);
		put_order(d, c);
	}
}

static void dump_endpoints(const struct dump *d)
{
	const struct image_endpoint *e = image_endpoints(d->im);

	for (size_t i = 0; i < image_endpoints_count(d->im); i++) {
		fputs("endpoint", d->out);
		put_endpoint(d, (uint32_t)i);
		put_number(d, "weight", e[i].weight, 1);
		if (e[i].workload != IMAGE_NONE)
			put_text(d, "workload", image_workloads(d->im)[e[i].workload].name);
		fputc('\n', d->out);
	}
}

void image_dump(const struct image_header *im, FILE *out)
{
	struct dump d = { im, out };

	dump_pods(&d);
	dump_listeners(&d);
	dump_tables(&d);
	dump_vhosts(&d);
	dump_clusters(&d);
	dump_endpoints(&d);
}

void image_dump_head(const struct image_header *im, FILE *out)
{
#define SECTION_NAME(name, record) #name,
	static const char *const names[] = { IMAGE_SECTIONS(SECTION_NAME) };

	fprintf(out,
		"image version %u, %" PRIu64 " bytes, checksum %016" PRIx64 ", generation %" PRIu64
		"\n",
		im->version, im->size, im->checksum, im->generation);
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		fprintf(out, "  %-10s %8" PRIu64 " records at %" PRIu64 "\n", names[i],
			im->sections[i].count, im->sections[i].off);
}
