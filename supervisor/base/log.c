/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#define LOG_LINE_MAX 2048

static const char *log_program = "bailiff";
static enum log_level log_most = LOG_LEVEL_WARN;

void log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_most = level;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char fields[LOG_LINE_MAX / 2], shown[LOG_LINE_MAX - 128], line[LOG_LINE_MAX];
	va_list args;
	int len;

	if (level > log_most)
		return;
	va_start(args, fmt);
	IGNORE(vsnprintf(fields, sizeof(fields), fmt, args) < 0);
	va_end(args);
	text_escape(shown, sizeof(shown), slice_of(fields));
	len = snprintf(line, sizeof(line), "%s: %s: %s %s\n", log_program, names[level], event, shown);
	if (len > 0) /* one write, so that lines of several processes never mix; no one to tell if it fails */
		IGNORE(write(STDERR_FILENO, line, MIN((size_t)len, sizeof(line) - 1)) < 0);
}
