/* SPDX-License-Identifier: Apache-2.0 */
/* One record has one text of bytes: what decodes encodes to the same bytes, its parts lie inside them,
 * and both of its renderings are free of what could move a cursor or end a line. */
#include <assert.h>

#include "base/text.h"
#include "ledger/record.h"
#include "ledger/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice part, struct slice whole)
{
	assert(part.len == 0 || (part.data >= whole.data && part.len <= whole.len &&
				 part.data <= whole.data + (whole.len - part.len)));
}

static void check_line(const struct buf *line)
{
	assert(text_is_utf8(buf_slice(line)));
	for (size_t i = 0; i < line->len; i++)
		assert((unsigned char)line->data[i] >= ' ' && line->data[i] != 0x7f);
}

static void check_rendered(const struct record *record)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(RENDER_MAX);
	cleanup_with(buf_finish) struct buf json = buf_growing(RENDER_MAX);
	struct ledger_hit hit = { .decoded = true, .intact = true, .record = *record };

	render_sentence(&text, &hit);
	render_json(&json, &hit);
	check_line(&text);
	check_line(&json);
	assert(json.len > 2 && json.data[0] == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[RECORD_MAX];
	struct slice bytes = slice_new(data, size);
	struct record record;

	if (record_decode(bytes, &record) < 0)
		return 0;
	assert(record_encode(&record, again, sizeof(again)) == (ssize_t)size);
	assert(memcmp(again, data, size) == 0);
	check_inside(record.rule, bytes);
	check_inside(record.obj, bytes);
	check_inside(record.obj2, bytes);
	check_inside(record.by, bytes);
	for (uint32_t i = 0; i < record.pair_count; i++) {
		check_inside(record.pairs[i].bytes, bytes);
		assert(record_pair(&record, (enum detail_key)record.pairs[i].key) == &record.pairs[i]);
	}
	check_rendered(&record);
	return 0;
}
