// SPDX-License-Identifier: Apache-2.0
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/answers.h"
#include "base/log.h"
#include "weft/control.h"

enum { TRIM_ABOVE = 1 << 20 };

struct word {
	const char *name;
	answer_fn *json;
	answer_text_fn *text;
	uint32_t ask; /* channel message whose reply belongs to the answer, 0: none */
};

static const struct word words[] = {
	{ "status", answer_status, NULL, 0 },
	{ "services", answer_services, NULL, 0 },
	{ "endpoints", answer_endpoints, NULL, 0 },
	{ "routes", answer_routes, NULL, 0 },
	{ "connections", answer_connections, NULL, CHANNEL_SESSIONS },
	{ "pods", answer_pods, NULL, 0 },
	{ "image", NULL, answer_image, 0 },
	{ "metrics", NULL, answer_metrics, CHANNEL_STATS },
	{ "version", answer_version, NULL, 0 },
};

enum client_state { CLIENT_ASKS, CLIENT_WAITS, CLIENT_READS };

struct client {
	struct source src;
	struct timer deadline;
	struct control *control;
	struct client *next, **link;
	enum client_state state;
	char line[CONTROL_LINE_MAX + 1];
	size_t line_len;
	const struct word *word;
	struct str arg;
	char *out;
	size_t out_len, out_done;
};

struct control {
	struct agent *agent;
	struct source listener;
	struct client *clients;
	unsigned nr_clients;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void client_dispose(struct source *s)
{
	struct client *c = (struct client *)((char *)s - offsetof(struct client, src));

	close(s->fd);
	free(c->out);
	free(c);
}

static void client_end(struct client *c)
{
	if (c->src.retired)
		return;
	timer_stop(c->control->agent->loop, &c->deadline);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->control->nr_clients--;
	loop_retire(c->control->agent->loop, &c->src, client_dispose);
}

/* ---- answering --------------------------------------------------------------------------------
 */

static void client_write(struct client *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n = send(c->src.fd, c->out + c->out_done, c->out_len - c->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			loop_mod(c->control->agent->loop, &c->src, EPOLLOUT);
			return;
		}
		if (n < 0)
			break;
		c->out_done += (size_t)n;
		timer_set(c->control->agent->loop, &c->deadline, CONTROL_CLIENT_MS);
	}
	client_end(c);
}

static void reply_text(struct client *c, char *text, size_t n)
{
	bool large = n > TRIM_ABOVE;

	c->state = CLIENT_READS;
	c->out = text;
	c->out_len = n;
	timer_set(c->control->agent->loop, &c->deadline, CONTROL_CLIENT_MS);
	if (large)
		malloc_trim(0); /* the JSON tree that this text was made from */
	client_write(c);
}

/* Takes v. */
static void reply_json(struct client *c, json_t *v)
{
	char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;
	char *line = text ? realloc(text, n + 2) : NULL;

	json_decref(v);
	if (!line) {
		free(text);
		client_end(c);
		return;
	}
	memcpy(line + n, "\n", 2);
	reply_text(c, line, n + 1);
}

static void reply_error(struct client *c, const char *fmt, const char *detail)
{
	char text[CONTROL_LINE_MAX + 128];

	snprintf(text, sizeof(text), fmt, detail);
	reply_json(c, json_pack("{s:o}", "error", json_text(str_of(text))));
}

static void client_answer(struct client *c, const struct str *proxy)
{
	struct question q = { .agent = c->control->agent,
			      .arg = c->arg,
			      .proxy = proxy ? *proxy : (struct str){ 0 },
			      .proxy_answered = proxy != NULL };
	const char *error = "out of memory";
	size_t n = 0;
	char *text;

	if (c->word->json) {
		reply_json(c, c->word->json(&q));
		return;
	}
	text = c->word->text(&q, &n, &error);
	if (text)
		reply_text(c, text, n);
	else
		reply_error(c, "%s", error);
}

/* ---- asking weft-proxy ------------------------------------------------------------------------
 */

/* The whole of a memfd. It comes from an unprivileged process: no other file may be read, a pipe
 * would stall us, and the size may change under us. NULL: refused or out of memory. */
static char *memfd_text(int fd, size_t *n)
{
	struct stat st;
	char *text;
	ssize_t got;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > CONTROL_REPLY_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	got = pread(fd, text, (size_t)st.st_size, 0);
	if (got < 0) {
		free(text);
		return NULL;
	}
	*n = (size_t)got;
	text[*n] = 0;
	return text;
}

