// SPDX-License-Identifier: Apache-2.0
/* Bytes through a TCP listener: who speaks first, half-close, resets, limits, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/peers.h"
#include "tests/lib/proxy_rig.h"

struct scene {
	struct rig *rig;
	int listener, client, up;
};

static const struct sock_addr dialled = { { .w = { 0, 0, 0xffff0000u, 0x0100600au } }, 3306 };

static struct scene open_scene(void (*set)(struct image_cluster *c))
{
	struct image_make *m = image_make_new();
	struct scene s = { .rig = rig_start(1, 0, &dialled) };
	uint16_t port;
	uint32_t e;

	signal(SIGPIPE, SIG_IGN);
	s.listener = peer_listen(&port);
	e = im_endpoint(m, "127.0.0.1", port);
	im_target(m, im_cluster(m, "outbound|3306||db", &e, 1), 1);
	if (set)
		set(im_cluster_at(m, 0));
	im_listener_tcp(m, 3306, 1);
	rig_image(s.rig, m);
	s.client = peer_connect(rig_port(s.rig));
	s.up = peer_accept(s.listener);
	return s;
}

static void close_scene(struct scene *s)
{
	close(s->client);
	close(s->up);
	close(s->listener);
	rig_stop(s->rig);
}

static void the_server_may_speak_first(void **state)
{
	struct scene s = open_scene(NULL); /* connected before the client sent anything */

	peer_send(s.up, "220 ready\n");
	peer_until(s.client, "220 ready\n");
	peer_send(s.client, "HELO\n");
	peer_until(s.up, "HELO\n");
	close_scene(&s);
}

static void each_direction_ends_on_its_own(void **state)
{
	struct scene s = open_scene(NULL);

	peer_send(s.client, "all I have");
	shutdown(s.client, SHUT_WR);
	peer_until(s.up, "all I have");
	assert_true(peer_ended(s.up));
	peer_send(s.up, "answer");
	peer_until(s.client, "answer");
	assert_true(peer_silent(s.client));
	close(s.up);
	assert_true(peer_ended(s.client));
	s.up = peer_connect(rig_port(s.rig));
	close_scene(&s);
}

static void the_server_may_end_first(void **state)
{
	struct scene s = open_scene(NULL);

	shutdown(s.up, SHUT_WR);
	assert_true(peer_ended(s.client));
	peer_send(s.client, "still talking");
	peer_until(s.up, "still talking");
	close_scene(&s);
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void a_reset_goes_through_either_way(void **state)
{
	struct scene s = open_scene(NULL);

	peer_send(s.up, "hello");
	peer_until(s.client, "hello");
	reset(s.up);
	assert_true(peer_was_reset(s.client));
	close(s.client);
	s.client = peer_connect(rig_port(s.rig));
	s.up = peer_accept(s.listener);
	peer_send(s.up, "hello");
	peer_until(s.client, "hello");
	reset(s.client);
	assert_true(peer_was_reset(s.up));
	s.client = -1;
	close_scene(&s);
}

static void bulk_both_ways_arrives_whole(void **state)
{
	enum { BULK = 24 << 20 };
	struct scene s = open_scene(NULL);
	static unsigned char block[1 << 16];
	pid_t sender = fork();
	size_t got = 0;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (unsigned char)(i * 31 >> 3);
	if (!sender) {
		for (size_t n = 0; n < BULK; n += sizeof(block))
			peer_send_n(s.client, block, sizeof(block));
		shutdown(s.client, SHUT_WR);
		_exit(0);
	}
	for (;;) {
		unsigned char in[1 << 15];
		ssize_t n = recv(s.up, in, sizeof(in), 0);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (in[i] != block[(got + (size_t)i) % sizeof(block)])
				fail_msg("byte %zu is wrong", got + (size_t)i);
		got += (size_t)n;
	}
	assert_int_equal(got, BULK);
	close_scene(&s);
}

static void at_most_one(struct image_cluster *c)
{
	c->max_connections = 1;
}

static void above_the_limit_a_connection_is_closed_at_once(void **state)
{
	struct scene s = open_scene(at_most_one);
	int second = peer_connect(rig_port(s.rig));

	assert_true(peer_ended(second));
	assert_int_equal(rig_counted(s.rig, PREASON_overflow), 1);
	close(second);
	close(s.client);
	assert_true(peer_ended(s.up));
	close(s.up);
	usleep(50000);
	s.client = peer_connect(rig_port(s.rig)); /* the place is free again */
	s.up = peer_accept(s.listener);
	close_scene(&s);
}

static void soon_idle(struct image_cluster *c)
{
	c->idle_timeout_ms = 150;
}

static void a_silent_tunnel_is_closed_after_its_idle_timeout(void **state)
{
	struct scene s = open_scene(soon_idle);

	for (int i = 0; i < 4; i++) { /* not while it is used */
		usleep(60 * 1000);
		peer_send(s.client, "x");
		peer_until(s.up, "x");
	}
	assert_true(peer_ended(s.client));
	assert_true(peer_ended(s.up));
	close_scene(&s);
}

static void soon_over(struct image_cluster *c)
{
	c->max_connection_ms = 200;
}

static void a_tunnel_ends_with_its_maximum_duration(void **state)
{
	struct scene s = open_scene(soon_over);

	assert_true(peer_silent(s.client));
	assert_true(peer_ended(s.client));
	assert_true(peer_ended(s.up));
	close_scene(&s);
}

static void a_refused_connection_closes_the_clients(void **state)
{
	struct scene s = open_scene(NULL);
	int client;

	close(s.listener);
	client = peer_connect(rig_port(s.rig));
	assert_true(peer_ended(client));
	assert_int_equal(rig_counted(s.rig, PREASON_connect_failed), 1);
	close(client);
	s.listener = -1;
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_may_speak_first),
		cmocka_unit_test(each_direction_ends_on_its_own),
		cmocka_unit_test(the_server_may_end_first),
		cmocka_unit_test(a_reset_goes_through_either_way),
		cmocka_unit_test(bulk_both_ways_arrives_whole),
		cmocka_unit_test(above_the_limit_a_connection_is_closed_at_once),
		cmocka_unit_test(a_silent_tunnel_is_closed_after_its_idle_timeout),
		cmocka_unit_test(a_tunnel_ends_with_its_maximum_duration),
		cmocka_unit_test(a_refused_connection_closes_the_clients),
	};

	return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
