// SPDX-License-Identifier: Apache-2.0
/* What request_parse() accepts is safe to serve: a known request, known flags, a terminated reason, and
 * the same bytes parse to the same again. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "daemon/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) && text_is_utf8(slice_of(text));
}

/* The first byte is the number of descriptors, as the kernel counts them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_people request, again;
	struct error err = { 0 };
	size_t fds = size ? data[0] % 9U : 0;
	int r = size ? request_parse(slice_new(data + 1, size - 1), fds, &request, &err)
		     : request_parse(slice_new(data, 0), 0, &request, &err);

	if (r < 0) {
		assert(err.text[0] && err.next[0]);
		return 0;
	}
	assert(request_name(request.head.kind));
	assert(request_permitted((enum wire_request_kind)request.head.kind, REQUESTER_ADMIN));
	assert((request.head.kind == WIRE_RUN) == (fds == REQUEST_RUN_FDS));
	assert(is_text(request.head.reason, sizeof(request.head.reason)) && is_text(request.text, sizeof(request.text)));
	assert(is_text(request.rule, sizeof(request.rule)) && is_text(request.agent, sizeof(request.agent)));
	assert(is_text(request.code, sizeof(request.code)));
	assert(request_parse(slice_new(&request, size - 1), fds, &again, &err) == 0);
	assert(memcmp(&request, &again, sizeof(request)) == 0);
	return 0;
}
