/* SPDX-License-Identifier: Apache-2.0 */
/* The tamper matrix: every column of every table, generated from the schema, on a log that the
 * writer made. The control is the same log before each edit. */
#include <check.h>
#include <errno.h>

#include "ledger/schema.h"
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

/* ---- the matrix ---- */

static int count_rows(sqlite3 *db, const char *table)
{
	sqlite3_stmt *statement = NULL;
	char sql[80];
	int count;

	IGNORE(snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table) < 0);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

static int key_count(const struct schema_table *table)
{
	int keys = 1;

	for (const char *c = table->order; *c; c++)
		keys += *c == ',';
	return keys;
}

/* Another value of the same kind, one bit or one away where that is no key. */
static void bind_changed(sqlite3_stmt *update, sqlite3_stmt *row, int column, bool key)
{
	const void *bytes = sqlite3_column_blob(row, column);
	int len = sqlite3_column_bytes(row, column);
	uint8_t *changed;

	switch (sqlite3_column_type(row, column)) {
	case SQLITE_INTEGER:
		sqlite3_bind_int64(update, 1, sqlite3_column_int64(row, column) +
				   (key ? 1000003 : 1));
		return;
	case SQLITE_NULL:
		if (strcmp(sqlite3_column_decltype(row, column), "BLOB") == 0)
			sqlite3_bind_blob(update, 1, "\x07", 1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(update, 1, 7);
		return;
	default:
		changed = malloc((size_t)len + 1);
		ck_assert_ptr_nonnull(changed);
		memcpy(changed, bytes, (size_t)len);
		changed[len / 2] ^= 1;
		if (sqlite3_column_type(row, column) == SQLITE_TEXT)
			sqlite3_bind_text(update, 1, (char *)changed, len ? len : 1, free);
		else
			sqlite3_bind_blob(update, 1, changed, len ? len : 1, free);
	}
}

/* Changes one cell of the row at `offset`. Returns the row's first column. */
static int64_t change_cell(const char *db, const struct schema_table *table, int column, int offset)
{
	sqlite3_stmt *row = NULL, *update = NULL;
	struct sample_editor editor;
	char sql[600], where[128] = "";
	int64_t first;
	int keys = key_count(table);

	sample_log_edit(db, &editor);
	IGNORE(snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d",
			table->columns, table->name, table->order, offset) < 0);
	ck_assert_int_eq(sqlite3_prepare_v2(editor.db, sql, -1, &row, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	for (int i = 0; i < keys; i++) {
		size_t len = strlen(where);

		IGNORE(snprintf(where + len, sizeof(where) - len, "%s%s = ?%d", i ? " AND " : "",
				sqlite3_column_name(row, i), i + 2) < 0);
	}
	IGNORE(snprintf(sql, sizeof(sql), "UPDATE %s SET %s = ?1 WHERE %s", table->name,
			sqlite3_column_name(row, column), where) < 0);
	ck_assert_msg(sqlite3_prepare_v2(editor.db, sql, -1, &update, NULL) == SQLITE_OK, "%s: %s",
		      sql, sqlite3_errmsg(editor.db));
	bind_changed(update, row, column, column < keys);
	for (int i = 0; i < keys; i++)
		sqlite3_bind_value(update, i + 2, sqlite3_column_value(row, i));
	first = sqlite3_column_int64(row, 0);
	ck_assert_msg(sqlite3_step(update) == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(editor.db));
	ck_assert_msg(sqlite3_changes(editor.db) == 1, "%s changed nothing", sql);
	sqlite3_finalize(update);
	sqlite3_finalize(row);
	sample_log_close(&editor);
	return first;
}

static int column_count(const struct schema_table *table)
{
	int count = 1;

	for (const char *c = table->columns; *c; c++)
		count += *c == ',';
	return count;
}

static void check_change(const struct schema_table *table, int column, int offset)
{
	struct verify_report report;
	int64_t first;

	sample_log_restore(&logs.sample, &logs.copy);
	first = change_cell(logs.copy.db, table, column, offset);
	report = verify_logs_verify(logs.copy.db);
	ck_assert_msg(report.result == VERIFY_FAIL, "table %s, column %d, row %d: result %d",
		      table->name, column, offset, report.result);
	if (strcmp(table->name, "event") == 0)
		ck_assert_msg(report.has_bad && report.bad_seq == (uint64_t)first,
			      "column %d of record %ld: the first bad one is said to be %ld (%s)",
			      column, (long)first, report.has_bad ? (long)report.bad_seq : -1L,
			      verify_first_text(&report));
	else if (strcmp(table->name, "doc") != 0)
		ck_assert_msg(report.has_bad, "table %s, column %d: no record is named (%s)",
			      table->name, column, verify_first_text(&report));
}

START_TEST(a_changed_cell_fails_and_names_the_first_bad_record)
{
	const struct schema_table *table = &schema_tables[_i];
	sqlite3 *db = NULL;
	int rows;

	ck_assert_int_eq(verify_logs_verify(logs.sample.db).result, VERIFY_PASS);
	ck_assert_int_eq(sqlite3_open(logs.sample.db, &db), SQLITE_OK);
	rows = count_rows(db, table->name);
	sqlite3_close(db);
	/* gap has its rows in a log of its own: below. */
	ck_assert_msg(rows > 0 || strcmp(table->name, "gap") == 0, "no row in %s", table->name);
	for (int column = 0; rows > 0 && column < column_count(table); column++) {
		check_change(table, column, 0);
		if (rows > 2)
			check_change(table, column, rows / 2);
		if (rows > 1)
			check_change(table, column, rows - 1);
	}
}
END_TEST

START_TEST(a_changed_cell_of_a_gap_fails)
{
	struct sample_log with_gap;
	const struct schema_table *table = schema_tables;

	while (strcmp(table->name, "gap") != 0)
		table++;
	sample_log_make(&with_gap, 1, NULL);
	for (int column = 0; column < column_count(table); column++) {
		struct verify_report report;

		sample_log_copy(&with_gap, &logs.older); /* into a directory of its own */
		IGNORE(change_cell(logs.older.db, table, column, 0) < 0);
		report = verify_logs_verify(logs.older.db);
		ck_assert_msg(report.result == VERIFY_FAIL, "column %d", column);
		sample_log_remove(&logs.older);
	}
	sample_log_remove(&with_gap);
}
END_TEST

START_TEST(a_deleted_row_fails)
{
	const struct schema_table *table = &schema_tables[_i];
	struct verify_report report;
	char sql[300], keys[40];

	/* The row in the middle, by its key. */
	IGNORE(snprintf(keys, sizeof(keys), "%s", table->order) < 0);
	IGNORE(snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s ORDER BY %s"
			" LIMIT 1 OFFSET (SELECT count(*)/2 FROM %s))", table->name, keys, keys,
			table->name, keys, table->name) < 0);
	if (sample_log_tamper(logs.copy.db, sql, 0) == 0) {
		ck_assert_str_eq(table->name, "gap"); /* the only one without rows here */
		return;
	}
	if (strcmp(table->name, "log_meta") == 0) {
		struct verify_options options = verify_enrolled(logs.copy.db);
		struct error err = { 0 };

		ck_assert_int_eq(verify_run(&options, &report, &err), -EBADMSG);
		return;
	}
	report = verify_logs_verify(logs.copy.db);
	/* The newer checkpoints cover what an older one did, so nothing is lost with it. */
	if (strcmp(table->name, "checkpoint") == 0)
		ck_assert_int_eq(report.result, VERIFY_PASS);
	else
		ck_assert_msg(report.result == VERIFY_FAIL, "a row of %s was deleted", table->name);
}
END_TEST

START_TEST(without_its_newest_checkpoint_the_tail_is_unsigned)
{
	struct verify_report report;

	ck_assert_int_eq(sample_log_tamper(logs.copy.db, "DELETE FROM checkpoint WHERE size ="
				" (SELECT max(size) FROM checkpoint)", 0), 1);
	report = verify_logs_verify(logs.copy.db);
	ck_assert_int_eq(report.result, VERIFY_DEGRADED);
	ck_assert_uint_lt(report.signed_size, report.size);
	ck_assert(report.unsigned_late);
}
END_TEST

static const struct edit {
	const char *what, *sql;
	int64_t bad;                /* the record that must be named; -1 = any */
} edits[] = {
	{ "two records swap their bytes", "UPDATE event SET rec = (SELECT rec FROM event WHERE seq ="
	  " CASE event.seq WHEN 40 THEN 41 ELSE 40 END) WHERE seq IN (40, 41)", 40 },
	{ "two records swap their places", "UPDATE event SET seq = CASE seq WHEN 40 THEN 1041 ELSE seq"
	  " END WHERE seq = 40", 40 },
	{ "a record is there twice", "INSERT INTO event SELECT seq + 100000, ts_ns, run, rseq, proc,"
	  " kind, verdict, sev, obj, obj2, rec, rec_len FROM event WHERE seq = 40", -1 },
	{ "a record before the first one", "INSERT INTO event SELECT -1, ts_ns, run, rseq, proc, kind,"
	  " verdict, sev, obj, obj2, rec, rec_len FROM event WHERE seq = 40", -1 },
	{ "a record without bytes", "UPDATE event SET rec = NULL, obj = NULL WHERE seq = 40", 40 },
	{ "the bytes of a record are cut", "UPDATE event SET rec = substr(rec, 1, length(rec) - 1)"
	  " WHERE seq = 40", 40 },
	{ "a byte behind a record", "UPDATE event SET rec = CAST(rec || x'00' AS BLOB), rec_len ="
	  " rec_len + 1 WHERE seq = 40", 40 },
	{ "the tail is cut off", "DELETE FROM event WHERE seq >= 600", 600 },
	{ "all checkpoints are gone", "DELETE FROM checkpoint", -1 },
	{ "a checkpoint beyond the end", "INSERT INTO checkpoint SELECT size + 5, root, ts_ns, epoch,"
	  " reason, note FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)", -1 },
	{ "a refusal is whitewashed", "UPDATE event SET verdict = 0 WHERE verdict = 2", -1 },
	{ "a run changes its owner", "UPDATE run SET owner = 'user:u2'", -1 },
	{ "a run is hidden from its records", "UPDATE event SET run = -1 WHERE seq = 40", 40 },
	{ "an extra process", "INSERT INTO proc(id, uid, run, pid, start_ns) VALUES(100, zeroblob(16),"
	  " 3, 1, 1)", -1 },
	{ "an extra seal key", "INSERT INTO seal_key SELECT epoch + 1, vkey, 300, 300 FROM seal_key", -1 },
	{ "an extra tile", "INSERT INTO tile SELECT level, n + 7, w, hashes FROM tile WHERE level = 0"
	  " AND n = 0", -1 },
	{ "records below are declared pruned", "UPDATE log_meta SET min_index = 256", -1 },
	{ "the log is empty", "DELETE FROM event", -1 },
};

START_TEST(an_edit_of_rows_fails)
{
	const struct edit *edit = &edits[_i];
	struct verify_report report;

	ck_assert_msg(sample_log_tamper(logs.copy.db, edit->sql, 0) > 0, "%s: nothing changed", edit->what);
	report = verify_logs_verify(logs.copy.db);
	ck_assert_msg(report.result == VERIFY_FAIL, "%s: result %d", edit->what, report.result);
	if (edit->bad >= 0)
		ck_assert_msg(report.has_bad && report.bad_seq == (uint64_t)edit->bad,
			      "%s: the first bad record is said to be %ld (%s)", edit->what,
			      report.has_bad ? (long)report.bad_seq : -1L, verify_first_text(&report));
}
END_TEST

static const char *const plants[] = {
	"CREATE VIEW run2 AS SELECT * FROM run",
	"CREATE TABLE extra(x)",
	"CREATE INDEX extra ON event(sev)",
	"DROP INDEX event_bad",
	"CREATE TRIGGER extra AFTER INSERT ON event BEGIN DELETE FROM gap; END",
	"ALTER TABLE gap ADD COLUMN extra",
	"CREATE VIRTUAL TABLE extra USING fts5(x)",
	"DROP TABLE gap",
};

START_TEST(a_planted_or_missing_piece_of_schema_cannot_be_verified)
{
	struct verify_options options = verify_enrolled(logs.copy.db);
	struct verify_report report;
	struct error err = { 0 };
	sqlite3 *db = NULL;
	int done;

	ck_assert_int_eq(sqlite3_open(logs.copy.db, &db), SQLITE_OK);
	done = sqlite3_exec(db, plants[_i], NULL, NULL, NULL);
	sqlite3_close(db);
	if (done != SQLITE_OK) { /* no such table or module in this version: nothing was planted */
		ck_assert_int_eq(verify_logs_verify(logs.copy.db).result, VERIFY_PASS);
		return;
	}
	ck_assert_msg(verify_run(&options, &report, &err) == -EBADMSG, "after: %s", plants[_i]);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("verify");
	TCase *cells = tcase_create("cells"), *rows = tcase_create("rows");

	tcase_add_checked_fixture(cells, setup, teardown);
	tcase_add_loop_test(cells, a_changed_cell_fails_and_names_the_first_bad_record, 0,
			    (int)schema_table_count);
	tcase_add_test(cells, a_changed_cell_of_a_gap_fails);
	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_loop_test(rows, a_deleted_row_fails, 0, (int)schema_table_count);
	tcase_add_test(rows, without_its_newest_checkpoint_the_tail_is_unsigned);
	tcase_add_loop_test(rows, an_edit_of_rows_fails, 0, (int)COUNT(edits));
	tcase_add_loop_test(rows, a_planted_or_missing_piece_of_schema_cannot_be_verified, 0,
			    (int)COUNT(plants));
	tcase_set_timeout(cells, 60);
	tcase_set_timeout(rows, 20);
	suite_add_tcase(suite, cells);
	suite_add_tcase(suite, rows);
	return suite;
}
