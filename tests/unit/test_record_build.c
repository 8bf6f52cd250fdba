/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel events become records that ledgerd's own parser takes, with nothing lost or invented; and
 * repeats are merged without losing a count. */
#include <errno.h>
#include <sys/socket.h>

#include "ledger/intake_parse.h"
#include "lib/runner.h"
#include "run/merge.h"
#include "run/record.h"

static char memory[INTAKE_DATAGRAM_MAX];
static struct buf buf;
static struct intake_view view;
static const struct record_frame frame = {
	.run = { .bytes = { 9 } }, .realtime_ns = 5000, .boottime_ns = 1000,
};

static void reset(void)
{
	buf = buf_fixed(memory, sizeof(memory));
}

static struct event_head head_of(enum event_kind kind, uint32_t size)
{
	return (struct event_head){ .kind = (uint16_t)kind, .size = size, .time_ns = 400, .tgid = 77,
				    .proc_start_ns = 33, .kseq = 5, .cpu = 1, .ring = 1,
				    .comm = "touch" };
}

static void parse_only(void)
{
	struct slice rest = buf_slice(&buf);

	ck_assert_int_eq(intake_parse_next(&rest, &view), 1);
	ck_assert_uint_eq(rest.len, 0);
}

static const struct intake_pair_view *pair_of(enum detail_key key)
{
	for (size_t i = 0; i < view.fixed.pair_count; i++) {
		if (view.pairs[i].head.key == key)
			return &view.pairs[i];
	}
	return NULL;
}

START_TEST(a_created_file_keeps_path_identity_process_and_time)
{
	struct event_path event = { .head = head_of(EVENT_CREATE, sizeof(event)),
				    .ino = { .dev = 3, .ino = 4, .gen = 5 }, .open_flags = 65 };
	struct record_facts facts = { .obj = slice_of("/w/a") };

	reset();
	ck_assert_int_eq(record_event(&buf, &frame, &event.head, &facts), 0);
	parse_only();
	ck_assert_uint_eq(view.fixed.kind, RECORD_CREATE);
	ck_assert(slice_is(view.obj, "/w/a"));
	ck_assert_uint_eq(view.fixed.dev, 3);
	ck_assert_uint_eq(view.fixed.ino, 4);
	ck_assert_uint_eq(view.fixed.gen, 5);
	ck_assert_uint_eq(view.fixed.proc_pid, 77);
	ck_assert_uint_eq(view.fixed.proc_start_ns, 33);
	ck_assert_uint_eq(view.fixed.run[0], 9);
	ck_assert_uint_eq(view.fixed.mono_ns, 400);
	ck_assert_uint_eq(view.fixed.ts_ns, 5000 - 600); /* the event is 600 ns old */
	ck_assert_uint_eq(view.fixed.kseq, 5);
	ck_assert((view.fixed.flags & INTAKE_HAS_RET) == 0);
	ck_assert_uint_eq(pair_of(DETAIL_FLAGS)->head.number, 65);
}
END_TEST

START_TEST(an_exec_keeps_its_argv_out_of_the_record_and_its_true_size)
{
	union {
		struct event_exec event;
		char bytes[sizeof(struct event_exec) + 16];
	} exec = { .event = { .head = head_of(EVENT_EXEC, sizeof(exec)), .parent_tgid = 70,
			      .parent_start_ns = 30, .argc = 2, .path_len = 2, .argv_len = 6,
			      .argv_size = 9000 } };

	reset();
	memcpy(exec.event.bytes, "/xab\0cd", 8);
	ck_assert_int_eq(record_event(&buf, &frame, &exec.event.head,
				      &(struct record_facts){ .obj = slice_of("/x") }), 0);
	parse_only();
	ck_assert_uint_eq(view.fixed.kind, RECORD_EXEC);
	ck_assert_uint_eq(view.fixed.parent_pid, 70);
	ck_assert_uint_eq(view.fixed.parent_start_ns, 30);
	ck_assert_uint_eq(view.fixed.value_count, 1);
	ck_assert_uint_eq(view.values[0].head.label, VALUE_ARGV);
	ck_assert_uint_eq(view.values[0].head.size, 9000);
	ck_assert_uint_eq(view.values[0].head.flags, 1);
	ck_assert_uint_eq(pair_of(DETAIL_ARGC)->head.number, 2);
}
END_TEST

