// SPDX-License-Identifier: Apache-2.0
/*
 * bookapp.c - one small HTTP/1.1 service that plays every part of Bookinfo and of the tutorials'
 * customer -> preference -> recommendation chain. It answers each request with a JSON object: who
 * it is, what it was asked, the headers it passes on, and the answers of the services it calls.
 *
 *   APP, VERSION, PORT (9080)    who it is and where it listens (IPv4 and IPv6)
 *   CALLS                        "reviews:9080/reviews/0,details:9080/details/0"
 *   DATA                         a JSON value put into "data"
 *
 * Query parameters for experiments: ?delay=MS answers later, ?status=CODE with that status.
 * A thread for each client connection; its connections to other services are kept alive. No
 * pipelining, no chunked request bodies: an application, not a proxy.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CALLS = 8, HEAD_MAX = 64 << 10, BODY_MAX = 256 << 10, STACK = 256 << 10 };

/* Headers that belong to the user's request and travel with it: mesh-api 21.4 and the sample's. */
static const char *const passed_on[] = {
	"x-request-id",	   "x-b3-traceid", "x-b3-spanid",	"x-b3-parentspanid",
	"x-b3-sampled",	   "x-b3-flags",   "x-ot-span-context", "b3",
	"traceparent",	   "tracestate",   "grpc-trace-bin",	"end-user",
	"user-agent",	   "cookie",	   "authorization",	"baggage-user-agent",
	"x-forwarded-for",
};
enum { NR_PASSED_ON = sizeof(passed_on) / sizeof(*passed_on) };

/* A growing piece of text. Out of memory ends the program: it is a sample. */
struct text {
	char *p;
	size_t len, cap;
};

struct call {
	const char *host, *port, *path;
};

struct request {
	const char *head; /* NUL-terminated after the last header line */
	char method[16], target[2048];
	bool close;
};

static struct call calls[MAX_CALLS];
static int nr_calls;
static const char *app, *version, *pod, *data;

static void text_room(struct text *t, size_t more)
{
	if (t->len + more <= t->cap)
		return;
	t->cap = (t->len + more) * 2;
	t->p = realloc(t->p, t->cap);
	if (!t->p)
		abort();
}

static void text_put(struct text *t, const char *p, size_t n)
{
	text_room(t, n + 1);
	memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
}

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text_room(t, n + 1);
	va_start(args, fmt);
	vsnprintf(t->p + t->len, n + 1, fmt, args);
	va_end(args);
	t->len += n;
}

/* A JSON string without its quotes. */
static void text_json(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c == '"' || c == '\\')
			text_add(t, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			text_add(t, "\\u%04x", c);
		else
			text_put(t, s + i, 1);
	}
}

/* The value of a header in a head, NULL when absent; *len is set. */
static const char *header_find(const char *head, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2, *end;

		if (strncasecmp(at, name, n) != 0 || at[n] != ':')
			continue;
		at += n + 1;
		while (*at == ' ' || *at == '\t')
			at++;
		end = strstr(at, "\r\n");
		*len = end ? (size_t)(end - at) : strlen(at);
		return at;
	}
	return NULL;
}

static bool says_close(const char *head)
{
	size_t n;
	const char *value = header_find(head, "connection", &n);

	return value && n == 5 && strncasecmp(value, "close", 5) == 0;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		p += done;
		n -= done;
	}
	return 0;
}

/* Looks for the end of the head; sets *body_len. Returns its length, 0: not yet, -1: not for us. */
static ssize_t head_find(struct text *buf, size_t *body_len)
{
	char *end = strstr(buf->p, "\r\n\r\n");
	const char *value;
	size_t n;

	if (!end)
		return buf->len > HEAD_MAX ? -1 : 0;
	end[2] = '\0'; /* header_find stays inside the head */
	value = header_find(buf->p, "content-length", &n);
	*body_len = value ? strtoul(value, NULL, 10) : 0;
	if (*body_len > BODY_MAX || header_find(buf->p, "transfer-encoding", &n))
		return -1;
	return end + 4 - buf->p;
}

/*
 * Reads one head and the body behind it into buf. Returns the length of the head, 0 when the peer
 * ended before the first byte, -1 when what came is not a message.
 */
