/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define NEAREST_WORD_MAX 48

int text_copy(char *to, size_t to_size, struct slice from)
{
	if (from.len >= to_size) {
		if (to_size > 0)
			to[0] = '\0';
		return -ENAMETOOLONG;
	}
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	to[from.len] = '\0';
	return 0;
}

static size_t utf8_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

size_t text_utf8_next(struct slice text, uint32_t *ret_point)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const uint8_t lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const uint8_t *bytes = (const uint8_t *)text.data;
	uint32_t point;
	size_t len;

	if (text.len == 0)
		return 0;
	len = utf8_length(bytes[0]);
	if (len == 0 || len > text.len)
		return 0;
	point = bytes[0] & lead_mask[len];
	for (size_t i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = (point << 6) | (bytes[i] & 0x3fU);
	}
	if (point < smallest[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return len;
}

bool text_is_utf8(struct slice text)
{
	uint32_t point;

	while (text.len > 0) {
		size_t len = text_utf8_next(text, &point);

		if (len == 0)
			return false;
		text.data += len;
		text.len -= len;
	}
	return true;
}

static bool is_hidden_point(uint32_t p)
{
	return p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0xad || p == 0x61c ||
	       (p >= 0x200b && p <= 0x200f) || (p >= 0x2028 && p <= 0x202e) ||
	       (p >= 0x2060 && p <= 0x206f) || p == 0xfeff || (p >= 0xfff9 && p <= 0xfffb) ||
	       (p >= 0xe0000 && p <= 0xe007f);
}

/* Writes one shown character of `from` into `piece`; returns how many bytes of `from` it took. */
static size_t escape_one(char piece[16], struct slice from)
{
	uint32_t point = 0;
	size_t len = text_utf8_next(from, &point);

	if (len == 0 || (point < 0x80 && is_hidden_point(point))) {
		IGNORE(snprintf(piece, 16, "\\x%02x", (uint8_t)from.data[0]) < 0);
		return 1;
	}
	if (point == '\\') {
		IGNORE(snprintf(piece, 16, "\\\\") < 0);
		return 1;
	}
	if (is_hidden_point(point)) {
		IGNORE(snprintf(piece, 16, "\\u{%x}", point) < 0);
		return len;
	}
	memcpy(piece, from.data, len);
	piece[len] = '\0';
	return len;
}

size_t text_escape(char *to, size_t to_size, struct slice from)
{
	size_t at = 0;

	if (to_size == 0)
		return 0;
	while (from.len > 0) {
		char piece[16];
		size_t used = escape_one(piece, from);
		size_t piece_len = strlen(piece);

		if (at + piece_len + 4 > to_size) {
			size_t dots = MIN((size_t)3, to_size - 1 - at);

			memcpy(to + at, "...", dots);
			at += dots;
			break;
		}
		memcpy(to + at, piece, piece_len);
		at += piece_len;
		from.data += used;
		from.len -= used;
	}
	to[at] = '\0';
	return at;
}

void text_time_utc(char to[TEXT_TIME_MAX], uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000U);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm)) {
		IGNORE(text_copy(to, TEXT_TIME_MAX, slice_of("invalid time")) < 0);
		return;
	}
	IGNORE(snprintf(to, TEXT_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ",
			(tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			tm.tm_sec, (unsigned int)(realtime_ns % 1000000000U)) < 0);
}

void text_duration(char *to, size_t to_size, uint64_t ns)
{
	if (ns >= 3600000000000U)
		IGNORE(snprintf(to, to_size, "%.1fh", (double)ns / 3.6e12) < 0);
	else if (ns >= 60000000000U)
		IGNORE(snprintf(to, to_size, "%.1fmin", (double)ns / 6e10) < 0);
	else if (ns >= 1000000000U)
		IGNORE(snprintf(to, to_size, "%.1fs", (double)ns / 1e9) < 0);
	else
		IGNORE(snprintf(to, to_size, "%.1fms", (double)ns / 1e6) < 0);
}

void text_hex(char *to, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
	to[2 * len] = '\0';
}

static size_t edit_distance(struct slice a, struct slice b)
{
	size_t row[NEAREST_WORD_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t above = row[j];
			size_t change = diagonal + (a.data[i - 1] != b.data[j - 1]);

			row[j] = MIN(change, MIN(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b.len];
}

const char *text_nearest(struct slice word, const char *const *words)
{
	const char *best = NULL;
	size_t best_distance = word.len / 3 + 2;

	if (word.len > NEAREST_WORD_MAX)
		return NULL;
	for (; *words; words++) {
		struct slice candidate = slice_of(*words);
		size_t distance;

		if (candidate.len > NEAREST_WORD_MAX)
			continue;
		distance = edit_distance(word, candidate);
		if (distance < best_distance) {
			best_distance = distance;
			best = *words;
		}
	}
	return best;
}
