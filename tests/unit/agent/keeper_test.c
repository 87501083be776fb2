// SPDX-License-Identifier: Apache-2.0
/*
 * The keeper with a fake weft-proxy: this program again, under the name that the keeper gives it.
 * What the fake does stands in the node name of its set-up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/keeper.h"
#include "agent/proxystate.h"
#include "base/clock.h"
#include "base/log.h"
#include "bpf/lib/addr.h"
#include "weft/control.h"

/* ---- the fake ---------------------------------------------------------------------------------
 */

extern char **environ;

static bool status_is(const char *key, const char *value)
{
	char line[256], want[128];
	FILE *f = fopen("/proc/self/status", "r");
	bool ok = false;

	snprintf(want, sizeof(want), "%s:\t%s\n", key, value);
	while (f && fgets(line, sizeof(line), f))
		ok |= !strcmp(line, want);
	if (f)
		fclose(f);
	return ok;
}

/* Nothing but stdin, stdout, stderr and the channel; no words; no rights. */
static bool is_naked(void)
{
	static const char none[] = "0000000000000000";

	for (int fd = CHANNEL_FD + 1; fd < 300; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	if (environ[0] || geteuid() == 0 || getsid(0) != getpid())
		return false;
	return status_is("NoNewPrivs", "1") && status_is("CapEff", none) &&
	       status_is("CapPrm", none) && status_is("CapBnd", none) && status_is("SigBlk", none);
}

static void fake_say(uint32_t type, const void *body, uint32_t size)
{
	struct channel_msg head = { CHANNEL_VERSION, type, size, 0 };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };

	sendmsg(CHANNEL_FD, &msg, MSG_NOSIGNAL);
}

static void fake_image(const char *mode, uint64_t generation)
{
	struct channel_ack ack = { .generation = generation };

	if (generation == 2 && !strcmp(mode, "dies-on-2"))
		_exit(3);
	if (generation == 2 && !strcmp(mode, "refuses-2")) {
		ack.err = -EINVAL;
		strcpy(ack.why, "I do not like \"2\"");
	}
	fake_say(CHANNEL_ACK, &ack, sizeof(ack));
}

static void fake_message(const struct channel_msg *head, const char *body, char mode[64])
{
	uint32_t pid = (uint32_t)getpid();
	uint64_t generation;

	if (head->type == CHANNEL_SETUP) {
		memcpy(mode, ((const struct channel_setup *)(const void *)body)->node, 64);
		if (!strcmp(mode, "dies-at-start") || (!strcmp(mode, "naked") && !is_naked()))
			_exit(42);
		if (!strcmp(mode, "babbles"))
			fake_say(99, "?", 1);
		else
			fake_say(CHANNEL_READY, &pid, sizeof(pid));
	} else if (head->type == CHANNEL_IMAGE) {
		memcpy(&generation, body, sizeof(generation));
		fake_image(mode, generation);
	}
}

static int fake_proxy(void)
{
	static struct {
		struct channel_msg head;
		char body[CHANNEL_BODY_MAX];
	} in;
	static char control[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	char mode[64] = "";

	for (;;) {
		struct iovec iov = { &in, sizeof(in) };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

		/* the set-up is looked at before any descriptor is taken, for is_naked */
		if (recv(CHANNEL_FD, &in, sizeof(in), MSG_PEEK) <= 0)
			break;
		if (in.head.type == CHANNEL_SETUP)
			fake_message(&in.head, in.body, mode);
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		if (recvmsg(CHANNEL_FD, &msg, 0) <= 0)
			break;
		if (in.head.type != CHANNEL_SETUP)
			fake_message(&in.head, in.body, mode);
	}
	pause(); /* weftd is gone: go on with what we have */
	return 0;
}

/* ---- the owner --------------------------------------------------------------------------------
 */

struct owner {
	struct loop *loop;
	struct keeper *keeper;
	struct keeper_config cfg;
	char run[64];
	uint64_t answered;
	int answer, serving, calls_serving;
	char why[256];
};

static struct owner w;

static void on_image(void *arg, uint64_t generation, int err, const char *why)
{
	w.answered = generation;
	w.answer = err;
	snprintf(w.why, sizeof(w.why), "%s", why);
}

static void on_serving(void *arg, bool serving)
{
	w.serving = serving;
	w.calls_serving++;
}

static void on_ejected(void *arg, const uint64_t *ids, uint32_t n)
{
}

static void on_reply(void *arg, uint32_t type, int fd)
{
	close(fd);
}

static const struct keeper_events events = { NULL, on_image, on_serving, on_ejected, on_reply };

static uint16_t free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	close(fd);
	return ntohs(at.sin_port);
}

