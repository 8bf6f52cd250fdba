// SPDX-License-Identifier: Apache-2.0
/* The head of a request: what is done does not change with more bytes, and is read the same again alone. */
#include <assert.h>
#include <stdint.h>

#include "egress/request_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_head head = { 0 }, again = { 0 };
	struct slice bytes = slice_new(data, size);
	enum head_result result = request_head_parse(bytes, true, &head);
	uint64_t len = 0;
	bool last = false;

	assert(result != HEAD_MORE || size < HEAD_MAX);
	if (result == HEAD_DONE) {
		assert(head.len <= size && memcmp(data + head.len - 4, "\r\n\r\n", 4) == 0);
		assert(!head.chunked || head.body == 0);
		assert(!memchr(head.host.data ? head.host.data : "", '\r', head.host.len));
		assert(request_head_parse(slice_new(data, head.len), true, &again) == HEAD_DONE);
		assert(slice_eq(again.host, head.host) && again.body == head.body && again.len == head.len);
		assert(request_head_parse(slice_new(data, head.len - 1), true, &again) == HEAD_MORE);
	}
	if (chunk_parse(bytes, &len, &last) == HEAD_DONE)
		assert(len >= 3);
	if (trailers_parse(bytes, &len) == HEAD_DONE)
		assert(len >= 2 && len <= size);
	return 0;
}
