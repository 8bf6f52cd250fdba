/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the file with the replica, cell by cell, in the order of the primary key. */
#include <errno.h>

#include "base/text.h"
#include "ledger/record.h"
#include "ledger/schema.h"
#include "ledger/verify_pass.h"

#define SQL_MAX 512
#define CELL_TEXT_MAX 48

struct both {                       /* the same SELECT on the file and on the replica */
	const struct schema_table *table;
	sqlite3_stmt *file, *replica;
	bool has_file, has_replica;
	int keys;                   /* leading columns that are the primary key */
};

static void both_finish(struct both *both)
{
	reader_finalize_p(&both->file);
	reader_finalize_p(&both->replica);
}

static int both_open(struct verify_pass *pass, const struct schema_table *table, struct both *both,
		     struct error *err)
{
	char text[SQL_MAX];
	struct buf sql = buf_fixed(text, sizeof(text));
	int r;

	both->table = table;
	both->keys = 1;
	for (const char *c = table->order; *c; c++)
		both->keys += *c == ',';
	if (buf_printf(&sql, "SELECT %s FROM main.%s ORDER BY %s", table->columns, table->name,
		       table->order) < 0)
		return error_set(err, -ENOSPC, "compare table %s", table->name);
	r = reader_prepare(pass->reader, text, &both->file, err);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(pass->replica, text, -1, &both->replica, NULL) != SQLITE_OK)
		return error_say(err, -EIO, "compare table %s: %s", table->name,
				 sqlite3_errmsg(pass->replica));
	return 0;
}

static int step_file(struct verify_pass *pass, struct both *both, struct error *err)
{
	int r = reader_step(pass->reader, both->file, err);

	both->has_file = r > 0;
	return r < 0 ? r : 0;
}

static int step_replica(struct verify_pass *pass, struct both *both, struct error *err)
{
	int step = sqlite3_step(both->replica);

	both->has_replica = step == SQLITE_ROW;
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		return error_say(err, -EIO, "compare table %s: %s", both->table->name,
				 sqlite3_errmsg(pass->replica));
	return 0;
}

static bool same_cell(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	int type = sqlite3_column_type(a, column);

	if (type != sqlite3_column_type(b, column))
		return false;
	if (type == SQLITE_NULL)
		return true;
	if (type == SQLITE_INTEGER)
		return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
	return slice_eq(reader_cell(a, column), reader_cell(b, column));
}

static int compare_cells(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	int type_a = sqlite3_column_type(a, column), type_b = sqlite3_column_type(b, column);
	struct slice bytes_a, bytes_b;
	int order;

	if (type_a != type_b)
		return type_a < type_b ? -1 : 1;
	if (type_a == SQLITE_INTEGER) {
		int64_t number_a = sqlite3_column_int64(a, column);
		int64_t number_b = sqlite3_column_int64(b, column);

		return (number_a > number_b) - (number_a < number_b);
	}
	bytes_a = reader_cell(a, column);
	bytes_b = reader_cell(b, column);
	order = bytes_a.len && bytes_b.len ?
		memcmp(bytes_a.data, bytes_b.data, MIN(bytes_a.len, bytes_b.len)) : 0;
	return order ? order : (bytes_a.len > bytes_b.len) - (bytes_a.len < bytes_b.len);
}

static int compare_keys(const struct both *both)
{
	int order = 0;

	for (int i = 0; order == 0 && i < both->keys; i++)
		order = compare_cells(both->file, both->replica, i);
	return order;
}

/* ---- saying what differs ---- */

static void cell_text(sqlite3_stmt *row, int column, char to[CELL_TEXT_MAX])
{
	struct buf text = buf_fixed(to, CELL_TEXT_MAX);
	struct slice bytes;
	char hex[17];

	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL:
		IGNORE(buf_text(&text, "nothing") < 0);
		break;
	case SQLITE_INTEGER:
		IGNORE(buf_printf(&text, "%lld", (long long)sqlite3_column_int64(row, column)) < 0);
		break;
	case SQLITE_TEXT:
		bytes = reader_cell(row, column);
		text_escape(to, CELL_TEXT_MAX, bytes);
		return;
	default:
		bytes = reader_cell(row, column);
		text_hex(hex, (const uint8_t *)bytes.data, MIN(bytes.len, (size_t)8));
		IGNORE(buf_printf(&text, "%s%s (%zu bytes)", bytes.len ? hex : "",
				  bytes.len > 8 ? "..." : "", bytes.len) < 0);
	}
	IGNORE(buf_append(&text, "", 1) < 0);
	to[CELL_TEXT_MAX - 1] = '\0';
}

/* The record that a row stands for: where the first bad one is. */
static int64_t row_seq(const struct both *both, sqlite3_stmt *row)
{
	int64_t first = sqlite3_column_int64(row, 0);

	if (strcmp(both->table->name, "name") == 0)
		return first / 2;
	if (strcmp(both->table->name, "run_counter") == 0)
		return sqlite3_column_int64(row, 3);
	if (strcmp(both->table->name, "seal_key") == 0)
		return sqlite3_column_int64(row, 3);
	if (strcmp(both->table->name, "tile") == 0 && first >= 0 && first < TREE_TILE_LEVELS)
		return sqlite3_column_int64(row, 1) << (8 * first + 8);
	return first;
}

