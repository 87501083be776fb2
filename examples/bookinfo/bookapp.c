// SPDX-License-Identifier: Apache-2.0
/*
 * bookapp - the four services of the Bookinfo example in one small program.
 *
 *   bookapp productpage|details|reviews|ratings [--port N] [--version V]
 *
 * productpage calls details and reviews, reviews v2 and v3 call ratings. Calls are made by service
 * name over kept-alive connections, and carry the trace and user headers of the request, so that
 * routing by header works behind the first hop. Answers are JSON and say which version and pod
 * made them. One thread a connection: an application, not a proxy.
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
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 16 << 10, BODY_MAX = 64 << 10, STACK = 256 << 10, CALL_TIMEOUT_S = 10 };

static const char *const forwarded[] = {
	"x-request-id",	  "x-b3-traceid", "x-b3-spanid",       "x-b3-parentspanid",  "x-b3-sampled",
	"x-b3-flags",	  "b3",		  "x-ot-span-context", "traceparent",	     "tracestate",
	"grpc-trace-bin", "end-user",	  "user-agent",	       "baggage-user-agent", "baggage",
	"cookie",
};
enum { NR_FORWARDED = sizeof(forwarded) / sizeof(forwarded[0]) };

static const char *role, *version = "v1", *pod;
static const char *port = "9080";

/* One kept-alive connection to a service, owned by a thread. */
struct link {
	const char *host;
	int fd; /* -1: none */
};

struct request {
	char head[HEAD_MAX];
	char *path;
	bool close;
	char carry[HEAD_MAX]; /* the forwarded headers, ready to send */
};

struct text {
	char p[BODY_MAX];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, sizeof(t->p) - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n < sizeof(t->p) - t->n ? (size_t)n : sizeof(t->p) - t->n - 1;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

/* Reads one message head into buf, NUL-terminated; body bytes that came along stay behind it in
 * [*head_len, *have). 1: got one, 0: the peer closed, -1: error or too large. */
static int read_head(int fd, char *buf, size_t cap, size_t *head_len, size_t *have)
{
	for (*have = 0; *have < cap - 1;) {
		ssize_t n = recv(fd, buf + *have, cap - 1 - *have, 0);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return *have || n < 0 ? -1 : 0;
		*have += (size_t)n;
		buf[*have] = 0;
		end = strstr(buf, "\r\n\r\n");
		if (end) {
			*head_len = (size_t)(end - buf) + 4;
			return 1;
		}
	}
	return -1;
}

static const char *header(const char *head, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		for (line += n + 1; *line == ' '; line++)
			;
		*len = strcspn(line, "\r");
		return line;
	}
	return NULL;
}

static long content_length(const char *head)
{
	size_t len;
	const char *v = header(head, "content-length", &len);

	return v ? strtol(v, NULL, 10) : 0;
}