static ssize_t message_read(int fd, struct text *buf, size_t *body_len)
{
	ssize_t head = 0, got;

	buf->len = 0;
	*body_len = 0;
	while (head == 0 || buf->len < head + *body_len) {
		text_room(buf, (16 << 10) + 1);
		got = recv(fd, buf->p + buf->len, 16 << 10, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return buf->len == 0 && got == 0 ? 0 : -1;
		buf->len += got;
		buf->p[buf->len] = '\0';
		if (head == 0)
			head = head_find(buf, body_len);
		if (head < 0)
			return -1;
	}
	return head;
}

static int dial(const struct call *c)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int fd = -1, on = 1;

	if (getaddrinfo(c->host, c->port, &hints, &found) != 0)
		return -1;
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void call_request(struct text *out, const struct call *c, const char *head)
{
	text_add(out, "GET %s HTTP/1.1\r\nhost: %s:%s\r\n", c->path, c->host, c->port);
	for (int i = 0; i < NR_PASSED_ON; i++) {
		size_t n;
		const char *value = header_find(head, passed_on[i], &n);

		if (value)
			text_add(out, "%s: %.*s\r\n", passed_on[i], (int)n, value);
	}
	text_add(out, "\r\n");
}

/*
 * Asks one service over *fd (-1: none yet); a kept connection that the other side has closed
 * meanwhile is dialled again once (all calls are GET). Returns the length of the answer's head in
 * *in, <= 0 when there is no answer.
 */
static ssize_t call_ask(int *fd, const struct call *c, const struct text *req, struct text *in,
			size_t *body_len)
{
	bool kept;

	do {
		ssize_t head = -1;

		kept = *fd >= 0;
		if (!kept)
			*fd = dial(c);
		if (*fd < 0)
			return -1;
		if (send_all(*fd, req->p, req->len) == 0)
			head = message_read(*fd, in, body_len);
		if (head <= 0 || says_close(in->p)) {
			close(*fd);
			*fd = -1;
		}
		if (head > 0)
			return head;
	} while (kept);
	return -1;
}

static void add_call(struct text *out, int *fd, const struct call *c, const char *head)
{
	struct text req = { 0 }, in = { 0 };
	size_t body_len = 0;
	ssize_t n;
	int status = 0;

	call_request(&req, c, head);
	n = call_ask(fd, c, &req, &in, &body_len);
	if (n > 0)
		sscanf(in.p, "HTTP/1.%*d %d", &status);
	text_add(out, "\"%s\":{\"status\":%d,\"body\":", c->host, status);
	if (n > 0 && body_len > 0 && in.p[n] == '{') {
		text_put(out, in.p + n, body_len);
	} else {
		text_add(out, "\"");
		text_json(out, n > 0 ? in.p + n : "", n > 0 ? body_len : 0);
		text_add(out, "\"");
	}
	text_add(out, "}");
	free(req.p);
	free(in.p);
}

static long query_number(const char *target, const char *name, long otherwise)
{
	const char *at = strchr(target, '?');
	size_t n = strlen(name);

	while (at) {
		if (strncmp(at + 1, name, n) == 0 && at[1 + n] == '=')
			return strtol(at + 2 + n, NULL, 10);
		at = strchr(at + 1, '&');
	}
	return otherwise;
}

static void body_make(struct text *out, const struct request *req, int *fds)
{
	const char *sep = "";

	text_add(out, "{\"app\":\"%s\",\"version\":\"%s\",\"pod\":\"%s\",\"method\":\"", app,
		 version, pod);
	text_json(out, req->method, strlen(req->method));
	text_add(out, "\",\"path\":\"");
	text_json(out, req->target, strlen(req->target));
	text_add(out, "\",\"headers\":{");
	for (int i = 0; i < NR_PASSED_ON; i++) {
		size_t n;
		const char *value = header_find(req->head, passed_on[i], &n);

		if (!value)
			continue;
		text_add(out, "%s\"%s\":\"", sep, passed_on[i]);
		text_json(out, value, n);
		text_add(out, "\"");
		sep = ",";
	}
	text_add(out, "},\"data\":%s,\"calls\":{", data);
	for (int i = 0; i < nr_calls; i++) {
		text_add(out, "%s", i ? "," : "");
		add_call(out, &fds[i], &calls[i], req->head);
	}
	text_add(out, "}}\n");
}

static int answer(int fd, const struct request *req, int *fds)
{
	long delay = query_number(req->target, "delay", 0);
	long status = query_number(req->target, "status", 200);
	struct text body = { 0 }, out = { 0 };
	int err;

	if (delay > 0 && delay <= 60000)
		usleep(delay * 1000);
	body_make(&body, req, fds);
	text_add(&out,
		 "HTTP/1.1 %ld %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
		 "x-app-version: %s\r\n%s\r\n",
		 status, status == 200 ? "OK" : "Status", body.len, version,
		 req->close ? "connection: close\r\n" : "");
	if (strcmp(req->method, "HEAD") != 0)
		text_put(&out, body.p, body.len);
	err = send_all(fd, out.p, out.len);
	free(body.p);
	free(out.p);
	return err;
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg, on = 1, fds[MAX_CALLS];
	struct text in = { 0 };
	struct request req;
	size_t body_len;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (int i = 0; i < MAX_CALLS; i++)
		fds[i] = -1;
	do {
		if (message_read(fd, &in, &body_len) <= 0 ||
		    sscanf(in.p, "%15s %2047s HTTP/1.", req.method, req.target) != 2)
			break;
		req.head = in.p;
		req.close = says_close(in.p) || strstr(in.p, " HTTP/1.0\r\n");
	} while (answer(fd, &req, fds) == 0 && !req.close);
	for (int i = 0; i < MAX_CALLS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(in.p);
	close(fd);
	return NULL;
}

static void calls_parse(char *list)
{
	char *save = NULL;

	for (char *one = strtok_r(list, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		char *port = strchr(one, ':'), *path = port ? strchr(port, '/') : NULL;

		if (!path || nr_calls == MAX_CALLS) {
			fprintf(stderr, "CALLS: '%s' is not host:port/path (at most %d)\n", one,
				MAX_CALLS);
			exit(2);
		}
		calls[nr_calls].path = strdup(path);
		*port = *path = '\0';
		calls[nr_calls].host = one;
		calls[nr_calls++].port = port + 1;
	}
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static int listen_on(const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET6,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *at = NULL;
	int fd = -1, on = 1, off = 0;

	if (getaddrinfo(NULL, port, &hints, &at) == 0)
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0 ||
	    bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
		fprintf(stderr, "port %s: %s\n", port, strerror(errno));
		exit(1);
	}
	freeaddrinfo(at);
	return fd;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int fd;

	app = setting("APP", "app");
	version = setting("VERSION", "v1");
	pod = setting("POD_NAME", "");
	data = setting("DATA", "null");
	calls_parse(strdup(setting("CALLS", "")));
	fd = listen_on(setting("PORT", "9080"));
	signal(SIGPIPE, SIG_IGN);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0 && pthread_create(&thread, &attr, serve, (void *)(long)client))
			close(client);
		if (client < 0 && errno != EINTR && errno != ECONNABORTED)
			usleep(1000); /* out of descriptors: wait for one */
	}
}
