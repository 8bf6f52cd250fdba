/* SPDX-License-Identifier: Apache-2.0 */
/* A real bailiff-ledgerd, with the test as its producer. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/loop.h"
#include "ledger/record.h"
#include "lib/runner.h"
#include "lib/store_log.h"

static struct ledgerd ledgerd;
static const uint8_t run_a[16] = { 1, 2, 3 }, run_b[16] = { 9, 8, 7 };

static void setup(void)
{
	ledgerd_init(&ledgerd);
}

static void teardown(void)
{
	ledgerd_done(&ledgerd);
}

START_TEST(a_new_log_begins_with_genesis_and_ends_with_a_signed_stop)
{
	store_log_start(&ledgerd);
	ck_assert_uint_eq(ledgerd.ack.size, 3);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) = 4 AND max(kind = 2 AND seq = 3)"
				   " AND max(kind = 0 AND seq = 0) FROM event"), 1);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT max(size) FROM checkpoint"), 4);
	store_log_start(&ledgerd);
	/* An orderly stop needs no recover record: log_start and clock only. */
	ck_assert_uint_eq(ledgerd.ack.size, 6);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
}
END_TEST

START_TEST(records_of_a_run_are_chained_and_counted)
{
	sqlite3 *db;
	size_t at;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_b), 0);
	for (int i = 0; i < 300; i++)
		store_log_add_open(&ledgerd, i % 3 ? run_a : run_b, i % 2 ? "/w/odd" : "/w/even");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	/* The chain goes on behind a restart. */
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_start(&ledgerd);
	store_log_add_open(&ledgerd, run_a, "/w/odd");
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_RUN_END, run_a, &at));
	ck_assert_int_eq(intake_uint(&ledgerd.batch, at, DETAIL_EXIT_CODE, 0), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
	db = store_log_open(&ledgerd, "ledger.db");
	ck_assert_int_eq(store_log_value(db, "SELECT rcount FROM run WHERE hex(uid) LIKE '010203%'"), 203);
	ck_assert_int_eq(store_log_value(db, "SELECT count(*) FROM event WHERE run ="
				" (SELECT id FROM run WHERE hex(uid) LIKE '010203%')"), 203);
	ck_assert_int_eq(store_log_value(db, "SELECT count(*) FROM (SELECT rseq - lag(rseq, 1, -1) OVER"
				" (PARTITION BY run ORDER BY seq) AS d FROM event WHERE run >= 0)"
				" WHERE d != 1"), 0);
	ck_assert_int_eq(store_log_value(db, "SELECT count(*) FROM name"), 2);
	sqlite3_close(db);
}
END_TEST

START_TEST(a_sync_record_is_signed_when_it_is_acked)
{
	size_t at;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_VIOLATION, run_a, &at));
	ck_assert_int_eq(intake_uint(&ledgerd.batch, at, DETAIL_TYPE, 11), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_send(&ledgerd), 0);
	while (ledgerd.acked < ledgerd.cursor)
		ck_assert_int_eq(ledgerd_answer(&ledgerd, 3000), 1);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT max(size) FROM checkpoint"),
			 (int64_t)ledgerd.size);
	ck_assert_int_eq(ledgerd_kill(&ledgerd), 128 + SIGKILL);
	store_log_check(&ledgerd);
}
END_TEST

START_TEST(telemetry_is_durable_within_20_ms_and_signed_within_a_second)
{
	uint64_t begin;
	int64_t size = 0;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	store_log_add_open(&ledgerd, run_a, "/w/a");
	begin = now_monotonic_ns();
	ck_assert_int_eq(ledgerd_send(&ledgerd), 0);
	while (ledgerd.acked < ledgerd.cursor)
		ck_assert_int_eq(ledgerd_answer(&ledgerd, 3000), 1);
	/* 20 ms, and a generous second for a busy machine. */
	ck_assert_uint_lt(now_monotonic_ns() - begin, 1020000000U);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event"),
			 (int64_t)ledgerd.size);
	while (size < (int64_t)ledgerd.size && now_monotonic_ns() - begin < 3000000000U)
		size = store_log_number(&ledgerd, "ledger.db", "SELECT max(size) FROM checkpoint");
	ck_assert_int_eq(size, (int64_t)ledgerd.size);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
	static struct ledgerd second;

	store_log_start(&ledgerd);
	second = ledgerd;
	second.socket_fd = FD_NONE;
	second.pid = 0;
	ck_assert_int_eq(ledgerd_start(&second), 1);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
}
END_TEST