void control_reply(struct control *m, uint32_t type, int fd)
{
	uint32_t ask = type == CHANNEL_STATS_REPLY ? CHANNEL_STATS : CHANNEL_SESSIONS;
	struct client *next;
	size_t n = 0;
	char *text = memfd_text(fd, &n);
	struct str proxy = { text, n };

	close(fd);
	for (struct client *c = m->clients; c; c = next) {
		next = c->next;
		if (c->state == CLIENT_WAITS && c->word->ask == ask)
			client_answer(c, text ? &proxy : NULL);
	}
	free(text);
}

/* ---- being asked ------------------------------------------------------------------------------
 */

static const struct word *word_find(struct str name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(name, str_of(words[i].name)))
			return &words[i];
	return NULL;
}

static void take_line(struct client *c, size_t len)
{
	struct str line = str_trim((struct str){ c->line, len }), name;

	loop_mod(c->control->agent->loop, &c->src, 0); /* hang-up is still reported */
	c->arg = line;
	if (!str_cut(&c->arg, ' ', &name)) {
		name = line;
		c->arg = (struct str){ 0 };
	}
	c->arg = str_trim(c->arg);
	c->word = word_find(name);
	if (!c->word) {
		c->line[len] = 0;
		reply_error(c, "unknown word '%s'", c->line);
		return;
	}
	if (c->word->ask && !keeper_ask(c->control->agent->keeper, c->word->ask)) {
		c->state = CLIENT_WAITS;
		timer_set(c->control->agent->loop, &c->deadline, CONTROL_PROXY_MS);
		return;
	}
	client_answer(c, NULL);
}

static void client_read(struct client *c)
{
	char *end;
	ssize_t n = recv(c->src.fd, c->line + c->line_len, CONTROL_LINE_MAX - c->line_len,
			 MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->line_len += (size_t)n;
	end = memchr(c->line, '\n', c->line_len);
	if (end)
		take_line(c, (size_t)(end - c->line));
	else if (c->line_len == CONTROL_LINE_MAX)
		reply_error(c, "question is longer than %s bytes", "512");
}

static void client_ready(struct source *s, uint32_t events)
{
	struct client *c = (struct client *)((char *)s - offsetof(struct client, src));

	if (events & (EPOLLERR | EPOLLHUP))
		client_end(c);
	else if (c->state == CLIENT_ASKS)
		client_read(c);
	else if (c->state == CLIENT_READS)
		client_write(c);
}

static void client_late(struct timer *t)
{
	struct client *c = (struct client *)((char *)t - offsetof(struct client, deadline));

	if (c->state == CLIENT_WAITS)
		client_answer(c, NULL);
	else
		client_end(c);
}

static void refuse_client(int fd)
{
	static const char busy[] = "{\"error\":\"weftd is busy: too many clients\"}\n";

	(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void accept_ready(struct source *s, uint32_t events)
{
	struct control *m = (struct control *)((char *)s - offsetof(struct control, listener));
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0)
		return;
	c = m->nr_clients < CONTROL_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		refuse_client(fd);
		return;
	}
	c->control = m;
	c->src = (struct source){ .fd = fd, .ready = client_ready };
	c->deadline.fire = client_late;
	if (loop_add(m->agent->loop, &c->src, EPOLLIN)) {
		close(fd);
		free(c);
		return;
	}
	c->next = m->clients;
	c->link = &m->clients;
	if (c->next)
		c->next->link = &c->next;
	m->clients = c;
	m->nr_clients++;
	timer_set(m->agent->loop, &c->deadline, CONTROL_CLIENT_MS);
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* The run directory is locked: a socket file that is there has no owner any more. */
static int listen_here(struct control *m)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(at.sun_path, m->path, sizeof(at.sun_path));
	unlink(m->path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(m->path, 0660) < 0 ||
	    listen(fd, CONTROL_CLIENTS) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int control_new(struct agent *a, struct control **out)
{
	struct control *m = calloc(1, sizeof(*m));
	int n, err;

	if (!m)
		return -ENOMEM;
	m->agent = a;
	m->listener = (struct source){ .fd = -1, .ready = accept_ready };
	n = snprintf(m->path, sizeof(m->path), "%s/" CONTROL_SOCKET, a->opt.run);
	m->listener.fd = n < (int)sizeof(m->path) ? listen_here(m) : -ENAMETOOLONG;
	err = m->listener.fd < 0 ? m->listener.fd : loop_add(a->loop, &m->listener, EPOLLIN);
	if (err) {
		control_free(m);
		return err;
	}
	*out = m;
	return 0;
}

struct control *control_free(struct control *m)
{
	if (!m)
		return NULL;
	while (m->clients)
		client_end(m->clients);
	if (m->listener.fd >= 0) {
		loop_del(m->agent->loop, &m->listener);
		close(m->listener.fd);
		unlink(m->path);
	}
	free(m);
	return NULL;
}
