/* SPDX-License-Identifier: Apache-2.0 */
/* JSON, and command lines out of values.db. */
#include "ledger/render.h"

#include <errno.h>

#include "base/text.h"
#include "base/ulid.h"

#define SAFE_INTEGER (UINT64_C(1) << 53)

static void put(struct buf *buf, const char *text)
{
	IGNORE(buf_text(buf, text) < 0); /* remembered in buf->failed */
}

static void put_bytes(struct buf *buf, const char *bytes, size_t len)
{
	IGNORE(buf_append(buf, bytes, len) < 0);
}

/* Beyond what JSON asks for: what turns or hides text in a terminal or a browser. */
static bool must_escape(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x2069) || point == 0xfeff || point == '<';
}

void render_json_string(struct buf *buf, struct slice text)
{
	put(buf, "\"");
	while (text.len > 0) {
		uint32_t point = 0;
		size_t len = text_utf8_next(text, &point);

		if (len == 0) {
			len = 1; /* the caller promised UTF-8 */
			point = 0xfffd;
		}
		if (point == '"' || point == '\\')
			IGNORE(buf_printf(buf, "\\%c", (int)point) < 0);
		else if (must_escape(point) || point == 0xfffd)
			IGNORE(buf_printf(buf, "\\u%04x", point) < 0);
		else
			put_bytes(buf, text.data, len);
		text.data += len;
		text.len -= len;
	}
	put(buf, "\"");
}

static void put_base64(struct buf *buf, struct slice bytes)
{
	char text[4 * 256 + 1];

	for (size_t i = 0; i < bytes.len; i += 768) {
		size_t len = MIN(bytes.len - i, (size_t)768);

		note_base64(text, (const uint8_t *)bytes.data + i, len);
		put(buf, text);
	}
}

void render_json_bytes(struct buf *buf, const char *name, struct slice bytes)
{
	IGNORE(buf_printf(buf, "\"%s\":", name) < 0);
	if (!bytes.len) {
		put(buf, "null");
	} else if (text_is_utf8(bytes)) {
		render_json_string(buf, bytes);
	} else {
		IGNORE(buf_printf(buf, "null,\"%s_b64\":\"", name) < 0);
		put_base64(buf, bytes);
		put(buf, "\"");
	}
}

static void field_bytes(struct buf *buf, const char *name, struct slice bytes)
{
	put(buf, ",");
	render_json_bytes(buf, name, bytes);
}

static void put_u64(struct buf *buf, uint64_t number)
{
	IGNORE(buf_printf(buf, number > SAFE_INTEGER ? "\"%llu\"" : "%llu",
			  (unsigned long long)number) < 0);
}

static void put_i64(struct buf *buf, int64_t number)
{
	if (number >= 0)
		put_u64(buf, (uint64_t)number);
	else
		IGNORE(buf_printf(buf, number < -(int64_t)SAFE_INTEGER ? "\"%lld\"" : "%lld",
				  (long long)number) < 0);
}

static void field_u64(struct buf *buf, const char *name, bool present, uint64_t number)
{
	IGNORE(buf_printf(buf, ",\"%s\":", name) < 0);
	if (present)
		put_u64(buf, number);
	else
		put(buf, "null");
}

static void field_hex(struct buf *buf, const char *name, bool present, const uint8_t *bytes,
		      size_t len)
{
	char hex[2 * 32 + 1];

	IGNORE(buf_printf(buf, ",\"%s\":", name) < 0);
	if (!present || len > 32) {
		put(buf, "null");
		return;
	}
	text_hex(hex, bytes, len);
	IGNORE(buf_printf(buf, "\"%s\"", hex) < 0);
}

static void field_word(struct buf *buf, const char *name, enum word_list list, uint64_t number)
{
	const char *word = word_name(list, number);

	field_bytes(buf, name, slice_of(word && *word ? word : NULL));
}

/* ---- values ---- */

/* Splits at NUL; a last terminator makes no further word. */
static bool next_word(struct slice *rest, struct slice *ret_word)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\0', rest->len);
	*ret_word = slice_new(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	rest->data += ret_word->len + (end ? 1 : 0);
	rest->len -= ret_word->len + (end ? 1 : 0);
	return true;
}

