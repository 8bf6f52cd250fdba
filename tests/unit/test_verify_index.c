/* SPDX-License-Identifier: Apache-2.0 */
/* A doctored index leads queries past rows that the table still has. The file is otherwise whole: each
 * row, and the text of the schema, are as the writer left them. */
#include <check.h>

#include "ledger/verify.h"
#include "ledger/verify_index.h"
#include "lib/runner.h"
#include "lib/sample_log.h"

#define SQL_MAX 512

static struct sample_log sample;

static void setup(void)
{
	sample_log_make(&sample, 0, NULL);
}

static void teardown(void)
{
	sample_log_remove(&sample);
}

static struct verify_report verify(bool quick)
{
	const struct verify_options options = {
		.path = sample.db, .policy = "/nonexistent", .enrol = true, .quick = quick,
	};
	struct verify_report report;
	struct error err = { 0 };

	ck_assert_msg(verify_run(&options, &report, &err) == 0, "%s", err.text);
	return report;
}

static void text_of(sqlite3 *db, const char *sql, const char *name, char to[SQL_MAX])
{
	sqlite3_stmt *statement = NULL;

	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	IGNORE(snprintf(to, SQL_MAX, "%s", (const char *)sqlite3_column_text(statement, 0)) < 0);
	sqlite3_finalize(statement);
}

static void must(sqlite3 *db, const char *sql)
{
	char *text = NULL;

	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK, "%s: %s", sql, text);
}

/* Makes the index anew as `sql` says, and lets the schema say what it always said. */
static void doctor(sqlite3 *db, const char *name, const char *sql)
{
	char before[SQL_MAX], change[6 * SQL_MAX];

	text_of(db, "SELECT sql FROM sqlite_schema WHERE name = ?1", name, before);
	IGNORE(snprintf(change, sizeof(change), "DROP INDEX %s; %s; PRAGMA writable_schema = ON;"
			"UPDATE sqlite_schema SET sql = '%s' WHERE name = '%s'", name, sql, before, name) < 0);
	must(db, change);
}

static void edit_index(const char *name, const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(sample.db, &db), SQLITE_OK);
	doctor(db, name, sql);
	sqlite3_close(db);
}

static void fails(const char *name)
{
	struct verify_report report = verify(false);
	const char *text = report.finding_count ? report.findings[0].text : "nothing";

	ck_assert_msg(report.result == VERIFY_FAIL && strstr(text, name), "%s: %s", name, text);
	/* Control: the rows themselves are whole. */
	ck_assert_int_eq(verify(true).result, VERIFY_PASS);
}

START_TEST(an_index_that_lacks_an_entry_fails)
{
	const char *name = verify_index_name((size_t)_i);
	char before[SQL_MAX], sql[3 * SQL_MAX], first[SQL_MAX], query[2 * SQL_MAX];
	sqlite3 *db = NULL;
	const char *where;

	ck_assert_int_eq(verify(false).result, VERIFY_PASS);
	ck_assert_int_eq(sqlite3_open(sample.db, &db), SQLITE_OK);
	text_of(db, "SELECT sql FROM sqlite_schema WHERE name = ?1", name, before);
	where = strstr(before, " WHERE ");
	IGNORE(snprintf(query, sizeof(query), "SELECT max(seq), ?1 FROM event%s", where ? where : "") < 0);
	text_of(db, query, name, first);
	IGNORE(snprintf(sql, sizeof(sql), "%s %s seq <> %s", before, where ? "AND" : "WHERE", first) < 0);
	doctor(db, name, sql);
	sqlite3_close(db);
	fails(name);
}
END_TEST

START_TEST(an_index_in_another_order_fails)
{
	edit_index("event_run", "CREATE INDEX event_run ON event(run DESC)");
	fails("event_run");
}
END_TEST

START_TEST(an_index_with_another_key_fails)
{
	edit_index("event_bad", "CREATE INDEX event_bad ON event(verdict + 1) WHERE verdict > 0");
	fails("event_bad");
}
END_TEST

START_TEST(an_index_with_the_rows_of_another_kind_fails)
{
	edit_index("event_file", "CREATE INDEX event_file ON event(seq >> 12, obj) WHERE obj IS NOT NULL");
	fails("event_file");
}
END_TEST

START_TEST(an_index_with_another_block_fails)
{
	edit_index("event_file", "CREATE INDEX event_file ON event((seq >> 12) + 1, obj)"
				 " WHERE obj IS NOT NULL AND kind BETWEEN 16 AND 31");
	fails("event_file");
}
END_TEST

START_TEST(every_index_of_the_table_has_its_sum)
{
	char count[SQL_MAX], want[8];
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(sample.db, &db), SQLITE_OK);
	text_of(db, "SELECT count(*), ?1 FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'event'",
		"", count);
	sqlite3_close(db);
	IGNORE(snprintf(want, sizeof(want), "%u", VERIFY_INDEXES) < 0);
	ck_assert_str_eq(count, want);
}
END_TEST

/* In the state tables, too, where SQLite looks by itself. */
START_TEST(a_doctored_index_of_a_state_table_fails)
{
	edit_index("proc_run", "CREATE INDEX proc_run ON proc(run) WHERE run < 0");
	fails("proc_run");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verify_index");
	TCase *tcase = tcase_create("indexes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, an_index_that_lacks_an_entry_fails, 0, (int)VERIFY_INDEXES);
	tcase_add_test(tcase, an_index_in_another_order_fails);
	tcase_add_test(tcase, an_index_with_another_key_fails);
	tcase_add_test(tcase, an_index_with_the_rows_of_another_kind_fails);
	tcase_add_test(tcase, an_index_with_another_block_fails);
	tcase_add_test(tcase, every_index_of_the_table_has_its_sum);
	tcase_add_test(tcase, a_doctored_index_of_a_state_table_fails);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	return suite;
}
