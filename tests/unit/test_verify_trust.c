/* SPDX-License-Identifier: Apache-2.0 */
/* Which key verify believes in, what it remembers, and what is no ledger at all. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "lib/runner.h"
#include "lib/verify_logs.h"

static struct verify_logs logs;

static void setup(void)
{
	verify_logs_make(&logs);
}

static void teardown(void)
{
	verify_logs_remove(&logs);
}

START_TEST(without_a_trusted_key_it_never_passes)
{
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent" };
	struct verify_report report = verify_must(&options);

	ck_assert_int_eq(report.result, VERIFY_DEGRADED);
	ck_assert_int_eq(report.trust, VERIFY_TRUST_NONE);
	ck_assert_uint_eq(report.finding_count, 0);
}
END_TEST

START_TEST(the_key_of_an_earlier_verify_is_remembered)
{
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent",
					  .memory_dir = logs.memory_dir };
	struct verify_report report = verify_must(&options);

	ck_assert_int_eq(report.result, VERIFY_DEGRADED);
	ck_assert(report.remembered);
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_PASS);
	ck_assert_int_eq(report.trust, VERIFY_TRUST_REMEMBERED);
	ck_assert_uint_eq(report.compared_size, logs.sample.size);
}
END_TEST

START_TEST(a_log_that_was_rolled_back_fails_against_the_memory)
{
	struct verify_options options = { .path = logs.older.db, .policy = "/nonexistent",
					  .memory_dir = logs.memory_dir };
	struct verify_report report = verify_must(&options);

	/* Control: the older copy is sound by itself, and growth is fine. */
	ck_assert_uint_eq(report.finding_count, 0);
	options.path = logs.copy.db;
	ck_assert_int_eq(verify_must(&options).result, VERIFY_PASS);
	options.path = logs.older.db;
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_FAIL);
	ck_assert_uint_eq(report.bad_seq, logs.older.size);
	/* And what failed did not spoil the memory. */
	options.path = logs.copy.db;
	ck_assert_int_eq(verify_must(&options).result, VERIFY_PASS);
}
END_TEST

START_TEST(another_log_of_the_same_origin_fails_against_the_memory)
{
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent",
					  .memory_dir = logs.memory_dir };
	struct sample_log forged;
	struct verify_report report;

	ck_assert_int_eq(verify_must(&options).result, VERIFY_DEGRADED);
	sample_log_make(&forged, 0, NULL);
	options.path = forged.db;
	report = verify_must(&options);
	sample_log_remove(&forged);
	ck_assert_int_eq(report.result, VERIFY_FAIL);
	ck_assert_uint_eq(report.bad_seq, 0);
}
END_TEST

static void write_text(const char *path, struct slice text)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write(fd, text.data, text.len), 0);
}

/* The newest note of a log, and its key. */
static void read_note(const char *db, char *note, size_t size, char vkey[NOTE_VKEY_MAX])
{
	sqlite3_stmt *row = NULL;
	sqlite3 *handle = NULL;

	ck_assert_int_eq(sqlite3_open(db, &handle), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(handle, "SELECT note, (SELECT vkey FROM log_meta) FROM"
				" checkpoint ORDER BY size DESC LIMIT 1", -1, &row, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	IGNORE(snprintf(note, size, "%s", (const char *)sqlite3_column_text(row, 0)) < 0);
	IGNORE(snprintf(vkey, NOTE_VKEY_MAX, "%s", (const char *)sqlite3_column_text(row, 1)) < 0);
	sqlite3_finalize(row);
	sqlite3_close(handle);
}

START_TEST(a_kept_checkpoint_finds_a_cut_tail)
{
	char note[2048], vkey[NOTE_VKEY_MAX], path[128];
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent", .key = vkey,
					  .checkpoint = path };
	struct verify_report report;

	read_note(logs.copy.db, note, sizeof(note), vkey);
	IGNORE(snprintf(path, sizeof(path), "%s/kept.note", logs.copy.dir) < 0);
	write_text(path, slice_of(note));
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_PASS);
	ck_assert_uint_eq(report.compared_size, logs.sample.size);
	options.path = logs.older.db;
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_FAIL);
	ck_assert_uint_eq(report.bad_seq, logs.older.size);
}
END_TEST

