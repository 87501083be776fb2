// SPDX-License-Identifier: Apache-2.0
/* Connection pool limits and outlier detection (mesh-api 20.5, 3.6), over real sockets and with
 * several workers: which worker a client gets must not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/peers.h"
#include "tests/lib/proxy_rig.h"

#define GET  "GET / HTTP/1.1\r\nHost: web\r\n\r\n"
#define OK2  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define FAIL "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno"

enum { WORKERS = 4, CLIENTS = 12 };

static const struct sock_addr dialled = { { .w = { 0, 0, 0xffff0000u, 0x0100600au } }, 80 };

static struct image_make *image(uint16_t port, void (*set)(struct image_cluster *c))
{
	struct image_make *m = image_make_new();
	uint32_t e = im_endpoint(m, "127.0.0.1", port);

	im_target(m, im_cluster(m, "outbound|80||web", &e, 1), 1);
	set(im_cluster_at(m, 0));
	im_route(m, 0, 1);
	im_domain(m, DOMAIN_ANY, "*", im_vhost(m, "web:80", 1));
	im_listener_http(m, 80, im_table(m, 80, 1));
	return m;
}

static struct rig *start(unsigned int workers, uint16_t port, void (*set)(struct image_cluster *c))
{
	struct rig *r = rig_start(workers, 0, &dialled);

	signal(SIGPIPE, SIG_IGN);
	rig_image(r, image(port, set));
	return r;
}

static int ask(const struct rig *r)
{
	int client = peer_connect(rig_port(r));

	peer_send(client, GET);
	return client;
}

static void one_connection_one_waiting(struct image_cluster *c)
{
	c->max_connections = 1;
	c->max_pending = 1;
}

static void of_three_requests_one_is_served_one_waits_one_is_refused(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), clients[3], up, refused = 0, served = 0;
	struct rig *r = start(WORKERS, port, one_connection_one_waiting);

	for (int i = 0; i < 3; i++)
		clients[i] = ask(r);
	up = peer_accept(listener);
	peer_until(up, "\r\n\r\n");
	assert_true(peer_nobody(listener));
	for (int i = 0; i < 3; i++) {
		if (peer_silent(clients[i]))
			continue;
		refused++;
		assert_non_null(
			strstr(peer_until(clients[i], "overflow"), "x-envoy-overloaded: true\r\n"));
	}
	assert_int_equal(refused, 1);
	peer_send(up, OK2);
	/* the one that waits gets the connection, or its place when another worker has it */
	for (int i = 0; i < 3; i++)
		served += !peer_silent(clients[i]) && strstr(peer_until(clients[i], "ok"), "200");
	assert_int_equal(served, 1);
	assert_int_equal(rig_counted(r, PREASON_overflow), 1);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	close(up);
	close(listener);
	rig_stop(r);
}

static void one_connection_many_waiting(struct image_cluster *c)
{
	c->max_connections = 1;
}

/* Serves requests on one connection after the other until nobody comes; the number of requests. */
static int serve_all(int listener, int *most_at_once)
{
	int served = 0, open = 0;

	while (!peer_nobody(listener)) {
		int up = peer_accept(listener);

		open = 1;
		while (!peer_silent(up)) {
			if (peer_ended(up))
				break;
			peer_until(up, "\r\n\r\n");
			if (!peer_nobody(listener))
				open = 2; /* a second connection while this one is at work */
			peer_send(up, OK2);
			served++;
		}
		close(up);
		if (open > *most_at_once)
			*most_at_once = open;
	}
	return served;
}

static void a_place_is_handed_from_worker_to_worker(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), clients[CLIENTS], most = 0;
	struct rig *r = start(WORKERS, port, one_connection_many_waiting);

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = ask(r);
	assert_int_equal(serve_all(listener, &most), CLIENTS);
	assert_int_equal(most, 1);
	for (int i = 0; i < CLIENTS; i++) {
		peer_until(clients[i], "ok");
		close(clients[i]);
	}
	close(listener);
	rig_stop(r);
}

static void a_kept_connection_is_given_up_for_another_worker(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), first, up;
	struct rig *r = start(WORKERS, port, one_connection_many_waiting);

	first = ask(r);
	up = peer_accept(listener);
	peer_until(up, "\r\n\r\n");
	peer_send(up, OK2);
	peer_until(first, "ok");
	/* idle now in one worker; the next clients land on any */
	for (int i = 0; i < CLIENTS; i++) {
		int client = ask(r), next;

		if (!peer_nobody(listener)) { /* another worker: a connection of its own */
			next = peer_accept(listener);
			assert_true(peer_ended(up)); /* and never two at once */
			close(up);
			up = next;
		}
		peer_until(up, "\r\n\r\n");
		peer_send(up, OK2);
		peer_until(client, "ok");
		close(client);
	}
	close(first);
	close(up);
	close(listener);
	rig_stop(r);
}

