// SPDX-License-Identifier: Apache-2.0
/*
 * Any YAML, all the way: decode, validate, compile. Whatever is left valid must compile to an image
 * that passes its check, and twice to the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "image/reader.h"
#include "mesh/compile.h"

static struct compiled *compile(struct arena *a, const struct objects *objects)
{
	static const struct compile_options opt = { .node = "node1" };

	return mesh_compile(a, objects, &opt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct load_options strict;
	struct arena *a = arena_new();
	struct objects objects = { .arena = a };
	struct compiled *one, *two;
	const char *why;

	load_text(&objects, STR("fuzz.yaml"), (struct str){ (const char *)data, size }, &strict);
	one = compile(a, &objects);
	two = compile(a, &objects);
	if (image_check(one->plan.image, one->plan.image_size, &why))
		abort();
	if (one->plan.image_size != two->plan.image_size ||
	    memcmp(one->plan.image, two->plan.image, one->plan.image_size) != 0)
		abort();
	arena_free(a);
	return 0;
}
