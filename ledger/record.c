/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder and what both directions share; record_decode.c reads. */
#include "ledger/record.h"

#include <cbor.h>
#include <errno.h>

#include "base/text.h"
#include "ledger/words.h"

struct writer {
	uint8_t *bytes;
	size_t len, size;
	bool full;
};

/* libcbor's encoders return 0 when their bytes do not fit. */
static void advance(struct writer *writer, size_t written)
{
	if (written == 0)
		writer->full = true;
	writer->len += written;
}

#define WRITE(writer, encode, number) \
	advance((writer), encode((number), (writer)->bytes + (writer)->len, \
				 (writer)->size - (writer)->len))

static void write_uint(struct writer *writer, uint64_t number)
{
	WRITE(writer, cbor_encode_uint, number);
}

static void write_int(struct writer *writer, int64_t number)
{
	if (number >= 0)
		write_uint(writer, (uint64_t)number);
	else
		WRITE(writer, cbor_encode_negint, (uint64_t)(-(number + 1)));
}

static void write_raw(struct writer *writer, const void *bytes, size_t len)
{
	if (writer->full || writer->size - writer->len < len) {
		writer->full = true;
		return;
	}
	if (len)
		memcpy(writer->bytes + writer->len, bytes, len);
	writer->len += len;
}

static void write_bytes(struct writer *writer, const void *bytes, size_t len)
{
	WRITE(writer, cbor_encode_bytestring_start, len);
	write_raw(writer, bytes, len);
}

static void write_text(struct writer *writer, struct slice text)
{
	WRITE(writer, cbor_encode_string_start, text.len);
	write_raw(writer, text.data, text.len);
}

static void write_fixed(struct writer *writer, uint64_t key, const uint8_t *bytes, size_t len)
{
	write_uint(writer, key);
	write_bytes(writer, bytes, len);
}

static void write_triple(struct writer *writer, uint64_t key, const uint64_t numbers[3])
{
	write_uint(writer, key);
	WRITE(writer, cbor_encode_array_start, 3);
	for (size_t i = 0; i < 3; i++)
		write_uint(writer, numbers[i]);
}

static void write_number(struct writer *writer, uint64_t key, uint64_t number)
{
	write_uint(writer, key);
	write_uint(writer, number);
}

static void write_values(struct writer *writer, const struct record *record)
{
	write_uint(writer, 19);
	WRITE(writer, cbor_encode_array_start, record->value_count);
	for (size_t i = 0; i < record->value_count; i++) {
		const struct record_value *value = &record->values[i];

		WRITE(writer, cbor_encode_array_start, 4);
		write_uint(writer, value->label);
		write_uint(writer, value->size);
		write_bytes(writer, value->commit, sizeof(value->commit));
		write_uint(writer, value->flags);
	}
}

static void write_pair(struct writer *writer, const struct record_pair *pair)
{
	write_uint(writer, pair->key);
	switch ((enum pair_type)pair->type) {
	case PAIR_UINT:
		write_uint(writer, pair->number);
		return;
	case PAIR_INT:
		write_int(writer, (int64_t)pair->number);
		return;
	case PAIR_TEXT:
		write_text(writer, pair->bytes);
		return;
	case PAIR_BYTES:
		write_bytes(writer, pair->bytes.data, pair->bytes.len);
		return;
	case PAIR_BOOL:
		WRITE(writer, cbor_encode_bool, pair->number != 0);
		return;
	}
	writer->full = true;
}

static void write_detail(struct writer *writer, const struct record *record)
{
	write_uint(writer, 20);
	WRITE(writer, cbor_encode_map_start, record->pair_count);
	for (size_t i = 0; i < record->pair_count; i++)
		write_pair(writer, &record->pairs[i]);
}

static size_t count_keys(const struct record *record)
{
	return 4U /* fmt kind ts mono */ + record->has_boot + 2U * record->has_run +
	       record->has_prev + record->has_proc + (record->pid != 0) + record->has_src +
	       (record->verdict != 0) + (record->rule.len != 0) + (record->obj.len != 0) +
	       record->has_ino + (record->obj2.len != 0) + record->has_ret + record->has_before +
	       record->has_after + (record->value_count != 0) + (record->pair_count != 0) +
	       (record->sev != 0) + (record->effect != 0) + (record->by.len != 0);
}

/* Keys 0-10. */
static void write_origin(struct writer *writer, const struct record *record)
{
	write_number(writer, 0, RECORD_FORMAT);
	write_number(writer, 1, record->kind);
	write_number(writer, 2, record->ts_ns);
	write_number(writer, 3, record->mono_ns);
	if (record->has_boot)
		write_fixed(writer, 4, record->boot, sizeof(record->boot));
	if (record->has_run) {
		write_fixed(writer, 5, record->run, sizeof(record->run));
		write_number(writer, 6, record->rseq);
	}
	if (record->has_prev)
		write_fixed(writer, 7, record->prev, sizeof(record->prev));
	if (record->has_proc)
		write_fixed(writer, 8, record->proc, sizeof(record->proc));
	if (record->pid)
		write_number(writer, 9, record->pid);
	if (record->has_src)
		write_triple(writer, 10,
			     (uint64_t[]){ record->ring, record->cpu, record->kseq });
}

