// SPDX-License-Identifier: Apache-2.0
#include "config/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "weft/limits.h"

enum { MAX_FOLDER_DEPTH = 16, MAX_FOLDERS = 1024 };

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

/* A walk that is under way; `up` are the folders that it is in, outermost first. */
struct walk {
	struct arena *arena;
	struct vec *files, *folders;
	unsigned int depth, nr_folders;
	struct stat up[MAX_FOLDER_DEPTH];
};

static int walk_folder(struct walk *w, struct str path);

/* A link may lead back into a folder that we are in: once is enough. */
static bool is_inside(const struct walk *w, const struct stat *st)
{
	for (unsigned int i = 0; i < w->depth; i++)
		if (w->up[i].st_dev == st->st_dev && w->up[i].st_ino == st->st_ino)
			return true;
	return false;
}

static int walk_entry(struct walk *w, struct str folder, const char *name)
{
	struct str path = arena_printf(w->arena, STR_FMT "/%s", STR_ARG(folder), name);
	struct stat st;

	if (stat(path.p, &st) < 0)
		return 0; /* gone meanwhile, or a dangling link */
	if (S_ISREG(st.st_mode) && file_is_config(name))
		push_path(w->arena, w->files, path);
	if (!S_ISDIR(st.st_mode) || w->depth == MAX_FOLDER_DEPTH || is_inside(w, &st))
		return 0;
	w->up[w->depth] = st;
	return walk_folder(w, path);
}

/* The folder itself stands in up[depth] already. */
static int walk_folder(struct walk *w, struct str path)
{
	DIR *d = w->nr_folders < MAX_FOLDERS ? opendir(path.p) : NULL;
	struct dirent *e;
	int err = 0;

	if (!d)
		return w->nr_folders < MAX_FOLDERS ? -errno : -E2BIG;
	w->nr_folders++;
	w->depth++;
	push_path(w->arena, w->folders, path);
	while ((e = readdir(d))) {
		int sub = e->d_name[0] == '.' ? 0 : walk_entry(w, path, e->d_name);

		if (!err)
			err = sub;
	}
	w->depth--;
	closedir(d);
	return err;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int file_walk(struct arena *a, const char *path, struct vec *files, struct vec *folders)
{
	struct walk w = { .arena = a, .files = files, .folders = folders };
	struct stat *st = &w.up[0];
	int err;

	if (stat(path, st) < 0)
		return -errno;
	if (!S_ISDIR(st->st_mode)) {
		push_path(a, files, arena_str(a, str_of(path)));
		return 0;
	}
	err = walk_folder(&w, arena_str(a, str_of(path)));
	if (files && files->n)
		qsort(files->items, files->n, sizeof(char *), by_bytes);
	return err;
}
