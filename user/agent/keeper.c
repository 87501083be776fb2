// SPDX-License-Identifier: Apache-2.0
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/proxystate.h"
#include "agent/rate.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/lib/addr.h"

enum { MESSAGES_PER_WAKE = 64, LOGS_PER_SECOND = 20 };

struct image {
	int fd; /* -1: none */
	uint64_t generation;
};

struct keeper {
	struct loop *loop;
	struct keeper_config cfg;
	struct keeper_events on;
	struct listeners listeners;
	struct proxystate state;
	struct source life;    /* pidfd of the child */
	struct source channel; /* our end */
	pid_t pid;
	enum proxy_phase phase;
	uint64_t started_ms, restarts, pause_ms;
	struct timer again;		    /* start it */
	struct timer overdue;		    /* READY or ACK did not come */
	uint64_t overdue_ms;		    /* when that is, by the clock: the loop's own may lag */
	struct timer no_answer;		    /* tells the owner of an image that there is no proxy */
	struct image good;		    /* accepted, or kept for a proxy to come */
	struct image next;		    /* sent, not answered */
	int serving;			    /* what the owner was told; -1: nothing yet */
	struct proxy_ref left[PROXIES_MAX]; /* by earlier weftds: they serve until ours does */
	unsigned nr_left;
	struct rate logs;
	struct channel_in in;
};

#define KEEPER_OF(ptr, member) ((struct keeper *)((char *)(ptr)-offsetof(struct keeper, member)))

const char *proxy_phase_name(enum proxy_phase p)
{
	static const char *const names[] = { "down", "starting", "ready", "serving" };

	return names[p];
}