static int setup(void **state)
{
	log_set_level(LOG_ERROR);
	w = (struct owner){ .serving = -1 };
	strcpy(w.run, "/tmp/weft-keeper-XXXXXX");
	assert_non_null(mkdtemp(w.run));
	w.loop = loop_new();
	w.cfg.run = w.run;
	w.cfg.at = (struct listeners_at){ .port = free_port(),
					  .metrics_port = free_port(),
					  .workers = 2 };
	w.cfg.at.addresses.ip4 = ip16_from_v4(htonl(INADDR_LOOPBACK));
	inet_pton(AF_INET6, "::1", &w.cfg.at.addresses.ip6);
	w.cfg.as = (struct spawn_as){ .uid = 65534, .gid = 65534, .keep_user = geteuid() != 0 };
	w.cfg.as.program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	keeper_free(w.keeper);
	proxystate_end_all(w.run);
	loop_free(w.loop);
	close(w.cfg.as.program);
	snprintf(path, sizeof(path), "%s/" PROXYSTATE_FILE, w.run);
	unlink(path);
	assert_int_equal(rmdir(w.run), 0); /* nothing else may be left in it */
	return 0;
}

static void open_keeper(const char *mode)
{
	w.cfg.node = mode;
	assert_int_equal(keeper_new(w.loop, &w.cfg, &events, &w.keeper), 0);
}

static struct keeper_status status(void)
{
	struct keeper_status s;

	keeper_status(w.keeper, &s);
	return s;
}

static void give(uint64_t generation)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	w.answered = 0;
	keeper_give_image(w.keeper, fd, generation);
	for (uint64_t end = clock_ms() + 3000; !w.answered && clock_ms() < end;)
		loop_once(w.loop, 50);
	assert_int_equal(w.answered, generation);
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		uint64_t end_ = clock_ms() + 3000;                                                 \
		while (!(condition) && clock_ms() < end_)                                          \
			loop_once(w.loop, 20);                                                     \
		assert_true(condition);                                                            \
	} while (0)

