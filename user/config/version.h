/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.h - one text of one file, decoded, and the file that has it. A file keeps the last valid
 * version of each object that its newest text spoils (`held`); a version lives as long as it is
 * the newest or holds such an object.
 */
#ifndef WEFT_CONFIG_VERSION_H
#define WEFT_CONFIG_VERSION_H

#include <sys/stat.h>

#include "config/load.h"

struct version {
	struct arena *arena;
	struct objects objs;
	uint64_t hash; /* of the text */
	unsigned int refs;
};

struct version *version_get(struct version *v);
struct version *version_put(struct version *v); /* NULL ok; frees at the last; returns NULL */

struct held {
	struct version *from;
	struct object *object;
	bool placed; /* scratch of the composer */
};

struct config_file {
	char *path;
	struct stat st;	     /* of the text in `now` */
	uint64_t read_ms;    /* real time of that reading */
	struct version *now; /* NULL: never read */
	struct held *held;
	size_t nr_held;
};

struct config_file *config_file_new(const char *path);
struct config_file *config_file_free(struct config_file *f); /* NULL ok; returns NULL */

/* True when st, taken now, cannot belong to the text that was read. */
bool config_file_stale(const struct config_file *f, const struct stat *st);

/*
 * Reads and decodes the file. When the text differs from before, the new version takes its place,
 * objects it spoils are held, and *old is the version replaced (the caller puts it once nobody
 * looks at it; held objects have their own reference). True when anything changed. A file that
 * cannot be read becomes one invalid object that says why.
 */
bool config_file_read(struct config_file *f, const struct load_options *opt, struct version **old,
		      struct vec *released, struct arena *scratch);

/* "group/Kind/ns/name": what makes two documents the same object. Empty: cannot be told. */
struct str object_identity(struct arena *a, const struct object *o);

#endif