static void image_drop(struct image *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

static void image_promote(struct keeper *k)
{
	image_drop(&k->good);
	k->good = k->next;
	k->next.fd = -1;
}

static void save_state(struct keeper *k)
{
	int err = proxystate_write(k->cfg.run, &k->state);

	if (err)
		log_err(err, "keeper", "state in '%s'", k->cfg.run);
}

static struct proxy_ref self_ref(const struct keeper *k)
{
	struct proxy_ref ref = { .pid = k->pid };

	if (process_start(k->pid, &ref.start))
		ref.pid = 0;
	return ref;
}

static void set_serving(struct keeper *k, bool serving)
{
	if (k->serving != serving)
		k->on.serving(k->on.arg, serving);
	k->serving = serving;
}

/* ---- talking to it ----------------------------------------------------------------------------
 */

/* It does not read, or worse: only a new one helps. What follows comes through `life`. */
static void kill_proxy(struct keeper *k, const char *why)
{
	log_warn("keeper", "ending weft-proxy pid=%d: %s", k->pid, why);
	pidfd_send_signal(k->life.fd, SIGKILL, NULL, 0);
}

static void say(struct keeper *k, uint32_t type, const void *body, size_t size, const int *fds,
		size_t nr_fds)
{
	int err = channel_send(k->channel.fd, type, body, size, fds, nr_fds);

	if (err == -EAGAIN)
		kill_proxy(k, "it does not read its channel");
	else if (err)
		log_debug("keeper", "channel: %s", strerror(-err)); /* it is dying: see `life` */
}

static void expect(struct keeper *k, uint64_t within_ms)
{
	k->overdue_ms = clock_ms() + within_ms;
	timer_set(k->loop, &k->overdue, within_ms);
}

static void send_image(struct keeper *k, const struct image *i)
{
	if (i->fd < 0 || k->phase == PROXY_DOWN)
		return;
	say(k, CHANNEL_IMAGE, &i->generation, sizeof(i->generation), &i->fd, 1);
	/* a proxy that is still starting has READY_TIMEOUT_MS first */
	if (k->phase > PROXY_STARTING)
		expect(k, ACK_TIMEOUT_MS);
}

static void send_setup(struct keeper *k)
{
	struct channel_setup setup = { .workers = k->cfg.at.workers, .has_maps = k->cfg.has_maps };
	int fds[MAP_FDS + 1];
	size_t n = 0;

	snprintf(setup.node, sizeof(setup.node), "%s", k->cfg.node);
	for (int i = 0; k->cfg.has_maps && i < MAP_FDS; i++)
		fds[n++] = k->cfg.maps[i];
	fds[n++] = k->listeners.metrics;
	say(k, CHANNEL_SETUP, &setup, sizeof(setup), fds, n);
	say(k, CHANNEL_LISTENERS, NULL, 0, k->listeners.fds, k->listeners.n);
	send_image(k, &k->good);
}

static void overdue(struct timer *t)
{
	struct keeper *k = KEEPER_OF(t, overdue);
	uint64_t now = clock_ms();

	/* a compile may have held up the loop: the proxy has its time all the same */
	if (now < k->overdue_ms) {
		timer_set(k->loop, t, k->overdue_ms - now);
		return;
	}

	kill_proxy(k, k->phase == PROXY_STARTING ? "not ready in time" : "no answer to an image");
}

/* Those of earlier weftds have served until now; they finish their connections and exit. One may
 * be there that never came to serve: its weftd died before it could say so. */
static void release_old(struct keeper *k)
{
	for (unsigned i = 0; i < k->nr_left; i++) {
		int pidfd = proxy_open(&k->left[i]);

		if (pidfd < 0)
			continue;
		log_info("keeper", "weft-proxy pid=%d finishes its connections", k->left[i].pid);
		pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
		close(pidfd);
	}
	k->nr_left = 0;
}

static void now_serving(struct keeper *k)
{
	if (k->phase == PROXY_SERVING)
		return;
	k->phase = PROXY_SERVING;
	log_info("keeper", "weft-proxy serves pid=%d generation=%llu", k->pid,
		 (unsigned long long)k->good.generation);
	if (k->nr_left && k->state.serving.pid)
		proxystate_add(&k->state, k->state.serving);
	k->state.serving = self_ref(k);
	proxystate_drop(&k->state, k->pid);
	/* first: should we die right here, the next weftd must know this one */
	save_state(k);
	release_old(k);
	set_serving(k, true);
}

static void on_ack(struct keeper *k, const struct channel_ack *ack)
{
	char why[2 * sizeof(ack->why)];
	bool answered = k->next.fd >= 0 && ack->generation == k->next.generation;

	if (!answered && ack->generation != k->good.generation)
		return;
	timer_stop(k->loop, &k->overdue);
	log_quote((struct str){ ack->why, strnlen(ack->why, sizeof(ack->why)) }, why, sizeof(why));
	if (ack->err) {
		if (answered)
			image_drop(&k->next);
		else if (k->phase != PROXY_SERVING)
			set_serving(k, false); /* it has nothing to serve with */
		k->on.image(k->on.arg, ack->generation, ack->err < 0 ? ack->err : -EINVAL, why);
		return;
	}
	if (answered)
		image_promote(k);
	now_serving(k);
	if (answered)
		k->on.image(k->on.arg, ack->generation, 0, "");
}

static void on_ready(struct keeper *k)
{
	if (k->phase != PROXY_STARTING)
		return;
	k->phase = PROXY_READY;
	timer_stop(k->loop, &k->overdue);
	if (k->good.fd >= 0 || k->next.fd >= 0)
		expect(k, ACK_TIMEOUT_MS);
}

static void on_log(struct keeper *k)
{
	char line[1024];
	unsigned missed;

	if (!rate_pass(&k->logs, loop_now_ms(k->loop), LOGS_PER_SECOND, &missed))
		return;
	if (missed)
		log_warn("proxy", "%u lines more in the second before", missed);
	log_warn("proxy", "%s",
		 log_quote((struct str){ k->in.body, k->in.size }, line, sizeof(line)));
}

static bool take_message(struct keeper *k)
{
	const struct channel_in *in = &k->in;

	switch (in->type) {
	case CHANNEL_READY: on_ready(k); return true;
	case CHANNEL_ACK:
		if (in->size != sizeof(struct channel_ack))
			return false;
		on_ack(k, (const struct channel_ack *)(const void *)in->body);
		return true;
	case CHANNEL_STATS_REPLY:
	case CHANNEL_SESSIONS_REPLY: k->on.reply(k->on.arg, in->type, in->fd); return true;
	case CHANNEL_EJECTIONS:
		if (in->size % sizeof(uint64_t))
			return false;
		k->on.ejected(k->on.arg, (const uint64_t *)(const void *)in->body,
			      in->size / sizeof(uint64_t));
		return true;
	case CHANNEL_LOG: on_log(k); return true;
	}
	return false;
}

static void channel_ready(struct source *s, uint32_t events)
{
	struct keeper *k = KEEPER_OF(s, channel);

	for (int i = 0; i < MESSAGES_PER_WAKE && s->added; i++) {
		int err = channel_recv(s->fd, &k->in);

		if (err == -EAGAIN)
			return;
		if (!err && take_message(k))
			continue;
		/* closed: it is dying, or it lives and must not without its channel */
		loop_del(k->loop, s);
		if (err != -EPIPE)
			log_warn("keeper", "weft-proxy sent something that is not a message");
		pidfd_send_signal(k->life.fd, SIGKILL, NULL, 0);
		return;
	}
}

/* ---- life and death ---------------------------------------------------------------------------
 */

static void describe_end(const siginfo_t *si, char *out, size_t cap)
{
	if (si->si_code == CLD_EXITED)
		snprintf(out, cap, "exited with %d", si->si_status);
	else
		snprintf(out, cap, "killed by signal %d", si->si_status);
}

/* An image that it was just looking at may be what killed it: never try that one again. */
static void answer_for_the_dead(struct keeper *k, enum proxy_phase died_in)
{
	uint64_t generation = k->next.generation;

	if (k->next.fd < 0)
		return;
	if (died_in >= PROXY_READY) {
		image_drop(&k->next);
		k->on.image(k->on.arg, generation, -EPIPE, "weft-proxy died while taking it");
		return;
	}
	image_promote(k);
	k->on.image(k->on.arg, generation, -ENOTCONN, "weft-proxy is not running");
}

static void plan_restart(struct keeper *k, bool lived)
{
	if (lived)
		k->pause_ms = PROXY_RESTART_MS;
	timer_set(k->loop, &k->again, k->pause_ms);
	if (k->pause_ms > DOWN_AFTER_MS && !k->nr_left) {
		set_serving(k, false);
		listeners_refuse_waiting(&k->listeners);
	}
	k->pause_ms *= 2;
	if (k->pause_ms > PROXY_RESTART_MAX_MS)
		k->pause_ms = PROXY_RESTART_MAX_MS;
}

static void forget_child(struct keeper *k)
{
	loop_del(k->loop, &k->life);
	loop_del(k->loop, &k->channel);
	close(k->life.fd);
	close(k->channel.fd);
	k->life.fd = -1;
	k->channel.fd = -1;
	timer_stop(k->loop, &k->overdue);
	k->pid = 0;
	k->phase = PROXY_DOWN;
}

static void life_ready(struct source *s, uint32_t events)
{
	struct keeper *k = KEEPER_OF(s, life);
	enum proxy_phase died_in = k->phase;
	bool lived = loop_now_ms(k->loop) - k->started_ms > LIVED_MS;
	siginfo_t si = { 0 };
	char how[64];

	if (waitid(P_PIDFD, (id_t)s->fd, &si, WEXITED | WNOHANG) < 0 || !si.si_pid)
		return;
	describe_end(&si, how, sizeof(how));
	log_warn("keeper", "weft-proxy pid=%d %s, starting it again in %llu ms", k->pid, how,
		 (unsigned long long)(lived ? PROXY_RESTART_MS : k->pause_ms));
	if (k->state.serving.pid == k->pid)
		k->state.serving = (struct proxy_ref){ 0 };
	forget_child(k);
	k->restarts++;
	plan_restart(k, lived);
	answer_for_the_dead(k, died_in);
}

static int watch_child(struct keeper *k)
{
	int err = loop_add(k->loop, &k->life, EPOLLIN);

	return err ? err : loop_add(k->loop, &k->channel, EPOLLIN);
}

static int start(struct keeper *k)
{
	int ends[2], err = channel_pair(ends);

	if (err)
		return err;
	err = spawn(&k->cfg.as, ends[1], &k->pid, &k->life.fd);
	close(ends[1]);
	if (err) {
		close(ends[0]);
		k->pid = 0;
		k->life.fd = -1;
		return err;
	}
	k->channel.fd = ends[0];
	k->phase = PROXY_STARTING;
	k->started_ms = loop_now_ms(k->loop);
	err = watch_child(k);
	if (err) {
		kill(k->pid, SIGKILL);
		waitpid(k->pid, NULL, 0);
		forget_child(k);
		return err;
	}
	proxystate_add(&k->state, self_ref(k));
	save_state(k);
	expect(k, READY_TIMEOUT_MS);
	send_setup(k);
	return 0;
}

static void start_again(struct timer *t)
{
	struct keeper *k = KEEPER_OF(t, again);
	int err = start(k);

	if (!err)
		return;
	log_err(err, "keeper", "cannot start weft-proxy");
	plan_restart(k, false);
}

static void no_proxy(struct timer *t)
{
	answer_for_the_dead(KEEPER_OF(t, no_answer), PROXY_DOWN);
}

void keeper_give_image(struct keeper *k, int fd, uint64_t generation)
{
	image_drop(&k->next);
	k->next = (struct image){ fd, generation };
	if (k->phase == PROXY_DOWN)
		timer_set(k->loop, &k->no_answer, 1);
	else
		send_image(k, &k->next);
}

int keeper_ask(struct keeper *k, uint32_t type)
{
	if (k->phase < PROXY_READY)
		return -ENOTCONN;
	return channel_send(k->channel.fd, type, NULL, 0, NULL, 0);
}

void keeper_tell(struct keeper *k, const struct channel_agent *figures)
{
	/* a full channel is noticed by what matters, figures can wait */
	if (k->phase >= PROXY_READY)
		(void)channel_send(k->channel.fd, CHANNEL_AGENT, figures, sizeof(*figures), NULL,
				   0);
}

void keeper_status(const struct keeper *k, struct keeper_status *out)
{
	*out = (struct keeper_status){
		.pid = k->pid,
		.phase = k->phase,
		.restarts = k->restarts,
		.generation = k->good.fd >= 0 ? k->good.generation : 0,
		.started_ms = k->started_ms,
		.replacing = k->nr_left ? k->left[0].pid : 0,
	};
}

/* ---- the keeper itself ------------------------------------------------------------------------
 */

static int open_listeners(struct keeper *k)
{
	int err = proxystate_read(k->cfg.run, &k->state);

	if (err)
		return err;
	k->nr_left = proxystate_list(&k->state, k->left);
	err = listeners_open(&k->listeners, &k->cfg.at, k->left, k->nr_left);
	if (err || !k->nr_left)
		return err;
	set_serving(k, true);
	log_info("keeper", "took the listeners over from weft-proxy pid=%d", k->left[0].pid);
	return 0;
}

int keeper_new(struct loop *l, const struct keeper_config *cfg, const struct keeper_events *on,
	       struct keeper **out)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->loop = l;
	k->cfg = *cfg;
	k->on = *on;
	k->life = (struct source){ .fd = -1, .ready = life_ready };
	k->channel = (struct source){ .fd = -1, .ready = channel_ready };
	k->again.fire = start_again;
	k->overdue.fire = overdue;
	k->no_answer.fire = no_proxy;
	k->pause_ms = PROXY_RESTART_MS;
	k->good.fd = -1;
	k->next.fd = -1;
	k->serving = -1;
	listeners_init(&k->listeners);
	err = open_listeners(k);
	if (!err)
		err = start(k);
	if (err) {
		keeper_free(k);
		return err;
	}
	*out = k;
	return 0;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	timer_stop(k->loop, &k->again);
	timer_stop(k->loop, &k->no_answer);
	if (k->phase != PROXY_DOWN)
		forget_child(k);
	listeners_done(&k->listeners);
	for (int i = 0; k->cfg.has_maps && i < MAP_FDS; i++)
		close(k->cfg.maps[i]);
	image_drop(&k->good);
	image_drop(&k->next);
	free(k);
	return NULL;
}
