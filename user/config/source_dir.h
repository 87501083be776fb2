/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_dir.h - a folder of YAML files as a stream of object sets: inotify, debounced
 * (limits.h), renames are atomic. Holds the last valid version of every object: when a file's new
 * text has an object that is invalid (or does not parse at all), the last valid version stays in
 * the set and `current` shows both, so that status can say so. Objects whose document was removed
 * from a file that parses, and files removed, are gone.
 */
#ifndef WEFT_CONFIG_SOURCE_DIR_H
#define WEFT_CONFIG_SOURCE_DIR_H

#include "config/load.h"
#include "loop/loop.h"

struct source_dir;

/* The world as it is now. `in_force` are valid objects to compile (last valid versions included);
 * `seen` is everything of the newest text, with problems. Borrowed: valid until the next change. */
struct source_view {
	const struct objects *in_force;
	const struct objects *seen;
	uint64_t read_us; /* time it took to read and decode */
};

typedef void source_changed(void *arg, const struct source_view *view);

/* Loads once and calls changed before it returns; then again after every settled change.
 * 0 or -errno (folder missing, no inotify). */
int source_dir_new(struct loop *l, const char *path, const struct load_options *opt,
		   source_changed *changed, void *arg, struct source_dir **out);
struct source_dir *source_dir_free(struct source_dir *s);

#endif
