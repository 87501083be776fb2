// SPDX-License-Identifier: Apache-2.0
/* poor.c - the weft-proxy of its own folder, with few descriptors. For weftd --proxy. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS = 100 };

int main(int argc, char **argv)
{
	static const struct rlimit few = { DESCRIPTORS, DESCRIPTORS };
	static const char name[] = "weft-proxy";
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
	char *slash;

	if (n < 0)
		return 1;
	path[n] = 0;
	slash = strrchr(path, '/');
	strcpy(slash + 1, name);
	if (setrlimit(RLIMIT_NOFILE, &few) == 0)
		execv(path, argv);
	perror(path);
	return argc;
}
