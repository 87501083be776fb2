/* SPDX-License-Identifier: Apache-2.0 */
/* sections.h - the growing sections of an image, and their assembly into one file. */
#ifndef WEFT_MESH_SECTIONS_H
#define WEFT_MESH_SECTIONS_H

#include "base/arena.h"
#include "weft/image.h"

struct sections {
	struct arena *arena;
	struct vec of[NR_IMAGE_SECTIONS];
	/* strings: each text once */
	struct vec texts; /* struct image_str */
	uint32_t *slots;  /* index + 1 into texts */
	size_t nr_slots;
	char *bytes; /* what of[IMAGE_strings] would hold */
	size_t nr_bytes, cap_bytes;
};

void sections_init(struct sections *s, struct arena *scratch);
uint32_t sections_count(const struct sections *s, enum image_section section);
/* A new zeroed record; it moves when the section grows. */
void *section_push(struct sections *s, enum image_section section);
struct image_str section_str(struct sections *s, struct str text);

/* The file, checksum and all, in `out`. */
const struct image_header *sections_join(struct sections *s, struct arena *out,
					 uint32_t access_log);

#endif