/* A tile that differs: the first leaf below the first hash that differs. */
static int64_t tile_seq(const struct both *both)
{
	int64_t level = sqlite3_column_int64(both->replica, 0);
	int64_t n = sqlite3_column_int64(both->replica, 1), at = 0;
	struct slice a = reader_cell(both->file, 3), b = reader_cell(both->replica, 3);

	while ((size_t)(at + 1) * TREE_HASH_LEN <= MIN(a.len, b.len) &&
	       memcmp(a.data + at * (int64_t)TREE_HASH_LEN, b.data + at * (int64_t)TREE_HASH_LEN,
		      TREE_HASH_LEN) == 0)
		at++;
	return (n * (int64_t)TREE_TILE_WIDTH + at) << (8 * level);
}

static void find_cell(struct verify_pass *pass, const struct both *both, int column)
{
	char in_file[CELL_TEXT_MAX], by_log[CELL_TEXT_MAX];
	bool tile = strcmp(both->table->name, "tile") == 0;
	int64_t seq = tile ? tile_seq(both) : row_seq(both, both->replica);

	cell_text(both->file, column, in_file);
	cell_text(both->replica, column, by_log);
	verify_find(pass, seq, "table %s, column %s: the file has %s, the records give %s",
		    both->table->name, sqlite3_column_name(both->replica, column), in_file, by_log);
}

static const struct schema_table *table_named(const char *name)
{
	for (size_t i = 0; i < schema_table_count; i++) {
		if (strcmp(schema_tables[i].name, name) == 0)
			return &schema_tables[i];
	}
	return NULL;
}

/* The event's own columns, of which the records give the numbers without a table. */
static bool same_number(const struct verify_row *row, int column, int64_t want)
{
	bool may_be_null = column == EVENT_OBJ || column == EVENT_OBJ2;

	if (may_be_null && want < 0)
		return row->nulls >> column & 1U;
	return row->integers >> column & 1U && row->cells[column] == want;
}

/* Reads the row again for what its cell says. */
static int find_number(struct verify_pass *pass, int column, int64_t seq, int64_t want, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	char in_file[CELL_TEXT_MAX] = "something else", by_log[CELL_TEXT_MAX] = "nothing";
	char sql[SQL_MAX];
	int r;

	IGNORE(snprintf(sql, sizeof(sql), "SELECT %s FROM event WHERE seq = ?",
			table_named("event")->columns) < 0);
	r = reader_prepare(pass->reader, sql, &row, err);
	if (r < 0)
		return r;
	sqlite3_bind_int64(row, 1, seq);
	r = reader_step(pass->reader, row, err);
	if (r < 0)
		return r;
	if (r > 0)
		cell_text(row, column, in_file);
	if (want >= 0 || (column != EVENT_OBJ && column != EVENT_OBJ2))
		IGNORE(snprintf(by_log, sizeof(by_log), "%lld", (long long)want) < 0);
	verify_find(pass, seq, "table event, column %s: the file has %s, the records give %s",
		    sqlite3_column_name(row, column), in_file, by_log);
	return 0;
}

int verify_event(struct verify_pass *pass, const struct verify_row *row, const struct event_row *want,
		 struct error *err)
{
	for (int i = 0; i < EVENT_COLUMNS; i++) {
		if (i != EVENT_REC && !same_number(row, i, want->cells[i]))
			return find_number(pass, i, want->cells[EVENT_SEQ], want->cells[i], err);
	}
	return 0;
}

static void compare_row(struct verify_pass *pass, const struct both *both)
{
	int columns = sqlite3_column_count(both->replica);

	for (int i = both->keys; i < columns; i++) {
		if (!same_cell(both->file, both->replica, i)) {
			find_cell(pass, both, i);
			return;
		}
	}
}

static int compare_next(struct verify_pass *pass, struct both *both, struct error *err)
{
	int order = !both->has_replica ? -1 : !both->has_file ? 1 : compare_keys(both);
	char key[CELL_TEXT_MAX];
	int r = 0;

	if (order < 0) {
		cell_text(both->file, 0, key);
		verify_find(pass, row_seq(both, both->file),
			    "table %s has a row (key %s) that no record made", both->table->name,
			    key);
	} else if (order > 0) {
		cell_text(both->replica, 0, key);
		verify_find(pass, row_seq(both, both->replica),
			    "table %s lacks the row (key %s) that the records give",
			    both->table->name, key);
	} else {
		compare_row(pass, both);
	}
	if (order <= 0)
		r = step_file(pass, both, err);
	if (r == 0 && order >= 0)
		r = step_replica(pass, both, err);
	return r;
}

static int compare_table(struct verify_pass *pass, const struct schema_table *table,
			 struct error *err)
{
	cleanup_with(both_finish) struct both both = { 0 };
	int r;

