/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: bounded copies, escaping of bytes that an agent chose, times. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

/* Longest text that text_time_utc() writes, with its terminator. */
#define TEXT_TIME_MAX 80

/* Copies `from` with its terminator. Returns 0, or -ENAMETOOLONG and leaves "" behind. */
int text_copy(char *to, size_t to_size, struct slice from) MUST_USE;

/* Writes `from` so that it can be shown on a terminal: C0/C1 controls, ESC, DEL, newline, bidi
 * and zero-width characters and invalid UTF-8 become \xHH or \u{HEX}; a backslash becomes "\\".
 * Always terminated; what does not fit ends in "...". Returns the length written. */
size_t text_escape(char *to, size_t to_size, struct slice from);

/* True when the bytes are valid UTF-8 (RFC 3629: shortest form, no surrogates). */
bool text_is_utf8(struct slice text);

/* Length of the valid UTF-8 sequence at the start of `text` (1-4) and its code point, or 0. */
size_t text_utf8_next(struct slice text, uint32_t *ret_point);

/* CLOCK_REALTIME nanoseconds as RFC 3339 UTC with nanoseconds, "2026-01-02T03:04:05.000000006Z". */
void text_time_utc(char to[TEXT_TIME_MAX], uint64_t realtime_ns);

/* "1.5s", "20ms", "4h" for people. Static formats, at most 24 bytes. */
void text_duration(char *to, size_t to_size, uint64_t ns);

/* Lower-case hex of `bytes`; `to` needs 2*len+1 bytes. */
void text_hex(char *to, const uint8_t *bytes, size_t len);

/* The nearest of `words` (NULL-terminated) by edit distance, or NULL when none is near. */
const char *text_nearest(struct slice word, const char *const *words);

#endif
