/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/record.h"
#include "ledger/words.h"
#include "lib/runner.h"

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
	size_t len = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		unsigned int byte;

		if (hex[0] == ' ') {
			hex--;
			continue;
		}
		ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
		ck_assert_uint_lt(len, size);
		bytes[len++] = (uint8_t)byte;
	}
	return len;
}

/* ---- golden bytes ---- */

static const struct golden {
	const char *what;
	struct record record;
	const char *hex;
} golden[] = {
	{ "the smallest record", { .kind = RECORD_TICK, .ts_ns = 1, .mono_ns = 2 },
	  "a4 0001 0103 0201 0302" },
	{ "each head width", { .kind = RECORD_UNLINK, .ts_ns = 24, .mono_ns = 256, .pid = 65536,
			       .verdict = 2, .sev = 3, .effect = 1 },
	  "a8 0001 0113 021818 03190100 091a00010000 0b02 1503 1601" },
	{ "eight bytes", { .kind = RECORD_TICK, .ts_ns = 1ULL << 32, .mono_ns = UINT64_MAX },
	  "a4 0001 0103 021b0000000100000000 031bffffffffffffffff" },
	{ "a negative result", { .kind = RECORD_OPEN_READ, .has_ret = true, .ret = -13 },
	  "a5 0001 011820 0200 0300 102c" },
	{ "the smallest result", { .kind = RECORD_OPEN_READ, .has_ret = true, .ret = INT64_MIN },
	  "a5 0001 011820 0200 0300 103b7fffffffffffffff" },
	{ "names and a rule", { .kind = RECORD_RENAME, .rule = { "r.1", 3 }, .obj = { "/a", 2 },
				.obj2 = { "/\xff", 2 }, .by = { "bailiffd", 8 } },
	  "a8 0001 0114 0200 0300 0c63722e31 0d422f61 0f422fff 17686261696c69666664" },
	{ "kernel numbers", { .kind = RECORD_EXIT, .has_src = true, .ring = 1, .cpu = 0, .kseq = 500,
			      .has_ino = true, .dev = 8, .ino = 24, .gen = 0 },
	  "a6 0001 01182a 0200 0300 0a8301001901f4 0e8308181800" },
	{ "a detail map", { .kind = RECORD_EXEC, .pair_count = 4, .pairs = {
			    { .key = DETAIL_ARGC, .type = PAIR_UINT, .number = 3 },
			    { .key = DETAIL_COMM, .type = PAIR_TEXT, .bytes = { "sh", 2 } },
			    { .key = DETAIL_EXIT_CODE, .type = PAIR_INT, .number = UINT64_MAX },
			    { .key = DETAIL_INFERRED, .type = PAIR_BOOL, .number = 1 } } },
	  "a5 0001 011829 0200 0300 14a4 0103 03627368 0b20 1821f5" },
	{ "a value", { .kind = RECORD_EXEC, .value_count = 1, .values = {
		       { .label = VALUE_ARGV, .size = 9, .flags = 2, .commit = { 0xaa } } } },
	  "a5 0001 011829 0200 0300 1381 84010958 20"
	  "aa00000000000000000000000000000000000000000000000000000000000000 02" },
};

START_TEST(the_bytes_of_a_record_are_these)
{
	const struct golden *row = &golden[_i];
	uint8_t want[256], have[256];
	size_t len = from_hex(row->hex, want, sizeof(want));
	ssize_t made = record_encode(&row->record, have, sizeof(have));
	char hex[513];

	ck_assert_msg(made > 0, "%s: %zd", row->what, made);
	text_hex(hex, have, (size_t)made);
	ck_assert_msg((size_t)made == len && memcmp(want, have, len) == 0, "%s gave %s", row->what,
		      hex);
}
END_TEST

START_TEST(what_is_decoded_is_what_was_encoded)
{
	const struct golden *row = &golden[_i];
	uint8_t bytes[256], again[256];
	size_t len = from_hex(row->hex, bytes, sizeof(bytes));
	struct record record;
	ssize_t made;
	int r = record_decode(slice_new(bytes, len), &record);

	ck_assert_msg(r == 0, "%s: %d", row->what, r);
	ck_assert_int_eq(record.kind, row->record.kind);
	ck_assert_uint_eq(record.ts_ns, row->record.ts_ns);
	ck_assert_uint_eq(record.mono_ns, row->record.mono_ns);
	ck_assert_int_eq(record.ret, row->record.ret);
	ck_assert_uint_eq(record.kseq, row->record.kseq);
	ck_assert(slice_eq(record.obj, row->record.obj));
	ck_assert(slice_eq(record.by, row->record.by));
	ck_assert_uint_eq(record.pair_count, row->record.pair_count);
	made = record_encode(&record, again, sizeof(again));
	ck_assert_int_eq(made, (ssize_t)len);
	ck_assert_mem_eq(again, bytes, len);
}
END_TEST

