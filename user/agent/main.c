// SPDX-License-Identifier: Apache-2.0
/* weftd: one agent per node. See ARCHITECTURE.md for the way of a change and of a packet. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "weft/control.h"

static int cannot_start(const char *why)
{
	fprintf(stderr, "weftd: %s\n", why);
	return 1;
}

static int clean(const struct options *opt)
{
	char why[WHY_LEN];
	int lock;

	if (geteuid() != 0)
		return cannot_start("--cleanup needs root");
	if (node_lock(opt->run, &lock, why, sizeof(why)))
		return cannot_start(why);
	agent_clean(opt);
	close(lock);
	return 0;
}

static int run(const struct options *opt)
{
	static struct agent agent;
	char why[WHY_LEN] = "";
	int err;

	if (agent_open(&agent, opt, why))
		return cannot_start(why);
	log_info("agent", "weftd %s runs node=%s config=%s run=%s", WEFT_VERSION, opt->node,
		 opt->config, opt->run);
	err = loop_run(agent.loop);
	agent_close(&agent);
	return err ? cannot_start("the event loop failed") : 0;
}

int main(int argc, char **argv)
{
	static struct options opt;
	char why[WHY_LEN], help[4096];

	if (options_parse(&opt, argc, argv, why))
		return cannot_start(why);
	if (opt.help) {
		options_help(help, sizeof(help));
		fputs(help, stdout);
		return 0;
	}
	if (opt.version) {
		puts("weftd " WEFT_VERSION);
		return 0;
	}
	/* weftd is small: one heap, given back early */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
	log_set_level((enum log_level)opt.log_level);
	return opt.config ? run(&opt) : clean(&opt);
}
