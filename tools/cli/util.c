/* SPDX-License-Identifier: Apache-2.0 */
/* How every verb speaks to people: usage errors, failures, colour and width. */
#include "cli/cli.h"

#include <stdarg.h>
#include <sys/ioctl.h>

#include "base/text.h"

int cli_usage(const char *verb, const char *fmt, ...)
{
	struct error err = { 0 };
	char text[ERROR_TEXT_MAX];
	bool named = verb && verb[0] != '\0';
	va_list args;

	va_start(args, fmt);
	IGNORE(vsnprintf(text, sizeof(text), fmt, args) < 0);
	va_end(args);
	error_say(&err, 0, "%s", text);
	error_next(&err, "`bailiff %s%s--help` lists what is known", named ? verb : "", named ? " " : "");
	if (!named) {
		error_print("bailiff", &err);
	} else {
		char program[64];

		IGNORE(snprintf(program, sizeof(program), "bailiff %s", verb) < 0);
		error_print(program, &err);
	}
	return CLI_USAGE;
}

int cli_fail(const struct error *err)
{
	error_print("bailiff", err);
	return err->exit_code > 0 ? err->exit_code : CLI_INTERNAL;
}

bool cli_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && no_color[0] != '\0')
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

unsigned int cli_width(void)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col > 0 ? size.ws_col : 80;
}