START_TEST(a_fork_is_about_the_child)
{
	struct event_fork event = { .head = head_of(EVENT_FORK, sizeof(event)), .child_tgid = 78,
				    .child_start_ns = 35 };

	reset();
	ck_assert_int_eq(record_event(&buf, &frame, &event.head, &(struct record_facts){ 0 }), 0);
	parse_only();
	ck_assert_uint_eq(view.fixed.proc_pid, 78);
	ck_assert_uint_eq(view.fixed.proc_start_ns, 35);
	ck_assert_uint_eq(view.fixed.parent_pid, 77);
	ck_assert_uint_eq(view.fixed.parent_start_ns, 33);
}
END_TEST

static const struct { int status; enum detail_key key; uint64_t number; } ends[] = {
	{ 0, DETAIL_EXIT_CODE, 0 }, { 3 << 8, DETAIL_EXIT_CODE, 3 }, { 9, DETAIL_SIGNAL, 9 },
	{ 9 | 0x80, DETAIL_SIGNAL, 9 },
};

START_TEST(an_end_is_a_status_or_a_signal)
{
	struct event_exit event = { .head = head_of(EVENT_EXIT, sizeof(event)),
				    .status = ends[_i].status };

	reset();
	ck_assert_int_eq(record_event(&buf, &frame, &event.head, &(struct record_facts){ 0 }), 0);
	parse_only();
	ck_assert(pair_of(ends[_i].key));
	ck_assert_uint_eq(pair_of(ends[_i].key)->head.number, ends[_i].number);
}
END_TEST

START_TEST(a_refusal_carries_rule_reason_and_both_remedies)
{
	struct event_path event = { .head = head_of(EVENT_OPEN_WRITE, sizeof(event)) };
	struct decision decision = { .rule = slice_of("files.write"), .reason = "not in it",
				     .remedy = "add it", .remedy_agent = "do without" };
	struct record_facts facts = { .obj = slice_of("/etc/x"), .verdict = RECORD_VERDICT_DENY,
				      .effect = RECORD_EFFECT_PREVENTED, .decision = &decision };

	reset();
	event.head.ret = -EROFS;
	ck_assert_int_eq(record_refusal(&buf, &frame, &event.head, &facts), 0);
	parse_only();
	ck_assert_uint_eq(view.fixed.kind, RECORD_DECISION);
	ck_assert_uint_eq(view.fixed.verdict, RECORD_VERDICT_DENY);
	ck_assert_int_eq(view.fixed.ret, -EROFS);
	ck_assert(slice_is(view.rule, "files.write"));
	ck_assert(slice_is(pair_of(DETAIL_REASON)->bytes, "not in it"));
	ck_assert(slice_is(pair_of(DETAIL_REMEDY)->bytes, "add it"));
	ck_assert(slice_is(pair_of(DETAIL_REMEDY_AGENT)->bytes, "do without"));
	ck_assert(slice_is(pair_of(DETAIL_VERB)->bytes, "write"));
}
END_TEST

