// SPDX-License-Identifier: Apache-2.0
/* image.c - `weft image FILE`: an image as weftd wrote it, checked and shown as text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "image/dump.h"
#include "image/reader.h"
#include "weft/limits.h"

/* All of f, grown as it comes: it may be a pipe. NULL: *err says why. */
static char *read_all(FILE *f, size_t *n, int *err)
{
	size_t cap = 1 << 16;
	char *buf = malloc(cap), *grown;

	*n = 0;
	while (buf) {
		*n += fread(buf + *n, 1, cap - *n, f);
		if (*n < cap) {
			*err = ferror(f) ? -EIO : 0;
			break;
		}
		if (cap >= MAX_IMAGE_BYTES) {
			*err = -EFBIG;
			break;
		}
		cap *= 2;
		grown = realloc(buf, cap);
		if (!grown)
			free(buf);
		buf = grown;
	}
	if (!buf)
		*err = -ENOMEM;
	if (*err) {
		free(buf);
		return NULL;
	}
	return buf;
}

static int show(const void *bytes, size_t n, const char *path)
{
	const char *why = "";

	if (image_check(bytes, n, &why)) {
		fprintf(stderr, "weft: %s: %s\n", path, why);
		return CLI_BAD;
	}
	image_dump_head(bytes, stdout);
	image_dump(bytes, stdout);
	return CLI_OK;
}

int cmd_image(int argc, char **argv)
{
	char *bytes;
	int err = 0, code;
	size_t n;
	FILE *f;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		puts("usage: weft image [FILE]   without FILE: the image in force, from weftd");
		return CLI_OK;
	}
	if (argc < 2 || argv[1][0] == '-')
		return cmd_live(argc, argv);
	if (argc != 2) {
		fputs("usage: weft image [FILE]\n", stderr);
		return CLI_UNUSABLE;
	}
	f = fopen(argv[1], "re");
	if (!f) {
		log_err(-errno, "cli", "cannot open '%s'", argv[1]);
		return CLI_UNUSABLE;
	}
	bytes = read_all(f, &n, &err);
	fclose(f);
	if (!bytes) {
		log_err(err, "cli", "cannot read '%s'", argv[1]);
		return CLI_UNUSABLE;
	}
	code = show(bytes, n, argv[1]);
	free(bytes);
	return code;
}
