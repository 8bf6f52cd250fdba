/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are negative errno values; their text is made once, by the function that knows the
 * names, and sits inline so that reporting cannot fail. `next` is the step that mends it. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/cleanup.h"

#define ERROR_TEXT_MAX 768
#define ERROR_NEXT_MAX 384

struct error {
	int code;      /* negative errno, 0 = none */
	int exit_code; /* documented exit code of design.md section 9; 0 = caller decides */
	char text[ERROR_TEXT_MAX];
	char next[ERROR_NEXT_MAX];
};

/* Sets the text and ": ERRNO_NAME" behind it when `code` is a negative errno; returns `code`.
 * `err` may be NULL. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same without the errno name behind the text. */
int error_say(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Sets the "next:" line. Returns err->code, so that it can end a function. */
int error_next(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sets the exit code with which a program should end; returns err->code. */
int error_exit(struct error *err, int exit_code);
/* Prints "prog: text\n  next: ...\n" to stderr with controls escaped. */
void error_print(const char *program, const struct error *err);

/* "EACCES" for 13 or -13; "errno 4711" style text for unknown numbers. Static storage. */
const char *errno_name(int code);

#endif
