// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/chores.h"
#include "agent/events.h"
#include "agent/linkwatch.h"
#include "agent/proxystate.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/lib/addr.h"
#include "config/source_dir.h"
#include "kernel/doors.h"
#include "kernel/fill.h"
#include "weft/control.h"

/* ---- how the parts hang together --------------------------------------------------------------
 */

static void on_links(void *arg, const struct link *links, size_t n)
{
	struct agent *a = arg;

	enroll_links(a->enroll, links, n);
	doorset_links(a->doors, links, n);
}

static void on_image(void *arg, uint64_t generation, int err, const char *why)
{
	struct agent *a = arg;

	push_image_answer(a->push, generation, err, why);
}

static void on_serving(void *arg, bool serving)
{
	struct agent *a = arg;
	struct proxy_at at = { .ip4 = a->addresses.ip4,
			       .ip6 = a->addresses.ip6,
			       .port = serving ? htons(PROXY_PORT) : 0 };
	int err = proxy_put(a->kernel, &at);

	if (err)
		log_err(err, "agent", "cannot tell the kernel where weft-proxy is");
	if (!serving)
		log_warn("agent", "weft-proxy does not serve: flows that need it are refused");
}

static void on_ejected(void *arg, const uint64_t *ids, uint32_t n)
{
	struct agent *a = arg;
	int err = fill_set_ejected(a->kernel, ids, n);

	if (err)
		log_err(err, "agent", "cannot mark ejected endpoints");
}

static void on_reply(void *arg, uint32_t type, int fd)
{
	struct agent *a = arg;

	control_reply(a->control, type, fd);
}

static void put_image(void *arg, int fd, uint64_t generation)
{
	struct agent *a = arg;

	keeper_give_image(a->keeper, fd, generation);
}

static int put_tables(void *arg, const struct plan *plan, char why[PUSH_WHY])
{
	struct agent *a = arg;
	struct fill_stats s = { 0 };
	int err = fill_plan(a->kernel, plan, &s);

	if (err)
		snprintf(why, PUSH_WHY, "%s", fill_why());
	else
		log_debug("agent",
			  "tables filled clusters=+%u~%u-%u endpoints=+%u-%u vips=+%u-%u us=%llu",
			  s.clusters_added, s.clusters_changed, s.clusters_removed,
			  s.endpoints_added, s.endpoints_removed, s.vips_written, s.vips_removed,
			  (unsigned long long)s.ns / 1000);
	return err;
}

static void put_pods(void *arg, const struct plan *plan)
{
	struct agent *a = arg;

	enroll_sync(a->enroll, plan);
}

static void on_source(void *arg, const struct source_view *view)
{
	struct agent *a = arg;

	push_changed(a->push, view);
}

static void on_signal(void *arg, int signo)
{
	struct agent *a = arg;

	log_info("agent", "signal %d: ending, %s", signo,
		 a->opt.cleanup ? "removing the dataplane" : "the dataplane stays");
	loop_stop(a->loop);
}

/* ---- bringing it up ---------------------------------------------------------------------------
 */

static int reason(char why[WHY_LEN], int err, const char *what, const char *subject)
{
	snprintf(why, WHY_LEN, "%s '%s': %s", what, subject, strerror(-err));
	return err;
}

static int check_surroundings(struct agent *a, char why[WHY_LEN])
{
	struct stat st;
	int err;

	if (geteuid() != 0) {
		snprintf(why, WHY_LEN, "weftd must run as root: it loads BPF programs");
		return -EPERM;
	}
	if (stat(a->opt.config, &st) < 0)
		return reason(why, -errno, "config folder", a->opt.config);
	if (!S_ISDIR(st.st_mode))
		return reason(why, -ENOTDIR, "config folder", a->opt.config);
	err = spawn_prepare(&a->proxy_as, a->opt.proxy, a->opt.proxy_user);
	if (err == -ESRCH) {
		snprintf(why, WHY_LEN, "--proxy-user: there is no user '%s'", a->opt.proxy_user);
	} else if (err == -EPERM) {
		snprintf(why, WHY_LEN, "--proxy-user: '%s' is root, weft-proxy must not be",
			 a->opt.proxy_user);
	} else if (err) {
		reason(why, err, "weft-proxy at", a->opt.proxy);
	}
	return err;
}

static void in_use(char why[WHY_LEN])
{
	snprintf(why, WHY_LEN, "address in use: %s port %d or 127.0.0.1 port %d", PROXY_IP4,
		 PROXY_PORT, METRICS_PORT);
}

static struct listeners_at listeners_at(const struct agent *a)
{
	return (struct listeners_at){ .addresses = a->addresses,
				      .port = PROXY_PORT,
				      .metrics_port = METRICS_PORT,
				      .workers = a->opt.workers };
}

/* Before anything of the node is touched: it may be another weftd's. */
static int check_ports(struct agent *a, char why[WHY_LEN])
{
	struct listeners_at at;
	struct proxystate left;
	int err = proxystate_read(a->opt.run, &left);

	if (err)
		return reason(why, err, "state in", a->opt.run);
	if (left.serving.pid || left.nr_others)
		return 0; /* the listeners are in there, to be taken over */
	node_addresses(&a->addresses);
	at = listeners_at(a);
	err = listeners_probe(&at);
	if (err == -EADDRINUSE)
		in_use(why);
	else if (err)
		reason(why, err, "listening on", PROXY_IP4);
	return err;
}