START_TEST(names_that_an_agent_chose_never_break_a_record)
{
	struct event_path event = { .head = head_of(EVENT_CREATE, sizeof(event)) };
	char name[INTAKE_OBJ_MAX + 100];
	struct decision decision = { .rule = slice_new("a\xff\xfe" "b", 4) };

	reset();
	memset(name, 0xff, sizeof(name));
	memset(event.head.comm, 0xfe, sizeof(event.head.comm));
	ck_assert_int_eq(record_refusal(&buf, &frame, &event.head, &(struct record_facts){
				.obj = slice_new(name, sizeof(name)), .decision = &decision }), 0);
	parse_only();
	ck_assert_uint_eq(view.obj.len, INTAKE_OBJ_MAX);
	ck_assert(slice_is(view.rule, "a"));
	ck_assert_uint_eq(pair_of(DETAIL_COMM)->head.type, PAIR_BYTES);
}
END_TEST

START_TEST(a_full_buffer_loses_the_new_record_and_keeps_the_old_ones)
{
	struct event_path event = { .head = head_of(EVENT_CREATE, sizeof(event)) };
	struct record_facts facts = { .obj = slice_of("/w/a") };
	size_t len;

	reset();
	buf = buf_fixed(memory, 2 * sizeof(struct intake_record));
	ck_assert_int_eq(record_event(&buf, &frame, &event.head, &facts), 0);
	len = buf.len;
	ck_assert_int_eq(record_event(&buf, &frame, &event.head, &facts), -ENOSPC);
	ck_assert_uint_eq(buf.len, len);
	parse_only();
}
END_TEST

static const struct { uint16_t family, port; uint8_t addr[16]; const char *path, *want; } nets[] = {
	{ AF_INET, 80, { 1, 2, 3, 4 }, "", "1.2.3.4:80" },
	{ AF_INET6, 443, { [0] = 0x20, [1] = 0x01, [15] = 1 }, "", "[2001::1]:443" },
	{ AF_INET6, 1, { [10] = 0xff, [11] = 0xff, [12] = 9, [15] = 8 }, "", "9.0.0.8:1" },
	{ AF_UNIX, 0, { 0 }, "/run/x", "unix:/run/x" },
	{ AF_UNIX, 0, { 0 }, "\0abs", "unix:@abs" },
};

START_TEST(addresses_are_written_as_people_write_them)
{
	union {
		struct event_net event;
		char bytes[sizeof(struct event_net) + 16];
	} net = { .event = { .head = head_of(EVENT_CONNECT, sizeof(net)), .family = nets[_i].family,
			     .port = nets[_i].port } };
	char text[RECORD_ADDRESS_MAX];
	size_t len = nets[_i].path[0] ? strlen(nets[_i].path) : nets[_i].family == AF_UNIX ? 4 : 0;

	memcpy(net.event.addr, nets[_i].addr, 16);
	memcpy(net.event.path, nets[_i].path, len);
	net.event.path_len = (uint32_t)len;
	ck_assert_uint_eq(record_address(&net.event, text, sizeof(text)), strlen(nets[_i].want));
	ck_assert_str_eq(text, nets[_i].want);
}
END_TEST

/* ---- merging ---- */

struct tally { uint64_t reports, count; };

static void report(void *ctx, const struct merge_slot *slot)
{
	struct tally *tally = ctx;

	tally->reports++;
	tally->count += slot->pending;
}

static struct merge_slot denial_of(uint32_t pid, struct slice name)
{
	return (struct merge_slot){ .key = { .proc_pid = pid, .what = MERGE_DENIAL,
					     .object = merge_object(0, 0, 0, name, slice_of("r")) } };
}

START_TEST(a_hundred_refusals_are_one_record_and_a_count)
{
	static struct merge_table table;
	struct merge_slot sample = denial_of(1, slice_of("/etc/x"));
	struct tally tally = { 0 };
	int first = 0;

	for (uint64_t i = 0; i < 100; i++)
		first += merge_first(&table, &sample, slice_of("/etc/x"), 1000 + i, 1, report, &tally);
	ck_assert_int_eq(first, 1);
	ck_assert_uint_eq(tally.reports, 0);
	merge_flush(&table, report, &tally);
	ck_assert_uint_eq(tally.reports, 1);
	ck_assert_uint_eq(tally.count, 99);
	merge_flush(&table, report, &tally);
	ck_assert_uint_eq(tally.reports, 1);
}
END_TEST