START_TEST(what_cannot_be_recorded_is_refused_by_number)
{
	const char *path = "/w/file";
	uint8_t digest[32] = { 0 };
	size_t at;

	store_log_start(&ledgerd);
	/* A run that never began. */
	store_log_add_open(&ledgerd, run_a, path);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 1);
	/* A run whose policy is no document. */
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_RUN_START, run_a, &at));
	ck_assert_int_eq(intake_bytes(&ledgerd.batch, at, DETAIL_POLICY_DIGEST,
				      slice_new(digest, 32)), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 2);
	/* The log's own kind; the records around it are taken. */
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	store_log_add_open(&ledgerd, run_a, path);
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_GENESIS, NULL, &at));
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	store_log_add_open(&ledgerd, run_a, path);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 3);
	/* A detail of a wrong type. */
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_EXEC, run_a, &at));
	ck_assert_int_eq(intake_text(&ledgerd.batch, at, DETAIL_ARGC, slice_of("many")), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 4);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event WHERE run >= 0"), 3);
}
END_TEST

START_TEST(a_document_is_kept_only_under_its_own_digest)
{
	auto_close int fd = FD_NONE;
	uint8_t digest[32] = { 1 };

	store_log_start(&ledgerd);
	ck_assert_int_eq(io_sealed_memfd("doc", "text", 4, &fd), 0);
	ck_assert_int_eq(ledgerd_message(&ledgerd, INTAKE_DOC, fd, digest), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 1);
	ck_assert_int_eq(ledgerd_doc(&ledgerd, "{}", digest), 0);
	ck_assert_int_eq(ledgerd_doc(&ledgerd, "{}", digest), 0);
	ck_assert_int_eq(ledgerd_message(&ledgerd, INTAKE_DOC, FD_NONE, digest), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_eq(ledgerd.refused, 2);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) * 10 + max(type) FROM doc"), 11);
}
END_TEST

START_TEST(a_missing_number_becomes_a_gap)
{
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ledgerd.cursor += 5;
	store_log_add_open(&ledgerd, run_a, "/w/x");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT n * 10 + cause FROM gap"), 53);
	store_log_check(&ledgerd);
}
END_TEST

static bool file_has(const char *name, const char *needle)
{
	char path[128];
	static char bytes[1 << 20];
	ssize_t len;
	auto_close int fd = FD_NONE;

	snprintf(path, sizeof(path), "%s/1/%s", ledgerd.dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = io_read(fd, bytes, sizeof(bytes));
	ck_assert_int_ge(len, 0);
	return memmem(bytes, (size_t)len, needle, strlen(needle)) != NULL;
}

START_TEST(arguments_are_kept_by_commitment_and_secrets_not_at_all)
{
	static const char argv[] = "curl\0--token\0hunter2hunter2\0http://visible.example/";
	const char *const files[] = { "ledger.db", "ledger.db-wal", "values.db", "values.db-wal" };
	bool kept = false;
	sqlite3 *db;
	size_t at;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_EXEC, run_a, &at));
	ck_assert_int_eq(intake_obj(&ledgerd.batch, at, slice_of("/usr/bin/curl")), 0);
	ck_assert_int_eq(intake_value(&ledgerd.batch, at, VALUE_ARGV,
				      slice_new(argv, sizeof(argv)), sizeof(argv)), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	for (size_t i = 0; i < COUNT(files); i++) {
		ck_assert_msg(!file_has(files[i], "hunter2"), "%s has the secret", files[i]);
		ck_assert_msg(i >= 2 || !file_has(files[i], "visible.example"), "%s", files[i]);
		kept |= file_has(files[i], "visible.example");
	}
	ck_assert_msg(kept, "control: the rest of the arguments is nowhere");
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	db = store_log_open(&ledgerd, "values.db");
	ck_assert_int_eq(store_log_value(db, "SELECT count(*) FROM value WHERE length(salt) = 16 AND size ="
				" 52"), 1);
	sqlite3_close(db);
	store_log_check(&ledgerd);
}
END_TEST