static int dial(const char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct timeval limit = { .tv_sec = CALL_TIMEOUT_S };
	int fd = -1, one = 1;

	if (getaddrinfo(host, port, &hints, &list))
		return -1;
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (connect(fd, a->ai_addr, a->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

static void hang_up(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* One try over an open link. The status, or -1: the link broke. */
static int exchange(struct link *l, const char *path, const char *carry, struct text *body)
{
	static __thread char msg[2 * HEAD_MAX];
	char head[HEAD_MAX + BODY_MAX];
	size_t head_len, have;
	long want;
	int n = snprintf(msg, sizeof(msg), "GET %s HTTP/1.1\r\nhost: %s:%s\r\n%s\r\n", path,
			 l->host, port, carry);

	if (!send_all(l->fd, msg, (size_t)n) ||
	    read_head(l->fd, head, sizeof(head), &head_len, &have) != 1)
		return -1;
	want = content_length(head);
	if (want < 0 || want >= BODY_MAX)
		return -1;
	while (have < head_len + (size_t)want) {
		ssize_t r = recv(l->fd, head + have, sizeof(head) - 1 - have, 0);

		if (r <= 0)
			return -1;
		have += (size_t)r;
	}
	body->n = (size_t)want;
	memcpy(body->p, head + head_len, body->n);
	body->p[body->n] = 0;
	return atoi(head + 9);
}

/* Calls a service; a broken kept-alive link is dialled once more. 0: cannot be reached. */
static int call(struct link *l, const char *path, const char *carry, struct text *body)
{
	for (int try = 0; try < 2; try++) {
		bool fresh = l->fd < 0;
		int status;

		if (fresh)
			l->fd = dial(l->host);
		if (l->fd < 0)
			return 0;
		status = exchange(l, path, carry, body);
		if (status > 0)
			return status;
		hang_up(l);
		if (fresh)
			break;
	}
	return 0;
}

/* "name": what the service answered, or {"error": status} */
static void add_call(struct text *out, const char *name, struct link *l, const char *path,
		     const char *carry)
{
	struct text *body = malloc(sizeof(*body));
	int status = body ? call(l, path, carry, body) : 0;

	if (status == 200)
		add(out, ",\"%s\":%.*s", name, (int)body->n, body->p);
	else
		add(out, ",\"%s\":{\"error\":%d}", name, status);
	free(body);
}

static void answer_reviews(struct text *out, struct link *links, const struct request *r)
{
	static const char *const color[] = { "", "black", "red" };
	int v = version[1] >= '1' && version[1] <= '3' ? version[1] - '1' : 0;

	add(out, ",\"reviews\":[{\"reviewer\":\"Reviewer1\",\"text\":\"A tale of errors.\"},"
		 "{\"reviewer\":\"Reviewer2\",\"text\":\"Comic to the end.\"}]");
	if (v == 0)
		return;
	add(out, ",\"color\":\"%s\"", color[v]);
	add_call(out, "ratings", &links[0], "/ratings/0", r->carry);
}

static int answer(struct text *out, struct link *links, const struct request *r)
{
	out->n = 0;
	if (!strcmp(r->path, "/health")) {
		add(out, "{\"status\":\"ok\"}");
		return 200;
	}
	add(out, "{\"service\":\"%s\",\"version\":\"%s\",\"pod\":\"%s\"", role, version, pod);
	if (!strcmp(role, "details"))
		add(out, ",\"author\":\"William Shakespeare\",\"year\":1595,\"pages\":200");
	else if (!strcmp(role, "ratings"))
		add(out, ",\"ratings\":{\"Reviewer1\":5,\"Reviewer2\":4}");
	else if (!strcmp(role, "reviews"))
		answer_reviews(out, links, r);
	else {
		add_call(out, "details", &links[0], "/details/0", r->carry);
		add_call(out, "reviews", &links[1], "/reviews/0", r->carry);
	}
	add(out, "}");
	return 200;
}

static void collect_carry(struct request *r)
{
	size_t n = 0;

	r->carry[0] = 0;
	for (int i = 0; i < NR_FORWARDED; i++) {
		size_t len;
		const char *v = header(r->head, forwarded[i], &len);

		if (v && n + len + 64 < sizeof(r->carry))
			n += (size_t)snprintf(r->carry + n, sizeof(r->carry) - n, "%s: %.*s\r\n",
					      forwarded[i], (int)len, v);
	}
}

/* 1: a request, 0: the client left, -1: refused (the connection ends) */
static int read_request(int fd, struct request *r)
{
	size_t head_len, have, len;
	int got = read_head(fd, r->head, sizeof(r->head), &head_len, &have);
	const char *connection;
	char *end, drop[4096];
	long left;

	if (got != 1)
		return got;
	r->path = strchr(r->head, ' ');
	end = r->path ? strpbrk(r->path + 1, " ?") : NULL;
	if (!end)
		return -1;
	collect_carry(r);
	connection = header(r->head, "connection", &len);
	r->close = (connection && !strncasecmp(connection, "close", 5)) ||
		   strstr(r->head, " HTTP/1.0\r\n");
	for (left = content_length(r->head) - (long)(have - head_len); left > 0;) {
		ssize_t n = recv(fd, drop,
				 sizeof(drop) < (size_t)left ? sizeof(drop) : (size_t)left, 0);

		if (n <= 0)
			return -1;
		left -= n;
	}
	r->path++;
	*end = 0;
	return 1;
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	struct link links[2] = { { !strcmp(role, "productpage") ? "details" : "ratings", -1 },
				 { "reviews", -1 } };
	struct request *r = malloc(sizeof(*r));
	struct text *out = malloc(sizeof(*out));
	char head[256];

	while (r && out && read_request(fd, r) == 1) {
		int status = answer(out, links, r);
		int n = snprintf(head, sizeof(head),
				 "HTTP/1.1 %d OK\r\ncontent-type: application/json\r\n"
				 "content-length: %zu\r\nx-app: %s-%s\r\n%s\r\n",
				 status, out->n, role, version,
				 r->close ? "connection: close\r\n" : "");

		if (!send_all(fd, head, (size_t)n) || !send_all(fd, out->p, out->n) || r->close)
			break;
	}
	hang_up(&links[0]);
	hang_up(&links[1]);
	free(r);
	free(out);
	close(fd);
	return NULL;
}

static int listen_on(const char *at)
{
	struct addrinfo hints = { .ai_family = AF_INET6,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *a;
	int fd, one = 1, zero = 0;

	if (getaddrinfo(NULL, at, &hints, &a))
		return -1;
	fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 1024)) {
		freeaddrinfo(a);
		return -1;
	}
	freeaddrinfo(a);
	return fd;
}

static bool read_options(int argc, char **argv)
{
	static const char *const roles[] = { "productpage", "details", "reviews", "ratings" };
	bool known = false;

	for (int i = 0; argc > 1 && i < 4; i++)
		known |= !strcmp(argv[1], roles[i]);
	if (!known)
		return false;
	role = argv[1];
	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--port"))
			port = argv[i + 1];
		else if (!strcmp(argv[i], "--version"))
			version = argv[i + 1];
		else
			return false;
	}
	return argc % 2 == 0;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	int ln;

	if (!read_options(argc, argv)) {
		fprintf(stderr, "usage: bookapp productpage|details|reviews|ratings [--port N] "
				"[--version V]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	pod = getenv("POD_NAME") ? getenv("POD_NAME") : "";
	ln = listen_on(port);
	if (ln < 0) {
		fprintf(stderr, "bookapp: cannot listen on port %s: %s\n", port, strerror(errno));
		return 1;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	for (;;) {
		int one = 1, fd = accept4(ln, NULL, NULL, SOCK_CLOEXEC);
		pthread_t t;

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&t, &attr, serve, (void *)(long)fd))
			close(fd);
	}
}
