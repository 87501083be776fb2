// SPDX-License-Identifier: Apache-2.0
#include "agent/doorset.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "weft/limits.h"

enum { NO_DOOR = 0 }; /* in door.kind: nothing is attached, on purpose */

struct entry {
	__u32 ifindex;
	bool ours; /* attached by this process, not only inherited */
	struct door door;
};

struct doorset {
	struct kernel *kernel;
	struct entry *items;
	size_t n, cap, turn;
};

struct doorset *doorset_free(struct doorset *s)
{
	if (s)
		free(s->items);
	free(s);
	return NULL;
}

static struct entry *grow(struct doorset *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct entry *items = realloc(s->items, cap * sizeof(*items));

		if (!items)
			return NULL;
		s->items = items;
		s->cap = cap;
	}
	s->items[s->n] = (struct entry){ 0 };
	return &s->items[s->n++];
}

static bool inherit(struct doorset *s)
{
	struct door_entry *old = calloc(MAX_DOORS, sizeof(*old));
	int n = old ? doors_list(s->kernel, old, MAX_DOORS) : -ENOMEM;
	bool ok = n >= 0;

	for (int i = 0; ok && i < n && i < MAX_DOORS; i++) {
		struct entry *e = grow(s);

		ok = e != NULL;
		if (e)
			*e = (struct entry){ .ifindex = old[i].ifindex, .door = old[i].door };
	}
	free(old);
	return ok;
}

struct doorset *doorset_new(struct kernel *k)
{
	struct doorset *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kernel = k;
	return inherit(s) ? s : doorset_free(s);
}

static struct entry *find(const struct doorset *s, __u32 ifindex)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].ifindex == ifindex)
			return &s->items[i];
	return NULL;
}

static void forget(struct doorset *s, struct entry *e)
{
	*e = s->items[--s->n];
}

int doorset_put(struct doorset *s, __u32 ifindex, const struct door *d)
{
	struct entry *e = find(s, ifindex);
	int err;

	if (e && e->ours && !memcmp(&e->door, d, sizeof(*d)))
		return 0;
	if (!e)
		e = grow(s);
	if (!e)
		return -ENOMEM;
	err = door_attach(s->kernel, ifindex, d);
	if (err) {
		forget(s, e);
		return err;
	}
	*e = (struct entry){ .ifindex = ifindex, .ours = true, .door = *d };
	return 0;
}

const struct door *doorset_get(const struct doorset *s, __u32 ifindex)
{
	const struct entry *e = find(s, ifindex);

	return e ? &e->door : NULL;
}

void doorset_release(struct doorset *s, __u32 ifindex)
{
	struct door plain = { .kind = DOOR_NODE };
	int err;

	if (!find(s, ifindex))
		return;
	err = doorset_put(s, ifindex, &plain);
	if (err && err != -ENODEV)
		log_err(err, "doors", "device %u cannot become an ordinary door", ifindex);
}

int doorset_bare(struct doorset *s, __u32 ifindex)
{
	struct entry *e = find(s, ifindex);
	int err;

	if (e && e->ours && e->door.kind == NO_DOOR)
		return 0;
	if (!e)
		e = grow(s);
	if (!e)
		return -ENOMEM;
	err = door_detach(s->kernel, ifindex);
	*e = (struct entry){ .ifindex = ifindex, .ours = true };
	return err;
}

static bool link_exists(const struct link *links, size_t n, __u32 ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (links[i].index == ifindex)
			return true;
	return false;
}

static void attach_plain(struct doorset *s, const struct link *l)
{
	const struct entry *e = find(s, l->index);
	struct door plain = { .kind = DOOR_NODE };
	int err;

	if (l->type != ARPHRD_ETHER || (e && (e->ours || e->door.kind == DOOR_POD)))
		return;
	err = doorset_put(s, l->index, &plain);
	if (err && err != -ENODEV)
		log_err(err, "doors", "cannot attach to device %s", l->name);
}

void doorset_links(struct doorset *s, const struct link *links, size_t n)
{
	for (size_t i = 0; i < s->n;) {
		struct entry *e = &s->items[i];

		if (link_exists(links, n, e->ifindex)) {
			i++;
			continue;
		}
		door_detach(s->kernel, e->ifindex); /* only its entry is left of it */
		forget(s, e);
	}
	for (size_t i = 0; i < n; i++)
		attach_plain(s, &links[i]);
}

void doorset_verify_next(struct doorset *s)
{
	struct entry *e;
	int err;

	if (!s->n)
		return;
	s->turn = (s->turn + 1) % s->n;
	e = &s->items[s->turn];
	if (!e->ours || e->door.kind == NO_DOOR || door_check(s->kernel, e->ifindex) != -ENOENT)
		return;
	err = door_attach(s->kernel, e->ifindex, &e->door);
	if (err)
		log_err(err, "doors", "device %u lost its programs, attaching again failed",
			e->ifindex);
	else
		log_warn("doors", "device %u had lost its programs: attached again", e->ifindex);
}

size_t doorset_count(const struct doorset *s)
{
	return s->n;
}

const struct door *doorset_at(const struct doorset *s, size_t i, __u32 *ifindex)
{
	*ifindex = s->items[i].ifindex;
	return &s->items[i].door;
}
