// SPDX-License-Identifier: Apache-2.0
/* One worker, one scripted upstream: what a client sees of HTTP/1 through the proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/peers.h"
#include "tests/lib/proxy_rig.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define OK5	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct scene {
	struct rig *rig;
	int listener; /* of the upstream */
	uint16_t port;
	int client;
};

/* "/" goes to the upstream; /none: subset not defined; /empty: no endpoint; /dead: refuses;
 * /soon: 300 ms timeout; host "other": no route. */
static struct image_make *image(uint16_t port)
{
	static const struct {
		const char *path;
		int cluster;
		uint32_t timeout_ms;
	} routes[] = { { "/none", -1, 0 },
		       { "/empty", 1, 0 },
		       { "/dead", 2, 0 },
		       { "/soon", 0, 300 },
		       { "/", 0, 0 } };
	struct image_make *m = image_make_new();
	uint32_t up = im_endpoint(m, "127.0.0.1", port), dead = im_endpoint(m, "127.0.0.1", 1);
	uint32_t clusters[3], v, n = sizeof(routes) / sizeof(routes[0]);

	clusters[0] = im_cluster(m, "outbound|80||web", &up, 1);
	clusters[1] = im_cluster(m, "outbound|80|empty|web", NULL, 0);
	clusters[2] = im_cluster(m, "outbound|80|dead|web", &dead, 1);
	for (uint32_t i = 0; i < n; i++) {
		int c = routes[i].cluster;
		uint32_t r;

		im_matcher(m, SUBJECT_PATH, OP_PREFIX, "", routes[i].path);
		im_target(m, c < 0 ? (uint32_t)IMAGE_NONE : clusters[c], 1);
		r = im_route(m, 1, 1);
		((struct image_route *)im_at(m, IMAGE_routes, r))->timeout_ms =
			routes[i].timeout_ms;
	}
	v = im_vhost(m, "web:80", n);
	im_domain(m, DOMAIN_EXACT, "web", v);
	im_listener_http(m, 80, im_table(m, 80, 1));
	return m;
}

static int setup(void **state)
{
	struct sock_addr dst = { { .w = { 0, 0, htonl(0xffff), htonl(0x0a600001) } }, 80 };
	struct scene *s = calloc(1, sizeof(*s));

	signal(SIGPIPE, SIG_IGN);
	s->listener = peer_listen(&s->port);
	s->rig = rig_start(1, 0, &dst);
	rig_image(s->rig, image(s->port));
	s->client = peer_connect(rig_port(s->rig));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	close(s->client);
	close(s->listener);
	rig_stop(s->rig);
	free(s);
	return 0;
}

/* The client asks, the upstream sees the request. */
static int ask(struct scene *s, const char *request)
{
	int up;

	peer_send(s->client, request);
	up = peer_accept(s->listener);
	peer_until(up, "\r\n\r\n");
	return up;
}

