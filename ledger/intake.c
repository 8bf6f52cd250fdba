/* SPDX-License-Identifier: Apache-2.0 */
/* Building the datagrams of intake.h. Linked by root, so it needs nothing but libc. */
#include "ledger/intake.h"

#include <errno.h>

#define ALIGN 8U

/* A position, not a pointer, because an append may move the buffer. */
static struct intake_record *record_at_offset(struct buf *buf, size_t record_at)
{
	return (struct intake_record *)(void *)(buf->data + record_at);
}

static int refuse(struct buf *buf, int code)
{
	buf->failed = true;
	return code;
}

static int append_padded(struct buf *buf, struct slice bytes)
{
	int r = buf_append(buf, bytes.data, bytes.len);

	return r < 0 ? r : buf_align(buf, ALIGN);
}

struct intake_record *intake_begin(struct buf *buf, enum record_kind kind)
{
	struct intake_record *record;

	if (buf->failed || buf_align(buf, ALIGN) < 0)
		return NULL;
	record = buf_reserve(buf, sizeof(*record));
	if (record)
		record->kind = (uint16_t)kind;
	return record;
}

int intake_obj(struct buf *buf, size_t record_at, struct slice obj)
{
	const struct intake_record *record = record_at_offset(buf, record_at);

	if (buf->failed)
		return -ENOSPC;
	if (record->obj_len || record->obj2_len || record->pair_count || record->value_count)
		return refuse(buf, -EINVAL);
	if (obj.len > INTAKE_OBJ_MAX)
		return refuse(buf, -E2BIG);
	record_at_offset(buf, record_at)->obj_len = (uint32_t)obj.len;
	return append_padded(buf, obj);
}

int intake_obj2(struct buf *buf, size_t record_at, struct slice obj2)
{
	const struct intake_record *record = record_at_offset(buf, record_at);

	if (buf->failed)
		return -ENOSPC;
	if (record->obj2_len || record->pair_count || record->value_count)
		return refuse(buf, -EINVAL);
	if (obj2.len > INTAKE_OBJ_MAX)
		return refuse(buf, -E2BIG);
	record_at_offset(buf, record_at)->obj2_len = (uint32_t)obj2.len;
	return append_padded(buf, obj2);
}

static int append_pair(struct buf *buf, size_t record_at, struct intake_pair pair,
		       struct slice bytes)
{
	struct intake_record *record = record_at_offset(buf, record_at);
	int r;

	if (buf->failed)
		return -ENOSPC;
	if (record->value_count)
		return refuse(buf, -EINVAL);
	if (record->pair_count >= INTAKE_PAIRS_MAX || bytes.len > INTAKE_PAIR_MAX)
		return refuse(buf, -E2BIG);
	record->pair_count++;
	pair.len = (uint32_t)bytes.len;
	r = buf_append(buf, &pair, sizeof(pair));
	return r < 0 ? r : append_padded(buf, bytes);
}

int intake_uint(struct buf *buf, size_t record_at, enum detail_key key, uint64_t number)
{
	struct intake_pair pair = { .key = (uint16_t)key, .type = PAIR_UINT, .number = number };

	return append_pair(buf, record_at, pair, (struct slice){ 0 });
}

int intake_int(struct buf *buf, size_t record_at, enum detail_key key, int64_t number)
{
	struct intake_pair pair = {
		.key = (uint16_t)key, .type = PAIR_INT, .number = (uint64_t)number,
	};

	return append_pair(buf, record_at, pair, (struct slice){ 0 });
}

int intake_bool(struct buf *buf, size_t record_at, enum detail_key key, bool value)
{
	struct intake_pair pair = { .key = (uint16_t)key, .type = PAIR_BOOL, .number = value };

	return append_pair(buf, record_at, pair, (struct slice){ 0 });
}

int intake_text(struct buf *buf, size_t record_at, enum detail_key key, struct slice text)
{
	struct intake_pair pair = { .key = (uint16_t)key, .type = PAIR_TEXT };

	return append_pair(buf, record_at, pair, text);
}

int intake_bytes(struct buf *buf, size_t record_at, enum detail_key key, struct slice bytes)
{
	struct intake_pair pair = { .key = (uint16_t)key, .type = PAIR_BYTES };

	return append_pair(buf, record_at, pair, bytes);
}

int intake_value(struct buf *buf, size_t record_at, enum value_label label, struct slice value,
		 uint64_t size)
{
	struct intake_record *record = record_at_offset(buf, record_at);
	struct intake_value head = {
		.label = (uint16_t)label, .len = (uint32_t)value.len, .size = size,
		.flags = size > value.len,
	};
	int r;

	if (buf->failed)
		return -ENOSPC;
	if (record->value_count >= INTAKE_VALUES_MAX || value.len > INTAKE_VALUE_MAX)
		return refuse(buf, -E2BIG);
	record->value_count++;
	r = buf_append(buf, &head, sizeof(head));
	return r < 0 ? r : append_padded(buf, value);
}

int intake_end(struct buf *buf, size_t record_at)
{
	if (buf->failed) {
		if (buf->len > record_at)
			buf->len = record_at;
		buf->failed = false;
		return -ENOSPC;
	}
	record_at_offset(buf, record_at)->bytes = (uint32_t)(buf->len - record_at);
	return 0;
}

bool intake_kind_is_sync(enum record_kind kind)
{
	unsigned int number = kind;

	return number <= RECORD_GAP || number == RECORD_RUN_START || number == RECORD_RUN_END ||
	       (number > RECORD_DECISION && number < RECORD_KIND_LIMIT);
}
