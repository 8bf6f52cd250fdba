/* SPDX-License-Identifier: Apache-2.0 */
#include "init/notify.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "daemon/wire.h"

#define NS_PER_US 1000U
#define MILLIS 1000U

static void status_copy(struct slice text, struct init_message *message)
{
	size_t len = 0;

	while (text.len > 0) {
		uint32_t point = 0;
		size_t size = text_utf8_next(text, &point);

		if (size == 0 || len + size > NOTIFY_STATUS_MAX)
			break;
		if (point >= 0x20 && (point < 0x7f || point > 0x9f)) {
			memcpy(message->text + len, text.data, size);
			len += size;
		}
		text = slice_new(text.data + size, text.len - size);
	}
	message->text[len] = '\0';
	message->notify |= NOTIFY_STATUS;
}

static void extend_parse(struct slice value, struct init_message *message)
{
	uint64_t usec;

	if (parse_u64(value, 1, UINT64_MAX / NS_PER_US, &usec) < 0) {
		message->notify |= NOTIFY_UNKNOWN;
		return;
	}
	message->extend_ns = usec * NS_PER_US;
	message->notify |= NOTIFY_EXTEND;
}

static void line_parse(struct slice line, struct init_message *message)
{
	static const struct {
		const char *line;
		uint32_t bit;
	} words[] = {
		{ "WATCHDOG=1", NOTIFY_WATCHDOG }, { "WATCHDOG=trigger", NOTIFY_TRIGGER },
		{ "READY=1", NOTIFY_READY }, { "STOPPING=1", NOTIFY_STOPPING },
	};
	struct slice status = slice_of("STATUS="), extend = slice_of("EXTEND_TIMEOUT_USEC=");

	if (line.len == 0)
		return;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (slice_is(line, words[i].line)) {
			message->notify |= words[i].bit;
			return;
		}
	}
	if (slice_starts(line, status))
		status_copy(slice_new(line.data + status.len, line.len - status.len), message);
	else if (slice_starts(line, extend))
		extend_parse(slice_new(line.data + extend.len, line.len - extend.len), message);
	else
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
