/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scrollback.h"

#include <stdlib.h>

static struct slice piece(const struct scrollback *scrollback, uint64_t from, uint64_t to)
{
	size_t at = from % SCROLLBACK_BYTES;

	return slice_new(scrollback->bytes + at, MIN(to - from, (uint64_t)(SCROLLBACK_BYTES - at)));
}

static void forget_until(struct scrollback *scrollback, uint64_t start)
{
	while (scrollback->start < start) {
		struct slice gone = piece(scrollback, scrollback->start, start);

		modes_read(&scrollback->at_start, gone);
		scrollback->start += gone.len;
	}
}

void scrollback_add(struct scrollback *scrollback, struct slice bytes)
{
	if (!scrollback->bytes)
		scrollback->bytes = malloc(SCROLLBACK_BYTES);
	while (scrollback->bytes && bytes.len > 0) {
		size_t at = scrollback->end % SCROLLBACK_BYTES;
		size_t len = MIN(bytes.len, (size_t)SCROLLBACK_BYTES - at);

		if (scrollback->end + len - scrollback->start > SCROLLBACK_BYTES)
			forget_until(scrollback, scrollback->end + len - SCROLLBACK_BYTES);
		memcpy(scrollback->bytes + at, bytes.data, len);
		scrollback->end += len;
		bytes = slice_new(bytes.data + len, bytes.len - len);
	}
}

void scrollback_finish(struct scrollback *scrollback)
{
	free(scrollback->bytes);
	*scrollback = (struct scrollback){ 0 };
}

uint64_t scrollback_open(const struct scrollback *scrollback, struct modes *ret_modes)
{
	uint64_t place = scrollback->start;

	*ret_modes = scrollback->at_start;
	/* Nothing is gone: it begins where the run began. */
	if (place == 0)
		return 0;
	while (place < scrollback->end) {
		struct slice next = piece(scrollback, place, scrollback->end);
		const char *line = memchr(next.data, '\n', next.len);

		if (line) {
			next.len = (size_t)(line - next.data) + 1;
			modes_read(ret_modes, next);
			return place + next.len;
		}
		modes_read(ret_modes, next);
		place += next.len;
	}
	*ret_modes = scrollback->at_start;
	return scrollback->start;
}

struct slice scrollback_at(const struct scrollback *scrollback, uint64_t *place)
{
	if (*place < scrollback->start)
		*place = scrollback->start;
	if (*place >= scrollback->end)
		return slice_new("", 0);
	return piece(scrollback, *place, scrollback->end);
}