START_TEST(every_prefix_of_a_record_is_refused)
{
	uint8_t bytes[256];
	size_t len = from_hex(golden[_i].hex, bytes, sizeof(bytes));
	struct record record;

	for (size_t cut = 0; cut < len; cut++) {
		/* On the heap, so that ASan sees a read behind the end. */
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, bytes, cut);
		ck_assert_msg(record_decode(slice_new(part, cut), &record) < 0,
			      "%s: %zu of %zu bytes were taken", golden[_i].what, cut, len);
		free(part);
	}
}
END_TEST

/* ---- refused ---- */

static const struct refused { const char *what, *hex; int code; } refused[] = {
	{ "nothing", "", -EBADMSG },
	{ "no map", "80", -EBADMSG },
	{ "an empty map", "a0", -EBADMSG },
	{ "fmt missing", "a3 0103 0201 0302", -EBADMSG },
	{ "fmt 0", "a4 0000 0103 0201 0302", -EBADMSG },
	{ "a newer fmt", "a4 0002 0103 0201 0302", -EPROTONOSUPPORT },
	{ "kind missing", "a3 0001 0201 0302", -EBADMSG },
	{ "ts missing", "a3 0001 0103 0302", -EBADMSG },
	{ "a kind without a name", "a4 0001 01186f 0201 0302", -EBADMSG },
	{ "a kind beyond the table", "a4 0001 0119ffff 0201 0302", -EBADMSG },
	{ "1 in two bytes", "a4 0001 0103 021801 0302", -EBADMSG },
	{ "1 in three bytes", "a4 0001 0103 02190001 0302", -EBADMSG },
	{ "1 in five bytes", "a4 0001 0103 021a00000001 0302", -EBADMSG },
	{ "1 in nine bytes", "a4 0001 0103 021b0000000000000001 0302", -EBADMSG },
	{ "a long map head", "b804 0001 0103 0201 0302", -EBADMSG },
	{ "a long key", "a4 180001 0103 0201 0302", -EBADMSG },
	{ "a long string head", "a5 0001 0103 0201 0302 0d580161", -EBADMSG },
	{ "keys out of order", "a4 0001 0103 0302 0201", -EBADMSG },
	{ "a key twice", "a5 0001 0103 0201 0201 0302", -EBADMSG },
	{ "an unknown key", "a5 0001 0103 0201 0302 181800", -EBADMSG },
	{ "an indefinite map", "bf 0001 0103 0201 0302 ff", -EBADMSG },
	{ "an indefinite string", "a5 0001 0103 0201 0302 0d5f4161ff", -EBADMSG },
	{ "an indefinite text", "a5 0001 0103 0201 0302 0c7f6161ff", -EBADMSG },
	{ "an indefinite array", "a5 0001 0103 0201 0302 0a9f010203ff", -EBADMSG },
	{ "a tag", "a4 0001 0103 02c101 0302", -EBADMSG },
	{ "a half float", "a4 0001 0103 02f90000 0302", -EBADMSG },
	{ "a float", "a4 0001 0103 02fa00000000 0302", -EBADMSG },
	{ "a double", "a4 0001 0103 02fb0000000000000000 0302", -EBADMSG },
	{ "null", "a4 0001 0103 02f6 0302", -EBADMSG },
	{ "undefined", "a4 0001 0103 02f7 0302", -EBADMSG },
	{ "bad UTF-8", "a5 0001 0103 0201 0302 0c61ff", -EBADMSG },
	{ "a surrogate", "a5 0001 0103 0201 0302 0c63eda080", -EBADMSG },
	{ "overlong UTF-8", "a5 0001 0103 0201 0302 0c62c080", -EBADMSG },
	{ "nested arrays", "a5 0001 0103 0201 0302 0a8381818101", -EBADMSG },
	{ "a map in the detail map", "a5 0001 0103 0201 0302 14a101a0", -EBADMSG },
	{ "a trailing byte", "a4 0001 0103 0201 0302 00", -EBADMSG },
	{ "2^64-1 pairs", "bbffffffffffffffff 0001 0103 0201 0302", -EBADMSG },
	{ "a string of 2^64-1 bytes", "a5 0001 0103 0201 0302 0d5bffffffffffffffff61", -EBADMSG },
	{ "2^32 values", "a5 0001 0103 0201 0302 139affffffff", -EBADMSG },
	{ "2^32 details", "a5 0001 0103 0201 0302 14baffffffff", -EBADMSG },
	{ "a text where bytes belong", "a5 0001 0103 0201 0302 0d6161", -EBADMSG },
	{ "bytes where a text belongs", "a5 0001 0103 0201 0302 0c4161", -EBADMSG },
	{ "an empty obj", "a5 0001 0103 0201 0302 0d40", -EBADMSG },
	{ "verdict 0 written", "a5 0001 0103 0201 0302 0b00", -EBADMSG },
	{ "verdict 6", "a5 0001 0103 0201 0302 0b06", -EBADMSG },
	{ "a boot id in a tick", "a5 0001 0103 0201 0302 0450 00000000000000000000000000000000",
	  -EBADMSG },
	{ "a run without rseq", "a5 0001 0103 0201 0302 0550 00000000000000000000000000000000",
	  -EBADMSG },
	{ "rseq without a run", "a5 0001 0103 0201 0302 0601", -EBADMSG },
	{ "a short run id", "a6 0001 0103 0201 0302 054100 0600", -EBADMSG },
	{ "an empty detail map", "a5 0001 0103 0201 0302 14a0", -EBADMSG },
	{ "a detail key twice", "a5 0001 0103 0201 0302 14a2 0101 0101", -EBADMSG },
	{ "detail keys out of order", "a5 0001 0103 0201 0302 14a2 0501 0101", -EBADMSG },
	{ "detail key 0", "a5 0001 0103 0201 0302 14a1 0001", -EBADMSG },
	{ "a detail key without a name", "a5 0001 0103 0201 0302 14a1 187f01", -EBADMSG },
	{ "a detail of another type", "a5 0001 0103 0201 0302 14a1 016161", -EBADMSG },
	{ "a detail below -2^63", "a5 0001 0103 0201 0302 14a1 013b8000000000000000", -EBADMSG },
	{ "an empty list of values", "a5 0001 0103 0201 0302 1380", -EBADMSG },
};

