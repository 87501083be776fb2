// SPDX-License-Identifier: Apache-2.0
/* weft-proxy: started by weftd, without privileges, with the channel as descriptor CHANNEL_FD. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "proxy/master.h"
#include "weft/channel.h"

static void raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int main(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr,
			"weft-proxy is started by weftd, with its channel as descriptor %d\n",
			CHANNEL_FD);
		return EXIT_FAILURE;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		(void)log_err(-errno, "proxy", "no_new_privs");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	return master_run(CHANNEL_FD);
}
