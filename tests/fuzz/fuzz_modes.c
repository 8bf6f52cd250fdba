/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes of a run are read; what puts its terminal back leaves a terminal that needs nothing more. */
#include <stdint.h>

#include "cli/modes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char memory[MODES_BYTES_MAX], more[MODES_BYTES_MAX];
	struct buf leave = buf_fixed(memory, sizeof(memory)), rest = buf_fixed(more, sizeof(more));
	struct modes modes = { 0 };

	modes_read(&modes, slice_new(data, size));
	modes_leave(&modes, &leave);
	if (leave.failed)
		abort();
	modes_read(&modes, buf_slice(&leave));
	modes_leave(&modes, &rest);
	if (rest.len > 0)
		abort();
	modes_enter(&modes, &rest);
	if (rest.len > 0)
		abort();
	return 0;
}