static int dial(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(w.cfg.at.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	close(fd);
	return -errno;
}

/* ---- sentences --------------------------------------------------------------------------------
 */

static void an_address_in_use_is_an_error_at_start(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(w.cfg.at.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	w.cfg.node = "good";
	assert_int_equal(keeper_new(w.loop, &w.cfg, &events, &w.keeper), -EADDRINUSE);
	assert_null(w.keeper);
	close(fd);
}

static void the_proxy_has_no_rights_no_words_and_only_the_channel(void **state)
{
	if (geteuid() != 0) {
		print_message("needs root to give up rights\n");
		skip();
	}
	open_keeper("naked");
	give(1);
	assert_int_equal(w.answer, 0);
	assert_int_equal(status().phase, PROXY_SERVING);
	assert_int_equal(w.serving, 1);
}

/* Sanitizers make a start several times slower. */
#ifdef __SANITIZE_ADDRESS__
enum { BACK_MS = 1000 };
#else
enum { BACK_MS = 100 };
#endif

static void a_killed_proxy_is_back_within_100_ms_with_its_image(void **state)
{
	uint64_t t, best = UINT64_MAX;
	pid_t first;
	int fd;

	open_keeper("good");
	give(1);
	for (int round = 0; round < 3; round++) {
		first = status().pid;
		t = clock_ms();
		kill(first, SIGKILL);
		RUN_UNTIL(status().pid != first);
		fd = dial(); /* nobody accepts, nobody refuses */
		assert_true(fd >= 0);
		RUN_UNTIL(status().phase == PROXY_SERVING);
		/* the machine may be busy with something else: once is proof */
		best = clock_ms() - t < best ? clock_ms() - t : best;
		close(fd);
	}
	assert_in_range(best, 0, BACK_MS);
	assert_int_equal(status().restarts, 3);
	assert_int_equal(status().generation, 1);
	assert_int_equal(w.calls_serving, 1);
}

static void a_refused_image_leaves_the_one_before_it(void **state)
{
	open_keeper("refuses-2");
	give(1);
	assert_int_equal(w.answer, 0);
	give(2);
	assert_int_equal(w.answer, -EINVAL);
	assert_string_equal(w.why, "I do not like \\\"2\\\"");
	assert_int_equal(status().generation, 1);
	kill(status().pid, SIGKILL);
	RUN_UNTIL(status().restarts == 1 && status().phase == PROXY_SERVING);
	give(3);
	assert_int_equal(w.answer, 0);
	assert_int_equal(status().generation, 3);
}

static void an_image_that_kills_the_proxy_is_not_tried_again(void **state)
{
	open_keeper("dies-on-2");
	give(1);
	give(2);
	assert_int_equal(w.answer, -EPIPE);
	RUN_UNTIL(status().phase == PROXY_SERVING);
	assert_int_equal(status().generation, 1);
	assert_int_equal(status().restarts, 1);
}

static void without_a_proxy_images_are_kept_and_flows_refused(void **state)
{
	char byte;
	int fd;

	open_keeper("dies-at-start");
	fd = dial();
	assert_true(fd >= 0);
	give(1);
	assert_int_equal(w.answer, -ENOTCONN);
	RUN_UNTIL(w.serving == 0);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	w.cfg.node = "good";
	assert_int_equal(status().generation, 1);
	give(2);
	assert_int_equal(w.answer, -ENOTCONN);
}

static void a_proxy_that_babbles_is_ended_and_started_again(void **state)
{
	open_keeper("babbles");
	RUN_UNTIL(status().restarts >= 2);
	assert_int_equal(w.calls_serving, 0);
}

static ino_t inode_of_first_listener(pid_t pid)
{
	char path[64];
	struct stat st;

	/* the fake keeps descriptors in the order of arrival: metrics, then listeners */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, CHANNEL_FD + 2);
	return stat(path, &st) ? 0 : st.st_ino;
}

static void a_new_keeper_takes_the_listeners_over_without_refusing_anybody(void **state)
{
	pid_t old, fresh;
	ino_t before;
	int fd;

	open_keeper("good");
	give(1);
	old = status().pid;
	before = inode_of_first_listener(old);
	assert_true(before != 0);
	w.keeper = keeper_free(w.keeper); /* weftd dies */
	w.serving = -1;
	fd = dial();
	assert_true(fd >= 0);

	open_keeper("good"); /* and comes again */
	assert_int_equal(w.serving, 1);
	assert_int_equal(status().replacing, old);
	assert_int_equal(kill(old, 0), 0);
	give(1);
	assert_int_equal(w.answer, 0);
	fresh = status().pid;
	assert_int_not_equal(fresh, old);
	assert_int_equal(inode_of_first_listener(fresh), before);
	assert_int_equal(status().replacing, 0);
	/* the fake dies of SIGTERM, a real proxy drains; it is our child here: a zombie has no fds
	 */
	for (int i = 0; i < 300 && inode_of_first_listener(old); i++)
		usleep(10000);
	assert_int_equal(inode_of_first_listener(old), 0);
	close(fd);
	fd = dial();
	assert_true(fd >= 0);
	close(fd);
}

static void a_proxy_that_its_weftd_did_not_live_to_confirm_is_ended_too(void **state)
{
	struct proxystate st;
	pid_t first, second;

	open_keeper("good");
	give(1);
	first = status().pid;
	w.keeper = keeper_free(w.keeper);
	/* the next weftd dies after its proxy has the image and before it heard the answer */
	open_keeper("good");
	keeper_give_image(w.keeper, memfd_create("image", MFD_CLOEXEC), 1);
	second = status().pid;
	w.keeper = keeper_free(w.keeper);
	assert_int_equal(proxystate_read(w.run, &st), 0);
	assert_int_equal(st.serving.pid, first);
	assert_int_equal(st.others[st.nr_others - 1].pid, second);

	open_keeper("good");
	give(1);
	for (int i = 0;
	     i < 300 && (inode_of_first_listener(first) || inode_of_first_listener(second)); i++)
		usleep(10000);
	assert_int_equal(inode_of_first_listener(first), 0);
	assert_int_equal(inode_of_first_listener(second), 0);
	assert_int_equal(status().phase, PROXY_SERVING);
}

static void a_state_file_of_another_process_is_not_believed(void **state)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/" PROXYSTATE_FILE, w.run);
	f = fopen(path, "w");
	fprintf(f, "proxy %d 12345\ndraining 1 0\nnonsense\n", getpid());
	fclose(f);
	open_keeper("good");
	assert_int_equal(status().replacing, 0);
	give(1);
	assert_int_equal(w.answer, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_in_use_is_an_error_at_start),
		TEST(the_proxy_has_no_rights_no_words_and_only_the_channel),
		TEST(a_killed_proxy_is_back_within_100_ms_with_its_image),
		TEST(a_refused_image_leaves_the_one_before_it),
		TEST(an_image_that_kills_the_proxy_is_not_tried_again),
		TEST(without_a_proxy_images_are_kept_and_flows_refused),
		TEST(a_proxy_that_babbles_is_ended_and_started_again),
		TEST(a_new_keeper_takes_the_listeners_over_without_refusing_anybody),
		TEST(a_proxy_that_its_weftd_did_not_live_to_confirm_is_ended_too),
		TEST(a_state_file_of_another_process_is_not_believed),
	};

	if (argc > 0 && !strcmp(argv[0], "weft-proxy"))
		return fake_proxy();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
