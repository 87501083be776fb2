// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_CAP = 2048 };

static enum log_level threshold = LOG_INFO;
static const char *const names[] = { "debug", "info", "warn", "error" };

void log_set_level(enum log_level level)
{
	threshold = level;
}

static void emit(enum log_level level, const char *area, int err, const char *fmt, va_list ap)
{
	char line[LINE_CAP];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s %s ", names[level], area);
	int w = vsnprintf(line + n, sizeof(line) - n, fmt, ap);

	n += w > 0 ? (size_t)w : 0;
	if (err && n < sizeof(line)) {
		w = snprintf(line + n, sizeof(line) - n, ": %s", strerror(-err));
		n += w > 0 ? (size_t)w : 0;
	}
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody left to tell */
}

void log_at(enum log_level level, const char *area, const char *fmt, ...)
{
	va_list ap;

	if (level < threshold)
		return;
	va_start(ap, fmt);
	emit(level, area, 0, fmt, ap);
	va_end(ap);
}

int log_err(int err, const char *area, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_ERROR, area, err, fmt, ap);
	va_end(ap);
	return err;
}

const char *log_quote(struct str s, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 5 < cap; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(out + n, cap - n, "\\x%02x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = 0;
	return out;
}
