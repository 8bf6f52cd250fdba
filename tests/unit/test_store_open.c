/* SPDX-License-Identifier: Apache-2.0 */
/* A log that contradicts itself, its keys or what was once signed is not continued. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "ledger/verify.h"
#include "lib/runner.h"
#include "lib/store_log.h"

static struct ledgerd ledgerd;
static const uint8_t run_a[16] = { 1, 2, 3 };

static void setup(void)
{
	ledgerd_init(&ledgerd);
}

static void teardown(void)
{
	ledgerd_done(&ledgerd);
}

static void edit(const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/1/ledger.db", ledgerd.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	sqlite3_close(db);
}

#define NO_GUARDS "DROP TRIGGER event_upd; DROP TRIGGER event_del; DROP TRIGGER cp_del;" \
		  "DROP TRIGGER cp_upd;"

static const struct contradiction {
	const char *what, *sql;
} contradictions[] = {
	{ "a record changed", "UPDATE event SET rec = zeroblob(length(rec)) WHERE seq = 5" },
	{ "a column changed", "UPDATE event SET verdict = 1 WHERE seq = 5" },
	{ "a record removed", "DELETE FROM event WHERE seq = 5" },
	{ "the tail removed", "DELETE FROM event WHERE seq >= 5" },
	{ "a tile changed", "UPDATE tile SET hashes = zeroblob(32 * w)" },
	{ "a tile removed", "DELETE FROM tile" },
	{ "the newest checkpoint changed", "UPDATE checkpoint SET note = replace(note, 'l', 'm')" },
	{ "every checkpoint removed", "DELETE FROM checkpoint" },
	{ "a table planted", "CREATE TABLE extra(a)" },
};

/* Triggers are part of the schema, so they come back after the edit. */
static void edit_behind_the_guards(const char *sql)
{
	static char guards[4096];
	char path[128];
	sqlite3_stmt *statement;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/1/ledger.db", ledgerd.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE type ="
			   " 'trigger'", -1, &statement, NULL);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	snprintf(guards, sizeof(guards), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	edit(NO_GUARDS "DROP TRIGGER meta_upd;");
	edit(sql);
	edit(guards);
}

START_TEST(a_log_that_contradicts_itself_is_not_continued)
{
	int64_t size;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	for (int i = 0; i < 10; i++)
		store_log_add_open(&ledgerd, run_a, "/w/x");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	/* Control: the guards come back and the log is taken. */
	edit_behind_the_guards("SELECT 1");
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	edit_behind_the_guards(contradictions[_i].sql);
	size = store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event");
	ck_assert_msg(ledgerd_start(&ledgerd) == 1, "%s was continued", contradictions[_i].what);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM event"), size);
}
END_TEST

/* ---- a ledger of version 1 ---- */

#define OF_VERSION_1 "PRAGMA user_version = 1; DROP INDEX event_file; DROP INDEX event_net;" \
	"CREATE INDEX event_file ON event(obj) WHERE obj IS NOT NULL AND kind BETWEEN 16 AND 31;" \
	"CREATE INDEX event_net ON event(obj) WHERE obj IS NOT NULL AND kind BETWEEN 48 AND 63;"

static void make_old(const char *also)
{
	char path[128];
	sqlite3 *db;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_begin_run(&ledgerd, run_a), 0);
	store_log_add_open(&ledgerd, run_a, "/w/x");
	ck_assert_int_eq(ledgerd_flush(&ledgerd), 0);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	edit(OF_VERSION_1);
	edit(also);
	snprintf(path, sizeof(path), "%s/1/values.db", ledgerd.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t verified(struct error *err)
{
	char path[128];
	const struct verify_options options = { .path = path, .policy = "/nonexistent", .enrol = true };
	struct verify_report report = { 0 };
	int r;

	snprintf(path, sizeof(path), "%s/1/ledger.db", ledgerd.dir);
	r = verify_run(&options, &report, err);
	return r < 0 ? r : (int64_t)report.result;
}

START_TEST(a_ledger_of_the_version_before_is_brought_up_to_date)
{
	struct error err = { 0 };

	make_old("SELECT 1");
	ck_assert_int_eq(verified(&err), -EBADMSG);
	ck_assert_msg(strstr(err.next, "bailiffd"), "says '%s'", err.next);
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	ck_assert_msg(verified(&err) == VERIFY_PASS, "%s", err.text);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "PRAGMA user_version"), 2);
	ck_assert_int_eq(store_log_number(&ledgerd, "values.db", "PRAGMA user_version"), 2);
	store_log_check(&ledgerd);
}
END_TEST

START_TEST(a_ledger_of_the_version_before_that_is_not_ours_stays_as_it_is)
{
	make_old("CREATE TABLE extra(a)");
	ck_assert_int_eq(ledgerd_start(&ledgerd), 1);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "PRAGMA user_version"), 1);
	ck_assert_int_eq(store_log_number(&ledgerd, "ledger.db", "SELECT count(*) FROM sqlite_schema"
					  " WHERE sql LIKE '%seq >> 12%'"), 0);
}
END_TEST

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 22];
	char path[128];
	ssize_t len;
	auto_close int in = FD_NONE, out = FD_NONE;

	snprintf(path, sizeof(path), "%s/1/%s", ledgerd.dir, from);
	in = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(in, 0);
	len = io_read(in, bytes, sizeof(bytes));
	ck_assert(len >= 0 && len < (ssize_t)sizeof(bytes));
	snprintf(path, sizeof(path), "%s/1/%s", ledgerd.dir, to);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	ck_assert_int_ge(out, 0);
	ck_assert_int_eq(io_write(out, bytes, (size_t)len), 0);
}

static void remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/1/%s", ledgerd.dir, name);
	IGNORE(unlink(path) < 0); /* it need not be there */
}

START_TEST(a_log_that_was_rolled_back_is_not_continued)
{
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	copy_file("ledger.db", "copy");
	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	remove_file("ledger.db-wal");
	remove_file("ledger.db-shm");
	if (_i == 0)
		copy_file("copy", "ledger.db");
	else
		remove_file("ledger.db");
	ck_assert_int_eq(ledgerd_start(&ledgerd), 1);
}
END_TEST

START_TEST(keys_are_private_and_never_replaced)
{
	char path[128];
	struct stat st;

	store_log_start(&ledgerd);
	ck_assert_int_eq(ledgerd_end(&ledgerd), 0);
	snprintf(path, sizeof(path), "%s/1/keys/identity", ledgerd.dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(st.st_size, 32);
	if (_i == 0)
		ck_assert_int_eq(chmod(path, 0644), 0);
	else
		ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(ledgerd_start(&ledgerd), 1);
	if (_i == 1)
		ck_assert_int_eq(stat(path, &st), -1);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("store_open");

	store_log_suite(suite, a_log_that_contradicts_itself_is_not_continued, 0, (int)COUNT(contradictions), setup, teardown);
	store_log_suite(suite, a_ledger_of_the_version_before_is_brought_up_to_date, 0, 1, setup, teardown);
	store_log_suite(suite, a_ledger_of_the_version_before_that_is_not_ours_stays_as_it_is, 0, 1, setup,
			teardown);
	store_log_suite(suite, a_log_that_was_rolled_back_is_not_continued, 0, 2, setup, teardown);
	store_log_suite(suite, keys_are_private_and_never_replaced, 0, 2, setup, teardown);
	return suite;
}
