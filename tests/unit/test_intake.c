/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/convert.h"
#include "ledger/intake_parse.h"
#include "lib/runner.h"

static _Alignas(8) uint8_t memory[INTAKE_DATAGRAM_MAX];

/* A datagram with one full record behind its head. */
static struct buf build(void)
{
	struct buf buf = buf_fixed(memory, sizeof(memory));
	struct intake_head *head = buf_reserve(&buf, sizeof(*head));
	size_t at = buf.len;
	struct intake_record *record = intake_begin(&buf, RECORD_RENAME);

	record->ts_ns = 5;
	record->mono_ns = 4;
	record->run[0] = 1;
	record->proc_pid = 100;
	record->proc_start_ns = 1000;
	record->parent_pid = 99;
	record->parent_start_ns = 900;
	record->ino = 7;
	record->ret = -13;
	record->flags = INTAKE_HAS_RET | INTAKE_HAS_SRC;
	record->verdict = RECORD_VERDICT_DENY;
	memcpy(record->rule, "files.write", 11);
	ck_assert_int_eq(intake_obj(&buf, at, slice_of("/a/b")), 0);
	ck_assert_int_eq(intake_obj2(&buf, at, slice_of("/a/longer name")), 0);
	ck_assert_int_eq(intake_text(&buf, at, DETAIL_REASON, slice_of("because")), 0);
	ck_assert_int_eq(intake_uint(&buf, at, DETAIL_ARGC, 3), 0);
	ck_assert_int_eq(intake_int(&buf, at, DETAIL_EXIT_CODE, -1), 0);
	ck_assert_int_eq(intake_bool(&buf, at, DETAIL_LATE, true), 0);
	ck_assert_int_eq(intake_text(&buf, at, DETAIL_COMM, slice_of("\xff")), 0);
	ck_assert_int_eq(intake_value(&buf, at, VALUE_ARGV, slice_of("ls -l"), 9), 0);
	ck_assert_int_eq(intake_end(&buf, at), 0);
	head = (struct intake_head *)(void *)memory;
	*head = (struct intake_head){ .version = INTAKE_VERSION, .message = INTAKE_RECORDS,
		.count = 1, .bytes = (uint32_t)buf.len, .cursor = 1 };
	return buf;
}

static struct intake_record *first(void)
{
	return (struct intake_record *)(void *)(memory + sizeof(struct intake_head));
}

/* Parses the whole datagram from an exact copy on the heap: ASan sees a read behind its end. */
static int parse_all(const void *bytes, size_t len, struct intake_view *view)
{
	char *copy = malloc(len ? len : 1);
	struct intake_head head;
	struct slice rest;
	int r;

	memcpy(copy, bytes, len);
	r = intake_parse_head(slice_new(copy, len), &head, &rest);
	if (r == 0) {
		r = intake_parse_next(&rest, view);
		while (r == 1 && rest.len > 0)
			r = intake_parse_next(&rest, view);
	}
	free(copy);
	return r;
}

START_TEST(what_is_built_is_what_is_read)
{
	struct buf buf = build();
	struct intake_head head;
	struct intake_view view;
	struct slice rest;

	ck_assert_int_eq(intake_parse_head(buf_slice(&buf), &head, &rest), 0);
	ck_assert_uint_eq(head.count, 1);
	ck_assert_int_eq(intake_parse_next(&rest, &view), 1);
	ck_assert_int_eq(intake_parse_next(&rest, &view), 0);
	ck_assert(slice_is(view.obj, "/a/b"));
	ck_assert(slice_is(view.obj2, "/a/longer name"));
	ck_assert(slice_is(view.rule, "files.write"));
	ck_assert_uint_eq(view.by.len, 0);
	ck_assert_uint_eq(view.fixed.pair_count, 5);
	ck_assert(slice_is(view.pairs[0].bytes, "because"));
	ck_assert_uint_eq(view.pairs[1].head.number, 3);
	ck_assert_uint_eq(view.fixed.value_count, 1);
	ck_assert(slice_is(view.values[0].bytes, "ls -l"));
	ck_assert_uint_eq(view.values[0].head.size, 9);
	ck_assert_uint_eq(view.values[0].head.flags, 1);
}
END_TEST