	r = both_open(pass, table, &both, err);
	if (r == 0)
		r = step_file(pass, &both, err);
	if (r == 0)
		r = step_replica(pass, &both, err);
	while (r == 0 && (both.has_file || both.has_replica))
		r = compare_next(pass, &both, err);
	return r;
}

/* Rows that paging by seq >= 0 did not see. */
static int verify_strays(struct verify_pass *pass, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	int r;

	r = reader_prepare(pass->reader, "SELECT seq FROM event WHERE seq < 0 LIMIT 1", &row, err);
	if (r == 0)
		r = reader_step(pass->reader, row, err);
	if (r > 0)
		verify_find(pass, 0, "table event has a row with the number %lld",
			    (long long)sqlite3_column_int64(row, 0));
	return r < 0 ? r : 0;
}

int verify_tiles(struct verify_pass *pass, struct error *err)
{
	int r = verify_strays(pass, err);

	return r < 0 ? r : compare_table(pass, table_named("tile"), err);
}

int verify_tables(struct verify_pass *pass, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < schema_table_count; i++) {
		if (schema_tables[i].role == ROLE_PROJECTION)
			r = compare_table(pass, &schema_tables[i], err);
	}
	return r;
}

/* ---- documents and values ---- */

static void check_doc(struct verify_pass *pass, sqlite3_stmt *row)
{
	struct slice digest = reader_cell(row, 0), data = reader_cell(row, 2);
	struct tree_hash hash;
	char hex[17];

	text_hex(hex, (const uint8_t *)digest.data, MIN(digest.len, (size_t)8));
	if (tree_digest(pass->reader->hasher, data, &hash) < 0 || digest.len != TREE_HASH_LEN ||
	    memcmp(hash.bytes, digest.data, TREE_HASH_LEN) != 0)
		verify_find(pass, -1, "table doc: document %s... has another content", hex);
	else if (sqlite3_column_type(row, 1) != SQLITE_INTEGER ||
		 sqlite3_column_int64(row, 1) != project_doc_type(data))
		verify_find(pass, -1, "table doc, column type: document %s... is of another type",
			    hex);
}

static int check_policy(struct verify_pass *pass, sqlite3_stmt *doc, sqlite3_stmt *run,
			struct error *err)
{
	struct slice digest = reader_cell(run, 1);
	int r;

	sqlite3_bind_blob(doc, 1, digest.data ? digest.data : "", (int)digest.len, SQLITE_STATIC);
	r = reader_step(pass->reader, doc, err);
	sqlite3_reset(doc);
	if (r == 0)
		verify_find(pass, sqlite3_column_int64(run, 0),
			    "table doc lacks the policy that this run began under");
	return r < 0 ? r : 0;
}

int verify_docs(struct verify_pass *pass, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *docs = NULL, *find = NULL, *runs = NULL;
	int r;

	r = reader_prepare(pass->reader, "SELECT digest, type, data FROM doc", &docs, err);
	if (r == 0)
		r = reader_prepare(pass->reader, "SELECT 1 FROM doc WHERE digest = ?", &find, err);
	if (r < 0)
		return r;
	while ((r = reader_step(pass->reader, docs, err)) > 0)
		check_doc(pass, docs);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(pass->replica, "SELECT id, policy FROM run ORDER BY id", -1, &runs,
			       NULL) != SQLITE_OK)
		return error_say(err, -EIO, "list the runs: %s", sqlite3_errmsg(pass->replica));
	while (r == 0 && sqlite3_step(runs) == SQLITE_ROW) {
		pass->report->runs++;
		r = check_policy(pass, find, runs, err);
	}
	return r;
}

static void check_value(struct verify_pass *pass, sqlite3_stmt *row)
{
	struct slice digest = reader_cell(row, 0), salt = reader_cell(row, 1);
	struct slice data = reader_cell(row, 3);
	cleanup_with(buf_finish) struct buf salted = buf_growing(64U << 20);
	struct tree_hash hash;
	char hex[17];

	if (sqlite3_column_type(row, 3) == SQLITE_NULL)
		return; /* redacted: the commitment stays */
	text_hex(hex, (const uint8_t *)digest.data, MIN(digest.len, (size_t)8));
	IGNORE(buf_append(&salted, salt.data, salt.len) < 0);
	IGNORE(buf_append(&salted, data.data, data.len) < 0);
	if (salted.failed || tree_digest(pass->reader->hasher, buf_slice(&salted), &hash) < 0 ||
	    digest.len != TREE_HASH_LEN || memcmp(hash.bytes, digest.data, TREE_HASH_LEN) != 0)
		verify_find(pass, -1, "values.db: value %s... is not what was committed to", hex);
}

int verify_values(struct verify_pass *pass, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	int r;

	if (!pass->reader->values)
		return 0;
	if (sqlite3_prepare_v2(pass->reader->values, "SELECT digest, salt, size, data FROM value",
			       -1, &rows, NULL) != SQLITE_OK)
		return error_say(err, -EIO, "read values.db: %s",
				 sqlite3_errmsg(pass->reader->values));
	while ((r = reader_step(pass->reader, rows, err)) > 0)
		check_value(pass, rows);
	pass->report->values_checked = r == 0;
	return r;
}