START_TEST(the_trusted_key_decides_and_a_wrong_one_fails)
{
	char note[2048], vkey[NOTE_VKEY_MAX], path[128], policy[600];
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent", .key = vkey };
	uint8_t seed[NOTE_SEED_LEN] = { 7 };
	struct note_key key;
	struct verify_report report;

	read_note(logs.copy.db, note, sizeof(note), vkey);
	ck_assert_int_eq(verify_must(&options).result, VERIFY_PASS);
	IGNORE(snprintf(path, sizeof(path), "%s/verify.policy", logs.copy.dir) < 0);
	IGNORE(snprintf(policy, sizeof(policy), "# ours\nlog %s\nquorum none\n", vkey) < 0);
	write_text(path, slice_of(policy));
	options = (struct verify_options){ .path = logs.copy.db, .policy = path };
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_PASS);
	ck_assert_int_eq(report.trust, VERIFY_TRUST_POLICY);

	ck_assert_int_eq(note_key_parse(slice_of(vkey), &key), 0);
	ck_assert_int_eq(note_key_of_seed(slice_of(key.name), seed, &key), 0);
	note_key_text(&key, vkey);
	options = (struct verify_options){ .path = logs.copy.db, .policy = "/nonexistent", .key = vkey };
	report = verify_must(&options);
	ck_assert_int_eq(report.result, VERIFY_FAIL);
	ck_assert_uint_eq(report.bad_seq, 0);
}
END_TEST

START_TEST(a_damaged_memory_is_no_memory)
{
	struct verify_options options = { .path = logs.copy.db, .policy = "/nonexistent",
					  .memory_dir = logs.memory_dir };
	struct verify_report report;
	struct error err = { 0 };
	char command[300];

	ck_assert_int_eq(verify_must(&options).result, VERIFY_DEGRADED);
	/* There is one file in it. */
	IGNORE(snprintf(command, sizeof(command), "for f in %s/*; do echo x > \"$f\"; done",
			logs.memory_dir) < 0);
	if (fork() == 0)
		_exit(execl("/bin/sh", "sh", "-c", command, NULL));
	wait(NULL);
	ck_assert_int_eq(verify_run(&options, &report, &err), -EBADMSG);
	ck_assert_str_ne(err.next, "");
}
END_TEST

START_TEST(a_gap_degrades_and_is_counted)
{
	struct verify_report report;
	struct sample_log with_gap;

	sample_log_make(&with_gap, 1, NULL);
	report = verify_logs_verify(with_gap.db);
	sample_log_remove(&with_gap);
	ck_assert_int_eq(report.result, VERIFY_DEGRADED);
	ck_assert_uint_eq(report.gaps, 1);
	ck_assert_uint_eq(report.lost, 7);
}
END_TEST

START_TEST(a_changed_value_fails)
{
	ck_assert_int_eq(verify_logs_verify(logs.copy.db).values_checked, true);
	ck_assert_int_gt(sample_log_tamper(logs.copy.values, "UPDATE value SET data = x'00'", 0), 0);
	ck_assert_int_eq(verify_logs_verify(logs.copy.db).result, VERIFY_FAIL);
}
END_TEST

START_TEST(what_is_no_ledger_cannot_be_verified)
{
	char path[128] = "";
	struct verify_options options = verify_enrolled(path);
	struct verify_report report;
	struct error err = { 0 };

	IGNORE(snprintf(path, sizeof(path), "%s/nothing.db", logs.copy.dir) < 0);
	ck_assert_int_eq(verify_run(&options, &report, &err), -ENOENT);
	write_text(path, slice_of("this is no database, and long enough to be one"));
	ck_assert_int_lt(verify_run(&options, &report, &err), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verify_trust");
	TCase *trust = tcase_create("trust");

	tcase_add_checked_fixture(trust, setup, teardown);
	tcase_add_test(trust, without_a_trusted_key_it_never_passes);
	tcase_add_test(trust, the_key_of_an_earlier_verify_is_remembered);
	tcase_add_test(trust, a_log_that_was_rolled_back_fails_against_the_memory);
	tcase_add_test(trust, another_log_of_the_same_origin_fails_against_the_memory);
	tcase_add_test(trust, a_kept_checkpoint_finds_a_cut_tail);
	tcase_add_test(trust, the_trusted_key_decides_and_a_wrong_one_fails);
	tcase_add_test(trust, a_damaged_memory_is_no_memory);
	tcase_add_test(trust, a_gap_degrades_and_is_counted);
	tcase_add_test(trust, a_changed_value_fails);
	tcase_add_test(trust, what_is_no_ledger_cannot_be_verified);
	tcase_set_timeout(trust, 20);
	suite_add_tcase(suite, trust);
	return suite;
}
