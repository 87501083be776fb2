// SPDX-License-Identifier: Apache-2.0
/* load_path: files and folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/files.h"
#include "weft/limits.h"

bool is_config_name(struct str name)
{
	if (!name.n || name.p[0] == '.' || name.p[0] == '#' || str_ends(name, STR("~")))
		return false;
	return str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")) ||
	       str_ends(name, STR(".json"));
}

int read_text_file(struct arena *a, const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;
	size_t n = 0;
	char *p;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size > MAX_FILE_BYTES)
		err = -EFBIG;
	if (err)
		goto out;
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = -errno;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	*out = (struct str){ p, n };
out:
	close(fd);
	return err;
}

static int by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int walk(struct arena *a, struct str dir, int depth, struct vec *out, struct vec *dirs)
{
	DIR *d = opendir(dir.p);
	struct dirent *e;

	if (!d)
		return -errno;
	if (dirs)
		*(struct str *)vec_push(a, dirs, sizeof(struct str)) = dir;
	while ((e = readdir(d))) {
		struct str name = str_of(e->d_name), path;
		struct stat st;

		if (name.p[0] == '.')
			continue;
		path = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(dir),
				    str_ends(dir, STR("/")) ? "" : "/", STR_ARG(name));
		if (stat(path.p, &st) < 0)
			continue; /* gone meanwhile, or a link to nowhere */
		if (S_ISDIR(st.st_mode) && depth < MAX_DOC_DEPTH)
			walk(a, path, depth + 1, out, dirs);
		else if (S_ISREG(st.st_mode) && is_config_name(name))
			*(struct str *)vec_push(a, out, sizeof(struct str)) = path;
	}
	closedir(d);
	return 0;
}

int list_config_files(struct arena *a, const char *dir, struct vec *files, struct vec *dirs)
{
	int err = walk(a, arena_str(a, str_of(dir)), 0, files, dirs);

	if (files->n)
		qsort(files->items, files->n, sizeof(struct str), by_bytes);
	return err;
}

static int load_file(struct objects *out, const char *path, const struct load_options *opt)
{
	struct arena *scratch = arena_new();
	struct str text;
	int err = read_text_file(scratch, path, &text);

	if (!err)
		load_text(out, str_of(path), text, opt);
	arena_free(scratch);
	return err;
}

int load_path(struct objects *out, const char *path, const struct load_options *opt,
	      struct str *bad)
{
	struct arena *scratch = arena_new();
	struct vec files = { 0 };
	const struct str *names;
	struct stat st;
	int err = 0;

	*bad = (struct str){ 0 };
	if (stat(path, &st) < 0)
		err = -errno;
	else if (!S_ISDIR(st.st_mode))
		err = load_file(out, path, opt);
	else
		err = list_config_files(scratch, path, &files, NULL);
	if (err)
		*bad = arena_str(out->arena, str_of(path));
	names = files.items;
	for (size_t i = 0; i < files.n; i++) {
		int failed = load_file(out, names[i].p, opt);

		if (failed && !err) {
			err = failed;
			*bad = arena_str(out->arena, names[i]);
		}
	}
	arena_free(scratch);
	return err;
}
