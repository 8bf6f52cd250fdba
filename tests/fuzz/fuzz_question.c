/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused or read; what was read is written again as the same bytes, and answered. */
#include "base/buf.h"
#include "decide/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct question_record record;
	cleanup_with(buf_finish) struct buf again = buf_growing(1U << 20);
	struct govern_view none = { 0 };
	struct ruling ruling;

	if (question_decode(slice_new(data, size), NULL, 0, &record) < 0)
		return 0;
	if (question_encode(NULL, &record.action, &record.snapshot, record.now_ns, &again) < 0 ||
	    !slice_eq(buf_slice(&again), slice_new(data, size)))
		abort();
	judge(&none, &record.action, &record.snapshot, record.now_ns, &ruling);
	return 0;
}