static void no_limit(struct image_cluster *c)
{
}

static void a_lower_limit_counts_for_connections_that_are_there(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), clients[3], ups[3], up;
	struct rig *r = start(1, port, no_limit);

	for (int i = 0; i < 3; i++) {
		clients[i] = ask(r);
		ups[i] = peer_accept(listener);
		peer_until(ups[i], "\r\n\r\n");
	}
	for (int i = 0; i < 3; i++) {
		peer_send(ups[i], OK2);
		peer_until(clients[i], "ok");
	}
	rig_image(r, image(port, one_connection_many_waiting)); /* three are idle, one may be */
	for (int i = 0; i < 3; i++)
		peer_send(clients[i], GET);
	assert_true(peer_ended(ups[0]) && peer_ended(ups[1])); /* last used, last kept */
	for (int i = 0; i < 3; i++) {
		up = ups[2];
		peer_until(up, "\r\n\r\n");
		assert_true(peer_silent(up) && peer_nobody(listener));
		peer_send(up, OK2);
	}
	for (int i = 0; i < 3; i++) {
		peer_until(clients[i], "ok");
		close(clients[i]);
		close(ups[i]);
	}
	close(listener);
	rig_stop(r);
}

static void idle_connections_of_other_workers_make_room_when_a_limit_comes(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), clients[CLIENTS], ups[CLIENTS], most = 0;
	struct rig *r = start(WORKERS, port, no_limit);

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = ask(r);
		ups[i] = peer_accept(listener);
		peer_until(ups[i], "\r\n\r\n");
	}
	for (int i = 0; i < CLIENTS; i++) {
		peer_send(ups[i], OK2);
		peer_until(clients[i], "ok");
	}
	rig_image(r, image(port, one_connection_many_waiting));
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	clients[0] = ask(r);
	for (int i = 0; i < CLIENTS; i++) {
		if (peer_silent(ups[i]))
			continue;
		if (!peer_ended(ups[i])) {
			peer_until(ups[i], "\r\n\r\n");
			peer_send(ups[i], OK2);
			most++;
		}
	}
	if (!most)
		serve_all(listener, &most);
	peer_until(clients[0], "ok");
	for (int i = 0; i < CLIENTS; i++)
		close(ups[i]);
	close(clients[0]);
	close(listener);
	rig_stop(r);
}

static void a_client_that_waits_and_leaves_frees_its_place_in_the_queue(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), busy, waiting, up;
	struct rig *r = start(WORKERS, port, one_connection_one_waiting);

	busy = ask(r);
	up = peer_accept(listener);
	peer_until(up, "\r\n\r\n");
	waiting = ask(r);
	assert_true(peer_silent(waiting));
	close(waiting);
	usleep(1300 * 1000); /* CLIENT_GONE_MS */
	waiting = ask(r);
	assert_true(peer_silent(waiting)); /* not refused */
	peer_send(up, OK2);
	peer_until(busy, "ok");
	close(busy);
	close(up);
	up = peer_accept(listener);
	peer_until(up, "\r\n\r\n");
	peer_send(up, OK2);
	peer_until(waiting, "ok");
	close(waiting);
	close(up);
	close(listener);
	rig_stop(r);
}

static void two_requests(struct image_cluster *c)
{
	c->max_requests = 2;
}

static void http2_max_requests_bounds_what_is_in_flight(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), a, b, c, up;
	struct rig *r = start(WORKERS, port, two_requests);

	a = ask(r);
	up = peer_accept(listener);
	b = ask(r);
	close(peer_accept(listener)); /* b ends with 503, that place is free again */
	assert_non_null(strstr(peer_until(b, "termination"), "503"));
	close(b);
	b = ask(r);
	close(peer_accept(listener));
	peer_until(b, "termination");
	c = ask(r);
	assert_true(peer_silent(c));
	close(b);
	b = ask(r);
	assert_non_null(strstr(peer_until(b, "overflow"), "503"));
	close(a);
	close(b);
	close(c);
	close(up);
	close(listener);
	rig_stop(r);
}

static void one_request_each(struct image_cluster *c)
{
	c->max_requests_per_connection = 1;
}

