/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual table without arguments, of this connection only and in no schema: its rows are those of
 * the batch. `trusted_schema` and `defensive` keep schemas from using it; nothing but our one
 * statement names it. */
#include "ledger/event_batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROWS 256U
#define BYTES (128U * 1024U)        /* fits the processor's second cache beside the pages */

struct batch_row { struct event_row row; size_t at; };

struct event_batch {
	sqlite3_stmt *insert;
	size_t count, used;
	struct batch_row rows[ROWS];
	char bytes[BYTES];
};

struct batch_table { sqlite3_vtab base; struct event_batch *batch; };
struct batch_cursor { sqlite3_vtab_cursor base; size_t at; };

static_assert(BYTES >= RECORD_MAX, "a record finds room in an empty batch");

static int on_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
		      sqlite3_vtab **ret_table, char **ret_text)
{
	struct batch_table *table;
	int r = sqlite3_declare_vtab(db, "CREATE TABLE x(seq, ts_ns, run, rseq, proc, kind, verdict,"
					 " sev, obj, obj2, rec, rec_len)");

	(void)argc;
	(void)argv;
	(void)ret_text;
	if (r != SQLITE_OK)
		return r;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct batch_table){ .batch = context };
	*ret_table = &table->base;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedRows = ROWS;
	return SQLITE_OK;
}

static int on_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
	struct batch_cursor *cursor = sqlite3_malloc(sizeof(*cursor));

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (struct batch_cursor){ .at = 0 };
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int on_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
		     sqlite3_value **argv)
{
	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	container_of(base, struct batch_cursor, base)->at = 0;
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *base)
{
	container_of(base, struct batch_cursor, base)->at++;
	return SQLITE_OK;
}

static struct event_batch *batch_of(sqlite3_vtab_cursor *base)
{
	return container_of(base->pVtab, struct batch_table, base)->batch;
}

static int on_eof(sqlite3_vtab_cursor *base)
{
	return container_of(base, struct batch_cursor, base)->at >= batch_of(base)->count;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct event_batch *batch = batch_of(base);
	const struct batch_row *row = &batch->rows[container_of(base, struct batch_cursor, base)->at];
	int64_t cell = row->row.cells[column];

	if (column == EVENT_REC)
		sqlite3_result_blob(context, batch->bytes + row->at,
				    (int)row->row.cells[EVENT_REC_LEN], SQLITE_STATIC);
	else if (cell >= 0 || (column != EVENT_OBJ && column != EVENT_OBJ2))
		sqlite3_result_int64(context, cell);
	return SQLITE_OK; /* no result is NULL */
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
	*ret_rowid = (sqlite3_int64)container_of(base, struct batch_cursor, base)->at;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xConnect = on_connect, .xDisconnect = on_disconnect, .xBestIndex = on_best_index,
	.xOpen = on_open, .xClose = on_close, .xFilter = on_filter, .xNext = on_next,
	.xEof = on_eof, .xColumn = on_column, .xRowid = on_rowid,
};

struct event_batch *event_batch_free(struct event_batch *batch)
{
	if (!batch)
		return NULL;
	sqlite3_finalize(batch->insert);
	free(batch);
	return NULL;
}

static void event_batch_free_p(struct event_batch **batch)
{
	*batch = event_batch_free(*batch);
}

int event_batch_new(sqlite3 *db, struct event_batch **ret_batch, struct error *err)
{
	cleanup_with(event_batch_free_p) struct event_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return error_set(err, -ENOMEM, "prepare the rows of events");
	/* ROLLBACK, because half a batch is of no use to anybody, and a statement that need not be
	 * undone alone keeps no journal of its own. */
	if (sqlite3_create_module(db, "event_batch", &module, batch) != SQLITE_OK ||
	    sqlite3_prepare_v3(db, "INSERT OR ROLLBACK INTO event SELECT * FROM event_batch", -1,
			       SQLITE_PREPARE_PERSISTENT, &batch->insert, NULL) != SQLITE_OK)
		return error_say(err, -EIO, "prepare the rows of events: %s", sqlite3_errmsg(db));
	*ret_batch = TAKE(batch);
	return 0;
}

void event_batch_drop(struct event_batch *batch)
{
	batch->count = batch->used = 0;
}

int event_batch_flush(struct event_batch *batch)
{
	int step;

	if (batch->count == 0)
		return 0;
	step = sqlite3_step(batch->insert);
	sqlite3_reset(batch->insert);
	event_batch_drop(batch);
	return step == SQLITE_DONE ? 0 : -EIO;
}

int event_batch_add(struct event_batch *batch, const struct event_row *row, struct slice rec)
{
	struct batch_row *to;

	if (rec.len == 0 || rec.len > RECORD_MAX)
		return -EINVAL;
	if (batch->count == ROWS || sizeof(batch->bytes) - batch->used < rec.len) {
		int r = event_batch_flush(batch);

		if (r < 0)
			return r;
	}
	to = &batch->rows[batch->count++];
	*to = (struct batch_row){ .row = *row, .at = batch->used };
	memcpy(batch->bytes + batch->used, rec.data, rec.len);
	batch->used += rec.len;
	return 0;
}
