// SPDX-License-Identifier: Apache-2.0
/* render.c - Prometheus text of all workers and of the kernel's figures, and the reference page. */
#include <errno.h>
#include <stdlib.h>

#include "telemetry/families.h"
#include "telemetry/store.h"

/* Every series there is, sorted so that equal label sets stand together. */
struct pile {
	const struct series **all;
	size_t n, cap;
	struct series *owned; /* made for this rendering */
};

static int pile_add(struct pile *p, const struct series *s)
{
	const struct series **all;
	size_t cap = p->cap ? p->cap * 2 : 256;

	if (p->n == p->cap) {
		all = reallocarray(p->all, cap, sizeof(*all));
		if (!all)
			return -ENOMEM;
		p->all = all;
		p->cap = cap;
	}
	p->all[p->n++] = s;
	return 0;
}

static void pile_done(struct pile *p)
{
	struct series *s, *next;

	for (s = p->owned; s; s = next) {
		next = s->next;
		free(s);
	}
	free(p->all);
}

static int pile_make(struct pile *p, enum metrics_set set, const struct metrics_labels *labels,
		     const uint64_t *values)
{
	struct text text = { 0 };
	struct series *s;

	family_labels(&text, set, labels);
	s = text.failed ? NULL : series_new(set, text_str(&text));
	text_done(&text);
	if (!s)
		return -ENOMEM;
	s->next = p->owned;
	p->owned = s;
	memcpy(s->v, values, family_values[set] * sizeof(uint64_t));
	return pile_add(p, s);
}

static int pile_flow(struct pile *p, const struct kernel_flow *f)
{
	uint64_t v[NR_TCP_VALUES] = {
		[TCP_OPENED] = f->stats.opened,	     [TCP_CLOSED] = f->stats.closed,
		[TCP_SENT] = f->stats.sent,	     [TCP_RECEIVED] = f->stats.received,
		[TCP_RTT_SUM] = f->stats.rtt_us_sum, [TCP_RTT_COUNT] = f->stats.rtt_count,
	};

	return pile_make(p, SET_TCP, &f->labels, v);
}

static int pile_cluster(struct pile *p, const struct kernel_cluster *c)
{
	struct metrics_labels labels = { .cluster_name = c->name };
	uint64_t v[NR_CLUSTER_VALUES] = {
		[CLUSTER_CX_OVERFLOW] = c->state.overflow,
		[CLUSTER_CX_OPENED] = c->state.opened,
		[CLUSTER_CX_ACTIVE] = c->state.open > 0 ? (uint64_t)c->state.open : 0,
	};

	return pile_make(p, SET_CLUSTER, &labels, v);
}

static int by_labels(const void *a, const void *b)
{
	const struct series *x = *(const struct series *const *)a;
	const struct series *y = *(const struct series *const *)b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return str_cmp(x->labels, y->labels);
}

static int pile_up(struct pile *p, const struct metrics_view *view)
{
	const struct series *s;
	int err = 0;

	for (size_t i = 0; !err && i < view->nr_workers; i++) {
		s = __atomic_load_n(&view->workers[i]->list, __ATOMIC_ACQUIRE);
		for (; !err && s; s = s->next)
			err = pile_add(p, s);
	}
	for (size_t i = 0; !err && i < view->nr_flows; i++)
		err = pile_flow(p, &view->flows[i]);
	for (size_t i = 0; !err && i < view->nr_clusters; i++)
		err = pile_cluster(p, &view->clusters[i]);
	if (!err && p->n)
		qsort(p->all, p->n, sizeof(*p->all), by_labels);
	return err;
}

/* The n series from i on that have the same labels as the first. */
static size_t run_length(const struct pile *p, size_t i)
{
	size_t n = 1;

	while (i + n < p->n && by_labels(&p->all[i], &p->all[i + n]) == 0)
		n++;
	return n;
}

static uint64_t sum(const struct series *const *s, size_t n, unsigned int value)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v += __atomic_load_n(&s[i]->v[value], __ATOMIC_RELAXED);
	return v;
}

static void put_head(struct text *t, const struct family *f)
{
	text_put(t, STR("# HELP "));
	text_put(t, f->name);
	text_put(t, STR(" "));
	text_put(t, f->help);
	text_put(t, STR(".\n# TYPE "));
	text_put(t, f->name);
	text_put(t, STR(" "));
	text_put(t, family_type_name(f->type));
	text_put(t, STR("\n"));
}

