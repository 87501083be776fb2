/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - doubly linked ring inside its elements. An element that was taken out points at itself,
 * so taking it out again does nothing. One thread. */
#ifndef WEFT_PROXY_LIST_H
#define WEFT_PROXY_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* behind at: list_add(&head) is a push to the front, list_add(head.prev) to the end */
static inline void list_add(struct list *at, struct list *l)
{
	l->prev = at;
	l->next = at->next;
	at->next->prev = l;
	at->next = l;
}

static inline void list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#endif