/* Keys 11-23. */
static void write_what(struct writer *writer, const struct record *record)
{
	if (record->verdict)
		write_number(writer, 11, record->verdict);
	if (record->rule.len) {
		write_uint(writer, 12);
		write_text(writer, record->rule);
	}
	if (record->obj.len)
		write_fixed(writer, 13, (const uint8_t *)record->obj.data, record->obj.len);
	if (record->has_ino)
		write_triple(writer, 14, (uint64_t[]){ record->dev, record->ino, record->gen });
	if (record->obj2.len)
		write_fixed(writer, 15, (const uint8_t *)record->obj2.data, record->obj2.len);
	if (record->has_ret) {
		write_uint(writer, 16);
		write_int(writer, record->ret);
	}
	if (record->has_before)
		write_fixed(writer, 17, record->before, sizeof(record->before));
	if (record->has_after)
		write_fixed(writer, 18, record->after, sizeof(record->after));
	if (record->value_count)
		write_values(writer, record);
	if (record->pair_count)
		write_detail(writer, record);
	if (record->sev)
		write_number(writer, 21, record->sev);
	if (record->effect)
		write_number(writer, 22, record->effect);
	if (record->by.len) {
		write_uint(writer, 23);
		write_text(writer, record->by);
	}
}

static bool pairs_ok(const struct record *record)
{
	for (size_t i = 0; i < record->pair_count; i++) {
		const struct record_pair *pair = &record->pairs[i];
		bool is_text = pair->type == PAIR_TEXT || pair->type == PAIR_BYTES;
		uint32_t type = pair->type;

		if (i > 0 && pair->key <= record->pairs[i - 1].key)
			return false;
		if (type == PAIR_INT && (int64_t)pair->number >= 0)
			type = PAIR_UINT;
		if (!detail_key_takes(pair->key, type))
			return false;
		if (is_text && pair->bytes.len > INTAKE_PAIR_MAX)
			return false;
		if (pair->type == PAIR_TEXT && !text_is_utf8(pair->bytes))
			return false;
	}
	return true;
}

static bool values_ok(const struct record *record)
{
	for (size_t i = 0; i < record->value_count; i++) {
		const struct record_value *value = &record->values[i];

		if (!word_name(WORDS_VALUE, value->label) ||
		    value->flags > (RECORD_VALUE_TRUNCATED | RECORD_VALUE_SCRUBBED))
			return false;
	}
	return true;
}

static bool record_ok(const struct record *record)
{
	bool may_boot = record->kind == RECORD_GENESIS || record->kind == RECORD_LOG_START ||
			record->kind == RECORD_CLOCK;

	if (!record_kind_name(record->kind) || (record->has_boot && !may_boot))
		return false;
	if (record->verdict > RECORD_VERDICT_ERROR || record->sev > RECORD_SEV_CRITICAL ||
	    record->effect > RECORD_EFFECT_INFERRED)
		return false;
	if (record->has_prev && (!record->has_run || record->rseq == 0))
		return false;
	if (record->rule.len > INTAKE_RULE_MAX || record->by.len > INTAKE_BY_MAX ||
	    record->obj.len > INTAKE_OBJ_MAX || record->obj2.len > INTAKE_OBJ_MAX)
		return false;
	if (record->pair_count > RECORD_PAIRS_MAX || record->value_count > RECORD_VALUES_MAX)
		return false;
	return text_is_utf8(record->rule) && text_is_utf8(record->by) && pairs_ok(record) &&
	       values_ok(record);
}

ssize_t record_encode(const struct record *record, uint8_t *bytes, size_t size)
{
	struct writer writer = { .bytes = bytes, .size = MIN(size, (size_t)RECORD_MAX) };

	if (!record_ok(record))
		return -EINVAL;
	WRITE(&writer, cbor_encode_map_start, count_keys(record));
	write_origin(&writer, record);
	write_what(&writer, record);
	return writer.full ? -ENOSPC : (ssize_t)writer.len;
}

const struct record_pair *record_pair(const struct record *record, enum detail_key key)
{
	for (size_t i = 0; i < record->pair_count; i++) {
		if (record->pairs[i].key == key)
			return &record->pairs[i];
	}
	return NULL;
}

bool record_uint(const struct record *record, enum detail_key key, uint64_t *ret_number)
{
	const struct record_pair *pair = record_pair(record, key);

	if (!pair || (pair->type != PAIR_UINT && pair->type != PAIR_INT))
		return false;
	if (pair->type == PAIR_INT && (int64_t)pair->number < 0)
		return false;
	*ret_number = pair->number;
	return true;
}

bool record_int(const struct record *record, enum detail_key key, int64_t *ret_number)
{
	const struct record_pair *pair = record_pair(record, key);

	if (!pair || (pair->type != PAIR_UINT && pair->type != PAIR_INT))
		return false;
	if (pair->type == PAIR_UINT && pair->number > INT64_MAX)
		return false;
	*ret_number = (int64_t)pair->number;
	return true;
}

struct slice record_bytes(const struct record *record, enum detail_key key)
{
	const struct record_pair *pair = record_pair(record, key);

	if (!pair || (pair->type != PAIR_TEXT && pair->type != PAIR_BYTES))
		return (struct slice){ 0 };
	return pair->bytes;
}

int record_set_pair(struct record *record, struct record_pair pair)
{
	size_t at = 0;

	while (at < record->pair_count && record->pairs[at].key < pair.key)
		at++;
	if (at < record->pair_count && record->pairs[at].key == pair.key) {
		record->pairs[at] = pair;
		return 0;
	}
	if (record->pair_count >= RECORD_PAIRS_MAX)
		return -E2BIG;
	memmove(&record->pairs[at + 1], &record->pairs[at],
		(record->pair_count - at) * sizeof(record->pairs[0]));
	record->pairs[at] = pair;
	record->pair_count++;
	return 0;
}