/* name + suffix {labels} value */
static void put_line(struct text *t, struct str name, struct str suffix, struct str labels,
		     uint64_t v)
{
	text_put(t, name);
	text_put(t, suffix);
	text_put(t, STR("{"));
	text_put(t, labels);
	text_put(t, STR("} "));
	text_put_u64(t, v);
	text_put(t, STR("\n"));
}

/* v / 1000 without trailing zeros: bounds are not more precise than that, sums neither */
static void put_milli(struct text *t, uint64_t v)
{
	char frac[4] = { '.', (char)('0' + v / 100 % 10), (char)('0' + v / 10 % 10),
			 (char)('0' + v % 10) };
	size_t n = 4;

	text_put_u64(t, v / 1000);
	while (n > 1 && frac[n - 1] == '0')
		n--;
	if (n > 1)
		text_put(t, (struct str){ frac, n });
}

static void put_histogram(struct text *t, const struct family *f, const struct series *const *s,
			  size_t n)
{
	struct str labels = s[0]->labels;
	uint64_t count = 0;

	for (unsigned int b = 0; b < METRICS_BUCKETS; b++) {
		count += sum(s, n, f->value + b);
		text_put(t, f->name);
		text_put(t, STR("_bucket{"));
		text_put(t, labels);
		text_put(t, STR(",le=\""));
		if (b < METRICS_BUCKETS - 1)
			put_milli(t, family_bounds[b]);
		else
			text_put(t, STR("+Inf"));
		text_put(t, STR("\"} "));
		text_put_u64(t, count);
		text_put(t, STR("\n"));
	}
	text_put(t, f->name);
	text_put(t, STR("_sum{"));
	text_put(t, labels);
	text_put(t, STR("} "));
	if (f->milli)
		put_milli(t, sum(s, n, f->value + METRICS_BUCKETS));
	else
		text_put_u64(t, sum(s, n, f->value + METRICS_BUCKETS));
	text_put(t, STR("\n"));
	put_line(t, f->name, STR("_count"), labels, count);
}

static void put_series(struct text *t, const struct family *f, const struct series *const *s,
		       size_t n)
{
	switch (f->type) {
	case FAMILY_COUNTER:
	case FAMILY_GAUGE: put_line(t, f->name, STR(""), s[0]->labels, sum(s, n, f->value)); break;
	case FAMILY_HISTOGRAM: put_histogram(t, f, s, n); break;
	case FAMILY_SUMMARY:
		put_line(t, f->name, STR("_sum"), s[0]->labels, sum(s, n, f->value));
		put_line(t, f->name, STR("_count"), s[0]->labels, sum(s, n, f->value + 1));
		break;
	}
}

static void put_reason(struct text *t, const struct family *f, struct str reason, uint64_t v)
{
	struct text label = { 0 };

	family_label(&label, STR("reason"), reason, STR("unknown"));
	put_line(t, f->name, STR(""), text_str(&label), v);
	t->failed |= label.failed;
	text_done(&label);
}

/* clang-format off */
#define REASON_NAME(name, help) { #name, sizeof(#name) - 1 },
static const struct str kernel_names[NR_KERNEL_REASONS] = { KERNEL_REASONS(REASON_NAME) };
static const struct str proxy_names[NR_PROXY_REASONS] = { PROXY_REASONS(REASON_NAME) };
/* clang-format on */

static void put_reasons(struct text *t, const struct metrics_view *view)
{
	if (view->reasons) {
		put_head(t, &family_kernel_events);
		for (int r = 0; r < NR_KERNEL_REASONS; r++)
			put_reason(t, &family_kernel_events, kernel_names[r], view->reasons[r]);
	}
	put_head(t, &family_proxy_events);
	for (int r = 0; r < NR_PROXY_REASONS; r++) {
		uint64_t v = 0;

		for (size_t i = 0; i < view->nr_workers; i++)
			v += metrics_counted(view->workers[i], (enum proxy_reason)r);
		put_reason(t, &family_proxy_events, proxy_names[r], v);
	}
}

static void put_build(struct text *t, struct str version)
{
	struct text labels = { 0 };

	put_head(t, &family_build);
	family_label(&labels, STR("component"), STR("proxy"), STR(""));
	family_label(&labels, STR("tag"), version, STR("unknown"));
	put_line(t, family_build.name, STR(""), text_str(&labels), 1);
	t->failed |= labels.failed;
	text_done(&labels);
}

