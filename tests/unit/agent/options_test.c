// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent/options.h"
#include "base/log.h"
#include "weft/limits.h"

static int parse(struct options *o, char why[WHY_LEN], ...)
{
	char *argv[32] = { (char *)"weftd" };
	int argc = 1;
	va_list ap;

	va_start(ap, why);
	while (argc < 32 && (argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	why[0] = 0;
	return options_parse(o, argc, argv, why);
}

#define REFUSED(text, ...)                                                                         \
	do {                                                                                       \
		struct options o_;                                                                 \
		char why_[WHY_LEN];                                                                \
		assert_int_equal(parse(&o_, why_, __VA_ARGS__, NULL), -EINVAL);                    \
		assert_non_null(strstr(why_, text));                                               \
		assert_null(strchr(why_, '\n'));                                                   \
	} while (0)

static void config_is_required(void **state)
{
	struct options o;
	char why[WHY_LEN];

	assert_int_equal(parse(&o, why, NULL), -EINVAL);
	assert_non_null(strstr(why, "--config DIR is required"));
}

static void what_cannot_be_is_refused_with_one_line(void **state)
{
	REFUSED("unknown option '--confg'", "--confg", "/x");
	REFUSED("unknown option 'x'", "--config", "/x", "x");
	REFUSED("unknown option '-c'", "-c", "/x");
	REFUSED("unknown option '--lenient=yes'", "--config", "/x", "--lenient=yes");
	REFUSED("--config needs a value", "--config");
	REFUSED("--config: '' is not possible", "--config=");
	REFUSED("--access-log: 'xml' is not possible", "--config", "/x", "--access-log", "xml");
	REFUSED("--log-level: 'loud'", "--config", "/x", "--log-level", "loud");
	REFUSED("--workers: '0'", "--config", "/x", "--workers", "0");
	REFUSED("--workers: '-1'", "--config", "/x", "--workers", "-1");
	REFUSED("--workers: '1e3'", "--config", "/x", "--workers", "1e3");
	REFUSED("--workers: '65'", "--config", "/x", "--workers", "65");
	REFUSED("--node: name is longer", "--config", "/x", "--node",
		"0123456789012345678901234567890123456789012345678901234567890123");
}

static void defaults_are_as_documented(void **state)
{
	struct options o;
	char why[WHY_LEN];

	assert_int_equal(parse(&o, why, "--config", "/c", NULL), 0);
	assert_string_equal(o.config, "/c");
	assert_string_equal(o.run, "/run/weft");
	assert_string_equal(o.state, "/var/lib/weft");
	assert_string_equal(o.pins, "/sys/fs/bpf/weft");
	assert_string_equal(o.proxy_user, "nobody");
	assert_null(o.cgroup);
	assert_true(strlen(o.node) > 0);
	assert_non_null(strstr(o.proxy, "/weft-proxy"));
	assert_int_equal(o.access_log, 0);
	assert_in_range(o.workers, 1, MAX_WORKERS);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_false(o.keep_cc || o.lenient || o.cleanup || o.help || o.version);
}

static void both_ways_of_writing_a_value_mean_the_same(void **state)
{
	struct options o;
	char why[WHY_LEN];

	assert_int_equal(parse(&o, why, "--config=/c", "--run", "/r", "--node=n1",
			       "--access-log=json", "--workers", "3", "--lenient", "--cleanup",
			       "--log-level=debug", "--pins=/p=q", "--cgroup", "/g", "--proxy",
			       "/x/p", "--proxy-user", NULL),
			 -EINVAL);
	assert_int_equal(parse(&o, why, "--config=/c", "--run", "/r", "--node=n1",
			       "--access-log=json", "--workers", "3", "--lenient", "--cleanup",
			       "--log-level=debug", "--pins=/p=q", "--keep-congestion-control",
			       NULL),
			 0);
	assert_string_equal(o.config, "/c");
	assert_string_equal(o.run, "/r");
	assert_string_equal(o.node, "n1");
	assert_string_equal(o.pins, "/p=q");
	assert_int_equal(o.access_log, 2);
	assert_int_equal(o.workers, 3);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_true(o.lenient && o.cleanup && o.keep_cc);
}

static void cleanup_alone_needs_no_config(void **state)
{
	struct options o;
	char why[WHY_LEN];

	assert_int_equal(parse(&o, why, "--cleanup", NULL), 0);
	assert_null(o.config);
	assert_true(o.cleanup);
}

static void help_names_every_option_on_a_line_of_its_own(void **state)
{
	static const char *const names[] = { "config",	   "run",	"state",
					     "node",	   "cgroup",	"pins",
					     "access-log", "workers",	"proxy",
					     "proxy-user", "lenient",	"keep-congestion-control",
					     "cleanup",	   "log-level", "version",
					     "help" };
	char text[4096], want[64];
	size_t n = options_help(text, sizeof(text));

	assert_int_equal(n, strlen(text));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(want, sizeof(want), "\n  --%s ", names[i]);
		assert_non_null(strstr(text, want));
	}
	assert_int_equal(options_help(text, 20), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_is_required),
		cmocka_unit_test(what_cannot_be_is_refused_with_one_line),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(both_ways_of_writing_a_value_mean_the_same),
		cmocka_unit_test(cleanup_alone_needs_no_config),
		cmocka_unit_test(help_names_every_option_on_a_line_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