START_TEST(the_commitment_is_that_of_salt_and_value)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], bytes[256];
	sqlite3_stmt *statement;
	struct record record;
	sqlite3 *db;
	size_t at, len;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_EXEC, run_a, &at));
	ck_assert_int_eq(intake_value(&ledgerd.batch, at, VALUE_ARGV, slice_of("ls"), 2), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	db = store_log_open(&ledgerd, "values.db");
	sqlite3_prepare_v2(db, "SELECT salt, data FROM value", -1, &statement, NULL);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	memcpy(bytes, sqlite3_column_blob(statement, 0), 16);
	len = (size_t)sqlite3_column_bytes(statement, 1);
	memcpy(bytes + 16, sqlite3_column_blob(statement, 1), len);
	SHA256(bytes, 16 + len, digest);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	db = store_log_open(&ledgerd, "ledger.db");
	sqlite3_prepare_v2(db, "SELECT rec FROM event WHERE kind = 41", -1, &statement, NULL);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	ck_assert_int_eq(record_decode(slice_new(sqlite3_column_blob(statement, 0),
				       (size_t)sqlite3_column_bytes(statement, 0)), &record), 0);
	ck_assert_uint_eq(record.value_count, 1);
	ck_assert_mem_eq(record.values[0].commit, digest, 32);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}
END_TEST

/* ---- crashes ---- */

#define ROUNDS 20

START_TEST(no_acked_record_is_lost_by_kill_9)
{
	uint64_t seed = now_realtime_ns(), sent = 0, kept = 0;

	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t until, mark = ledgerd.size;
		char path[64];

		store_log_start(&ledgerd);
		if (round == 0)
			ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
		ck_assert_uint_ge(ledgerd.ack.size, mark);
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		until = now_monotonic_ns() + (seed >> 33) % 60000000U;
		while (now_monotonic_ns() < until) {
			for (int i = 0; i < 20; i++) {
				snprintf(path, sizeof(path), "/w/%llu", (unsigned long long)sent++);
				store_log_add_open(&ledgerd, run_a, path);
			}
			ck_assert_int_eq(ledgerd_send(&ledgerd), 0);
			while (ledgerd_answer(&ledgerd, 0) == 1)
				;
		}
		/* What was acked before the kill. */
		kept = ledgerd.size;
		ck_assert_int_eq(ledgerd_kill(&ledgerd), 128 + SIGKILL);
		ck_assert_int_ge(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event"),
				 (int64_t)kept);
	}
	ck_assert_uint_gt(sent, 0);
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event WHERE kind = 6"), ROUNDS);
	/* No number twice in the run, and none missing. */
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) - count(DISTINCT rseq) FROM event"
				   " WHERE run >= 0"), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT max(rseq) + 1 - count(*) FROM event"
				   " WHERE run >= 0"), 0);
}
END_TEST

START_TEST(sigterm_and_stop_end_the_log_in_order)
{
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	store_log_add_open(&ledgerd, run_a, "/w/x");
	ck_assert_int_eq(ledgerd_send(&ledgerd), 0);
	if (_i == 0) {
		/* The record may still be in the socket: a signal ends what was taken. */
		ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
		ck_assert_int_eq(kill(ledgerd.pid, SIGTERM), 0);
		while (ledgerd_answer(&ledgerd, 3000) == 1)
			;
	} else {
		ck_assert_int_eq(ledgerd_message(&ledgerd, INTAKE_STOP, FD_NONE, NULL), 0);
		while (ledgerd_answer(&ledgerd, 3000) == 1)
			;
		ck_assert_uint_eq(ledgerd.acked, ledgerd.cursor);
	}
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT kind FROM event ORDER BY seq DESC"), 2);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event WHERE kind = 17"), 1);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT max(size) = (SELECT count(*) FROM event)"
				   " FROM checkpoint"), 1);
	store_log_check(&ledgerd);
}
END_TEST

/* Whatever a producer sends, ledgerd lives, says no, and goes on with what is well-formed. */
START_TEST(garbage_is_refused_and_the_next_record_is_taken)
{
	static uint8_t bytes[INTAKE_DATAGRAM_MAX + 64];
	uint64_t seed = now_realtime_ns();

	printf("seed %llu\n", (unsigned long long)seed);
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	for (int round = 0; round < 200; round++) {
		size_t len;

		store_log_add_open(&ledgerd, run_a, "/w/some/longer/path");
		len = ledgerd.batch.len;
		memcpy(bytes, ledgerd.memory, len);
		memcpy(bytes, &(struct intake_head){ .version = INTAKE_VERSION, .count = 1,
			.message = INTAKE_RECORDS, .bytes = (uint32_t)len,
			.cursor = ++ledgerd.cursor }, sizeof(struct intake_head));
		ledgerd.count = 0;
		for (int flips = 0; flips < 1 + round % 4; flips++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			/* Not the numbers: those make gaps, which another test looks at. */
			bytes[48 + (seed >> 33) % (len - 48)] ^= (uint8_t)(seed >> 25 | 1U);
		}
		if (round == 100)
			len = sizeof(bytes);
		ck_assert_int_eq(fdpass_send(ledgerd.socket_fd, bytes, len, NULL, 0, 0), 0);
		while (ledgerd_answer(&ledgerd, 0) == 1)
			;
	}
	store_log_add_open(&ledgerd, run_a, "/w/after");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_uint_gt(ledgerd.refused, 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM name WHERE v = CAST('/w/after'"
				   " AS BLOB)"), 1);
	store_log_check(&ledgerd);
}
END_TEST

