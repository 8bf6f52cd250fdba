/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/store_log.h"

#include <stdio.h>
#include <string.h>

#include "ledger/project.h"
#include "ledger/schema.h"
#include "ledger/tree.h"

sqlite3 *store_log_open(const struct ledgerd *ledgerd, const char *name)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "file:%s/1/%s?mode=ro", ledgerd->dir, name);
	ck_assert_msg(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) ==
		      SQLITE_OK, "open %s: %s", path, sqlite3_errmsg(db));
	return db;
}

int64_t store_log_value(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t result = -4711;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW)
		result = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result;
}

int64_t store_log_number(const struct ledgerd *ledgerd, const char *name, const char *sql)
{
	sqlite3 *db = store_log_open(ledgerd, name);
	int64_t result = store_log_value(db, sql);

	sqlite3_close(db);
	return result;
}

void store_log_check(const struct ledgerd *ledgerd)
{
	struct error err = { 0 };
	sqlite3 *db = store_log_open(ledgerd, "ledger.db"), *copy;
	struct projector *projector;
	struct tree_hasher *hasher;
	static struct tree_frontier frontier;
	struct tree_entry entries[TREE_TILE_LEVELS];
	struct tree_hash leaf, root;
	sqlite3_stmt *events, *points;
	uint32_t count;
	uint64_t seq = 0;

	memset(&frontier, 0, sizeof(frontier));
	ck_assert_int_eq(store_log_value(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	ck_assert_msg(schema_check(db, SCHEMA_LEDGER, &err) == 0, "%s", err.text);
	ck_assert_int_eq(sqlite3_open(":memory:", &copy), SQLITE_OK);
	ck_assert_int_eq(schema_make(copy, SCHEMA_LEDGER, &err), 0);
	ck_assert_int_eq(projector_new(copy, &projector, &err), 0);
	ck_assert_int_eq(tree_hasher_new(&hasher), 0);
	sqlite3_exec(copy, "BEGIN", NULL, NULL, NULL);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT seq, rec FROM event ORDER BY seq", -1,
					    &events, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT root FROM checkpoint WHERE size = ?", -1,
					    &points, NULL), SQLITE_OK);
	for (; sqlite3_step(events) == SQLITE_ROW; seq++) {
		struct slice rec = slice_new(sqlite3_column_blob(events, 1),
					     (size_t)sqlite3_column_bytes(events, 1));

		ck_assert_uint_eq((uint64_t)sqlite3_column_int64(events, 0), seq);
		ck_assert_int_eq(projector_replay(projector, seq, rec, &err), 0);
		ck_assert_int_eq(tree_leaf(hasher, rec, &leaf), 0);
		ck_assert_int_eq(tree_append(hasher, &frontier, &leaf, entries, &count), 0);
		sqlite3_bind_int64(points, 1, (int64_t)seq + 1);
		if (sqlite3_step(points) == SQLITE_ROW) {
			ck_assert_int_eq(tree_root(hasher, &frontier, &root), 0);
			ck_assert_mem_eq(sqlite3_column_blob(points, 0), root.bytes, 32);
		}
		sqlite3_reset(points);
	}
	ck_assert_int_ge(store_log_value(db, "SELECT count(*) FROM checkpoint"), 1);
	ck_assert_int_le(store_log_value(db, "SELECT max(size) FROM checkpoint"), (int64_t)seq);
	/* The rows are those of the replay. */
	for (size_t i = 0; i < schema_table_count; i++) {
		char sql[600];

		if (schema_tables[i].role == ROLE_HASH_BOUND)
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", schema_tables[i].name);
		ck_assert_msg(store_log_value(db, sql) == store_log_value(copy, sql), "%s differs",
			      schema_tables[i].name);
		snprintf(sql, sizeof(sql), "SELECT coalesce(sum(length(quote(CAST((%s) AS TEXT)))),0)"
			 " FROM %s", i == 1 ? "run + 7 * proc + 31 * coalesce(obj, 0)" : "rowid",
			 schema_tables[i].name);
		if (i < 2)
			ck_assert_int_eq(store_log_value(db, sql), store_log_value(copy, sql));
	}
	sqlite3_finalize(events);
	sqlite3_finalize(points);
	projector_free(projector);
	tree_hasher_free(hasher);
	sqlite3_close(copy);
	sqlite3_close(db);
}

void store_log_start(struct ledgerd *ledgerd)
{
	int status = ledgerd_start(ledgerd);

	ck_assert_msg(status == 0, "bailiff-ledgerd ended with %d", status);
}

void store_log_add_open(struct ledgerd *ledgerd, const uint8_t run[16], const char *path)
{
	size_t at;
	struct intake_record *record = ledgerd_record(ledgerd, RECORD_OPEN_WRITE, run, &at);

	ck_assert_ptr_nonnull(record);
	record->proc_pid = 77;
	record->proc_start_ns = 5;
	record->flags = INTAKE_HAS_SRC;
	record->kseq = ledgerd->cursor + ledgerd->count;
	ck_assert_int_eq(intake_obj(&ledgerd->batch, at, slice_of(path)), 0);
	ck_assert_int_eq(intake_end(&ledgerd->batch, at), 0);
}

void store_log_suite(Suite *suite, const TTest *test, int from, int to, SFun setup, SFun teardown)
{
	for (int i = from; i < to; i++) {
		TCase *tcase = tcase_create("ledgerd");

		tcase_add_unchecked_fixture(tcase, setup, teardown);
		tcase_set_timeout(tcase, 30);
		tcase_add_loop_test(tcase, test, i, i + 1);
		suite_add_tcase(suite, tcase);
	}
}
