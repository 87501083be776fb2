/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - which files are config, and reading them. */
#ifndef WEFT_CONFIG_FILES_H
#define WEFT_CONFIG_FILES_H

#include "config/load.h"

/* *.yaml *.yml *.json; no dot files, no editor's copies */
bool is_config_name(struct str name);

/* The whole file. 0 or -errno; -EFBIG above MAX_FILE_BYTES. */
int read_text_file(struct arena *a, const char *path, struct str *out);

/* struct str paths below dir, in byte order; dirs (may be NULL): the folders, dir first. */
int list_config_files(struct arena *a, const char *dir, struct vec *files, struct vec *dirs);

#endif
