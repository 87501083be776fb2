// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "weft/control.h"

const char *ask_run_dir(const char *run)
{
	const char *env = getenv("WEFT_RUN");

	if (run)
		return run;
	return env && *env ? env : CONTROL_RUN_DIR;
}

static void explain(const char *path, int err)
{
	const char *advice = "";

	if (err == ENOENT)
		advice =
			"\nweft: is weftd running? Start it (weftd --config DIR), or say where its "
			"socket is with --run DIR or WEFT_RUN";
	else if (err == ECONNREFUSED)
		advice = "\nweft: weftd has ended and left its socket behind; start it again";
	else if (err == EACCES || err == EPERM)
		advice = "\nweft: only root and the group of the socket may ask";
	else if (err == EAGAIN)
		advice = "\nweft: weftd did not answer in time";
	fprintf(stderr, "weft: '%s': %s%s\n", path, strerror(err), advice);
}

static int dial(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ASK_TIMEOUT_S };
	int fd, err;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int read_all(int fd, char **out, size_t *n)
{
	size_t cap = 1 << 16;
	char *text = malloc(cap), *more;
	ssize_t got = text ? 1 : -1;

	*n = 0;
	while (got > 0) {
		if (*n + 1 == cap) {
			cap *= 2;
			more = realloc(text, cap);
			if (!more)
				break;
			text = more;
		}
		got = recv(fd, text + *n, cap - *n - 1, 0);
		*n += got > 0 ? (size_t)got : 0;
	}
	/* a weftd that was too busy to read the question answers and hangs up */
	if (got < 0 && errno == ECONNRESET && *n)
		got = 0;
	if (got) {
		int err = text && got < 0 ? errno : ENOMEM;

		free(text);
		return -err;
	}
	text[*n] = 0;
	*out = text;
	return 0;
}

char *ask(const char *run, const char *word, const char *arg, size_t *n, int quiet)
{
	char path[512], line[CONTROL_LINE_MAX + 1], *text = NULL;
	int len, fd, err = 0;

	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, ask_run_dir(run));
	len = snprintf(line, sizeof(line), "%s%s%s\n", word, arg ? " " : "", arg ? arg : "");
	if (len < 0 || len > CONTROL_LINE_MAX) {
		fprintf(stderr, "weft: '%.32s...' is too long\n", arg ? arg : word);
		return NULL;
	}
	fd = dial(path);
	if (fd < 0) {
		err = -fd;
	} else {
		if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len && errno != EPIPE)
			err = errno;
		else
			err = -read_all(fd, &text, n);
		close(fd);
	}
	if (err && !quiet)
		explain(path, err);
	return err ? NULL : text;
}