static const struct record_value *value_labelled(const struct record *record, uint32_t label)
{
	for (size_t i = 0; i < record->value_count; i++) {
		if (record->values[i].label == label)
			return &record->values[i];
	}
	return NULL;
}

static void put_quoted(struct buf *buf, struct slice word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=.,:/@%[]";
	bool bare = word.len > 0;

	for (size_t i = 0; bare && i < word.len; i++)
		bare = word.data[i] && strchr(plain, word.data[i]);
	if (!bare)
		put(buf, "'");
	render_text(buf, word);
	if (!bare)
		put(buf, "'");
}

bool render_argv(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record_value *value = value_labelled(&hit->record, VALUE_ARGV);
	struct slice rest = { 0 }, word;
	const char *blank = "";
	int r;

	if (!value)
		return false;
	r = hit->ledger ? ledger_value(hit->ledger, value, &rest, NULL) : 0;
	if (r <= 0)
		put(buf, r == -ENODATA ? "<redacted>" : "<withheld>");
	while (r > 0 && next_word(&rest, &word)) {
		put(buf, blank);
		put_quoted(buf, word);
		blank = " ";
	}
	if (value->flags & RECORD_VALUE_TRUNCATED)
		IGNORE(buf_printf(buf, " ... (%llu bytes in all)",
				  (unsigned long long)value->size) < 0);
	return true;
}

static void put_words(struct buf *buf, struct slice rest)
{
	const char *comma = "";
	struct slice word;

	put(buf, "[");
	while (next_word(&rest, &word)) {
		put(buf, comma);
		comma = ",";
		if (text_is_utf8(word)) {
			render_json_string(buf, word);
		} else {
			put(buf, "{\"b64\":\"");
			put_base64(buf, word);
			put(buf, "\"}");
		}
	}
	put(buf, "]");
}

static void put_value(struct buf *buf, const struct ledger_hit *hit,
		      const struct record_value *value)
{
	const char *label = word_name(WORDS_VALUE, value->label);
	struct slice bytes = { 0 };
	int r = hit->ledger ? ledger_value(hit->ledger, value, &bytes, NULL) : 0;

	IGNORE(buf_printf(buf, "{\"label\":\"%s\",\"state\":\"%s\",\"truncated\":%s,"
			  "\"scrubbed\":%s", label ? label : "unknown",
			  r > 0 ? "shown" : r == -ENODATA ? "redacted" : "withheld",
			  value->flags & RECORD_VALUE_TRUNCATED ? "true" : "false",
			  value->flags & RECORD_VALUE_SCRUBBED ? "true" : "false") < 0);
	field_u64(buf, "size", true, value->size);
	field_hex(buf, "commitment", true, value->commit, sizeof(value->commit));
	put(buf, ",\"words\":");
	if (r > 0)
		put_words(buf, bytes);
	else
		put(buf, "null");
	put(buf, "}");
}

static void put_values(struct buf *buf, const struct ledger_hit *hit)
{
	put(buf, ",\"values\":[");
	for (size_t i = 0; i < hit->record.value_count; i++) {
		put(buf, i ? "," : "");
		put_value(buf, hit, &hit->record.values[i]);
	}
	put(buf, "]");
}

/* ---- records ---- */

static void put_pair(struct buf *buf, const struct record_pair *pair)
{
	const char *name = detail_key_name(pair->key);
	char hex[2 * 32 + 1];

	name = name ? name : "unknown";
	switch ((enum pair_type)pair->type) {
	case PAIR_UINT:
	case PAIR_INT:
	case PAIR_BOOL:
		IGNORE(buf_printf(buf, "\"%s\":", name) < 0);
		if (pair->type == PAIR_BOOL)
			put(buf, pair->number ? "true" : "false");
		else if (pair->type == PAIR_INT)
			put_i64(buf, (int64_t)pair->number);
		else
			put_u64(buf, pair->number);
		return;
	case PAIR_TEXT:
		render_json_bytes(buf, name, pair->bytes);
		return;
	case PAIR_BYTES:
		/* Digests and identities are never text. */
		if (detail_key_takes(pair->key, PAIR_TEXT) || pair->bytes.len > 32) {
			render_json_bytes(buf, name, pair->bytes);
			return;
		}
		text_hex(hex, (const uint8_t *)pair->bytes.data, pair->bytes.len);
		IGNORE(buf_printf(buf, "\"%s\":\"%s\"", name, hex) < 0);
		return;
	}
}

