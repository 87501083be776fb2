// SPDX-License-Identifier: Apache-2.0
#include "proxy/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/admin.h"
#include "proxy/channel.h"
#include "proxy/record.h"
#include "proxy/stats.h"

enum { EJECTED_MAX = CHANNEL_BODY_MAX / sizeof(uint64_t), STATS_PIECE = 64 << 10 };

struct master {
	struct proxy proxy;
	struct loop *loop;
	struct source channel, wake;
	struct timer sweep, drain;
	struct admin *admin;
	struct metrics *own;
	struct stats_maps maps;
	struct channel_agent agent;
	pthread_t threads[MAX_WORKERS];
	bool ready, running, stopping;
	struct generation *gen; /* given to all workers */
	bool ack_due;
	bool listing_due;
	uint32_t listings; /* asked for so far */
	struct channel_packet packet;
};

static void reply(struct master *m, uint32_t type, const void *body, size_t size, int fd)
{
	int err;

	if (!m->channel.added)
		return;
	err = channel_reply(m->channel.fd, type, body, size, fd);
	if (err && err != -EPIPE)
		(void)log_err(err, "proxy", "answer on the channel");
}

static void ack(struct master *m, uint64_t generation, int err, const char *why)
{
	struct channel_ack a = { .generation = generation, .err = err };

	snprintf(a.why, sizeof(a.why), "%s", why ? why : "");
	reply(m, CHANNEL_ACK, &a, sizeof(a), -1);
}

static int write_all(int fd, const struct text *t)
{
	for (size_t at = 0; at < t->n;) {
		ssize_t n = write(fd, t->p + at, t->n - at);

		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	return 0;
}

static void reply_text(struct master *m, uint32_t type, const struct text *t)
{
	int fd = memfd_create("weft-reply", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (!write_all(fd, t) && !lseek(fd, 0, SEEK_SET))
		reply(m, type, NULL, 0, fd);
	close(fd);
}

static struct stats *new_page(void *arg)
{
	struct master *m = arg;

	return stats_new(&m->proxy, &m->maps, m->gen, &m->agent, m->own);
}

static void reply_stats(struct master *m)
{
	struct stats *page = new_page(m);
	int fd = memfd_create("weft-stats", MFD_CLOEXEC), more = page && fd >= 0;
	struct text piece = { 0 };

	while (more > 0) {
		piece.n = 0;
		more = stats_more(page, &piece, STATS_PIECE);
		if (more >= 0 && write_all(fd, &piece))
			more = -EIO;
	}
	if (!more && page && !lseek(fd, 0, SEEK_SET))
		reply(m, CHANNEL_STATS_REPLY, NULL, 0, fd);
	text_done(&piece);
	stats_free(page);
	if (fd >= 0)
		close(fd);
}

static void *thread_main(void *w)
{
	worker_run(w);
	return NULL;
}

static int start_workers(struct master *m)
{
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++) {
		int err = pthread_create(&m->threads[i], NULL, thread_main, m->proxy.workers[i]);

		if (err)
			return -err;
	}
	m->running = true;
	return 0;
}

static int on_setup(struct master *m, struct channel_packet *p)
{
	const struct channel_setup *s = (const struct channel_setup *)(const void *)p->body;
	uint32_t maps = p->nr_fds ? p->nr_fds - 1 : 0;
	const uint32_t min = 4, max = 5;

	if (m->proxy.nr_workers || p->size != sizeof(*s) || !p->nr_fds || !s->workers ||
	    s->workers > MAX_WORKERS || (s->has_maps ? maps < min || maps > max : maps))
		return -EPROTO;
	m->maps = (struct stats_maps){ -1, -1, -1, -1 };
	m->proxy.origin = origin_kernel(-1);
	if (s->has_maps) {
		m->proxy.origin = origin_kernel(p->fds[0]);
		m->maps = (struct stats_maps){ p->fds[1], p->fds[2], p->fds[3],
					       maps == max ? p->fds[4] : -1 };
	}
	snprintf(m->proxy.node, sizeof(m->proxy.node), "%.63s", s->node);
	m->proxy.fleets = fleets_new(s->workers);
	m->admin = admin_new(m->loop, p->fds[p->nr_fds - 1], new_page, m);
	if (!m->proxy.fleets || !m->admin)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->workers; i++) {
		m->proxy.workers[i] = worker_new(&m->proxy, i);
		if (!m->proxy.workers[i])
			return -ENOMEM;
		m->proxy.nr_workers++;
	}
	p->nr_fds = 0; /* all taken */
	return 0;
}

