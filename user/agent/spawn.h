/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h - starts weft-proxy with nothing but the channel: no rights, no descriptors, no words. */
#ifndef WEFT_AGENT_SPAWN_H
#define WEFT_AGENT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spawn_as {
	int program; /* O_PATH descriptor: its folder need not be open to the user */
	uid_t uid;
	gid_t gid;
	bool keep_user; /* for tests without root */
};

/* Opens the program and looks the user up. -EPERM: that user is root. 0 or -errno. */
int spawn_prepare(struct spawn_as *as, const char *path, const char *user);

/* The child has `channel` as CHANNEL_FD, /dev/null as stdin, our stdout and stderr. 0 or -errno. */
int spawn(const struct spawn_as *as, int channel, pid_t *pid, int *pidfd);

/* When the process was started, in clock ticks since boot: with the pid it names one process. */
int process_start(pid_t pid, uint64_t *start);

#endif