static void put_detail(struct buf *buf, const struct record *record)
{
	put(buf, ",\"detail\":{");
	for (size_t i = 0; i < record->pair_count; i++) {
		put(buf, i ? "," : "");
		put_pair(buf, &record->pairs[i]);
	}
	put(buf, "}");
}

static bool is_address(const struct record *record)
{
	struct slice verb = record_bytes(record, DETAIL_VERB);

	return record_kind_class(record->kind) == CLASS_NETWORK ||
	       (record->kind == RECORD_DECISION &&
		(slice_is(verb, "connect") || slice_is(verb, "bind")));
}

static void put_objects(struct buf *buf, const struct record *record)
{
	struct slice none = { 0 };
	bool address = is_address(record);

	field_bytes(buf, "path", address ? none : record->obj);
	field_bytes(buf, "path2", address ? none : record->obj2);
	field_bytes(buf, "address", address ? record->obj : none);
	put(buf, ",\"inode\":");
	if (record->has_ino) {
		put(buf, "{\"dev\":");
		put_u64(buf, record->dev);
		field_u64(buf, "ino", true, record->ino);
		field_u64(buf, "gen", true, record->gen);
		put(buf, "}");
	} else {
		put(buf, "null");
	}
}

static void put_process(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;

	field_hex(buf, "process", record->has_proc, record->proc, sizeof(record->proc));
	field_u64(buf, "pid", record->pid != 0, record->pid);
	field_bytes(buf, "comm", hit->comm);
	field_bytes(buf, "exe", hit->exe);
}

static void put_place(struct buf *buf, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	char time[TEXT_TIME_MAX], run[ULID_TEXT_LEN + 1];
	struct ulid ulid;

	text_time_utc(time, record->ts_ns);
	IGNORE(buf_printf(buf, ",\"time\":\"%s\"", time) < 0);
	field_u64(buf, "ts_ns", true, record->ts_ns);
	field_u64(buf, "mono_ns", true, record->mono_ns);
	field_bytes(buf, "kind", slice_of(record_kind_name(record->kind)));
	field_bytes(buf, "class", slice_of(record_class_name(record_kind_class(record->kind))));
	memcpy(ulid.bytes, record->run, sizeof(ulid.bytes));
	ulid_text(&ulid, run);
	field_bytes(buf, "run", slice_of(record->has_run ? run : NULL));
	field_u64(buf, "rseq", record->has_run, record->rseq);
}

static void put_result(struct buf *buf, const struct record *record)
{
	field_word(buf, "verdict", WORDS_VERDICT, record->verdict);
	field_bytes(buf, "rule", record->rule);
	field_word(buf, "severity", WORDS_SEV, record->sev);
	field_word(buf, "effect", WORDS_EFFECT, record->effect);
	field_bytes(buf, "by", record->by);
	put(buf, ",\"ret\":");
	if (record->has_ret)
		put_i64(buf, record->ret);
	else
		put(buf, "null");
	field_bytes(buf, "errno", slice_of(record->has_ret && record->ret < 0 && record->ret > -4096 ?
					   errno_name((int)record->ret) : NULL));
	field_hex(buf, "before", record->has_before, record->before, sizeof(record->before));
	field_hex(buf, "after", record->has_after, record->after, sizeof(record->after));
}

void render_json(struct buf *buf, const struct ledger_hit *hit)
{
	cleanup_with(buf_finish) struct buf sentence = buf_growing(RENDER_MAX);

	put(buf, "{\"seq\":");
	put_u64(buf, hit->seq);
	IGNORE(buf_printf(buf, ",\"intact\":%s", hit->intact ? "true" : "false") < 0);
	if (!hit->decoded) {
		put(buf, ",\"undecodable_b64\":\"");
		put_base64(buf, hit->rec);
		put(buf, "\"}");
		return;
	}
	put_place(buf, hit);
	put_process(buf, hit);
	put_objects(buf, &hit->record);
	put_result(buf, &hit->record);
	put_values(buf, hit);
	put_detail(buf, &hit->record);
	render_sentence(&sentence, hit);
	field_bytes(buf, "sentence", buf_slice(&sentence));
	put(buf, "}");
}