/* Sends the datagram that is in memory once more, as a producer without an ack does. */
static void send_again(uint32_t count, size_t len)
{
	struct intake_head head = {
		.version = INTAKE_VERSION, .message = INTAKE_RECORDS, .count = count,
		.bytes = (uint32_t)len, .cursor = ledgerd.cursor + count,
	};

	memcpy(ledgerd.memory, &head, sizeof(head));
	ledgerd.cursor += count;
	ck_assert_int_eq(fdpass_send(ledgerd.socket_fd, ledgerd.memory, len, NULL, 0, 0), 0);
}

START_TEST(records_sent_again_after_a_crash_are_recorded_once)
{
	size_t at, len;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	for (int i = 0; i < 50; i++)
		store_log_add_open(&ledgerd, run_a, "/w/same");
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_EXEC, run_a, &at));
	ck_assert_int_eq(intake_value(&ledgerd.batch, at, VALUE_ARGV, slice_of("ls"), 2), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	ck_assert_ptr_nonnull(ledgerd_record(&ledgerd, RECORD_RUN_END, run_a, &at));
	ck_assert_int_eq(intake_uint(&ledgerd.batch, at, DETAIL_RECORDS, 4711), 0);
	ck_assert_int_eq(intake_end(&ledgerd.batch, at), 0);
	len = ledgerd.batch.len;
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(ledgerd_kill(&ledgerd), 128 + SIGKILL);
	store_log_start(&ledgerd);
	send_again(52, len);
	while (ledgerd.acked < ledgerd.cursor)
		ck_assert_int_eq(ledgerd_answer(&ledgerd, 3000), 1);
	ck_assert_uint_eq(ledgerd.refused, 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event WHERE run >= 0"), 53);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT rcount FROM run"), 53);
	ck_assert_int_eq(store_log_number(&ledgerd, "values.db", "SELECT count(*) FROM value"), 1);
	/* Control: once something new has come, the same bytes are records again. */
	store_log_add_open(&ledgerd, run_a, "/w/new");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	store_log_add_open(&ledgerd, run_a, "/w/again");
	len = ledgerd.batch.len;
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	send_again(1, len);
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event WHERE run >= 0"), 56);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	store_log_check(&ledgerd);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("store");

	store_log_suite(suite, a_new_log_begins_with_genesis_and_ends_with_a_signed_stop, 0, 1, setup, teardown);
	store_log_suite(suite, records_of_a_run_are_chained_and_counted, 0, 1, setup, teardown);
	store_log_suite(suite, a_sync_record_is_signed_when_it_is_acked, 0, 1, setup, teardown);
	store_log_suite(suite, telemetry_is_durable_within_20_ms_and_signed_within_a_second, 0, 1, setup, teardown);
	store_log_suite(suite, a_second_writer_is_refused, 0, 1, setup, teardown);
	store_log_suite(suite, what_cannot_be_recorded_is_refused_by_number, 0, 1, setup, teardown);
	store_log_suite(suite, a_document_is_kept_only_under_its_own_digest, 0, 1, setup, teardown);
	store_log_suite(suite, a_missing_number_becomes_a_gap, 0, 1, setup, teardown);
	store_log_suite(suite, arguments_are_kept_by_commitment_and_secrets_not_at_all, 0, 1, setup, teardown);
	store_log_suite(suite, the_commitment_is_that_of_salt_and_value, 0, 1, setup, teardown);
	store_log_suite(suite, no_acked_record_is_lost_by_kill_9, 0, 1, setup, teardown);
	store_log_suite(suite, sigterm_and_stop_end_the_log_in_order, 0, 2, setup, teardown);
	store_log_suite(suite, garbage_is_refused_and_the_next_record_is_taken, 0, 1, setup, teardown);
	store_log_suite(suite, records_sent_again_after_a_crash_are_recorded_once, 0, 1, setup, teardown);
	return suite;
}
