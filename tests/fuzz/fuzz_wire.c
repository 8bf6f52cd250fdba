// SPDX-License-Identifier: Apache-2.0
/* What request_parse() accepts is safe to serve: a known request, known flags, a terminated reason, and
 * the same bytes parse to the same again. */
#include <assert.h>

#include "base/text.h"
#include "daemon/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the number of descriptors, as the kernel counts them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_request request, again;
	struct error err = { 0 };
	size_t fds = size ? data[0] % 9U : 0;
	int r = size ? request_parse(slice_new(data + 1, size - 1), fds, &request, &err)
		     : request_parse(slice_new(data, 0), 0, &request, &err);

	if (r < 0) {
		assert(err.text[0] && err.next[0]);
		return 0;
	}
	assert(request_name(request.kind));
	assert(request_permitted((enum wire_request_kind)request.kind, REQUESTER_ROOT));
	assert((request.kind == WIRE_RUN) == (fds == REQUEST_RUN_FDS));
	assert(memchr(request.reason, '\0', sizeof(request.reason)));
	assert(text_is_utf8(slice_of(request.reason)));
	assert(request_parse(slice_new(&request, sizeof(request)), fds, &again, &err) == 0);
	assert(memcmp(&request, &again, sizeof(request)) == 0);
	return 0;
}
