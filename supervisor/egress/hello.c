/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/hello.h"

#include <stdint.h>

#include "base/cleanup.h"

#define RECORD_HEAD 5U
#define RECORD_HANDSHAKE 22U
#define MESSAGE_CLIENT_HELLO 1U
#define EXTENSION_SERVER_NAME 0U

/* A cursor that fails for good at the first byte that is not there. */
struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

static uint32_t take(struct cursor *cursor, unsigned int bytes)
{
	uint32_t value = 0;

	if (cursor->failed || (size_t)(cursor->end - cursor->at) < bytes) {
		cursor->failed = true;
		return 0;
	}
	while (bytes-- > 0)
		value = value << 8 | *cursor->at++;
	return value;
}

/* The next `len` bytes as a cursor of their own. */
static struct cursor part(struct cursor *cursor, size_t len)
{
	struct cursor inner = { .at = cursor->at, .end = cursor->at };

	if (cursor->failed || (size_t)(cursor->end - cursor->at) < len) {
		cursor->failed = inner.failed = true;
		return inner;
	}
	inner.end = cursor->at + len;
	cursor->at += len;
	return inner;
}

/* Joins what the records carry. HELLO_MORE: all there is of it is in `to`, but the message goes on. */
static enum hello_result join(struct slice bytes, uint8_t to[HELLO_MAX], size_t *ret_len)
{
	const uint8_t *wire = (const uint8_t *)bytes.data;
	size_t at = 0, len = 0;

	while (at < bytes.len) {
		size_t left = bytes.len - at, record, have;

		if (wire[at] != RECORD_HANDSHAKE || (left > 1 && wire[at + 1] != 3))
			return at == 0 ? HELLO_NOT_TLS : HELLO_BAD;
		if (left < RECORD_HEAD)
			break;
		record = (size_t)wire[at + 3] << 8 | wire[at + 4];
		if (record == 0 || record > HELLO_MAX)
			return HELLO_BAD;
		at += RECORD_HEAD;
		have = MIN(record, bytes.len - at);
		if (have > HELLO_MAX - len)
			return HELLO_BAD;
		memcpy(to + len, wire + at, have);
		len += have;
		at += have;
		if (len >= 4 && len >= 4 + ((size_t)to[1] << 16 | (size_t)to[2] << 8 | to[3]))
			break;
	}
	*ret_len = len;
	if (len >= 1 && to[0] != MESSAGE_CLIENT_HELLO)
		return HELLO_BAD;
	if (len < 4)
		return HELLO_MORE;
	if (4 + ((size_t)to[1] << 16 | (size_t)to[2] << 8 | to[3]) > HELLO_MAX)
		return HELLO_BAD;
	return len < 4 + ((size_t)to[2] << 8 | to[3]) ? HELLO_MORE : HELLO_NAME;
}

static enum hello_result server_name(struct cursor extension, struct hello_name *ret_name)
{
	struct cursor list = part(&extension, take(&extension, 2));
	enum hello_result result = HELLO_NO_NAME;

	if (extension.failed || extension.at != extension.end || list.at == list.end)
		return HELLO_BAD;
	while (list.at < list.end) {
		uint32_t type = take(&list, 1);
		struct cursor name = part(&list, take(&list, 2));
		size_t len = (size_t)(name.end - name.at);

		if (list.failed || type != 0 || len == 0 || len > HELLO_NAME_MAX || result == HELLO_NAME)
			return HELLO_BAD;
		ret_name->len = (unsigned char)len;
		memcpy(ret_name->bytes, name.at, len);
		result = HELLO_NAME;
	}
	return result;
}

static enum hello_result extensions(struct cursor list, struct hello_name *ret_name)
{
	enum hello_result result = HELLO_NO_NAME;

	while (list.at < list.end) {
		uint32_t type = take(&list, 2);
		struct cursor extension = part(&list, take(&list, 2));

		if (list.failed || (type == EXTENSION_SERVER_NAME && result != HELLO_NO_NAME))
			return HELLO_BAD;
		if (type == EXTENSION_SERVER_NAME)
			result = server_name(extension, ret_name);
		if (result == HELLO_BAD)
			return HELLO_BAD;
	}
	return result;
}

enum hello_result hello_parse(struct slice bytes, struct hello_name *ret_name)
{
	uint8_t message[HELLO_MAX];
	struct cursor hello, list;
	size_t len = 0;
	enum hello_result result = join(bytes, message, &len);

	if (result == HELLO_MORE && bytes.len >= HELLO_WIRE_MAX)
		return HELLO_BAD;
	if (result != HELLO_NAME)
		return result;
	hello = (struct cursor){ .at = message + 4,
				 .end = message + 4 + ((size_t)message[2] << 8 | message[3]) };
	take(&hello, 2);                        /* version */
	part(&hello, 32);                       /* random */
	part(&hello, take(&hello, 1));          /* session */
	part(&hello, take(&hello, 2));          /* cipher suites */
	part(&hello, take(&hello, 1));          /* compression */
	if (!hello.failed && hello.at == hello.end)
		return HELLO_NO_NAME;           /* before TLS 1.2 there need not be any */
	list = part(&hello, take(&hello, 2));
	if (hello.failed || hello.at != hello.end)
		return HELLO_BAD;
	return extensions(list, ret_name);
}
