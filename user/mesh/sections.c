// SPDX-License-Identifier: Apache-2.0
#include "mesh/sections.h"

#include "image/checksum.h"

#define RECORD_SIZE(name, record) [IMAGE_##name] = sizeof(record),
static const uint32_t record_size[NR_IMAGE_SECTIONS] = { IMAGE_SECTIONS(RECORD_SIZE) };

enum { FIRST_SLOTS = 1 << 10, FIRST_BYTES = 16 << 10 };

void sections_init(struct sections *s, struct arena *scratch)
{
	*s = (struct sections){ .arena = scratch, .nr_slots = FIRST_SLOTS };
	s->slots = arena_array(scratch, FIRST_SLOTS, sizeof(*s->slots));
	/* the empty string is at 0: a zeroed image_str is valid */
	section_str(s, STR(""));
}

uint32_t sections_count(const struct sections *s, enum image_section section)
{
	return (uint32_t)s->of[section].n;
}

void *section_push(struct sections *s, enum image_section section)
{
	return vec_push(s->arena, &s->of[section], record_size[section]);
}

static struct str text_at(const struct sections *s, uint32_t slot)
{
	const struct image_str *t = (const struct image_str *)s->texts.items + slot - 1;

	return (struct str){ s->bytes + t->off, t->len };
}

static size_t find_text(const struct sections *s, struct str text)
{
	size_t at = (str_hash(text) >> 7) & (s->nr_slots - 1);

	while (s->slots[at] && !str_eq(text_at(s, s->slots[at]), text))
		at = (at + 1) & (s->nr_slots - 1);
	return at;
}

static void grow_slots(struct sections *s)
{
	s->nr_slots *= 2;
	s->slots = arena_array(s->arena, s->nr_slots, sizeof(*s->slots));
	for (uint32_t i = 1; i <= s->texts.n; i++)
		s->slots[find_text(s, text_at(s, i))] = i;
}

static char *grow_bytes(struct sections *s, size_t n)
{
	char *grown;

	if (s->cap_bytes - s->nr_bytes < n) {
		s->cap_bytes = (s->cap_bytes ? s->cap_bytes * 2 : FIRST_BYTES) + n;
		grown = arena_alloc(s->arena, s->cap_bytes);
		if (s->nr_bytes)
			memcpy(grown, s->bytes, s->nr_bytes);
		s->bytes = grown;
	}
	s->nr_bytes += n;
	return s->bytes + s->nr_bytes - n;
}

struct image_str section_str(struct sections *s, struct str text)
{
	struct image_str *t;
	size_t at;
	char *p;

	at = find_text(s, text);
	if (s->slots[at])
		return ((struct image_str *)s->texts.items)[s->slots[at] - 1];
	p = grow_bytes(s, text.n + 1);
	if (text.n)
		memcpy(p, text.p, text.n);
	p[text.n] = '\0';
	t = vec_push(s->arena, &s->texts, sizeof(*t));
	*t = (struct image_str){ (uint32_t)(p - s->bytes), (uint32_t)text.n };
	s->slots[at] = (uint32_t)s->texts.n;
	if (s->texts.n * 2 > s->nr_slots) {
		struct image_str kept = *t;

		grow_slots(s);
		return kept;
	}
	return *t;
}

static uint64_t align8(uint64_t n)
{
	return (n + 7) & ~7ull;
}

const struct image_header *sections_join(struct sections *s, struct arena *out, uint32_t access_log)
{
	uint64_t size = sizeof(struct image_header);
	struct image_header *im;

	s->of[IMAGE_strings].items = s->bytes;
	s->of[IMAGE_strings].n = s->nr_bytes;
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++)
		size += align8(s->of[i].n * record_size[i]);
	im = arena_alloc(out, size);
	im->magic = IMAGE_MAGIC;
	im->version = IMAGE_VERSION;
	im->size = size;
	im->access_log = access_log;
	size = sizeof(*im);
	for (int i = 0; i < NR_IMAGE_SECTIONS; i++) {
		uint64_t bytes = s->of[i].n * record_size[i];

		im->sections[i] = (struct image_span){ size, s->of[i].n };
		if (bytes)
			memcpy((char *)im + size, s->of[i].items, bytes);
		size += align8(bytes);
	}
	im->checksum = image_checksum(im, im->size);
	return im;
}