static void max_requests_per_connection_1_means_no_keep_alive(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), client, up;
	struct rig *r = start(1, port, one_request_each);

	client = peer_connect(rig_port(r));
	for (int i = 0; i < 3; i++) {
		peer_send(client, GET);
		up = peer_accept(listener);
		peer_until(up, "\r\n\r\n");
		peer_send(up, OK2);
		peer_until(client, "ok");
		assert_true(peer_ended(up));
		close(up);
	}
	close(client);
	close(listener);
	rig_stop(r);
}

static void short_idle(struct image_cluster *c)
{
	c->idle_timeout_ms = 100;
}

static void an_idle_connection_is_closed_in_time(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), client, up;
	struct rig *r = start(1, port, short_idle);

	client = ask(r);
	up = peer_accept(listener);
	peer_until(up, "\r\n\r\n");
	peer_send(up, OK2);
	peer_until(client, "ok");
	assert_true(peer_ended(up));
	close(client);
	close(up);
	close(listener);
	rig_stop(r);
}

static void idle_connections_are_given_up_when_descriptors_run_out(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), clients[3], ups[3], up;
	struct rig *r = start(1, port, no_limit);
	struct rlimit was, tight;

	for (int i = 0; i < 3; i++) {
		clients[i] = ask(r);
		ups[i] = peer_accept(listener);
		peer_until(ups[i], "\r\n\r\n");
	}
	for (int i = 0; i < 3; i++) {
		peer_send(ups[i], OK2);
		peer_until(clients[i], "ok");
	}
	/* three idle upstreams; the next client needs a descriptor and there is none */
	up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	getrlimit(RLIMIT_NOFILE, &was);
	tight = was;
	tight.rlim_cur = (rlim_t)up + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	assert_int_equal(peer_dial(up, rig_port(r)), 0);
	peer_send(up, GET);
	assert_true(peer_ended(ups[0])); /* the oldest one made room */
	setrlimit(RLIMIT_NOFILE, &was);
	peer_until(ups[2], "\r\n\r\n");
	peer_send(ups[2], OK2);
	peer_until(up, "ok");
	for (int i = 0; i < 3; i++) {
		close(clients[i]);
		close(ups[i]);
	}
	close(up);
	close(listener);
	rig_stop(r);
}

static void ejected_after_two(struct image_cluster *c)
{
	c->outlier = 1;
	c->consecutive_5xx = 2;
	c->outlier_interval_ms = 50;
	c->base_ejection_ms = 200;
	c->max_ejection_percent = 100;
}

static void an_endpoint_that_fails_is_taken_out_and_comes_back(void **state)
{
	uint16_t port;
	int listener = peer_listen(&port), client, up;
	struct rig *r = start(1, port, ejected_after_two);
	uint64_t id, next;

	client = ask(r);
	up = peer_accept(listener);
	for (int i = 0; i < 2; i++) {
		peer_until(up, "\r\n\r\n");
		peer_send(up, FAIL);
		peer_until(client, "no");
		if (!i)
			peer_send(client, GET);
	}
	assert_int_equal(fleets_ejected(rig_proxy(r)->fleets, &id, 1), 1);
	peer_send(client, GET);
	peer_until(client, "no healthy upstream");
	usleep(300 * 1000);
	for (int i = 0; i < 10 && fleets_ejected(rig_proxy(r)->fleets, &id, 1); i++) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		fleets_sweep(rig_proxy(r)->fleets,
			     (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, &next);
		usleep(60 * 1000);
	}
	peer_send(client, GET);
	peer_until(up, "\r\n\r\n");
	peer_send(up, OK2);
	peer_until(client, "ok");
	close(client);
	close(up);
	close(listener);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_three_requests_one_is_served_one_waits_one_is_refused),
		cmocka_unit_test(a_place_is_handed_from_worker_to_worker),
		cmocka_unit_test(a_kept_connection_is_given_up_for_another_worker),
		cmocka_unit_test(a_lower_limit_counts_for_connections_that_are_there),
		cmocka_unit_test(idle_connections_of_other_workers_make_room_when_a_limit_comes),
		cmocka_unit_test(a_client_that_waits_and_leaves_frees_its_place_in_the_queue),
		cmocka_unit_test(http2_max_requests_bounds_what_is_in_flight),
		cmocka_unit_test(max_requests_per_connection_1_means_no_keep_alive),
		cmocka_unit_test(an_idle_connection_is_closed_in_time),
		cmocka_unit_test(idle_connections_are_given_up_when_descriptors_run_out),
		cmocka_unit_test(an_endpoint_that_fails_is_taken_out_and_comes_back),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
