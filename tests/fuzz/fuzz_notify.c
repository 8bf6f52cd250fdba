/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an agent sends to NOTIFY_SOCKET, its supervisor gets known bits, a time only with its bit,
 * and a terminated status in UTF-8 without controls; what is refused leaves nothing behind. */
#include <assert.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/wire.h"
#include "init/notify.h"

#define BITS (NOTIFY_WATCHDOG | NOTIFY_READY | NOTIFY_STOPPING | NOTIFY_STATUS | NOTIFY_EXTEND | \
	      NOTIFY_TRIGGER | NOTIFY_UNKNOWN)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_status(const struct init_message *message)
{
	size_t len = strnlen(message->text, sizeof(message->text));
	struct slice rest = slice_new(message->text, len);

	assert(len <= NOTIFY_STATUS_MAX);
	while (rest.len > 0) {
		uint32_t point = 0;
		size_t used = text_utf8_next(rest, &point);

		assert(used > 0 && point >= 0x20 && (point < 0x7f || point > 0x9f));
		rest = slice_new(rest.data + used, rest.len - used);
	}
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
	check_status(&message);
	return 0;
}