struct render {
	struct pile pile;
	struct text rest; /* what comes behind the families, taken at the start */
	const struct family *family;
	size_t at;  /* in the pile */
	bool begun; /* the head of the family is out */
};

struct render *render_new(const struct metrics_view *view)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->family = families;
	if (pile_up(&r->pile, view))
		return render_free(r);
	put_reasons(&r->rest, view);
	put_build(&r->rest, view->version);
	put_head(&r->rest, &family_series);
	text_put(&r->rest, family_series.name);
	text_put(&r->rest, STR(" "));
	text_put_u64(&r->rest, metrics_series());
	text_put(&r->rest, STR("\n"));
	return r->rest.failed ? render_free(r) : r;
}

struct render *render_free(struct render *r)
{
	if (r) {
		pile_done(&r->pile);
		text_done(&r->rest);
	}
	free(r);
	return NULL;
}

/* The next series of the family, or on to the next family. */
static void step(struct render *r, struct text *out)
{
	const struct family *f = r->family;
	const struct pile *p = &r->pile;
	size_t n;

	while (r->at < p->n && p->all[r->at]->set != f->set)
		r->at++;
	if (r->at == p->n) {
		r->family++;
		r->at = 0;
		r->begun = false;
		return;
	}
	if (!r->begun)
		put_head(out, f);
	r->begun = true;
	n = run_length(p, r->at);
	put_series(out, f, &p->all[r->at], n);
	r->at += n;
}

int render_more(struct render *r, struct text *out, size_t enough)
{
	while (r->family->name.n && out->n < enough && !out->failed)
		step(r, out);
	if (out->failed)
		return -ENOMEM;
	if (r->family->name.n)
		return 1;
	text_put(out, text_str(&r->rest));
	r->rest.n = 0;
	return out->failed ? -ENOMEM : 0;
}

int metrics_render(const struct metrics_view *view, struct text *out)
{
	struct render *r = render_new(view);
	int err = r ? render_more(r, out, SIZE_MAX) : -ENOMEM;

	render_free(r);
	return err;
}

static void reference_row(FILE *f, const struct family *m, struct str labels)
{
	struct str type = family_type_name(m->type);

	fprintf(f, "| `" STR_FMT "` | " STR_FMT " | " STR_FMT " | " STR_FMT " |\n",
		STR_ARG(m->name), STR_ARG(type), STR_ARG(m->help), STR_ARG(labels));
}

static void reference_set(FILE *f, const char *title, enum metrics_set set)
{
	struct str names = family_label_names(set);

	fprintf(f, "\n**%s**: " STR_FMT "\n", title, STR_ARG(names));
}

#define REASON_ROW(name, help) fprintf(f, "| `%s` | %s |\n", #name, help);

void metrics_reference(FILE *f)
{
	static const struct str sets[] = { STR("HTTP"), STR("TCP"), STR("cluster") };

	fprintf(f, "# Metrics\n\nServed at `http://127.0.0.1:15020/stats/prometheus`.\n\n"
		   "| name | type | meaning | labels |\n|---|---|---|---|\n");
	for (const struct family *m = families; m->name.n; m++)
		reference_row(f, m, sets[m->set]);
	reference_row(f, &family_kernel_events, STR("reason"));
	reference_row(f, &family_proxy_events, STR("reason"));
	reference_row(f, &family_build, STR("component, tag"));
	reference_row(f, &family_series, STR("none"));
	fprintf(f, "\n## Label sets\n");
	reference_set(f, "HTTP", SET_HTTP);
	reference_set(f, "TCP", SET_TCP);
	reference_set(f, "cluster", SET_CLUSTER);
	fprintf(f, "\nHistogram buckets (ms or bytes): ");
	for (int b = 0; b < METRICS_BUCKETS - 1; b++)
		fprintf(f, "%g, ", (double)family_bounds[b] / 1000);
	fprintf(f, "+Inf\n\n## Reasons of `weft_kernel_events_total`\n\n"
		   "| reason | meaning |\n|---|---|\n");
	KERNEL_REASONS(REASON_ROW)
	fprintf(f, "\n## Reasons of `weft_proxy_events_total`\n\n"
		   "| reason | meaning |\n|---|---|\n");
	PROXY_REASONS(REASON_ROW)
}
