/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/intake_parse.h"

#include <errno.h>

#include "base/text.h"
#include "ledger/words.h"

#define ALIGN 8U

/* Copies `len` bytes off the front. */
static bool take(struct slice *rest, void *to, size_t len)
{
	if (rest->len < len)
		return false;
	memcpy(to, rest->data, len);
	*rest = slice_new(rest->data + len, rest->len - len);
	return true;
}

/* Takes `len` bytes and their zero padding off the front without copying. */
static bool take_padded(struct slice *rest, size_t len, struct slice *ret_bytes)
{
	size_t padded = (len + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	if (len > rest->len || padded > rest->len)
		return false;
	for (size_t i = len; i < padded; i++) {
		if (rest->data[i] != 0)
			return false;
	}
	*ret_bytes = slice_new(rest->data, len);
	*rest = slice_new(rest->data + padded, rest->len - padded);
	return true;
}

static bool all_zero(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		if (at[i] != 0)
			return false;
	}
	return true;
}

/* A NUL-padded field of UTF-8. */
static bool parse_field(const char *field, size_t size, struct slice *ret_text)
{
	size_t len = strnlen(field, size);

	*ret_text = slice_new(field, len);
	return all_zero(field + len, size - len) && text_is_utf8(*ret_text);
}

int intake_parse_head(struct slice datagram, struct intake_head *ret_head, struct slice *ret_rest)
{
	struct intake_head head;
	struct slice rest = datagram;

	if (datagram.len > INTAKE_DATAGRAM_MAX || !take(&rest, &head, sizeof(head)))
		return -EBADMSG;
	if (head.version != INTAKE_VERSION)
		return -EPROTO;
	if (head.message < INTAKE_RECORDS || head.message > INTAKE_STOP)
		return -EPROTO;
	if (head.bytes != datagram.len || head.count > INTAKE_BATCH_MAX)
		return -EBADMSG;
	if (head.message == INTAKE_RECORDS) {
		if (head.count == 0 || head.cursor < head.count)
			return -EBADMSG;
	} else if (head.count != 0 || rest.len != 0 || head.cursor == 0) {
		return -EBADMSG;
	}
	if (head.message != INTAKE_DOC && !all_zero(head.digest, sizeof(head.digest)))
		return -EBADMSG;
	*ret_head = head;
	*ret_rest = rest;
	return 0;
}

#define FLAGS_KNOWN (INTAKE_HAS_RET | INTAKE_SYNC | INTAKE_HAS_SRC)

static bool fixed_ok(const struct intake_record *fixed)
{
	return record_kind_name(fixed->kind) && (fixed->flags & ~FLAGS_KNOWN) == 0 &&
	       fixed->verdict <= RECORD_VERDICT_ERROR && fixed->sev <= RECORD_SEV_CRITICAL &&
	       fixed->effect <= RECORD_EFFECT_INFERRED && fixed->reserved8 == 0 &&
	       fixed->obj_len <= INTAKE_OBJ_MAX && fixed->obj2_len <= INTAKE_OBJ_MAX &&
	       fixed->pair_count <= INTAKE_PAIRS_MAX && fixed->value_count <= INTAKE_VALUES_MAX &&
	       fixed->has_before <= 1 && fixed->has_after <= 1 &&
	       all_zero(fixed->reserved16, sizeof(fixed->reserved16));
}

static bool parse_pair(struct slice *rest, struct intake_pair_view *ret_pair)
{
	const struct intake_pair *head = &ret_pair->head;
	bool has_bytes;

	if (!take(rest, &ret_pair->head, sizeof(ret_pair->head)))
		return false;
	if (head->type < PAIR_UINT || head->type > PAIR_BOOL || !detail_key_name(head->key))
		return false;
	has_bytes = head->type == PAIR_TEXT || head->type == PAIR_BYTES;
	if (has_bytes ? head->number != 0 : head->len != 0)
		return false;
	if (head->type == PAIR_BOOL && head->number > 1)
		return false;
	return head->len <= INTAKE_PAIR_MAX && take_padded(rest, head->len, &ret_pair->bytes);
}

static bool parse_value(struct slice *rest, struct intake_value_view *ret_value)
{
	const struct intake_value *head = &ret_value->head;

	if (!take(rest, &ret_value->head, sizeof(ret_value->head)))
		return false;
	if (head->label < VALUE_ARGV || head->label > VALUE_QUESTION || head->flags > 1)
		return false;
	if (head->len > INTAKE_VALUE_MAX || head->size < head->len)
		return false;
	return take_padded(rest, head->len, &ret_value->bytes);
}

static bool parse_variable(struct slice body, struct intake_view *view)
{
	const struct intake_record *fixed = &view->fixed;

	if (!take_padded(&body, fixed->obj_len, &view->obj) ||
	    !take_padded(&body, fixed->obj2_len, &view->obj2))
		return false;
	for (size_t i = 0; i < fixed->pair_count; i++) {
		if (!parse_pair(&body, &view->pairs[i]))
			return false;
	}
	for (size_t i = 0; i < fixed->value_count; i++) {
		if (!parse_value(&body, &view->values[i]))
			return false;
	}
	return body.len == 0;
}

int intake_parse_next(struct slice *rest, struct intake_view *ret_view)
{
	struct slice body = *rest;
	struct intake_record *fixed = &ret_view->fixed;
	size_t whole;

	if (rest->len == 0)
		return 0;
	if (!take(&body, fixed, sizeof(*fixed)))
		return -EBADMSG;
	whole = fixed->bytes;
	if (whole < sizeof(*fixed) || whole > rest->len || whole % ALIGN != 0)
		return -EBADMSG;
	if (!fixed_ok(fixed) || !parse_field(fixed->rule, sizeof(fixed->rule), &ret_view->rule) ||
	    !parse_field(fixed->by, sizeof(fixed->by), &ret_view->by))
		return -EBADMSG;
	body.len = whole - sizeof(*fixed);
	if (!parse_variable(body, ret_view))
		return -EBADMSG;
	*rest = slice_new(rest->data + whole, rest->len - whole);
	return 1;
}