START_TEST(a_record_keeps_what_the_struct_says)
{
	static struct converter converter;
	struct buf buf = build();
	struct intake_view view;
	struct record record;
	int64_t number;

	ck_assert_int_eq(parse_all(buf.data, 0, &view), -EBADMSG);
	ck_assert_int_eq(intake_parse_next(&(struct slice){ (char *)first(), first()->bytes }, &view),
			 1);
	ck_assert_int_eq(convert(&converter, &view, &record), 0);
	ck_assert_int_eq(record.kind, RECORD_RENAME);
	ck_assert(record.has_run && record.has_proc && record.has_src && record.has_ino);
	ck_assert(record.has_ret && record.ret == -13);
	ck_assert(!record.has_before && !record.has_after && !record.has_boot);
	ck_assert(slice_is(record.obj2, "/a/longer name"));
	ck_assert_uint_eq(record_bytes(&record, DETAIL_PARENT).len, 16);
	ck_assert_mem_ne(record_bytes(&record, DETAIL_PARENT).data, record.proc, 16);
	ck_assert(record_int(&record, DETAIL_EXIT_CODE, &number) && number == -1);
	/* Bytes that are no UTF-8 stay, as bytes. */
	ck_assert_uint_eq(record_pair(&record, DETAIL_COMM)->type, PAIR_BYTES);
	for (size_t i = 1; i < record.pair_count; i++)
		ck_assert_uint_lt(record.pairs[i - 1].key, record.pairs[i].key);
}
END_TEST

START_TEST(identities_differ_by_pid_start_and_boot)
{
	static struct converter a, b = { .boot_id = { 1 } };
	struct buf buf = build();
	struct intake_view view;
	struct record one, two;

	ck_assert_uint_gt(buf.len, 0);
	ck_assert_int_eq(intake_parse_next(&(struct slice){ (char *)first(), first()->bytes }, &view),
			 1);
	ck_assert_int_eq(convert(&a, &view, &one), 0);
	ck_assert_int_eq(convert(&a, &view, &two), 0);
	ck_assert_mem_eq(one.proc, two.proc, 16);
	ck_assert_int_eq(convert(&b, &view, &two), 0);
	ck_assert_mem_ne(one.proc, two.proc, 16);
	view.fixed.proc_start_ns++;
	ck_assert_int_eq(convert(&a, &view, &two), 0);
	ck_assert_mem_ne(one.proc, two.proc, 16);
	/* The same slot, another pid. */
	view.fixed.proc_start_ns--;
	view.fixed.proc_pid += CONVERTER_SLOTS;
	ck_assert_int_eq(convert(&a, &view, &two), 0);
	ck_assert_mem_ne(one.proc, two.proc, 16);
}
END_TEST

START_TEST(producers_cannot_write_the_logs_own_kinds)
{
	static struct converter converter;
	struct intake_view view = { .fixed = { .kind = RECORD_TICK } };
	struct record record;

	for (uint32_t kind = 0; kind < RECORD_KIND_LIMIT; kind++) {
		bool ours = kind <= RECORD_HOLD || kind == RECORD_WITNESS ||
			    kind == RECORD_STATE_IMPORT;

		view.fixed.kind = (uint16_t)kind;
		ck_assert_msg(convert(&converter, &view, &record) == (ours ? -EPERM : 0),
			      "kind %u", kind);
	}
}
END_TEST

START_TEST(every_cut_is_refused)
{
	struct buf buf = build();
	struct intake_view view;

	ck_assert_int_eq(parse_all(memory, buf.len, &view), 1);
	for (size_t len = 0; len < buf.len; len++) {
		struct intake_head *head = (struct intake_head *)(void *)memory;

		head->bytes = (uint32_t)len;
		ck_assert_msg(parse_all(memory, len, &view) < 1, "%zu of %zu bytes were taken", len,
			      buf.len);
	}
}
END_TEST

