// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a config file: load_text returns, and what is invalid says where. */
#include <stdlib.h>

#include "config/load.h"
#include "weft/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct object *o)
{
	bool error = false;

	for (size_t i = 0; i < o->problems.n; i++) {
		const struct problem *p = &o->problems.items[i];

		if (!p->pos.line || !p->pos.col || !p->message.n)
			abort();
		error |= !p->warning;
	}
	if (o->valid == error || o->problems.n > MAX_ERRORS_PER_OBJECT + 1)
		abort();
	if (o->valid && !o->skipped && (!o->spec || !o->meta.name.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int lenient = 0; lenient < 2; lenient++) {
		struct objects objs = { .arena = arena_new() };
		struct load_options opt = { .lenient = lenient };

		load_text(&objs, STR("fuzz"), (struct str){ (const char *)data, size }, &opt);
		for (size_t i = 0; i < objs.n; i++)
			check(objs.items[i]);
		arena_free(objs.arena);
	}
	return 0;
}
