// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

void map_init(struct map *m, struct arena *a)
{
	*m = (struct map){ .arena = a };
}

static size_t probe(const struct map *m, struct str key, uint64_t hash)
{
	size_t at = hash & (m->nr_slots - 1);

	while (m->slots[at]) {
		const struct map_entry *e = &m->entries[m->slots[at] - 1];

		if (e->hash == hash && str_eq(e->key, key))
			break;
		at = (at + 1) & (m->nr_slots - 1);
	}
	return at;
}

static void grow(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : 16;
	struct map_entry *entries = arena_array(m->arena, cap, sizeof(*entries));

	if (m->n)
		memcpy(entries, m->entries, m->n * sizeof(*entries));
	m->entries = entries;
	m->cap = cap;
	m->nr_slots = cap * 2;
	m->slots = arena_array(m->arena, m->nr_slots, sizeof(*m->slots));
	for (size_t i = 0; i < m->n; i++)
		m->slots[probe(m, entries[i].key, entries[i].hash)] = (uint32_t)i + 1;
}

void *map_get(const struct map *m, struct str key)
{
	size_t at;

	if (!m->n)
		return NULL;
	at = probe(m, key, str_hash(key));
	return m->slots[at] ? m->entries[m->slots[at] - 1].value : NULL;
}

void **map_at(struct map *m, struct str key)
{
	uint64_t hash = str_hash(key);
	size_t at;

	if (m->n == m->cap)
		grow(m);
	at = probe(m, key, hash);
	if (!m->slots[at]) {
		m->entries[m->n] = (struct map_entry){ .key = key, .hash = hash };
		m->slots[at] = (uint32_t)++m->n;
	}
	return &m->entries[m->slots[at] - 1].value;
}
