/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an agent sends to NOTIFY_SOCKET, its supervisor gets known bits, a time only with its bit,
 * and a terminated status in UTF-8 without controls; what is refused leaves nothing behind. */
#include <assert.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/agent_wire.h"
#include "daemon/wire.h"
#include "decide/govern.h"
#include "init/notify.h"

#define BITS (NOTIFY_WATCHDOG | NOTIFY_READY | NOTIFY_STOPPING | NOTIFY_STATUS | NOTIFY_EXTEND | \
	      NOTIFY_TRIGGER | NOTIFY_UNKNOWN | NOTIFY_ERRNO | NOTIFY_ERROR | NOTIFY_PHASE | NOTIFY_PROGRESS | \
	      NOTIFY_CONFIDENCE | NOTIFY_ARTIFACT | NOTIFY_OUTPUT | NOTIFY_BARRIER)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	struct slice rest = slice_new(text, len);

	assert(len < size);
	while (rest.len > 0) {
		uint32_t point = 0;
		size_t used = text_utf8_next(rest, &point);

		assert(used > 0 && point >= 0x20 && (point < 0x7f || point > 0x9f));
		rest = slice_new(rest.data + used, rest.len - used);
	}
}

static void check_status(const struct init_message *message)
{
	size_t len = strnlen(message->text, sizeof(message->text));

	assert(len <= NOTIFY_STATUS_MAX);
	check_clean(message->text, sizeof(message->text));
	assert(len == 0 || (message->notify & NOTIFY_STATUS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct init_message untouched;
	struct init_message message = { 0 };

	if (notify_parse(slice_new(data, size), &message) < 0) {
		assert(memcmp(&message, &untouched, sizeof(message)) == 0);
		return 0;
	}
	assert((message.notify & ~(uint32_t)BITS) == 0);
	assert((message.extend_ns != 0) == ((message.notify & NOTIFY_EXTEND) != 0));
	assert(message.kind == 0 && message.error == 0 && message.value == 0 && message.pid == 0);
	assert(message.phase < PHASE_COUNT && message.confidence <= AGENT_MILLIONTHS);
	assert(message.reported_errno <= 4095 && message.progress_done <= message.progress_all);
	assert((message.code[0] != 0) <= ((message.notify & (NOTIFY_ERROR | NOTIFY_OUTPUT)) != 0));
	assert((message.path[0] != 0) == ((message.notify & NOTIFY_ARTIFACT) != 0));
	check_clean(message.code, sizeof(message.code));
	check_clean(message.path, sizeof(message.path));
	check_status(&message);
	return 0;
}
