// SPDX-License-Identifier: Apache-2.0
#include "agent/proxystate.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "agent/spawn.h"
#include "base/clock.h"

enum { GRACE_MS = 1000 };

static bool alive(const struct proxy_ref *ref)
{
	uint64_t start;

	return ref->pid > 1 && !process_start(ref->pid, &start) && start == ref->start;
}

static void state_path(const char *run, const char *suffix, char out[512])
{
	snprintf(out, 512, "%s/" PROXYSTATE_FILE "%s", run, suffix);
}

int proxystate_read(const char *run, struct proxystate *out)
{
	char path[512], word[16];
	struct proxy_ref ref;
	FILE *f;

	*out = (struct proxystate){ 0 };
	state_path(run, "", path);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (fscanf(f, "%15s %d %" SCNu64, word, &ref.pid, &ref.start) == 3) {
		if (!alive(&ref))
			continue;
		if (!strcmp(word, "proxy"))
			out->serving = ref;
		else if (out->nr_others < DRAINING_MAX)
			out->others[out->nr_others++] = ref;
	}
	fclose(f);
	return 0;
}

int proxystate_write(const char *run, const struct proxystate *s)
{
	char path[512], fresh[512];
	FILE *f;
	int err;

	state_path(run, "", path);
	state_path(run, ".new", fresh);
	f = fopen(fresh, "we");
	if (!f)
		return -errno;
	if (s->serving.pid)
		fprintf(f, "proxy %d %" PRIu64 "\n", s->serving.pid, s->serving.start);
	for (unsigned i = 0; i < s->nr_others; i++)
		fprintf(f, "draining %d %" PRIu64 "\n", s->others[i].pid, s->others[i].start);
	err = ferror(f) ? -EIO : 0;
	if (fclose(f) != 0 && !err)
		err = -errno;
	if (!err && rename(fresh, path) < 0)
		err = -errno;
	return err;
}

void proxystate_add(struct proxystate *s, struct proxy_ref ref)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nr_others; i++)
		if (alive(&s->others[i]) && s->others[i].pid != ref.pid)
			s->others[n++] = s->others[i];
	if (n == DRAINING_MAX) {
		kill(s->others[0].pid, SIGKILL);
		memmove(s->others, s->others + 1, --n * sizeof(s->others[0]));
	}
	s->others[n] = ref;
	s->nr_others = n + 1;
}

void proxystate_drop(struct proxystate *s, pid_t pid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nr_others; i++)
		if (s->others[i].pid != pid)
			s->others[n++] = s->others[i];
	s->nr_others = n;
}

unsigned proxystate_list(const struct proxystate *s, struct proxy_ref out[PROXIES_MAX])
{
	unsigned n = 0;

	if (s->serving.pid)
		out[n++] = s->serving;
	for (unsigned i = 0; i < s->nr_others; i++)
		out[n++] = s->others[i];
	return n;
}

/* The pidfd names the process for good: between the check and the signal it cannot change. */
int proxy_open(const struct proxy_ref *ref)
{
	int fd = ref->pid > 1 ? pidfd_open(ref->pid, 0) : -1;

	if (fd >= 0 && !alive(ref)) {
		close(fd);
		return -1;
	}
	return fd;
}

void proxystate_end_all(const char *run)
{
	struct pollfd waits[PROXIES_MAX];
	struct proxy_ref all[PROXIES_MAX];
	uint64_t deadline = clock_ms() + GRACE_MS;
	struct proxystate s;
	char path[512];
	nfds_t n = 0;

	if (proxystate_read(run, &s))
		return;
	for (unsigned i = 0; i < proxystate_list(&s, all); i++) {
		int fd = proxy_open(&all[i]);

		if (fd < 0)
			continue;
		pidfd_send_signal(fd, SIGTERM, NULL, 0);
		waits[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (nfds_t i = 0; i < n; i++) {
		uint64_t now = clock_ms();

		poll(&waits[i], 1, now < deadline ? (int)(deadline - now) : 0);
		if (!(waits[i].revents & POLLIN))
			pidfd_send_signal(waits[i].fd, SIGKILL, NULL, 0);
		close(waits[i].fd);
	}
	state_path(run, "", path);
	unlink(path);
}