/* One of each family a worker: ip4 w0, ip6 w0, ip4 w1, … */
static int on_listeners(struct master *m, struct channel_packet *p)
{
	uint32_t each = m->proxy.nr_workers ? p->nr_fds / m->proxy.nr_workers : 0, pid;

	if (!each || p->nr_fds % m->proxy.nr_workers || m->ready)
		return -EPROTO;
	for (uint32_t i = 0; i < p->nr_fds; i++) {
		int flags = fcntl(p->fds[i], F_GETFL);
		int err = flags < 0 || fcntl(p->fds[i], F_SETFL, flags | O_NONBLOCK) < 0
				  ? -errno
				  : worker_listen(m->proxy.workers[i / each], p->fds[i]);

		if (err)
			return err;
		p->fds[i] = -1;
	}
	p->nr_fds = 0;
	m->ready = true;
	pid = (uint32_t)getpid();
	reply(m, CHANNEL_READY, &pid, sizeof(pid), -1);
	return 0;
}

static int on_image(struct master *m, struct channel_packet *p)
{
	struct generation *g;
	const char *why = "";
	uint64_t number;
	int err;

	if (p->size != sizeof(number) || p->nr_fds != 1 || !m->ready)
		return -EPROTO;
	memcpy(&number, p->body, sizeof(number));
	err = generation_load(p->fds[0], m->proxy.fleets, &g, &why);
	if (err) {
		metrics_count(m->own, PREASON_bad_image);
		ack(m, number, err, why);
		return 0;
	}
	g->number = number;
	generation_put(m->gen);
	m->gen = g;
	m->ack_due = true;
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		worker_give_image(m->proxy.workers[i], g);
	if (!m->sweep.heap_slot)
		timer_set(m->loop, &m->sweep, 1);
	return m->running ? 0 : start_workers(m);
}

static void order_all(struct master *m, uint32_t orders)
{
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		worker_order(m->proxy.workers[i], orders);
}

static void stop(struct master *m)
{
	if (m->stopping)
		return;
	m->stopping = true;
	if (!m->running) {
		loop_stop(m->loop);
		return;
	}
	order_all(m, ORDER_STOP);
	timer_set(m->loop, &m->drain, DRAIN_MS);
}

static int on_packet(struct master *m, struct channel_packet *p)
{
	switch (p->type) {
	case CHANNEL_SETUP: return on_setup(m, p);
	case CHANNEL_LISTENERS: return on_listeners(m, p);
	case CHANNEL_IMAGE: return on_image(m, p);
	case CHANNEL_STATS:
		if (!m->proxy.nr_workers)
			return -EPROTO;
		reply_stats(m);
		return 0;
	case CHANNEL_SESSIONS:
		m->listing_due = true;
		m->listings++;
		order_all(m, ORDER_LIST);
		return 0;
	case CHANNEL_AGENT:
		if (p->size != sizeof(m->agent))
			return -EPROTO;
		memcpy(&m->agent, p->body, sizeof(m->agent));
		return 0;
	case CHANNEL_STOP: stop(m); return 0;
	default: return -EPROTO;
	}
}

static void channel_ready(struct source *s, uint32_t events)
{
	struct master *m = container_of(s, struct master, channel);
	int err = channel_receive(s->fd, &m->packet);

	if (err == -EAGAIN)
		return;
	if (!err) {
		err = on_packet(m, &m->packet);
		channel_drop_fds(&m->packet);
	}
	if (!err)
		return;
	loop_del(m->loop, s);
	if (err == -EPIPE && m->running) {
		log_warn("proxy", "weftd has gone: serving on with generation %llu",
			 (unsigned long long)m->gen->number);
		return;
	}
	(void)log_err(err, "proxy", "channel: giving up");
	exit(EXIT_FAILURE);
}

