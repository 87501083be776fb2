/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_case.h - config texts for tests: decoding them, and files whose lines say which problems
 * are expected of them, `# E12 spec.host: part of the message` (E error, W warning; 12: column).
 */
#ifndef TESTS_CONFIG_CASE_H
#define TESTS_CONFIG_CASE_H

#include "config/load.h"

struct config_case {
	struct arena *arena;
	struct objects objs;
};

struct config_case case_text(struct str text, bool lenient);
struct config_case case_file(const char *path, bool lenient); /* fails the test when unreadable */
void case_free(struct config_case *c);

/* Fails the test unless the problems of the file are exactly those that its lines name. */
void case_check_marks(const char *path);

/* Every regular file directly below dir, in order of names. */
void case_each_file(const char *dir, void (*each)(const char *path, void *arg), void *arg);
bool case_exists(const char *path);

/* The only object of a text that must be valid; its spec is at o->spec. */
struct object *case_only(struct config_case *c);
void case_print(const struct config_case *c);

#endif
