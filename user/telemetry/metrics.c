// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.h"

#include <stdlib.h>

#include "telemetry/families.h"
#include "telemetry/store.h"

enum { FIRST_SLOTS = 256 };

/* Series of all workers together. Changed when one is interned, which is rare. */
static unsigned int nr_series;

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->nr_slots = FIRST_SLOTS;
	m->slots = calloc(m->nr_slots, sizeof(struct series *));
	for (int set = 0; set < NR_METRICS_SETS; set++) {
		m->hidden[set] = series_new((enum metrics_set)set, STR(""));
		if (!m->hidden[set])
			return metrics_free(m);
	}
	return m->slots ? m : metrics_free(m);
}

struct metrics *metrics_free(struct metrics *m)
{
	struct series *s, *next;

	if (!m)
		return NULL;
	for (s = m->list; s; s = next) {
		next = s->next;
		free(s);
	}
	for (int set = 0; set < NR_METRICS_SETS; set++)
		free(m->hidden[set]);
	__atomic_sub_fetch(&nr_series, m->count, __ATOMIC_RELAXED);
	free(m->slots);
	free(m);
	return NULL;
}

struct series *series_new(enum metrics_set set, struct str labels)
{
	size_t values = family_values[set] * sizeof(uint64_t);
	struct series *s = calloc(1, sizeof(*s) + values + labels.n);
	char *text;

	if (!s)
		return NULL;
	text = (char *)s->v + values;
	if (labels.n)
		memcpy(text, labels.p, labels.n);
	s->set = set;
	s->labels = (struct str){ text, labels.n };
	return s;
}

static struct series **slot_of(const struct metrics *m, enum metrics_set set,
			       const struct metrics_key *key)
{
	uint64_t words[5], h = (uint64_t)set + 1;

	memcpy(words, key, sizeof(words));
	for (int i = 0; i < 5; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return &m->slots[h & (m->nr_slots - 1)];
}

struct series *metrics_find(const struct metrics *m, enum metrics_set set,
			    const struct metrics_key *key)
{
	struct series *s = *slot_of(m, set, key);

	while (s && (s->set != set || memcmp(&s->key, key, sizeof(*key)) != 0))
		s = s->next_in_slot;
	return s;
}

static void insert(struct metrics *m, struct series *s)
{
	struct series **slot = slot_of(m, s->set, &s->key);

	s->next_in_slot = *slot;
	*slot = s;
}

/* Only the owner looks at slots; readers follow the list. No memory: the chains get longer. */
static void grow(struct metrics *m)
{
	struct series **slots = calloc((size_t)m->nr_slots * 2, sizeof(struct series *));

	if (!slots)
		return;
	free(m->slots);
	m->slots = slots;
	m->nr_slots *= 2;
	for (struct series *s = m->list; s; s = s->next)
		insert(m, s);
}

static struct series *make(enum metrics_set set, const struct metrics_labels *labels)
{
	struct text text = { 0 };
	struct series *s;

	family_labels(&text, set, labels);
	s = text.failed ? NULL : series_new(set, text_str(&text));
	text_done(&text);
	return s;
}

static struct series *intern(struct metrics *m, enum metrics_set set, const struct metrics_key *key,
			     const struct metrics_labels *labels)
{
	struct series *s = metrics_find(m, set, key);

	if (s)
		return s;
	if (__atomic_add_fetch(&nr_series, 1, __ATOMIC_RELAXED) <= MAX_METRIC_SERIES)
		s = make(set, labels);
	if (!s) {
		__atomic_sub_fetch(&nr_series, 1, __ATOMIC_RELAXED);
		metrics_count(m, PREASON_series_full);
		return m->hidden[set];
	}
	s->key = *key;
	if (m->count++ >= m->nr_slots)
		grow(m);
	insert(m, s);
	s->next = m->list;
	/* a reader that sees s sees it complete */
	__atomic_store_n(&m->list, s, __ATOMIC_RELEASE);
	return s;
}

struct series *metrics_intern(struct metrics *m, enum metrics_set set,
			      const struct metrics_key *key, const struct metrics_labels *labels)
{
	struct metrics_key shared = *key;
	struct metrics_labels unknown = *labels;

	if (!key->other || metrics_find(m, set, key))
		return intern(m, set, key, labels);
	if (m->hosts < MAX_METRIC_HOSTS) {
		m->hosts++;
		return intern(m, set, key, labels);
	}
	metrics_count(m, PREASON_series_full);
	shared.other = UINT64_MAX;
	unknown.destination_service = STR("");
	return intern(m, set, &shared, &unknown);
}

unsigned int metrics_series(void)
{
	return __atomic_load_n(&nr_series, __ATOMIC_RELAXED);
}

/* amount is in thousandths of the unit of the buckets */
static void observe(struct series *s, unsigned int value, uint64_t amount, uint64_t sum)
{
	unsigned int b = 0;

	while (b < METRICS_BUCKETS - 1 && amount > family_bounds[b])
		b++;
	series_add(s, value + b, 1);
	series_add(s, value + METRICS_BUCKETS, sum);
}

static uint64_t thousandths(uint64_t v)
{
	return v > UINT64_MAX / 1000 ? UINT64_MAX : v * 1000;
}

void metrics_request(struct series *s, uint64_t duration_us, uint64_t request_bytes,
		     uint64_t response_bytes)
{
	series_add(s, HTTP_REQUESTS, 1);
	observe(s, HTTP_DURATION, duration_us, duration_us);
	observe(s, HTTP_REQUEST_BYTES, thousandths(request_bytes), request_bytes);
	observe(s, HTTP_RESPONSE_BYTES, thousandths(response_bytes), response_bytes);
}

void metrics_count(struct metrics *m, enum proxy_reason reason)
{
	__atomic_store_n(&m->reasons[reason], m->reasons[reason] + 1, __ATOMIC_RELAXED);
}

uint64_t metrics_counted(const struct metrics *m, enum proxy_reason reason)
{
	return __atomic_load_n(&m->reasons[reason], __ATOMIC_RELAXED);
}
