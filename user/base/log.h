/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line an event on stderr: `level area message key=value`. Libraries return errors;
 * agent, cli and proxy mains log them, once. Values that hold blanks or quotes are quoted by the
 * caller with log_quote. Written with one write(2), so lines of several processes do not mix.
 */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level); /* default: LOG_INFO */
void log_at(enum log_level level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(area, ...) log_at(LOG_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...)  log_at(LOG_INFO, area, __VA_ARGS__)
#define log_warn(area, ...)  log_at(LOG_WARN, area, __VA_ARGS__)

/* Logs "message: strerror(-err)" and returns err, so that a failure is reported where it ends. */
int log_err(int err, const char *area, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* s with control bytes, quotes and backslashes escaped, cut to cap-1 bytes; returns out. */
const char *log_quote(struct str s, char *out, size_t cap);

#endif
