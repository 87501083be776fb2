// SPDX-License-Identifier: Apache-2.0
#include "config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "weft/limits.h"

enum { MAX_FOLDER_DEPTH = 16 };

static int read_whole(int fd, char *p, size_t n, size_t *got)
{
	for (*got = 0; *got < n;) {
		ssize_t r = read(fd, p + *got, n - *got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return 0;
}

int file_read(struct arena *a, const char *path, struct str *text, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	size_t n = 0;
	char *p = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0)
		err = -errno;
	else if (!S_ISREG(st->st_mode))
		err = -EINVAL;
	else if (st->st_size > MAX_FILE_BYTES)
		err = -EFBIG;
	if (!err) {
		p = arena_alloc(a, (size_t)st->st_size + 1);
		err = read_whole(fd, p, (size_t)st->st_size, &n);
	}
	close(fd);
	if (!err)
		*text = (struct str){ p, n };
	return err;
}

bool file_is_config(const char *name)
{
	struct str s = str_of(name);

	return s.n && name[0] != '.' &&
	       (str_ends(s, STR(".yaml")) || str_ends(s, STR(".yml")) || str_ends(s, STR(".json")));
}

static void push_path(struct arena *a, struct vec *v, struct str path)
{
	const char **slot;

	if (!v)
		return;
	slot = vec_push(a, v, sizeof(*slot));
	*slot = path.p;
}

static int walk(struct arena *a, struct str folder, int depth, struct vec *files,
		struct vec *folders)
{
	DIR *d = opendir(folder.p);
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	push_path(a, folders, folder);
	while ((e = readdir(d))) {
		struct str path;
		struct stat st;
		int sub = 0;

		if (e->d_name[0] == '.')
			continue;
		path = arena_printf(a, STR_FMT "/%s", STR_ARG(folder), e->d_name);
		if (stat(path.p, &st) < 0)
			continue; /* gone meanwhile, or a dangling link */
		if (S_ISDIR(st.st_mode) && depth < MAX_FOLDER_DEPTH)
			sub = walk(a, path, depth + 1, files, folders);
		else if (S_ISREG(st.st_mode) && file_is_config(e->d_name))
			push_path(a, files, path);
		if (!err)
			err = sub;
	}
	closedir(d);
	return err;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int file_walk(struct arena *a, const char *path, struct vec *files, struct vec *folders)
{
	struct stat st;
	int err;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) {
		push_path(a, files, arena_str(a, str_of(path)));
		return 0;
	}
	err = walk(a, arena_str(a, str_of(path)), 0, files, folders);
	if (files && files->n)
		qsort(files->items, files->n, sizeof(char *), by_bytes);
	return err;
}