/* Any byte of a datagram may be anything: no crash, and what is taken stays within bounds. */
START_TEST(no_byte_makes_the_parser_leave_the_datagram)
{
	struct buf buf = build();
	struct intake_view view;

	for (size_t at = 0; at < buf.len; at++) {
		static const uint8_t bytes[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
		uint8_t kept = memory[at];

		for (size_t i = 0; i < COUNT(bytes); i++) {
			memory[at] = bytes[i];
			ck_assert_int_le(parse_all(memory, buf.len, &view), 1);
		}
		memory[at] = kept;
	}
}
END_TEST

struct damage {
	const char *what;
	void (*damage)(struct intake_head *head, struct intake_record *record);
	int code;
};

#define DAMAGE(name, statement)                                                        \
	static void name(struct intake_head *head, struct intake_record *record)       \
	{                                                                              \
		(void)head;                                                            \
		(void)record;                                                          \
		statement;                                                             \
	}
DAMAGE(none, )
DAMAGE(version, head->version++)
DAMAGE(message, head->message = 99)
DAMAGE(count_zero, head->count = 0)
DAMAGE(count_many, head->count = INTAKE_BATCH_MAX + 1)
DAMAGE(bytes_less, head->bytes -= 8)
DAMAGE(cursor_zero, head->cursor = 0)
DAMAGE(digest, head->digest[31] = 1)
DAMAGE(kind, record->kind = RECORD_KIND_LIMIT)
DAMAGE(kind_hole, record->kind = 111)
DAMAGE(flag, record->flags |= 0x80)
DAMAGE(reserved, record->reserved16[5] = 1)
DAMAGE(reserved8, record->reserved8 = 1)
DAMAGE(verdict, record->verdict = 6)
DAMAGE(sev, record->sev = 5)
DAMAGE(effect, record->effect = 6)
DAMAGE(before, record->has_before = 2)
DAMAGE(short_record, record->bytes = 320)
DAMAGE(odd_record, record->bytes -= 4)
DAMAGE(long_record, record->bytes += 8)
DAMAGE(huge_record, record->bytes = UINT32_MAX & ~7U)
DAMAGE(obj_long, record->obj_len = INTAKE_OBJ_MAX + 1)
DAMAGE(obj_huge, record->obj_len = UINT32_MAX)
DAMAGE(obj_padding, record->obj_len = 3)
DAMAGE(pairs_many, record->pair_count = INTAKE_PAIRS_MAX + 1)
DAMAGE(pairs_more, record->pair_count++)
DAMAGE(pairs_less, record->pair_count--)
DAMAGE(values_many, record->value_count = INTAKE_VALUES_MAX + 1)
DAMAGE(values_more, record->value_count++)
DAMAGE(rule_utf8, record->rule[0] = '\xff')
DAMAGE(rule_tail, record->rule[INTAKE_RULE_MAX - 1] = 'x')

static const struct damage damages[] = {
	{ "nothing", none, 1 }, { "another version", version, -EPROTO },
	{ "an unknown message", message, -EPROTO }, { "no records", count_zero, -EBADMSG },
	{ "too many records", count_many, -EBADMSG }, { "a wrong length", bytes_less, -EBADMSG },
	{ "no number", cursor_zero, -EBADMSG }, { "a digest", digest, -EBADMSG },
	{ "a kind beyond", kind, -EBADMSG }, { "a kind without a name", kind_hole, -EBADMSG },
	{ "an unknown flag", flag, -EBADMSG }, { "reserved bytes", reserved, -EBADMSG },
	{ "a reserved byte", reserved8, -EBADMSG }, { "verdict 6", verdict, -EBADMSG },
	{ "sev 5", sev, -EBADMSG }, { "effect 6", effect, -EBADMSG },
	{ "has_before 2", before, -EBADMSG }, { "a short record", short_record, -EBADMSG },
	{ "an odd record", odd_record, -EBADMSG }, { "a long record", long_record, -EBADMSG },
	{ "a huge record", huge_record, -EBADMSG }, { "a long obj", obj_long, -EBADMSG },
	{ "a huge obj", obj_huge, -EBADMSG }, { "padding that is not zero", obj_padding, -EBADMSG },
	{ "too many pairs", pairs_many, -EBADMSG }, { "one pair more", pairs_more, -EBADMSG },
	{ "one pair less", pairs_less, -EBADMSG }, { "too many values", values_many, -EBADMSG },
	{ "one value more", values_more, -EBADMSG }, { "a rule in Latin 1", rule_utf8, -EBADMSG },
	{ "bytes behind the rule", rule_tail, -EBADMSG },
};

START_TEST(a_damaged_datagram_is_refused)
{
	const struct damage *row = &damages[_i];
	struct buf buf = build();
	struct intake_view view;
	int r;

	row->damage((struct intake_head *)(void *)memory, first());
	r = parse_all(memory, buf.len, &view);
	ck_assert_msg(r == row->code, "%s gave %d, want %d", row->what, r, row->code);
}
END_TEST

START_TEST(the_builder_refuses_too_much_and_wrong_order)
{
	struct buf buf = buf_fixed(memory, sizeof(memory));
	static char big[INTAKE_VALUE_MAX + 1];
	size_t at = 0;

	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_obj(&buf, at, slice_new(big, INTAKE_OBJ_MAX + 1)), -E2BIG);
	ck_assert_int_eq(intake_end(&buf, at), -ENOSPC);
	ck_assert_uint_eq(buf.len, 0);

	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_uint(&buf, at, DETAIL_ARGC, 1), 0);
	ck_assert_int_eq(intake_obj(&buf, at, slice_of("/late")), -EINVAL);
	ck_assert_int_eq(intake_end(&buf, at), -ENOSPC);

	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_value(&buf, at, VALUE_ARGV, slice_new(big, sizeof(big)), 1), -E2BIG);
	ck_assert_int_eq(intake_end(&buf, at), -ENOSPC);

	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	for (size_t i = 0; i < INTAKE_PAIRS_MAX; i++)
		ck_assert_int_eq(intake_uint(&buf, at, DETAIL_ARGC, i), 0);
	ck_assert_int_eq(intake_uint(&buf, at, DETAIL_ARGC, 33), -E2BIG);
	ck_assert_int_eq(intake_end(&buf, at), -ENOSPC);
}
END_TEST

