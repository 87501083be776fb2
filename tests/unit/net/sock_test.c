// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"

static struct sock_addr v4(uint32_t host_order, uint16_t port)
{
	return (struct sock_addr){ { .w = { 0, 0, htonl(0xffff), htonl(host_order) } }, port };
}

static void addresses_are_written_as_people_do(void **state)
{
	struct sock_addr a = v4(0x0a000007, 9080);
	struct sock_addr b = { { .w = { htonl(0xfd000010), 0, 0, htonl(1) } }, 80 };
	char text[SOCK_ADDR_TEXT];

	assert_string_equal(sock_text(&a, text), "10.0.0.7:9080");
	assert_string_equal(sock_text(&b, text), "[fd00:10::1]:80");
}

static bool same(const struct sock_addr *a, const struct sock_addr *b)
{
	return !memcmp(&a->ip, &b->ip, sizeof(a->ip)) && a->port == b->port;
}

static void connects(struct sock_addr at)
{
	struct sock_addr peer, local;
	int listener, client, served, err;
	struct pollfd p;

	assert_int_equal(sock_listen(&at, 16, &listener), 0);
	assert_int_equal(sock_accept(listener, &served, &peer), -EAGAIN);
	assert_int_equal(sock_local(listener, &at), 0);
	err = sock_connect(&at, &client);
	assert_true(!err || err == -EINPROGRESS);
	p = (struct pollfd){ .fd = client, .events = POLLOUT };
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(sock_error(client), 0);
	assert_int_equal(sock_accept(listener, &served, &peer), 0);
	assert_int_equal(sock_local(client, &local), 0);
	assert_true(same(&local, &peer));
	assert_int_equal(sock_peer(client, &local), 0);
	assert_true(same(&local, &at));
	close(client);
	close(served);
	close(listener);
}

static void both_families_look_alike(void **state)
{
	struct sock_addr six = { .ip = { .w = { 0, 0, 0, htonl(1) } } };

	connects(v4(INADDR_LOOPBACK, 0));
	connects(six);
}

static void a_refusal_is_told(void **state)
{
	struct sock_addr at = v4(INADDR_LOOPBACK, 1);
	struct pollfd p;
	int fd, err = sock_connect(&at, &fd);

	if (err == -ECONNREFUSED)
		return;
	assert_int_equal(err, -EINPROGRESS);
	p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	poll(&p, 1, 1000);
	assert_int_equal(sock_error(fd), -ECONNREFUSED);
	close(fd);
}

static int option(int fd, int name)
{
	int v = 0;
	socklen_t len = sizeof(v);

	getsockopt(fd, IPPROTO_TCP, name, &v, &len);
	return v;
}

static void keepalive_sets_what_is_given(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), probes = option(fd, TCP_KEEPCNT);

	assert_int_equal(sock_keepalive(fd, 0, 60, 7), 0);
	assert_int_equal(option(fd, TCP_KEEPIDLE), 60);
	assert_int_equal(option(fd, TCP_KEEPINTVL), 7);
	assert_int_equal(option(fd, TCP_KEEPCNT), probes); /* 0: the system's */
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_as_people_do),
		cmocka_unit_test(both_families_look_alike),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(keepalive_sets_what_is_given),
	};

	return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
