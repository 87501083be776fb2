// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/channel.h"

static int ends[2];

static int setup(void **state)
{
	return channel_pair(ends);
}

static int teardown(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int nr_open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What a proxy would send, byte for byte as the test wants it. */
static void send_raw(struct channel_msg head, size_t body, const int *fds, size_t nr_fds)
{
	static char bytes[2 * CHANNEL_BODY_MAX];
	struct iovec iov[2] = { { &head, sizeof(head) }, { bytes, body } };
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (nr_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nr_fds * sizeof(int));
	}
	assert_true(sendmsg(ends[1], &msg, 0) > 0);
}

static void what_is_not_a_message_is_refused_and_leaks_no_descriptor(void **state)
{
	const struct {
		struct channel_msg head;
		size_t body, nr_fds;
		const char *why;
	} cases[] = {
		{ { 2, CHANNEL_READY, 4, 0 }, 4, 0, "another version" },
		{ { CHANNEL_VERSION, CHANNEL_IMAGE, 0, 0 }, 0, 0, "a type of the other direction" },
		{ { CHANNEL_VERSION, 0, 0, 0 }, 0, 0, "type 0" },
		{ { CHANNEL_VERSION, CHANNEL_LOG + 1, 0, 0 }, 0, 0, "a type that does not exist" },
		{ { CHANNEL_VERSION, CHANNEL_LOG, 5, 0 }, 4, 0, "size above what came" },
		{ { CHANNEL_VERSION, CHANNEL_LOG, 3, 0 }, 4, 0, "size below what came" },
		{ { CHANNEL_VERSION, CHANNEL_LOG, CHANNEL_BODY_MAX + 1, 0 },
		  CHANNEL_BODY_MAX + 1,
		  0,
		  "longer than a body may be" },
		{ { CHANNEL_VERSION, CHANNEL_LOG, 4, 1 }, 4, 1, "a descriptor where none belongs" },
		{ { CHANNEL_VERSION, CHANNEL_LOG, 4, 1 }, 4, 0, "a descriptor that did not come" },
		{ { CHANNEL_VERSION, CHANNEL_STATS_REPLY, 0, 0 },
		  0,
		  0,
		  "a reply without its file" },
		{ { CHANNEL_VERSION, CHANNEL_STATS_REPLY, 0, 3 }, 0, 3, "three files" },
		{ { CHANNEL_VERSION, CHANNEL_STATS_REPLY, 0, 8 },
		  0,
		  8,
		  "more than fit the buffer" },
	};
	int fds[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct channel_in in;
		int before = nr_open_fds();

		send_raw(cases[i].head, cases[i].body, fds, cases[i].nr_fds);
		if (channel_recv(ends[0], &in) != -EPROTO)
			fail_msg("accepted: %s", cases[i].why);
		if (nr_open_fds() != before)
			fail_msg("descriptor left open: %s", cases[i].why);
	}
}

static void a_short_packet_is_refused(void **state)
{
	struct channel_in in;

	assert_int_equal(send(ends[1], "abc", 3, 0), 3);
	assert_int_equal(channel_recv(ends[0], &in), -EPROTO);
}

static void messages_keep_their_borders_and_order(void **state)
{
	struct channel_in in;
	struct channel_ack ack = { .generation = 7, .err = -EINVAL, .why = "bad section" };

	assert_int_equal(channel_recv(ends[0], &in), -EAGAIN);
	send_raw((struct channel_msg){ CHANNEL_VERSION, CHANNEL_READY, 4, 0 }, 4, NULL, 0);
	assert_int_equal(channel_send(ends[1], CHANNEL_ACK, &ack, sizeof(ack), NULL, 0), 0);
	assert_int_equal(channel_recv(ends[0], &in), 0);
	assert_int_equal(in.type, CHANNEL_READY);
	assert_int_equal(in.size, 4);
	assert_int_equal(channel_recv(ends[0], &in), 0);
	assert_int_equal(in.type, CHANNEL_ACK);
	assert_int_equal(in.size, sizeof(ack));
	assert_memory_equal(in.body, &ack, sizeof(ack));
	assert_int_equal(channel_recv(ends[0], &in), -EAGAIN);
}

static void descriptors_arrive_as_the_same_files(void **state)
{
	struct channel_in in;
	struct stat a, b;
	int fd = memfd_create("t", 0);

	assert_int_equal(channel_send(ends[1], CHANNEL_STATS_REPLY, NULL, 0, &fd, 1), 0);
	assert_int_equal(channel_recv(ends[0], &in), 0);
	assert_true(in.fd >= 0);
	assert_true(fcntl(in.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(in.fd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	close(in.fd);
	close(fd);
}

static void as_many_descriptors_as_the_contract_says_can_be_sent(void **state)
{
	int fds[CHANNEL_FDS_MAX + 1] = { 0 };

	assert_int_equal(channel_send(ends[0], CHANNEL_LISTENERS, NULL, 0, fds, CHANNEL_FDS_MAX),
			 0);
	assert_int_equal(
		channel_send(ends[0], CHANNEL_LISTENERS, NULL, 0, fds, CHANNEL_FDS_MAX + 1),
		-E2BIG);
	assert_int_equal(channel_send(ends[0], CHANNEL_AGENT, fds, CHANNEL_BODY_MAX + 1, NULL, 0),
			 -E2BIG);
}

static void a_proxy_that_does_not_read_is_eagain_not_a_stall(void **state)
{
	char body[CHANNEL_BODY_MAX] = { 0 };
	int err = 0;

	for (int i = 0; i < 100000 && !err; i++)
		err = channel_send(ends[0], CHANNEL_AGENT, body, sizeof(body), NULL, 0);
	assert_int_equal(err, -EAGAIN);
}

static void the_end_is_epipe_on_both_sides(void **state)
{
	struct channel_in in;

	close(ends[1]);
	ends[1] = -1;
	assert_int_equal(channel_recv(ends[0], &in), -EPIPE);
	assert_int_equal(channel_send(ends[0], CHANNEL_STATS, NULL, 0, NULL, 0), -EPIPE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_a_message_is_refused_and_leaks_no_descriptor),
		TEST(a_short_packet_is_refused),
		TEST(messages_keep_their_borders_and_order),
		TEST(descriptors_arrive_as_the_same_files),
		TEST(as_many_descriptors_as_the_contract_says_can_be_sent),
		TEST(a_proxy_that_does_not_read_is_eagain_not_a_stall),
		TEST(the_end_is_epipe_on_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