START_TEST(a_full_buffer_keeps_the_records_before)
{
	struct buf buf = buf_fixed(memory, 1024);
	size_t kept, at = 0;

	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_end(&buf, at), 0);
	kept = at = buf.len;
	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_obj(&buf, at, slice_new("x", 1)), 0);
	IGNORE(intake_text(&buf, at, DETAIL_MESSAGE, slice_new((char[600]){ 0 }, 600)) < 0);
	ck_assert_int_eq(intake_end(&buf, at), -ENOSPC);
	ck_assert_uint_eq(buf.len, kept);
	ck_assert_ptr_nonnull(intake_begin(&buf, RECORD_EXEC));
	ck_assert_int_eq(intake_end(&buf, at), 0);
}
END_TEST

START_TEST(these_kinds_commit_at_once)
{
	for (uint32_t kind = 0; kind < RECORD_KIND_LIMIT; kind++) {
		bool want = kind <= 11 || kind == RECORD_RUN_START || kind == RECORD_RUN_END ||
			    kind >= 145;

		ck_assert_msg(intake_kind_is_sync((enum record_kind)kind) == want, "kind %u", kind);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("intake");
	TCase *round = tcase_create("round trip"), *hostile = tcase_create("hostile bytes"),
	      *builder = tcase_create("builder");

	tcase_add_test(round, what_is_built_is_what_is_read);
	tcase_add_test(round, a_record_keeps_what_the_struct_says);
	tcase_add_test(round, identities_differ_by_pid_start_and_boot);
	tcase_add_test(round, producers_cannot_write_the_logs_own_kinds);
	tcase_set_tags(round, "pure");
	suite_add_tcase(suite, round);
	tcase_add_test(hostile, every_cut_is_refused);
	tcase_add_test(hostile, no_byte_makes_the_parser_leave_the_datagram);
	tcase_add_loop_test(hostile, a_damaged_datagram_is_refused, 0, (int)COUNT(damages));
	tcase_set_tags(hostile, "pure");
	suite_add_tcase(suite, hostile);
	tcase_add_test(builder, the_builder_refuses_too_much_and_wrong_order);
	tcase_add_test(builder, a_full_buffer_keeps_the_records_before);
	tcase_add_test(builder, these_kinds_commit_at_once);
	tcase_set_tags(builder, "pure");
	suite_add_tcase(suite, builder);
	return suite;
}
