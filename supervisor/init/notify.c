/* SPDX-License-Identifier: Apache-2.0 */
#include "init/notify.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "daemon/agent_wire.h"
#include "daemon/wire.h"
#include "decide/phase.h"

#define NS_PER_US 1000U
#define MILLIS 1000U

/* Whole characters without controls, at most `max` bytes; false when something was left out. */
static bool clean_copy(struct slice text, char *to, size_t max)
{
	bool whole = true;
	size_t len = 0;

	while (text.len > 0) {
		uint32_t point = 0;
		size_t size = text_utf8_next(text, &point);

		if (size == 0 || len + size > max) {
			whole = false;
			break;
		}
		if (point >= 0x20 && (point < 0x7f || point > 0x9f)) {
			memcpy(to + len, text.data, size);
			len += size;
		} else {
			whole = false;
		}
		text = slice_new(text.data + size, text.len - size);
	}
	to[len] = '\0';
	return whole;
}

/* ---- values: each returns false for one that is malformed, and then changed nothing ---- */

static bool status_parse(struct slice value, struct init_message *message)
{
	IGNORE(!clean_copy(value, message->text, NOTIFY_STATUS_MAX)); /* cut, and without controls */
	return true;
}

static bool extend_parse(struct slice value, struct init_message *message)
{
	uint64_t usec;

	if (parse_u64(value, 1, UINT64_MAX / NS_PER_US, &usec) < 0)
		return false;
	message->extend_ns = usec * NS_PER_US;
	return true;
}

static bool errno_parse(struct slice value, struct init_message *message)
{
	return parse_u32(value, 1, 4095, &message->reported_errno) == 0;
}

static bool word_parse(struct slice value, struct init_message *message)
{
	char code[sizeof(message->code)];

	/* One message has room for one: the first. */
	if (value.len == 0 || message->code[0] || !clean_copy(value, code, NOTIFY_STATUS_MAX))
		return false;
	memcpy(message->code, code, sizeof(code));
	return true;
}

static bool phase_parse(struct slice value, struct init_message *message)
{
	enum phase phase = phase_find(value);

	message->phase = phase == PHASE_COUNT ? message->phase : phase;
	return phase != PHASE_COUNT;
}

static bool progress_parse(struct slice value, struct init_message *message)
{
	const char *slash = value.len ? memchr(value.data, '/', value.len) : NULL;
	uint64_t done, all;
	size_t len;

	if (!slash)
		return false;
	len = (size_t)(slash - value.data);
	if (parse_u64(slice_new(value.data, len), 0, UINT64_MAX, &done) < 0 ||
	    parse_u64(slice_new(slash + 1, value.len - len - 1), 1, UINT64_MAX, &all) < 0 || done > all)
		return false;
	message->progress_done = done;
	message->progress_all = all;
	return true;
}

/* A step is progress of which no number is known. */
static bool step_parse(struct slice value, struct init_message *message)
{
	(void)message;
	return value.len > 0 && value.len <= NOTIFY_STATUS_MAX;
}

static bool confidence_parse(struct slice value, struct init_message *message)
{
	uint64_t whole, part = 0;
	size_t len = 0;

	while (len < value.len && value.data[len] != '.')
		len++;
	if (parse_u64(slice_new(value.data, len), 0, 1, &whole) < 0 || value.len - len == 1 || value.len - len > 7)
		return false;
	for (size_t i = 0; i < 6; i++) {
		char digit = len + 1 + i < value.len ? value.data[len + 1 + i] : '0';

		if (digit < '0' || digit > '9')
			return false;
		part = part * 10 + (uint64_t)(digit - '0');
	}
	if (whole * AGENT_MILLIONTHS + part > AGENT_MILLIONTHS)
		return false;
	message->confidence = (uint32_t)(whole * AGENT_MILLIONTHS + part);
	return true;
}

static bool path_parse(struct slice value, struct init_message *message)
{
	char path[sizeof(message->path)];

	if (value.len == 0 || message->path[0] || !clean_copy(value, path, sizeof(path) - 1))
		return false;
	memcpy(message->path, path, sizeof(path));
	return true;
}

static const struct key_row {
	const char *key;
	uint32_t bit;
	bool (*parse)(struct slice value, struct init_message *message);
} keys[] = {
	{ "STATUS=", NOTIFY_STATUS, status_parse }, { "EXTEND_TIMEOUT_USEC=", NOTIFY_EXTEND, extend_parse },
	{ "ERRNO=", NOTIFY_ERRNO, errno_parse }, { "X_ERROR=", NOTIFY_ERROR, word_parse },
	{ "X_PHASE=", NOTIFY_PHASE, phase_parse }, { "X_PROGRESS=", NOTIFY_PROGRESS, progress_parse },
	{ "X_STEP=", NOTIFY_PROGRESS, step_parse }, { "X_CONFIDENCE=", NOTIFY_CONFIDENCE, confidence_parse },
	{ "X_ARTIFACT=", NOTIFY_ARTIFACT, path_parse }, { "X_OUTPUT=", NOTIFY_OUTPUT, word_parse },
};

static void line_parse(struct slice line, struct init_message *message)
{
	static const struct {
		const char *line;
		uint32_t bit;
	} words[] = {
		{ "WATCHDOG=1", NOTIFY_WATCHDOG }, { "WATCHDOG=trigger", NOTIFY_TRIGGER },
		{ "READY=1", NOTIFY_READY }, { "STOPPING=1", NOTIFY_STOPPING }, { "BARRIER=1", NOTIFY_BARRIER },
	};

	if (line.len == 0)
		return;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (slice_is(line, words[i].line)) {
			message->notify |= words[i].bit;
			return;
		}
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct slice key = slice_of(keys[i].key);

		if (!slice_starts(line, key))
			continue;
		message->notify |= keys[i].parse(slice_new(line.data + key.len, line.len - key.len), message)
					   ? keys[i].bit : NOTIFY_UNKNOWN;
		return;
	}
	message->notify |= NOTIFY_UNKNOWN;
}

int notify_parse(struct slice datagram, struct init_message *message)
{
	if (datagram.len > NOTIFY_DATAGRAM_MAX)
		return -EMSGSIZE;
	if (!text_is_utf8(datagram))
		return -EILSEQ;
	while (datagram.len > 0) {
		const char *end = memchr(datagram.data, '\n', datagram.len);
		size_t len = end ? (size_t)(end - datagram.data) : datagram.len;
		size_t next = MIN(len + 1, datagram.len);

		line_parse(slice_new(datagram.data, len), message);
		datagram = slice_new(datagram.data + next, datagram.len - next);
	}
	return 0;
}

bool notify_take(struct notify_bucket *bucket, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > bucket->last_ns ? now_ns - bucket->last_ns : 0;
	uint64_t step_ns = 1000000000ULL / NOTIFY_RATE / MILLIS;
	uint64_t earned = elapsed_ns / step_ns;

	bucket->used_millis -= MIN(bucket->used_millis, earned);
	bucket->last_ns += earned * step_ns; /* what was too short for a thousandth is kept */
	if (bucket->used_millis + MILLIS > (uint64_t)NOTIFY_BURST * MILLIS)
		return false;
	bucket->used_millis += MILLIS;
	return true;
}
