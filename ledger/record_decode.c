/* SPDX-License-Identifier: Apache-2.0 */
/* The strict decoder: one token at a time, a table says what each key must be, and re-encoding at the
 * end, by libcbor, refuses every form but the shortest. Tokens are read here: libcbor calls back for
 * each through a table of 25 functions, three times as long. */
#include <errno.h>

#include "ledger/record.h"
#include "ledger/words.h"

enum token_type {
	TOKEN_REJECT, TOKEN_UINT, TOKEN_NINT, TOKEN_BYTES, TOKEN_TEXT, TOKEN_BOOL, TOKEN_ARRAY,
	TOKEN_MAP,
};

struct token {
	enum token_type type;
	uint64_t number;        /* the argument; for TOKEN_NINT the value is -1 - number */
	struct slice bytes;
};

struct reader {
	struct slice rest;
	struct token token;
};

/* The argument of a head: in the head itself, or in 1, 2, 4 or 8 bytes behind it. The rest stands for
 * indefinite lengths and for what is not assigned. */
static bool read_argument(struct reader *reader, uint32_t info, uint64_t *ret_number)
{
	size_t len = info < 24 ? 0 : (size_t)1 << (info - 24);
	uint64_t number = info;

	if (info > 27 || reader->rest.len < len)
		return false;
	for (size_t i = 0; i < len; i++)
		number = (i == 0 ? 0 : number << 8) | (uint8_t)reader->rest.data[i];
	reader->rest = slice_new(reader->rest.data + len, reader->rest.len - len);
	*ret_number = number;
	return true;
}

static bool take_bytes(struct reader *reader)
{
	size_t len = reader->token.number;

	if (reader->rest.len < reader->token.number)
		return false;
	reader->token.bytes = slice_new(reader->rest.data, len);
	reader->rest = slice_new(reader->rest.data + len, reader->rest.len - len);
	return true;
}

/* By the major type; tags and floats have none here. */
static const enum token_type token_types[8] = {
	TOKEN_UINT, TOKEN_NINT, TOKEN_BYTES, TOKEN_TEXT, TOKEN_ARRAY, TOKEN_MAP, TOKEN_REJECT, TOKEN_BOOL,
};

/* The next token, or false: need more data is malformed, too. Longer heads than need be are taken
 * here; they do not encode to the same bytes. */
static bool next(struct reader *reader)
{
	uint32_t head;

	if (reader->rest.len == 0)
		return false;
	head = (uint8_t)reader->rest.data[0];
	reader->rest = slice_new(reader->rest.data + 1, reader->rest.len - 1);
	reader->token.type = token_types[head >> 5];
	reader->token.bytes = (struct slice){ 0 };
	switch (reader->token.type) {
	case TOKEN_UINT:
	case TOKEN_NINT:
	case TOKEN_ARRAY:
	case TOKEN_MAP:
		return read_argument(reader, head & 31U, &reader->token.number);
	case TOKEN_BYTES:
	case TOKEN_TEXT:
		return read_argument(reader, head & 31U, &reader->token.number) && take_bytes(reader);
	case TOKEN_BOOL: /* of the simple values only these */
		reader->token.number = (head & 31U) == 21U;
		return (head & 31U) == 20U || (head & 31U) == 21U;
	case TOKEN_REJECT:
		break;
	}
	return false;
}

static bool next_is(struct reader *reader, enum token_type type)
{
	return next(reader) && reader->token.type == type;
}

static bool read_uint(struct reader *reader, uint64_t max, uint64_t *ret_number)
{
	if (!next_is(reader, TOKEN_UINT) || reader->token.number > max)
		return false;
	*ret_number = reader->token.number;
	return true;
}

