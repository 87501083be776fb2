// SPDX-License-Identifier: Apache-2.0
/* What weft-proxy turns away is counted under its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/peers.h"
#include "tests/lib/proxy_rig.h"

/* A listener on `port` only; a path that matches (a+)+b has no subset, everything else no route. */
static struct rig *start(uint16_t port)
{
	struct sock_addr dst = { { .w = { 0, 0, htonl(0xffff), htonl(0x0a600001) } }, 80 };
	struct rig *r = rig_start(1, 0, &dst);
	struct image_make *m = image_make_new();
	uint32_t v;

	signal(SIGPIPE, SIG_IGN);
	im_matcher(m, SUBJECT_PATH, OP_REGEX, "", "/(a+)+b");
	im_target(m, (uint32_t)IMAGE_NONE, 1);
	im_route(m, 1, 1);
	v = im_vhost(m, "web:80", 1);
	im_domain(m, DOMAIN_EXACT, "web", v);
	im_listener_http(m, port, im_table(m, port, 1));
	rig_image(r, m);
	return r;
}

static void a_head_above_the_limit_is_431_and_counted(void **state)
{
	static char big[MAX_HEAD_BYTES + 1024];
	struct rig *r = start(80);
	int c = peer_connect(rig_port(r));

	memset(big, 'x', sizeof(big) - 1);
	peer_send(c, "GET / HTTP/1.1\r\nHost: web\r\nx: ");
	peer_send(c, big);
	assert_non_null(strstr(peer_until(c, "\r\n\r\n"), "HTTP/1.1 431 "));
	assert_int_equal(rig_counted(r, PREASON_head_too_large), 1);
	close(c);
	rig_stop(r);
}

static void a_destination_without_listener_is_closed_and_counted(void **state)
{
	struct rig *r = start(81);
	int c = peer_connect(rig_port(r));

	peer_send(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
	assert_true(peer_ended(c));
	assert_true(rig_counted(r, PREASON_no_listener) >= 1);
	close(c);
	rig_stop(r);
}

static void a_regular_expression_that_gives_up_is_no_match_and_counted(void **state)
{
	struct rig *r = start(80);
	int c = peer_connect(rig_port(r));

	peer_send(c, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab! HTTP/1.1\r\n"
		     "Host: web\r\n\r\n");
	assert_non_null(strstr(peer_until(c, "\r\n\r\n"), "HTTP/1.1 404 "));
	assert_true(rig_counted(r, PREASON_regex_limit) >= 1);
	close(c);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_above_the_limit_is_431_and_counted),
		cmocka_unit_test(a_destination_without_listener_is_closed_and_counted),
		cmocka_unit_test(a_regular_expression_that_gives_up_is_no_match_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
