/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory with one owner and one end: many allocations, freed together. Out of memory
 * aborts the process with a message (a half-built mesh must never be put in force).
 */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include "base/str.h"

struct arena;

struct arena *arena_new(void);
struct arena *arena_free(struct arena *a); /* NULL ok; returns NULL */

/* Zeroed, aligned to 16, valid until arena_free. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size);

/* Copies; the result is NUL-terminated behind n. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

size_t arena_used(const struct arena *a); /* bytes taken from the system */

/*
 * A growing array inside an arena: `items` moves when it grows, so keep indexes, not pointers.
 * vec_push returns the new zeroed element. Old copies stay in the arena until its end.
 */
struct vec {
	void *items;
	size_t n, cap;
};

void *vec_push(struct arena *a, struct vec *v, size_t size);

#endif
