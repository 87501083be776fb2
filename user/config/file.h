/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - the only places where config/ touches the file system: reading one file whole, and
 * listing the YAML files below a folder.
 */
#ifndef WEFT_CONFIG_FILE_H
#define WEFT_CONFIG_FILE_H

#include <sys/stat.h>

#include "base/arena.h"

/* Reads a regular file of at most MAX_FILE_BYTES into a; *st is what it was when it was opened.
 * 0 or -errno (-EFBIG: too large, -EINVAL: not a regular file). */
int file_read(struct arena *a, const char *path, struct str *text, struct stat *st);

/* True for names that are read: *.yaml, *.yml, *.json, not beginning with a dot. */
bool file_is_config(const char *name);

/*
 * Lists the config files below `path` (or `path` itself when it is a file) in byte order of their
 * paths, and the folders, `path` first; either may be NULL. Names with a leading dot are passed
 * over, links are followed, depth is bounded. Elements are NUL-terminated strings in a.
 * 0, or the -errno of the first folder that could not be read (the rest is still listed).
 */
int file_walk(struct arena *a, const char *path, struct vec *files, struct vec *folders);

#endif
