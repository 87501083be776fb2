/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - hash map from a str to a pointer; iteration is in order of insertion, so that what is
 * built from it is the same in every run. Keys are borrowed: they must outlive the map.
 * Lives in an arena; there is no removal (set the value to NULL).
 */
#ifndef WEFT_BASE_MAP_H
#define WEFT_BASE_MAP_H

#include "base/arena.h"

struct map_entry {
	struct str key;
	void *value;
	uint64_t hash;
};

struct map {
	struct arena *arena;
	struct map_entry *entries; /* n of them, in order of insertion */
	size_t n, cap;
	uint32_t *slots; /* index + 1 into entries, 0: empty */
	size_t nr_slots; /* a power of two */
};

void map_init(struct map *m, struct arena *a);
void *map_get(const struct map *m, struct str key); /* NULL: absent */
void **map_at(struct map *m, struct str key);	    /* the slot, made when absent (NULL in it) */

/* an empty map has no entries to point at: NULL + 0 is undefined */
#define map_for_each(e, m)                                                                         \
	for (struct map_entry *e = (m)->entries; e && e < (m)->entries + (m)->n; e++)

#endif
