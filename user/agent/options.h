/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of weftd as a struct. Strings are borrowed from argv or point to
 * defaults; nothing is opened or looked up here.
 */
#ifndef WEFT_AGENT_OPTIONS_H
#define WEFT_AGENT_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *config; /* folder of YAML; NULL only with cleanup: clean up now and exit */
	const char *run, *state, *pins;
	const char *node;	/* default: the host's name */
	const char *cgroup;	/* NULL: the cgroup v2 mount */
	const char *proxy;	/* path of weft-proxy; default: beside weftd */
	const char *proxy_user; /* unprivileged */
	uint32_t access_log;	/* image_header.access_log */
	uint32_t workers;	/* of weft-proxy; default: one a core */
	uint32_t log_level;	/* enum log_level */
	bool keep_cc;		/* leave BBR alone between pods of this node */
	bool lenient, cleanup, help, version;
	char node_buf[64];
	char proxy_buf[PATH_MAX];
};

enum { WHY_LEN = 256 };

/* 0, or -EINVAL with one line of reason. help and version win over what is missing. */
int options_parse(struct options *o, int argc, char **argv, char why[WHY_LEN]);

/* The text of --help; returns the bytes written (without NUL), cut to cap. */
size_t options_help(char *out, size_t cap);

#endif