START_TEST(refusals_that_go_on_are_reported_each_second)
{
	static struct merge_table table;
	struct merge_slot sample = denial_of(1, slice_of("/etc/x"));
	struct tally tally = { 0 };

	for (uint64_t i = 0; i <= 40; i++)
		IGNORE(merge_first(&table, &sample, slice_of("/etc/x"), i * MERGE_REPORT_NS / 10, 1,
				   report, &tally));
	ck_assert_uint_eq(tally.reports, 4);
	ck_assert_uint_eq(tally.count, 40);
}
END_TEST

/* git makes, removes and makes files while it clones; ext4 gives them one number after the other. */
START_TEST(a_new_file_with_the_number_of_a_removed_one_is_news)
{
	static struct merge_table table;
	struct tally tally = { 0 };
	struct merge_slot sample = { .key = { .proc_pid = 1, .what = MERGE_WRITE }, .dev = 1, .ino = 7 };
	struct slice old = slice_of("/w/a"), new = slice_of("/w/b"), rule = { 0 };

	sample.key.object = merge_object(1, 7, 100, old, rule);
	ck_assert(merge_first(&table, &sample, old, 1, 1, report, &tally));
	ck_assert(!merge_first(&table, &sample, old, 2, 1, report, &tally));
	sample.key.object = merge_object(1, 7, 101, old, rule);
	ck_assert(merge_first(&table, &sample, old, 3, 1, report, &tally));
	/* Even where a file system has no generations, or two names meet in the hash. */
	ck_assert(merge_first(&table, &sample, new, 4, 1, report, &tally));
	ck_assert(!merge_first(&table, &sample, (struct slice){ 0 }, 5, 1, report, &tally));
}
END_TEST

START_TEST(no_count_is_lost_when_objects_crowd_each_other_out)
{
	static struct merge_table table;
	struct tally tally = { 0 };
	uint64_t first = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		char name[32];
		struct merge_slot sample;

		IGNORE(snprintf(name, sizeof(name), "/x/%llu", (unsigned long long)(i * 7919 % 3000)) < 0);
		sample = denial_of((uint32_t)(i % 3), slice_of(name));
		first += merge_first(&table, &sample, slice_of(name), 5, 1, report, &tally);
	}
	merge_flush(&table, report, &tally);
	ck_assert_uint_eq(first + tally.count, 20000);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("record_build");
	TCase *records = tcase_create("records"), *merging = tcase_create("merging");

	tcase_set_tags(records, "pure");
	tcase_set_tags(merging, "pure");
	tcase_add_test(records, a_created_file_keeps_path_identity_process_and_time);
	tcase_add_test(records, an_exec_keeps_its_argv_out_of_the_record_and_its_true_size);
	tcase_add_test(records, a_fork_is_about_the_child);
	tcase_add_loop_test(records, an_end_is_a_status_or_a_signal, 0, (int)COUNT(ends));
	tcase_add_test(records, a_refusal_carries_rule_reason_and_both_remedies);
	tcase_add_test(records, names_that_an_agent_chose_never_break_a_record);
	tcase_add_test(records, a_full_buffer_loses_the_new_record_and_keeps_the_old_ones);
	tcase_add_loop_test(records, addresses_are_written_as_people_write_them, 0, (int)COUNT(nets));
	tcase_add_test(merging, a_hundred_refusals_are_one_record_and_a_count);
	tcase_add_test(merging, refusals_that_go_on_are_reported_each_second);
	tcase_add_test(merging, a_new_file_with_the_number_of_a_removed_one_is_news);
	tcase_add_test(merging, no_count_is_lost_when_objects_crowd_each_other_out);
	suite_add_tcase(suite, records);
	suite_add_tcase(suite, merging);
	return suite;
}