static int open_signals(struct agent *a)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	a->loop = loop_new();
	if (!a->loop)
		return -ENOMEM;
	err = loop_signal(a->loop, SIGTERM, on_signal, a);
	return err ? err : loop_signal(a->loop, SIGINT, on_signal, a);
}

static int open_node(struct agent *a, char why[WHY_LEN])
{
	struct kernel_options ko = { .pins = a->opt.pins,
				     .cgroup = a->opt.cgroup,
				     .keep_cc = a->opt.keep_cc };
	int err;

	err = node_prepare(&a->addresses);
	if (err)
		return reason(why, err, "address on lo", PROXY_IP4);
	err = kernel_open(&ko, &a->kernel);
	if (err) {
		snprintf(why, WHY_LEN, "kernel side: %s: %s", kernel_why(), strerror(-err));
		return err;
	}
	a->doors = doorset_new(a->kernel);
	if (!a->doors) {
		snprintf(why, WHY_LEN, "cannot read the doors in force");
		return -ENOMEM;
	}
	err = enroll_new(a->loop, a->kernel, a->doors, &a->enroll);
	if (!err)
		err = linkwatch_new(a->loop, on_links, a, &a->links);
	return err ? reason(why, err, "devices of", a->opt.node) : 0;
}

static int open_proxy(struct agent *a, char why[WHY_LEN])
{
	struct keeper_config cfg = {
		.run = a->opt.run,
		.node = a->opt.node,
		.as = a->proxy_as,
		.at = listeners_at(a),
	};
	struct keeper_events on = { a, on_image, on_serving, on_ejected, on_reply };
	int err = kernel_shared_fds(a->kernel, cfg.maps);

	if (err)
		return reason(why, err, "read-only maps of", a->opt.pins);
	cfg.has_maps = true;
	err = keeper_new(a->loop, &cfg, &on, &a->keeper);
	if (err == -EADDRINUSE)
		in_use(why);
	else if (err)
		reason(why, err, "starting", a->opt.proxy);
	return err;
}

static int open_config(struct agent *a, char why[WHY_LEN])
{
	struct push_sink sink = { a, put_image, put_tables, put_pods };
	struct load_options lo = { .lenient = a->opt.lenient };
	int err;

	a->compile = (struct compile_options){ .node = a->opt.node,
					       .cluster_domain = "cluster.local",
					       .access_log = a->opt.access_log };
	err = push_new(a->loop, &sink, &a->compile, &a->push);
	if (!err)
		err = source_dir_new(a->loop, a->opt.config, &lo, on_source, a, &a->source);
	return err ? reason(why, err, "config folder", a->opt.config) : 0;
}

static int open_service(struct agent *a, char why[WHY_LEN])
{
	int err = kernel_log_new(a->loop, a->kernel, &a->events);

	if (err)
		return reason(why, err, "events of", a->opt.pins);
	a->chores = chores_new(a);
	err = a->chores ? control_new(a, &a->control) : -ENOMEM;
	return err ? reason(why, err, "control socket in", a->opt.run) : 0;
}

static int open_all(struct agent *a, char why[WHY_LEN])
{
	int err = check_surroundings(a, why);

	if (err)
		return err;
	node_limits();
	err = node_lock(a->opt.run, &a->lock, why, WHY_LEN);
	if (err)
		return err;
	err = check_ports(a, why);
	if (err)
		return err;
	err = open_signals(a);
	if (err)
		return reason(why, err, "event loop of", a->opt.node);
	err = open_node(a, why);
	if (!err)
		err = open_proxy(a, why);
	if (!err)
		err = open_config(a, why);
	return err ? err : open_service(a, why);
}

static void close_parts(struct agent *a)
{
	a->control = control_free(a->control);
	a->chores = chores_free(a->chores);
	a->events = kernel_log_free(a->events);
	a->source = source_dir_free(a->source);
	a->push = push_free(a->push);
	a->keeper = keeper_free(a->keeper);
	a->links = linkwatch_free(a->links);
	a->enroll = enroll_free(a->enroll);
	a->doors = doorset_free(a->doors);
	a->kernel = kernel_close(a->kernel);
	a->loop = loop_free(a->loop);
	if (a->proxy_as.program >= 0)
		close(a->proxy_as.program);
}

static void remove_dataplane(const struct options *opt)
{
	int err;

	proxystate_end_all(opt->run);
	err = kernel_cleanup(opt->pins);
	if (err)
		log_err(err, "agent", "cannot remove everything below '%s'", opt->pins);
	node_restore();
}

int agent_open(struct agent *a, const struct options *opt, char why[WHY_LEN])
{
	bool fresh;
	int err;

	*a = (struct agent){ .opt = *opt, .lock = -1, .started_ms = clock_ms() };
	if (opt->node == opt->node_buf)
		a->opt.node = a->opt.node_buf;
	if (opt->proxy == opt->proxy_buf)
		a->opt.proxy = a->opt.proxy_buf;
	a->proxy_as.program = -1;
	err = open_all(a, why);
	if (!err)
		return 0;
	fresh = a->kernel && !kernel_reused(a->kernel);
	close_parts(a);
	if (fresh) { /* a start that failed leaves no programs of its own behind */
		proxystate_end_all(opt->run);
		kernel_cleanup(opt->pins);
	}
	if (a->lock >= 0)
		close(a->lock);
	return err;
}

void agent_close(struct agent *a)
{
	close_parts(a);
	if (a->opt.cleanup)
		remove_dataplane(&a->opt);
	close(a->lock);
}

void agent_clean(const struct options *opt)
{
	remove_dataplane(opt);
}
