/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *errno_name(int code)
{
	const char *name = strerrorname_np(code < 0 ? -code : code);

	return name ? name : "unknown error";
}

static PRINTF_LIKE(3, 0) void error_fill(struct error *err, int code, const char *fmt, va_list args)
{
	err->code = code;
	err->exit_code = 0;
	err->next[0] = '\0';
	IGNORE(vsnprintf(err->text, sizeof(err->text), fmt, args) < 0);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list args;
	size_t len;

	if (!err)
		return code;
	va_start(args, fmt);
	error_fill(err, code, fmt, args);
	va_end(args);
	len = strlen(err->text);
	if (code < 0)
		IGNORE(snprintf(err->text + len, sizeof(err->text) - len, ": %s", errno_name(code)) < 0);
	return code;
}

int error_say(struct error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	error_fill(err, code, fmt, args);
	va_end(args);
	return code;
}

int error_next(struct error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return 0;
	va_start(args, fmt);
	IGNORE(vsnprintf(err->next, sizeof(err->next), fmt, args) < 0);
	va_end(args);
	return err->code;
}

int error_exit(struct error *err, int exit_code)
{
	if (!err)
		return 0;
	err->exit_code = exit_code;
	return err->code;
}

void error_print(const char *program, const struct error *err)
{
	char text[ERROR_TEXT_MAX * 2], next[ERROR_NEXT_MAX * 2];

	text_escape(text, sizeof(text), slice_of(err->text));
	IGNORE(fprintf(stderr, "%s: %s\n", program, text) < 0);
	if (err->next[0] == '\0')
		return;
	text_escape(next, sizeof(next), slice_of(err->next));
	IGNORE(fprintf(stderr, "  next: %s\n", next) < 0);
}