START_TEST(whatever_is_not_the_one_form_is_refused)
{
	const struct refused *row = &refused[_i];
	struct record record = { .pid = 4711 };
	uint8_t bytes[256], *exact;
	size_t len = from_hex(row->hex, bytes, sizeof(bytes));
	int r;

	exact = malloc(len ? len : 1);
	memcpy(exact, bytes, len);
	r = record_decode(slice_new(exact, len), &record);
	free(exact);
	ck_assert_msg(r == row->code, "%s gave %d, want %d", row->what, r, row->code);
	ck_assert_msg(record.pid == 4711, "%s wrote its output", row->what);
}
END_TEST

START_TEST(no_flipped_bit_keeps_meaning_and_form)
{
	uint8_t bytes[256], again[256];
	size_t len = from_hex(golden[_i].hex, bytes, sizeof(bytes));
	struct record record;

	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (record_decode(slice_new(bytes, len), &record) == 0) {
			ck_assert_int_eq(record_encode(&record, again, sizeof(again)), (ssize_t)len);
			ck_assert_mem_eq(again, bytes, len);
		}
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}
END_TEST

/* ---- the encoder's own rules ---- */

START_TEST(the_encoder_refuses_what_the_decoder_would)
{
	static const struct record rows[] = {
		{ .kind = (enum record_kind)111 },
		{ .kind = RECORD_KIND_LIMIT },
		{ .kind = RECORD_TICK, .has_boot = true },
		{ .kind = RECORD_TICK, .rule = { "\xff", 1 } },
		{ .kind = RECORD_TICK, .by = { "\xc0\x80", 2 } },
		{ .kind = RECORD_TICK, .verdict = 6 },
		{ .kind = RECORD_TICK, .sev = 5 },
		{ .kind = RECORD_TICK, .effect = 6 },
		{ .kind = RECORD_TICK, .has_prev = true },
		{ .kind = RECORD_TICK, .value_count = 1, .values = { { .label = 99 } } },
		{ .kind = RECORD_TICK, .value_count = RECORD_VALUES_MAX + 1 },
		{ .kind = RECORD_TICK, .pair_count = RECORD_PAIRS_MAX + 1 },
		{ .kind = RECORD_TICK, .pair_count = 1,
		  .pairs = { { .key = DETAIL_ARGC, .type = PAIR_TEXT } } },
		{ .kind = RECORD_TICK, .pair_count = 1,
		  .pairs = { { .key = DETAIL_MESSAGE, .type = PAIR_TEXT, .bytes = { "\xff", 1 } } } },
	};
	uint8_t bytes[512];

	ck_assert_int_lt(_i, (int)COUNT(rows));
	ck_assert_msg(record_encode(&rows[_i], bytes, sizeof(bytes)) == -EINVAL, "row %d", _i);
}
END_TEST

