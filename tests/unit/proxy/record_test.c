// SPDX-License-Identifier: Apache-2.0
/* The access log of a worker: lines come out, and a reader that sleeps holds up nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/peers.h"
#include "tests/lib/proxy_rig.h"

#define GET "GET / HTTP/1.1\r\nHost: web\r\n\r\n"

/* Every request is answered with 503 NC: no upstream is needed. */
static struct image_make *image(void)
{
	struct image_make *m = image_make_new();
	uint32_t v;

	im_target(m, (uint32_t)IMAGE_NONE, 1);
	im_route(m, 0, 1);
	v = im_vhost(m, "web:80", 1);
	im_domain(m, DOMAIN_EXACT, "web", v);
	im_listener_http(m, 80, im_table(m, 80, 1));
	im_access_log(m, 1);
	return m;
}

static struct rig *start(int log_fd)
{
	struct sock_addr dst = { { .w = { 0, 0, htonl(0xffff), htonl(0x0a600001) } }, 80 };
	struct rig *r = rig_start_logging(1, 0, &dst, log_fd);

	signal(SIGPIPE, SIG_IGN);
	rig_image(r, image());
	return r;
}

static void ask_once(struct rig *r)
{
	int client = peer_connect(rig_port(r));

	peer_send(client, GET);
	assert_non_null(strstr(peer_until(client, "\r\n\r\n"), "HTTP/1.1 503 "));
	close(client);
}

static void a_request_ends_as_one_line(void **state)
{
	char line[1024];
	struct rig *r;
	ssize_t n;
	int p[2];

	assert_int_equal(pipe(p), 0);
	r = start(p[1]);
	ask_once(r);
	n = read(p[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = 0;
	assert_ptr_equal(strchr(line, '\n'), line + n - 1);
	assert_non_null(strstr(line, "\"GET / HTTP/1.1\" 503 NC cluster_not_found"));
	rig_stop(r);
	close(p[0]);
	close(p[1]);
}

static void lines_that_nobody_reads_are_counted_and_hold_up_nobody(void **state)
{
	static const char filler[4096];
	uint64_t deadline;
	struct rig *r;
	int p[2];

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	while (write(p[1], filler, sizeof(filler)) > 0)
		;
	/* the log itself is a blocking descriptor, as stdout is */
	assert_int_equal(fcntl(p[1], F_SETFL, 0), 0);
	r = start(p[1]);
	for (int i = 0; i < 3; i++)
		ask_once(r);
	deadline = clock_ms() + 5000;
	while (rig_counted(r, PREASON_log_lost) < 3 && clock_ms() < deadline)
		usleep(1000);
	assert_int_equal(rig_counted(r, PREASON_log_lost), 3);
	ask_once(r);
	rig_stop(r);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_ends_as_one_line),
		cmocka_unit_test(lines_that_nobody_reads_are_counted_and_hold_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
