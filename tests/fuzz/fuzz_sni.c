// SPDX-License-Identifier: Apache-2.0
/* The beginning of a TLS connection: what is known of it does not change with more bytes of it, and a name
 * is never found in part of a hello. */
#include <assert.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "egress/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello_name whole = { 0 }, part = { 0 };
	enum hello_result result = hello_parse(slice_new(data, size), &whole);
	size_t cuts[] = { size / 2, size ? size - 1 : 0 };

	assert(result != HELLO_NAME || whole.len > 0);
	assert(result != HELLO_MORE || size < HELLO_WIRE_MAX);
	for (size_t i = 0; i < COUNT(cuts); i++) {
		enum hello_result before = hello_parse(slice_new(data, cuts[i]), &part);

		if (before == HELLO_MORE)
			continue;
		assert(before == result);
		assert(before != HELLO_NAME || (part.len == whole.len && memcmp(part.bytes, whole.bytes, part.len) == 0));
	}
	return 0;
}