START_TEST(a_record_that_does_not_fit_is_refused_at_every_size)
{
	uint8_t want[256], bytes[256];
	size_t len = from_hex(golden[_i].hex, want, sizeof(want));

	for (size_t size = 0; size < len; size++) {
		memset(bytes, 0x5a, sizeof(bytes));
		ck_assert_int_eq(record_encode(&golden[_i].record, bytes, size), -ENOSPC);
		ck_assert_msg(bytes[size] == 0x5a, "wrote behind %zu bytes", size);
	}
	ck_assert_int_eq(record_encode(&golden[_i].record, bytes, len), (ssize_t)len);
}
END_TEST

START_TEST(a_file_event_with_a_60_byte_path_is_at_most_224_bytes)
{
	struct record record = {
		.kind = RECORD_CLOSE_WRITE, .ts_ns = 1795184137878609626, .mono_ns = 2722412345678,
		.has_run = true, .rseq = 100000, .has_prev = true, .has_proc = true,
		.pid = 4194303, .has_src = true, .ring = 1, .cpu = 63, .kseq = 1U << 31,
		.has_ino = true, .dev = 0xfe01, .ino = 1U << 30, .gen = 0,
		.obj = { "/home/someone/projects/something/src/module/file-name-60.cxx", 60 },
	};
	uint8_t bytes[512];
	ssize_t len = record_encode(&record, bytes, sizeof(bytes));

	ck_assert_int_gt(len, 60);
	ck_assert_int_le(len, 224);
}
END_TEST

START_TEST(pairs_stay_in_order_and_are_found)
{
	static const uint16_t keys[] = { DETAIL_COUNT, DETAIL_ARGC, DETAIL_LOST, DETAIL_BYTES,
					 DETAIL_ARGC };
	struct record record = { .kind = RECORD_TICK };
	uint64_t number = 0;
	int64_t signed_number;

	for (size_t i = 0; i < COUNT(keys); i++)
		ck_assert_int_eq(record_set_pair(&record, (struct record_pair){
			.key = keys[i], .type = PAIR_UINT, .number = 10 + i }), 0);
	ck_assert_uint_eq(record.pair_count, 4);
	for (size_t i = 1; i < record.pair_count; i++)
		ck_assert_uint_lt(record.pairs[i - 1].key, record.pairs[i].key);
	ck_assert(record_uint(&record, DETAIL_ARGC, &number));
	ck_assert_uint_eq(number, 14);
	ck_assert(!record_uint(&record, DETAIL_EXE, &number));
	ck_assert_int_eq(record_set_pair(&record, (struct record_pair){
		.key = DETAIL_COUNT, .type = PAIR_INT, .number = (uint64_t)-5 }), 0);
	ck_assert(!record_uint(&record, DETAIL_COUNT, &number));
	ck_assert(record_int(&record, DETAIL_COUNT, &signed_number));
	ck_assert_int_eq(signed_number, -5);
}
END_TEST

START_TEST(every_kind_and_key_has_one_name)
{
	enum record_kind kind;
	size_t kinds = 0;

	for (uint32_t i = 0; i < RECORD_KIND_LIMIT; i++) {
		const char *name = record_kind_name(i);

		if (!name)
			continue;
		kinds++;
		ck_assert_int_eq(record_kind_parse(slice_of(name), &kind), 0);
		ck_assert_uint_eq(kind, i);
	}
	ck_assert_uint_eq(kinds, 86);
	ck_assert_ptr_null(record_kind_name(RECORD_KIND_LIMIT));
	ck_assert_int_eq(record_kind_parse(slice_of("nonsense"), &kind), -ENOENT);
	for (uint32_t key = DETAIL_ARGC; key < DETAIL_KEY_NEXT; key++)
		ck_assert_msg(detail_key_name(key), "detail key %u has no name", key);
	ck_assert_ptr_null(detail_key_name(0));
	ck_assert_ptr_null(detail_key_name(DETAIL_KEY_NEXT));
}
END_TEST