static void tell_acks(struct master *m)
{
	if (!m->ack_due)
		return;
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		if (atomic_load(&m->proxy.workers[i]->in_force) != m->gen->number)
			return;
	m->ack_due = false;
	ack(m, m->gen->number, 0, NULL);
}

static void tell_ejections(struct master *m)
{
	uint64_t ids[EJECTED_MAX];
	size_t n;

	if (!atomic_exchange(&m->proxy.ejections_changed, false))
		return;
	n = fleets_ejected(m->proxy.fleets, ids, EJECTED_MAX);
	reply(m, CHANNEL_EJECTIONS, ids, n * sizeof(ids[0]), -1);
}

static void tell_sessions(struct master *m)
{
	struct text all = { 0 };

	if (!m->listing_due)
		return;
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		if (atomic_load(&m->proxy.workers[i]->listed) < m->listings && m->running)
			return;
	m->listing_due = false;
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		text_put(&all, text_str(&m->proxy.workers[i]->listing));
	reply_text(m, CHANNEL_SESSIONS_REPLY, &all);
	text_done(&all);
}

static void woken(struct source *s, uint32_t events)
{
	struct master *m = container_of(s, struct master, wake);
	uint64_t count;

	while (read(s->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	tell_acks(m);
	tell_ejections(m);
	tell_sessions(m);
	if (!m->stopping)
		return;
	for (unsigned int i = 0; i < m->proxy.nr_workers; i++)
		if (!atomic_load(&m->proxy.workers[i]->ended))
			return;
	loop_stop(m->loop);
}

static void sweep(struct timer *t)
{
	struct master *m = container_of(t, struct master, sweep);
	uint64_t next_ms;

	if (fleets_sweep(m->proxy.fleets, clock_ms(), &next_ms))
		proxy_ejected(&m->proxy);
	/* fleets are made by requests: look once a second even when there is none yet */
	timer_set(m->loop, t, next_ms && next_ms < 1000 ? next_ms : 1000);
}

static void drained(struct timer *t)
{
	struct master *m = container_of(t, struct master, drain);

	log_warn("proxy", "connections left open after %d s: closing them", DRAIN_MS / 1000);
	loop_stop(m->loop);
}

static void on_signal(void *m, int signo)
{
	stop(m);
}

static int init(struct master *m, int channel)
{
	int err;

	m->proxy.log_fd = STDOUT_FILENO;
	m->proxy.main_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->loop = loop_new();
	m->own = metrics_new();
	if (!m->loop || !m->own || m->proxy.main_wake < 0)
		return -ENOMEM;
	m->sweep.fire = sweep;
	m->drain.fire = drained;
	m->channel = (struct source){ .fd = channel, .ready = channel_ready };
	m->wake = (struct source){ .fd = m->proxy.main_wake, .ready = woken };
	err = loop_signal(m->loop, SIGTERM, on_signal, m);
	if (!err)
		err = loop_signal(m->loop, SIGINT, on_signal, m);
	if (!err)
		err = loop_add(m->loop, &m->wake, EPOLLIN);
	return err ? err : loop_add(m->loop, &m->channel, EPOLLIN);
}

int master_run(int channel)
{
	static struct master m;
	int err = init(&m, channel);

	if (err)
		return log_err(err, "proxy", "start") ? EXIT_FAILURE : 0;
	err = loop_run(m.loop);
	if (err)
		return log_err(err, "proxy", "main loop") ? EXIT_FAILURE : 0;
	/* what is still open is closed by the end of the process */
	for (unsigned int i = 0; i < m.proxy.nr_workers; i++)
		if (atomic_load(&m.proxy.workers[i]->ended))
			m.proxy.workers[i]->log = worker_log_free(m.proxy.workers[i]->log);
	return 0;
}
