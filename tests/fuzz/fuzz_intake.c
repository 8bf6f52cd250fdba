/* SPDX-License-Identifier: Apache-2.0 */
/* A producer's datagram: what is accepted lies inside it and is read to its end, and each record that
 * can be converted and encoded decodes to the same bytes again; nobody writes the log's own kinds. */
#include <assert.h>
#include <errno.h>

#include "ledger/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice part, const char *from, const char *to)
{
	assert(part.len == 0 || (part.data >= from && part.data <= to && part.len <= (size_t)(to - part.data)));
}

static void check_view(const struct intake_view *view, const char *from, const char *to)
{
	check_inside(view->obj, from, to);
	check_inside(view->obj2, from, to);
	for (size_t i = 0; i < view->fixed.pair_count; i++)
		check_inside(view->pairs[i].bytes, from, to);
	for (size_t i = 0; i < view->fixed.value_count; i++)
		check_inside(view->values[i].bytes, from, to);
}

static void check_record(const struct intake_view *view)
{
	static uint8_t bytes[RECORD_MAX];
	static struct converter converter;
	struct record record, again;
	ssize_t len;

	if (convert(&converter, view, &record) < 0)
		return;
	assert(record.kind >= RECORD_GAP && record.kind != RECORD_WITNESS);
	len = record_encode(&record, bytes, sizeof(bytes));
	if (len < 0)
		return;
	assert(record_decode(slice_new(bytes, (size_t)len), &again) == 0);
	assert(again.kind == record.kind && slice_eq(again.obj, record.obj));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct intake_view view;
	struct intake_head head;
	struct slice rest;
	const char *from, *to;
	int r;

	if (intake_parse_head(slice_new(data, size), &head, &rest) < 0)
		return 0;
	assert(head.bytes == size);
	to = rest.data + rest.len;
	for (from = rest.data; (r = intake_parse_next(&rest, &view)) == 1; from = rest.data) {
		assert(rest.data > from && rest.data + rest.len == to);
		assert((size_t)(rest.data - from) == view.fixed.bytes);
		check_view(&view, from, rest.data);
		check_record(&view);
	}
	assert(r == -EBADMSG || rest.len == 0);
	return 0;
}
