// SPDX-License-Identifier: Apache-2.0
#include "agent/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "weft/channel.h"

enum { CAPS_END = 64, HIGH_FD = 64 };

int spawn_prepare(struct spawn_as *as, const char *path, const char *user)
{
	const struct passwd *pw;

	*as = (struct spawn_as){ .program = open(path, O_PATH | O_CLOEXEC) };
	if (as->program < 0)
		return -errno;
	errno = 0;
	pw = getpwnam(user);
	if (!pw || !pw->pw_uid) {
		int err = !pw ? (errno ? -errno : -ESRCH) : -EPERM;

		close(as->program);
		as->program = -1;
		return err;
	}
	as->uid = pw->pw_uid;
	as->gid = pw->pw_gid;
	return 0;
}

/* Gives up every right, for good. Only async-signal-safe calls: this is the forked child. */
static bool drop_rights(const struct spawn_as *as)
{
	if (as->keep_user)
		return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int cap = 0; cap < CAPS_END; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return false;
	return !setgroups(0, NULL) && !setresgid(as->gid, as->gid, as->gid) &&
	       !setresuid(as->uid, as->uid, as->uid) && setuid(0) < 0 &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* stdin from nowhere, the channel at its place, everything else closed by exec. */
static bool arrange_files(int channel, int null)
{
	int high = fcntl(channel, F_DUPFD, HIGH_FD); /* CHANNEL_FD may be something else's now */

	return high >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(high, CHANNEL_FD) >= 0 &&
	       !close_range(CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

static void child(const struct spawn_as *as, int program, int channel, int null)
{
	static char name[] = "weft-proxy";
	char *const argv[] = { name, NULL };
	char *const envp[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* what a terminal sends to weftd is not meant for the proxy */
	if (arrange_files(channel, null) && drop_rights(as))
		execveat(program, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

int spawn(const struct spawn_as *as, int channel, pid_t *pid, int *pidfd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int program = fcntl(as->program, F_DUPFD_CLOEXEC, HIGH_FD); /* out of arrange_files' way */
	int err = null < 0 || program < 0 ? -errno : 0;
	pid_t child_pid = -1;

	if (!err) {
		child_pid = fork();
		if (child_pid == 0)
			child(as, program, channel, null);
		if (child_pid < 0)
			err = -errno;
	}
	if (null >= 0)
		close(null);
	if (program >= 0)
		close(program);
	if (err)
		return err;
	*pidfd = pidfd_open(child_pid, 0);
	if (*pidfd < 0) {
		err = -errno;
		kill(child_pid, SIGKILL);
		waitpid(child_pid, NULL, 0);
		return err;
	}
	*pid = child_pid;
	return 0;
}

int process_start(pid_t pid, uint64_t *start)
{
	char path[32], line[1024];
	const char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = 0;
	p = strrchr(line, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -ESRCH;
	*start = strtoull(p + 1, NULL, 10);
	return 0;
}
