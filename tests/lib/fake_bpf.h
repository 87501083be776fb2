/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_bpf.h - runs the very code of bpf/ as a normal program: maps, helpers and the skb in user
 * space. Include it first, then the .bpf.c file. One CPU, no concurrency; a map holds few entries
 * and is searched from end to end.
 */
#ifndef WEFT_TESTS_FAKE_BPF_H
#define WEFT_TESTS_FAKE_BPF_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/types.h>

/* instead of <bpf/bpf_helpers.h>, <bpf/bpf_core_read.h> and vmlinux.h */
#define __BPF_HELPERS__
#define __BPF_CORE_READ_H__
#define WEFT_VMLINUX_H
#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define __noinline				  __attribute__((noinline))
#define __weak					  __attribute__((weak))
#define BPF_CORE_READ_BITFIELD_PROBED(skb, field) ((skb)->field)

struct sk_buff {
	int ip_summed;
};

/* --- maps ---------------------------------------------------------------------------------- */

enum { FAKE_ENTRIES = 4096, FAKE_MAPS = 32 };

struct fake_map {
	const void *id;	   /* the address of the map's definition */
	size_t key, value; /* bytes */
	int is_array, n, full_at;
	char *keys[FAKE_ENTRIES], *values[FAKE_ENTRIES];
};

static struct fake_map fake_maps[FAKE_MAPS];

static struct fake_map *fake_find(const void *id)
{
	struct fake_map *m;

	for (m = fake_maps; m < fake_maps + FAKE_MAPS; m++) {
		if (m->id == id)
			return m;
	}
	abort();
}

static void fake_add(const void *id, size_t key, size_t value, int is_array, int full_at)
{
	struct fake_map *m = fake_maps;

	while (m->id)
		m++;
	*m = (struct fake_map){ id, key, value, is_array, 0, full_at, { 0 }, { 0 } };
	while (is_array && m->n < full_at)
		m->values[m->n++] = calloc(1, value);
}

#define FAKE_HASH(map, size)  fake_add(&(map), sizeof(*(map).key), sizeof(*(map).value), 0, size)
#define FAKE_ARRAY(map, size) fake_add(&(map), 4, sizeof(*(map).value), 1, size)

static int fake_at(const struct fake_map *m, const void *key)
{
	uint32_t index;
	int i;

	if (m->is_array) {
		memcpy(&index, key, 4);
		return index < (uint32_t)m->n ? (int)index : -1;
	}
	for (i = 0; i < m->n; i++) {
		if (!memcmp(m->keys[i], key, m->key))
			return i;
	}
	return -1;
}

static inline void *bpf_map_lookup_elem(const void *map, const void *key)
{
	struct fake_map *m = fake_find(map);
	int i = fake_at(m, key);

	return i < 0 ? NULL : m->values[i];
}

static inline long bpf_map_update_elem(const void *map, const void *key, const void *value,
				       uint64_t flags)
{
	struct fake_map *m = fake_find(map);
	int i = fake_at(m, key);

	if (i >= 0 && flags == BPF_NOEXIST)
		return -EEXIST;
	if (i < 0) {
		if (m->is_array || m->n >= m->full_at)
			return -E2BIG;
		i = m->n++;
		m->keys[i] = malloc(m->key);
		m->values[i] = malloc(m->value);
		memcpy(m->keys[i], key, m->key);
	}
	memcpy(m->values[i], value, m->value);
	return 0;
}

/* The memory of a deleted entry stays until fake_settle, as under RCU; then ASan sees late use. */
static void *fake_dead[2 * FAKE_ENTRIES];
static int fake_nr_dead;

static void fake_settle(void)
{
	while (fake_nr_dead)
		free(fake_dead[--fake_nr_dead]);
}

static inline long bpf_map_delete_elem(const void *map, const void *key)
{
	struct fake_map *m = fake_find(map);
	int i = fake_at(m, key);

	if (i < 0)
		return -ENOENT;
	fake_dead[fake_nr_dead++] = m->keys[i];
	fake_dead[fake_nr_dead++] = m->values[i];
	m->n--;
	m->keys[i] = m->keys[m->n];
	m->values[i] = m->values[m->n];
	return 0;
}

static inline long bpf_for_each_map_elem(const void *map, void *fn, void *ctx, uint64_t flags)
{
	long (*each)(void *, const void *, void *, void *) =
		(long (*)(void *, const void *, void *, void *))fn;
	struct fake_map *m = fake_find(map);
	char *keys[FAKE_ENTRIES];
	int i, n = m->n, at;

	for (i = 0; i < n; i++) {
		keys[i] = malloc(m->key);
		memcpy(keys[i], m->keys[i], m->key);
	}
	for (i = 0; i < n; i++) {
		at = fake_at(m, keys[i]);
		if (at >= 0)
			each((void *)(uintptr_t)map, m->keys[at], m->values[at], ctx);
		free(keys[i]);
	}
	return n;
}

/* --- other helpers ------------------------------------------------------------------------- */

static uint64_t fake_now = 1000000000000ull;
static uint32_t fake_seed = 1;
static uint32_t fake_redirected; /* ifindex of the last redirect */

static inline uint64_t bpf_ktime_get_ns(void)
{
	return fake_now;
}

static inline uint64_t bpf_ktime_get_coarse_ns(void)
{
	return fake_now;
}

static inline uint64_t bpf_jiffies64(void)
{
	return fake_now / 4000000;
}

static inline uint32_t bpf_get_prandom_u32(void)
{
	fake_seed = fake_seed * 1664525u + 1013904223u;
	return fake_seed ^ fake_seed >> 15;
}

static inline long bpf_ringbuf_output(void *map, void *data, uint64_t n, uint64_t flags)
{
	return 0;
}

static inline long bpf_redirect_peer(uint32_t ifindex, uint64_t flags)
{
	fake_redirected = ifindex;
	return 7;
}

static inline long bpf_redirect(uint32_t ifindex, uint64_t flags)
{
	fake_redirected = ifindex;
	return 7;
}

/* The packet stands in memory below 4 GiB, because an skb's data pointer has 32 bits. */
static inline long bpf_skb_load_bytes(const void *ctx, uint32_t off, void *to, uint32_t n)
{
	const struct __sk_buff *skb = ctx;

	if (off > skb->len || n > skb->len - off)
		return -EFAULT;
	memcpy(to, (const char *)(uintptr_t)skb->data + off, n);
	return 0;
}

static inline long bpf_skb_store_bytes(struct __sk_buff *skb, uint32_t off, const void *from,
				       uint32_t n, uint64_t flags)
{
	if (off > skb->len || n > skb->len - off)
		return -EFAULT;
	memcpy((char *)(uintptr_t)skb->data + off, from, n);
	return 0;
}

static inline long bpf_skb_pull_data(struct __sk_buff *skb, uint32_t n)
{
	return n > skb->len ? -ENOMEM : 0;
}

static inline long bpf_skb_change_tail(struct __sk_buff *skb, uint32_t n, uint64_t flags)
{
	skb->len = n;
	skb->data_end = skb->data + n;
	return 0;
}

static inline long bpf_l4_csum_replace(struct __sk_buff *skb, uint32_t off, uint64_t from,
				       uint64_t to, uint64_t flags)
{
	return off + 2 > skb->len ? -EFAULT : 0;
}

#endif