START_TEST(the_cddl_and_the_tables_agree)
{
	const char *top = getenv("BAILIFF_TOP");
	char path[512], line[512], want[96];
	uint32_t kinds = 0, details = 0, key, number;
	FILE *file;

	snprintf(path, sizeof(path), "%s/ledger/record.cddl", top ? top : ".");
	file = fopen(path, "re");
	ck_assert_msg(file, "no %s", path);
	while (fgets(line, sizeof(line), file)) {
		char name[64];

		if (sscanf(line, "kind-%63[a-z_] = %u", name, &number) == 2) {
			ck_assert_msg(record_kind_name(number), "%s has no kind", name);
			ck_assert_str_eq(record_kind_name(number), name);
			kinds++;
		}
		if (sscanf(line, "  ? %u => %63[^ ,] ; %95s", &key, name, want) == 3 &&
		    strncmp(name, "d-", 2) == 0) {
			ck_assert_msg(detail_key_name(key), "key %u has no name", key);
			ck_assert_str_eq(detail_key_name(key), want);
			ck_assert_msg(detail_key_takes(key, PAIR_UINT) ==
				      (strchr(name + 2, 'n') != NULL), "%s: uint", want);
			ck_assert_msg(detail_key_takes(key, PAIR_TEXT) ==
				      (strchr(name + 2, 't') != NULL), "%s: text", want);
			ck_assert_msg(detail_key_takes(key, PAIR_BYTES) ==
				      (strpbrk(name + 2, "tb") != NULL), "%s: bytes", want);
			ck_assert_msg(detail_key_takes(key, PAIR_BOOL) ==
				      (strchr(name + 2, 'l') != NULL), "%s: bool", want);
			details++;
		}
	}
	fclose(file);
	ck_assert_uint_eq(kinds, 86);
	ck_assert_uint_eq(details, DETAIL_KEY_NEXT - 1);
}
END_TEST

START_TEST(words_and_numbers_translate_both_ways)
{
	uint64_t number;

	ck_assert_str_eq(word_name(WORDS_VIOLATION, 11), "SCOPE_VIOLATION");
	ck_assert_str_eq(word_name(WORDS_VIOLATION, 69), "LIMIT_EXCEEDED");
	ck_assert_str_eq(word_name(WORDS_STATUS, 7), "REVOKED");
	ck_assert_ptr_null(word_name(WORDS_STATUS, 8));
	ck_assert_ptr_null(word_name(WORDS_STATUS, UINT64_MAX));
	ck_assert_int_eq(word_parse(WORDS_STATUS, slice_of("running"), &number), 0);
	ck_assert_uint_eq(number, 2);
	ck_assert_int_eq(word_parse(WORDS_STATUS, slice_of("RUN"), &number), -ENOENT);
	ck_assert_int_eq(word_parse(WORDS_STATUS, slice_of(""), &number), -ENOENT);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("record");
	TCase *form = tcase_create("one form"), *rules = tcase_create("rules"),
	      *names = tcase_create("names");

	tcase_add_loop_test(form, the_bytes_of_a_record_are_these, 0, (int)COUNT(golden));
	tcase_add_loop_test(form, what_is_decoded_is_what_was_encoded, 0, (int)COUNT(golden));
	tcase_add_loop_test(form, every_prefix_of_a_record_is_refused, 0, (int)COUNT(golden));
	tcase_add_loop_test(form, whatever_is_not_the_one_form_is_refused, 0, (int)COUNT(refused));
	tcase_add_loop_test(form, no_flipped_bit_keeps_meaning_and_form, 0, (int)COUNT(golden));
	tcase_set_tags(form, "pure");
	suite_add_tcase(suite, form);
	tcase_add_loop_test(rules, the_encoder_refuses_what_the_decoder_would, 0, 14);
	tcase_add_loop_test(rules, a_record_that_does_not_fit_is_refused_at_every_size, 0,
			    (int)COUNT(golden));
	tcase_add_test(rules, a_file_event_with_a_60_byte_path_is_at_most_224_bytes);
	tcase_add_test(rules, pairs_stay_in_order_and_are_found);
	tcase_set_tags(rules, "pure");
	suite_add_tcase(suite, rules);
	tcase_add_test(names, every_kind_and_key_has_one_name);
	tcase_add_test(names, the_cddl_and_the_tables_agree);
	tcase_add_test(names, words_and_numbers_translate_both_ways);
	tcase_set_tags(names, "pure");
	suite_add_tcase(suite, names);
	return suite;
}