static bool read_small(struct reader *reader, uint32_t *ret_number)
{
	uint64_t number;

	if (!read_uint(reader, UINT32_MAX, &number))
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static bool read_int(struct reader *reader, int64_t *ret_number)
{
	if (!next(reader) || reader->token.number > INT64_MAX)
		return false;
	if (reader->token.type != TOKEN_UINT && reader->token.type != TOKEN_NINT)
		return false;
	*ret_number = (int64_t)reader->token.number;
	if (reader->token.type == TOKEN_NINT)
		*ret_number = -1 - *ret_number;
	return true;
}

static bool read_slice(struct reader *reader, enum token_type type, struct slice *ret_bytes)
{
	if (!next_is(reader, type))
		return false;
	*ret_bytes = reader->token.bytes;
	return true;
}

static bool read_fixed(struct reader *reader, uint8_t *to, size_t len, bool *ret_has)
{
	struct slice bytes;

	if (!read_slice(reader, TOKEN_BYTES, &bytes) || bytes.len != len)
		return false;
	memcpy(to, bytes.data, len);
	if (ret_has)
		*ret_has = true;
	return true;
}

static bool read_array(struct reader *reader, uint64_t max, uint64_t *ret_count)
{
	if (!next_is(reader, TOKEN_ARRAY) || reader->token.number > max)
		return false;
	*ret_count = reader->token.number;
	return true;
}

static bool read_triple(struct reader *reader, uint64_t *a, uint64_t *b, uint64_t *c, bool *ret_has)
{
	uint64_t count;

	if (!read_array(reader, 3, &count) || count != 3)
		return false;
	*ret_has = true;
	return read_uint(reader, UINT64_MAX, a) && read_uint(reader, UINT64_MAX, b) &&
	       read_uint(reader, UINT64_MAX, c);
}

static bool read_values(struct reader *reader, struct record *record)
{
	uint64_t count, four;

	if (!read_array(reader, RECORD_VALUES_MAX, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct record_value *value = &record->values[i];

		if (!read_array(reader, 4, &four) || four != 4 ||
		    !read_small(reader, &value->label) ||
		    !read_uint(reader, UINT64_MAX, &value->size) ||
		    !read_fixed(reader, value->commit, sizeof(value->commit), NULL) ||
		    !read_small(reader, &value->flags))
			return false;
	}
	record->value_count = (uint32_t)count;
	return true;
}

static bool read_pair(struct reader *reader, struct record_pair *pair)
{
	uint64_t key;

	if (!read_uint(reader, DETAIL_KEY_LIMIT - 1, &key) || !next(reader))
		return false;
	pair->key = (uint16_t)key;
	pair->number = reader->token.number;
	pair->bytes = reader->token.bytes;
	switch (reader->token.type) {
	case TOKEN_UINT:
		pair->type = PAIR_UINT;
		return true;
	case TOKEN_NINT:
		pair->type = PAIR_INT;
		pair->number = ~pair->number; /* -1 - n in two's complement */
		return (int64_t)pair->number < 0;
	case TOKEN_BYTES:
		pair->type = PAIR_BYTES;
		break;
	case TOKEN_TEXT:
		pair->type = PAIR_TEXT;
		break;
	case TOKEN_BOOL:
		pair->type = PAIR_BOOL;
		return true;
	case TOKEN_REJECT:
	case TOKEN_ARRAY:
	case TOKEN_MAP:
		return false;
	}
	pair->number = 0;
	return true;
}

static bool read_detail(struct reader *reader, struct record *record)
{
	uint64_t count;

	if (!next_is(reader, TOKEN_MAP) || reader->token.number > RECORD_PAIRS_MAX)
		return false;
	count = reader->token.number;
	for (uint64_t i = 0; i < count; i++) {
		if (!read_pair(reader, &record->pairs[i]))
			return false;
	}
	record->pair_count = (uint32_t)count;
	return true;
}

static bool read_kind(struct reader *reader, struct record *record)
{
	uint64_t kind;

	if (!read_uint(reader, RECORD_KIND_LIMIT - 1, &kind) || !record_kind_name((uint32_t)kind))
		return false;
	record->kind = (enum record_kind)kind;
	return true;
}

static bool read_key(struct reader *reader, uint64_t key, struct record *r)
{
	switch (key) {
	case 1: return read_kind(reader, r);
	case 2: return read_uint(reader, UINT64_MAX, &r->ts_ns);
	case 3: return read_uint(reader, UINT64_MAX, &r->mono_ns);
	case 4: return read_fixed(reader, r->boot, sizeof(r->boot), &r->has_boot);
	case 5: return read_fixed(reader, r->run, sizeof(r->run), &r->has_run);
	case 6: return read_uint(reader, UINT64_MAX, &r->rseq);
	case 7: return read_fixed(reader, r->prev, sizeof(r->prev), &r->has_prev);
	case 8: return read_fixed(reader, r->proc, sizeof(r->proc), &r->has_proc);
	case 9: return read_small(reader, &r->pid);
	case 10: return read_triple(reader, &r->ring, &r->cpu, &r->kseq, &r->has_src);
	case 11: return read_small(reader, &r->verdict);
	case 12: return read_slice(reader, TOKEN_TEXT, &r->rule);
	case 13: return read_slice(reader, TOKEN_BYTES, &r->obj);
	case 14: return read_triple(reader, &r->dev, &r->ino, &r->gen, &r->has_ino);
	case 15: return read_slice(reader, TOKEN_BYTES, &r->obj2);
	case 16: r->has_ret = true; return read_int(reader, &r->ret);
	case 17: return read_fixed(reader, r->before, sizeof(r->before), &r->has_before);
	case 18: return read_fixed(reader, r->after, sizeof(r->after), &r->has_after);
	case 19: return read_values(reader, r);
	case 20: return read_detail(reader, r);
	case 21: return read_small(reader, &r->sev);
	case 22: return read_small(reader, &r->effect);
	case 23: return read_slice(reader, TOKEN_TEXT, &r->by);
	default: return false;
	}
}

#define TOP_KEYS 24U

static int read_record(struct reader *reader, struct record *record)
{
	uint64_t count, key, format;

	if (!next_is(reader, TOKEN_MAP))
		return -EBADMSG;
	count = reader->token.number;
	if (!read_uint(reader, 0, &key) || !read_uint(reader, UINT64_MAX, &format) || format == 0)
		return -EBADMSG;
	if (format > RECORD_FORMAT)
		return -EPROTONOSUPPORT;
	if (count > TOP_KEYS)
		return -EBADMSG;
	for (uint64_t i = 1; i < count; i++) {
		if (!read_uint(reader, TOP_KEYS - 1, &key) || !read_key(reader, key, record))
			return -EBADMSG;
	}
	return reader->rest.len == 0 ? 0 : -EBADMSG;
}

int record_decode(struct slice bytes, struct record *ret_record)
{
	struct reader reader = { .rest = bytes };
	struct record record = { 0 };
	/* Zeroing 64 KiB would cost more than decoding does. */
	__attribute__((uninitialized)) uint8_t again[RECORD_MAX];
	ssize_t len;
	int r;

	if (bytes.len == 0 || bytes.len > RECORD_MAX)
		return -EBADMSG;
	r = read_record(&reader, &record);
	if (r < 0)
		return r;
	len = record_encode(&record, again, sizeof(again));
	if (len < 0 || !slice_eq(slice_new(again, (size_t)len), bytes))
		return -EBADMSG;
	*ret_record = record;
	return 0;
}