static void requests_of_a_client_share_an_upstream_connection(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/a"));
	const char *seen;

	peer_send(up, OK5);
	seen = peer_until(s->client, "hello");
	assert_non_null(strstr(seen, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(seen, "server: envoy\r\n"));
	assert_non_null(strstr(seen, "x-envoy-upstream-service-time: "));
	assert_null(strstr(seen, "connection:"));
	peer_send(s->client, GET("/b"));
	seen = peer_until(up, "\r\n\r\n");
	assert_non_null(strstr(seen, "GET /b HTTP/1.1\r\n"));
	assert_non_null(strstr(seen, "host: web\r\n"));
	assert_non_null(strstr(seen, "x-request-id: "));
	assert_non_null(strstr(seen, "x-forwarded-proto: http\r\n"));
	peer_send(up, OK5);
	peer_until(s->client, "hello");
	assert_true(peer_nobody(s->listener));
	close(up);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/one") GET("/empty") GET("/two"));

	assert_true(peer_silent(up)); /* the next only after the answer to this one */
	peer_send(up, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	peer_until(s->client, "one");
	assert_non_null(strstr(peer_until(s->client, "no healthy upstream"), "503"));
	assert_non_null(strstr(peer_until(up, "\r\n\r\n"), "GET /two "));
	peer_send(up, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	peer_until(s->client, "two");
	close(up);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	struct scene *s = *state;
	const char *request = "POST /slow HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc";
	int up;

	for (const char *p = request; *p; p++) {
		peer_send_n(s->client, p, 1);
		usleep(200);
	}
	up = peer_accept(s->listener);
	peer_until(up, "\r\n\r\nabc");
	for (const char *p = OK5; *p; p++) {
		peer_send_n(up, p, 1);
		usleep(200);
	}
	peer_until(s->client, "hello");
	close(up);
}

static void chunked_bodies_pass_both_ways_without_extensions(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "POST /c HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n");

	peer_send(s->client, "3;name=\"v;\"\r\nabc\r\n4;x");
	assert_string_equal(peer_until(up, "abc\r\n4"), "3\r\nabc\r\n4");
	peer_send(s->client, "=y\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
	assert_string_equal(peer_until(up, "\r\n\r\n"), "\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
	peer_send(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "2;a=b\r\nhi\r\n0\r\nT: 1\r\n\r\n");
	assert_non_null(strstr(peer_until(s->client, "\r\n\r\n"), "transfer-encoding: chunked"));
	assert_string_equal(peer_until(s->client, "\r\n\r\n"), "2\r\nhi\r\n0\r\nT: 1\r\n\r\n");
	peer_send(s->client, GET("/next"));
	peer_until(up, "GET /next ");
	close(up);
}

static void a_malformed_chunk_ends_both_connections(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "POST /c HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n");

	peer_send(s->client, "zz\r\n");
	assert_non_null(strstr(peer_until(s->client, "\r\n\r\n"), "HTTP/1.1 400 "));
	assert_true(peer_ended(up));
	assert_int_equal(rig_counted(s->rig, PREASON_bad_request), 1);
	close(up);
}

static void expect_100_continue_is_the_servers_to_answer(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\n"
			"Content-Length: 4\r\n\r\n");

	assert_true(peer_silent(s->client));
	peer_send(up, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(peer_until(s->client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
	peer_send(s->client, "data");
	peer_until(up, "data");
	peer_send(up, OK5);
	peer_until(s->client, "hello");
	close(up);
}

static void an_answer_to_head_has_a_length_and_no_body(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "HEAD / HTTP/1.1\r\nHost: web\r\n\r\n");

	peer_send(up, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	assert_non_null(strstr(peer_until(s->client, "\r\n\r\n"), "content-length: 1000"));
	peer_send(s->client, GET("/next"));
	peer_until(up, "GET /next ");
	peer_send(up, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
	peer_until(s->client, "\r\n\r\n");
	peer_send(s->client, GET("/last"));
	peer_until(up, "GET /last ");
	close(up);
}

static void hop_by_hop_headers_stay_on_their_hop(void **state)
{
	struct scene *s = *state;
	const char *seen;
	int up;

	peer_send(s->client, "GET http://web/abs?q=1 HTTP/1.1\r\nHost: web\r\n"
			     "Connection: keep-alive, x-mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
			     "X-Yours: 2\r\n\r\n");
	up = peer_accept(s->listener);
	seen = peer_until(up, "\r\n\r\n");
	assert_non_null(strstr(seen, "GET /abs?q=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(seen, "host: web\r\n"));
	assert_non_null(strstr(seen, "x-yours: 2\r\n"));
	assert_null(strstr(seen, "x-mine"));
	assert_null(strstr(seen, "keep-alive"));
	peer_send(up, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	assert_null(strstr(peer_until(s->client, "\r\n\r\n"), "connection:"));
	assert_true(peer_ended(up)); /* it said close: not pooled */
	close(up);
}

static void paths_are_routed_and_forwarded_in_canonical_form(void **state)
{
	struct scene *s = *state;
	int up;

	peer_send(s->client, GET("/x/../empty"));
	assert_non_null(strstr(peer_until(s->client, "no healthy upstream"), "503"));
	peer_send(s->client, GET("/a/./b/../c?k=../v"));
	up = peer_accept(s->listener);
	assert_non_null(strstr(peer_until(up, "\r\n\r\n"), "GET /a/c?k=../v HTTP/1.1\r\n"));
	close(up);
}

static void http_1_0_clients_get_plain_bodies(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "GET / HTTP/1.0\r\nHost: web\r\n\r\n");
	const char *seen;

	peer_send(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
	seen = peer_until(s->client, "\r\n\r\n");
	assert_null(strstr(seen, "transfer-encoding"));
	assert_non_null(strstr(seen, "connection: close\r\n"));
	assert_string_equal(peer_until(s->client, "world"), "hello world");
	assert_true(peer_ended(s->client));
	close(up);
}

static void http_1_0_keep_alive_is_kept(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n");

	peer_send(up, OK5);
	assert_non_null(strstr(peer_until(s->client, "hello"), "connection: keep-alive\r\n"));
	peer_send(s->client, "GET /2 HTTP/1.0\r\nHost: web\r\n\r\n");
	peer_until(up, "GET /2 HTTP/1.1\r\n");
	close(up);
}

static void a_body_up_to_the_end_of_the_connection_ends_it(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	peer_send(up, "HTTP/1.0 200 OK\r\n\r\nall of it");
	close(up);
	assert_non_null(strstr(peer_until(s->client, "all of it"), "connection: close\r\n"));
	assert_true(peer_ended(s->client));
}

static void an_upgrade_becomes_a_tunnel(void **state)
{
	struct scene *s = *state;
	const char *seen;
	int up;

	peer_send(s->client, "GET /ws HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\n"
			     "Upgrade: websocket\r\n\r\nearly");
	up = peer_accept(s->listener);
	seen = peer_until(up, "\r\n\r\n");
	assert_non_null(strstr(seen, "connection: upgrade\r\n"));
	assert_non_null(strstr(seen, "upgrade: websocket\r\n"));
	peer_send(up, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\n\r\nfirst");
	seen = peer_until(s->client, "first");
	assert_non_null(strstr(seen, "upgrade: websocket\r\n"));
	peer_until(up, "early");
	peer_send(s->client, "\x01\x02ping");
	peer_until(up, "\x01\x02ping");
	shutdown(s->client, SHUT_WR);
	assert_true(peer_ended(up));
	peer_send(up, "last words");
	peer_until(s->client, "last words");
	close(up);
	assert_true(peer_ended(s->client));
}

static void a_refused_upgrade_is_an_ordinary_answer(void **state)
{
	struct scene *s = *state;
	int up = ask(s, "GET /ws HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\n"
			"Upgrade: websocket\r\n\r\n");

	peer_send(up, OK5);
	peer_until(s->client, "hello");
	peer_send(s->client, GET("/next"));
	peer_until(up, "GET /next ");
	close(up);
}

static void answers_of_our_own_follow_the_response_matrix(void **state)
{
	static const struct {
		const char *request, *status, *body;
		enum proxy_reason reason;
	} rows[] = {
		{ GET("/none"), "503 Service Unavailable", "content-length: 0\r\n",
		  PREASON_cluster_missing },
		{ GET("/empty"), "503 Service Unavailable", "no healthy upstream",
		  PREASON_no_healthy },
		{ GET("/dead"), "503 Service Unavailable",
		  "reset reason: remote connection failure", PREASON_connect_failed },
		{ "GET / HTTP/1.1\r\nHost: other\r\n\r\n", "404 Not Found", "content-length: 0\r\n",
		  PREASON_no_route },
		{ "CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n", "404 Not Found",
		  "content-length: 0\r\n", PREASON_no_route },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = rig_counted(s->rig, rows[i].reason);
		int client = peer_connect(rig_port(s->rig));

		peer_send(client, rows[i].request);
		assert_non_null(strstr(peer_until(client, rows[i].body), rows[i].status));
		assert_int_equal(rig_counted(s->rig, rows[i].reason), before + 1);
		close(client);
	}
}

static void what_is_not_http_is_refused_and_closed(void **state)
{
	static const struct {
		const char *request, *status;
	} rows[] = {
		{ "\x16\x03\x01\x02 hello there\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  "HTTP/1.1 400 " },
		{ "GET / HTTP/3.0\r\nHost: web\r\n\r\n", "HTTP/1.1 505 " },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int client = peer_connect(rig_port(s->rig));

		peer_send(client, rows[i].request);
		assert_non_null(strstr(peer_until(client, "\r\n\r\n"), rows[i].status));
		peer_drain(client);
		close(client);
	}
	assert_true(peer_nobody(s->listener));
}

static void a_head_may_have_60_kib_and_not_more(void **state)
{
	struct scene *s = *state;
	static char value[32 << 10];
	char head[128];
	int up;

	memset(value, 'v', sizeof(value));
	for (int big = 0; big < 2; big++) {
		int client = peer_connect(rig_port(s->rig));

		peer_send(client, "GET / HTTP/1.1\r\nHost: web\r\nA: ");
		peer_send_n(client, value, sizeof(value));
		peer_send(client, "\r\nB: ");
		peer_send_n(client, value, big ? sizeof(value) : 20 << 10);
		if (big) {
			assert_non_null(strstr(peer_until(client, "\r\n\r\n"), " 431 "));
			close(client);
			break;
		}
		peer_send(client, "\r\n\r\n");
		up = peer_accept(s->listener);
		peer_until(up, "\r\n\r\n");
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ");
		peer_send(up, head);
		peer_send_n(up, value, sizeof(value));
		peer_send(up, "\r\n\r\n");
		peer_until(client, "\r\n\r\n");
		close(up);
		close(client);
	}
}

static void an_upstream_that_speaks_no_http_is_502(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	peer_send(up, "SSH-2.0-OpenSSH\r\n\r\n");
	assert_non_null(strstr(peer_until(s->client, "protocol error"), "502 Bad Gateway"));
	assert_true(peer_ended(up));
	assert_int_equal(rig_counted(s->rig, PREASON_upstream_protocol), 1);
	close(up);
}

static void an_upstream_that_closes_without_an_answer_is_503(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	close(up);
	assert_non_null(strstr(peer_until(s->client, "connection termination"), "503"));
	assert_int_equal(rig_counted(s->rig, PREASON_upstream_closed), 1);
	/* the client's connection is fine */
	up = ask(s, GET("/again"));
	peer_send(up, OK5);
	peer_until(s->client, "hello");
	close(up);
}

static void a_kept_connection_that_dies_is_replaced_unseen(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/")), fresh;

	peer_send(up, OK5);
	peer_until(s->client, "hello");
	peer_send(s->client, GET("/race"));
	peer_until(up, "GET /race ");
	close(up); /* died as the request came: unread bytes, so a reset */
	fresh = peer_accept(s->listener);
	peer_until(fresh, "GET /race ");
	peer_send(fresh, OK5);
	assert_non_null(strstr(peer_until(s->client, "hello"), "200 OK"));
	close(fresh);
}

static void a_post_is_never_sent_twice(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	peer_send(up, OK5);
	peer_until(s->client, "hello");
	peer_send(s->client, "POST /once HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nhi");
	peer_until(up, "hi");
	close(up);
	assert_non_null(strstr(peer_until(s->client, "connection termination"), "503"));
	assert_true(peer_nobody(s->listener));
}

static void half_an_answer_breaks_the_connection(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	peer_send(up, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	peer_until(s->client, "half");
	close(up);
	assert_true(peer_was_reset(s->client));
}

static void a_route_timeout_is_504(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/soon"));

	assert_non_null(strstr(peer_until(s->client, "upstream request timeout"), "504"));
	assert_true(peer_ended(up));
	assert_int_equal(rig_counted(s->rig, PREASON_route_timeout), 1);
	close(up);
}

static void a_client_that_goes_away_takes_its_upstream_along(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/silent"));

	close(s->client);
	assert_true(peer_ended(up));
	s->client = peer_connect(rig_port(s->rig));
	assert_int_equal(rig_counted(s->rig, PREASON_downstream_closed), 1);
	close(up);
}

static void a_client_that_only_ended_its_direction_gets_its_answer(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	shutdown(s->client, SHUT_WR);
	usleep(100000);
	peer_send(up, OK5);
	peer_until(s->client, "hello");
	assert_true(peer_ended(s->client));
	close(up);
}

static void a_slow_reader_gets_everything_and_little_is_buffered(void **state)
{
	enum { BODY = 32 << 20 };
	struct scene *s = *state;
	int up = ask(s, GET("/big")), flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	static char block[1 << 16];
	size_t sent = 0, got;
	char head[96];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
	peer_send(up, head);
	for (int quiet = 0; quiet < 20; quiet++) { /* until nobody takes any more */
		ssize_t n = send(up, block, sizeof(block), flags);

		if (n > 0) {
			sent += (size_t)n;
			quiet = 0;
		} else {
			usleep(5000);
		}
	}
	assert_in_range(sent, 1, BODY - 1);
	peer_until(s->client, "\r\n\r\n");
	if (!fork()) {
		for (; sent < BODY; sent += sizeof(block))
			peer_send_n(up, block,
				    BODY - sent < sizeof(block) ? BODY - sent : sizeof(block));
		_exit(0);
	}
	close(up);
	for (got = 0; got < BODY;) {
		char bytes[1 << 16];
		ssize_t n = recv(s->client, bytes, sizeof(bytes), 0);

		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(got, BODY);
}

static void stopping_ends_kept_connections_gently(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/"));

	peer_send(up, OK5);
	peer_until(s->client, "hello");
	rig_order_stop(s->rig);
	usleep(50000);
	assert_false(rig_ended(s->rig));
	peer_send(s->client, GET("/last"));
	peer_until(up, "GET /last ");
	peer_send(up, OK5);
	assert_non_null(strstr(peer_until(s->client, "hello"), "connection: close\r\n"));
	assert_true(peer_ended(s->client));
	close(s->client);
	for (int i = 0; i < 100 && !rig_ended(s->rig); i++)
		usleep(10000);
	assert_true(rig_ended(s->rig));
	s->client = -1;
	close(up);
}

static void a_new_image_serves_the_next_request_of_an_open_connection(void **state)
{
	struct scene *s = *state;
	int up = ask(s, GET("/")), other, old = up;
	uint16_t port;
	int listener = peer_listen(&port);

	rig_image(s->rig, image(port)); /* while the request is in flight */
	peer_send(up, OK5);
	peer_until(s->client, "hello");
	/* the old endpoint is in no image any more: its connection is not kept */
	assert_true(peer_ended(old));
	peer_send(s->client, GET("/new"));
	other = peer_accept(listener);
	peer_until(other, "GET /new ");
	close(other);
	close(old);
	close(listener);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_of_a_client_share_an_upstream_connection),
		T(pipelined_requests_are_answered_in_order),
		T(a_request_may_come_byte_by_byte),
		T(chunked_bodies_pass_both_ways_without_extensions),
		T(a_malformed_chunk_ends_both_connections),
		T(expect_100_continue_is_the_servers_to_answer),
		T(an_answer_to_head_has_a_length_and_no_body),
		T(hop_by_hop_headers_stay_on_their_hop),
		T(paths_are_routed_and_forwarded_in_canonical_form),
		T(http_1_0_clients_get_plain_bodies),
		T(http_1_0_keep_alive_is_kept),
		T(a_body_up_to_the_end_of_the_connection_ends_it),
		T(an_upgrade_becomes_a_tunnel),
		T(a_refused_upgrade_is_an_ordinary_answer),
		T(answers_of_our_own_follow_the_response_matrix),
		T(what_is_not_http_is_refused_and_closed),
		T(a_head_may_have_60_kib_and_not_more),
		T(an_upstream_that_speaks_no_http_is_502),
		T(an_upstream_that_closes_without_an_answer_is_503),
		T(a_kept_connection_that_dies_is_replaced_unseen),
		T(a_post_is_never_sent_twice),
		T(half_an_answer_breaks_the_connection),
		T(a_route_timeout_is_504),
		T(a_client_that_goes_away_takes_its_upstream_along),
		T(a_client_that_only_ended_its_direction_gets_its_answer),
		T(a_slow_reader_gets_everything_and_little_is_buffered),
		T(stopping_ends_kept_connections_gently),
		T(a_new_image_serves_the_next_request_of_an_open_connection),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
