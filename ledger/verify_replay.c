/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the records in order: hash, decode, run chains, and the replica database that
 * project() makes of them. */
#include <errno.h>

#include "ledger/record.h"
#include "ledger/schema.h"
#include "ledger/verify_pass.h"

#define PAGE_BATCHES 128 /* some 30 ms */

/* The replica needs no guards: it is thrown away, so one transaction is never committed (each COMMIT
 * would walk all pages that are not on disk, and none ever is before memory ends). Its table event stays empty: what would be in it is
 * compared as it comes. */
static const char replica_sql[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
	"DROP TRIGGER event_del; DROP TRIGGER event_upd; DROP TRIGGER meta_upd;"
	"DROP TRIGGER cp_upd; DROP TRIGGER cp_del; BEGIN;";

static int replica_error(struct verify_pass *pass, struct error *err)
{
	return error_say(err, -EIO, "derive the tables again: %s", sqlite3_errmsg(pass->replica));
}

static int replica_exec(struct verify_pass *pass, const char *sql, struct error *err)
{
	if (sqlite3_exec(pass->replica, sql, NULL, NULL, NULL) != SQLITE_OK)
		return replica_error(pass, err);
	return 0;
}

/* verify_row(): asked by the SELECT below for each row, which it takes; true ends a batch. */
static void take_row(sqlite3_context *context, int count, sqlite3_value **cells)
{
	struct verify_pass *pass = sqlite3_user_data(context);

	(void)count;
	verify_batch_add(pass->filling, cells);
	sqlite3_result_int(context, verify_batch_full(pass->filling));
}

int verify_replica_open(struct verify_pass *pass, struct error *err)
{
	int r;

	/* "" is a private file that SQLite deletes: a big log need not fit into memory. */
	if (sqlite3_open("", &pass->replica) != SQLITE_OK)
		return error_say(err, -EIO, "open a temporary database");
	r = schema_make(pass->replica, SCHEMA_LEDGER, err);
	if (r == 0)
		r = replica_exec(pass, replica_sql, err);
	if (r < 0)
		return r;
	r = edge_open(&pass->edge, pass->replica, 0, err);
	if (r == 0)
		r = reader_function(pass->reader, "verify_row", EVENT_COLUMNS, take_row, pass, err);
	if (r == 0)
		r = verify_worker_new(&pass->worker, err);
	if (r < 0)
		return r;
	return projector_new(pass->replica, &pass->projector, err);
}

void verify_replica_close(struct verify_pass *pass)
{
	pass->worker = verify_worker_free(pass->worker);
	pass->projector = projector_free(pass->projector);
	edge_finish(&pass->edge);
	chain_finish(&pass->chain);
	sqlite3_close(pass->replica);
	pass->replica = NULL;
}

int verify_root(struct verify_pass *pass, uint64_t size, struct tree_hash *ret_root)
{
	return tree_root_at(pass->reader->hasher, &pass->edge.source, size, ret_root);
}

static int chain_check(struct verify_pass *pass, uint64_t seq, const struct record *record,
		       const struct tree_hash *leaf)
{
	const struct chain_link *before;
	struct chain_link link = { .next = record->rseq + 1, .last = *leaf };
	uint64_t counted, want;

	if (!record->has_run)
		return 0;
	before = chain_find(&pass->chain, record->run);
	want = before ? before->next : 0;
	if (record->rseq != want)
		verify_find(pass, (int64_t)seq, "is number %llu of its run where %llu must come",
			    (unsigned long long)record->rseq, (unsigned long long)want);
	else if (record->has_prev != (before != NULL) ||
		 (before && memcmp(record->prev, before->last.bytes, TREE_HASH_LEN) != 0))
		verify_find(pass, (int64_t)seq, "does not name the record before it in its run");
	if (record->kind == RECORD_RUN_END && record_uint(record, DETAIL_RECORDS, &counted) &&
	    counted != record->rseq + 1)
		verify_find(pass, (int64_t)seq, "counts %llu records in its run, which has %llu",
			    (unsigned long long)counted, (unsigned long long)record->rseq + 1);
	memcpy(link.run, record->run, sizeof(link.run));
	return chain_set(&pass->chain, &link);
}

/* ---- records ---- */

static void count_gap(struct verify_report *report, const struct record *record)
{
	uint64_t lost = 0;

	if (record->kind != RECORD_GAP)
		return;
	if (!record_uint(record, DETAIL_LOST, &lost))
		IGNORE(record_uint(record, DETAIL_COUNT, &lost)); /* else unknown: counts as 0 */
	report->gaps++;
	report->lost += lost;
}

static int append(struct verify_pass *pass, const struct tree_hash *leaf, struct error *err)
{
	struct tree_entry entries[TREE_TILE_LEVELS];
	uint32_t count = 0;
	int r;

	r = tree_append(pass->reader->hasher, &pass->frontier, leaf, entries, &count);
	if (r < 0)
		return error_set(err, r, "hash the tree");
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = edge_put(&pass->edge, &entries[i], err);
	return r;
}

static int derive(struct verify_pass *pass, const struct verify_row *row, struct error *err)
{
	int64_t seq = row->cells[EVENT_SEQ];
	struct projection projection;
	struct event_row want;
	struct error cause = { 0 };
	int r;

	r = project((uint64_t)seq, &row->record, &projection);
	if (r == 0)
		r = projector_derive(pass->projector, &projection, row->rec, &want, &cause);
	if (r == -EINVAL || r == -EEXIST || r == -ENOENT) {
		verify_find(pass, seq, "is no record that the writer would accept (%s)", errno_name(r));
		return 0;
	}
	if (r < 0)
		return error_say(err, r, "%s", cause.text);
	verify_structure_row(pass, &want);
	return verify_event(pass, row, &want, err);
}

/* Returns 1, or 0 when the replay cannot go on behind this record. */
static int replay(struct verify_pass *pass, const struct verify_row *row, struct error *err)
{
	int64_t seq = row->cells[EVENT_SEQ];
	int r;

	if ((uint64_t)seq != pass->next) {
		verify_find(pass, (int64_t)pass->next, "is missing; record %lld comes instead",
			    (long long)seq);
		return 0;
	}
	if (!row->is_blob) {
		verify_find(pass, seq, "has no bytes, and no record says that it was redacted");
		return 0;
	}
	r = row->has_rec ? row->hashed : 0;
	if (r < 0)
		return error_set(err, r, "hash record %lld", (long long)seq);
	if (row->has_rec)
		r = append(pass, &row->leaf, err);
	if (r < 0)
		return r;
	pass->next++;
	if (row->has_rec && row->decoded == -EPROTONOSUPPORT)
		return error_say(err, row->decoded, "record %lld was written by a newer version of Bailiff",
				 (long long)seq);
	if (!row->has_rec || row->decoded < 0) {
		verify_find(pass, seq, "is not a record: its bytes are not in the one valid form");
		return 0;
	}
	count_gap(pass->report, &row->record);
	r = chain_check(pass, (uint64_t)seq, &row->record, &row->leaf);
	if (r < 0)
		return error_set(err, r, "follow the runs");
	r = derive(pass, row, err);
	return r < 0 ? r : pass->report->finding_count == 0;
}

/* Adds the records that passed to *count. Returns as replay(). */
static int replay_batch(struct verify_pass *pass, const struct verify_batch *batch, int *count,
			struct error *err)
{
	int r = 1;

	for (size_t i = 0; batch && i < batch->count && r > 0; i++) {
		r = replay(pass, &batch->rows[i], err);
		*count += r > 0;
	}
	return r;
}

/* Returns 1, 0 at the end of the page, or -errno: behind the rows that are in the batch. */
static int fill(struct verify_pass *pass, sqlite3_stmt *rows, struct error *err)
{
	pass->filling = verify_worker_batch(pass->worker);
	return reader_step(pass->reader, rows, err);
}

/* While one batch is hashed and decoded, the one before is judged and the next one read. */
static int replay_rows(struct verify_pass *pass, sqlite3_stmt *rows, struct error *err)
{
	struct error reading = { 0 };
	int count = 0, read, r;

	do {
		read = fill(pass, rows, &reading);
		r = replay_batch(pass, verify_worker_give(pass->worker), &count, err);
	} while (read > 0 && r > 0);
	if (r > 0)
		r = replay_batch(pass, verify_worker_take(pass->worker), &count, err);
	else
		IGNORE(!verify_worker_take(pass->worker)); /* what follows a finding is not looked at */
	if (r > 0 && read < 0) { /* what was read before the damage is sound */
		*err = reading;
		return read;
	}
	return r < 0 ? r : r > 0 ? count : 0;
}

static int replay_page(struct verify_pass *pass, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	int r;

	r = reader_prepare(pass->reader, "SELECT 1 FROM event WHERE seq >= ? AND verify_row(seq, ts_ns, run,"
			   " rseq, proc, kind, verdict, sev, obj, obj2, rec, rec_len) ORDER BY seq LIMIT ?",
			   &rows, err);
	if (r < 0)
		return r;
	sqlite3_bind_int64(rows, 1, (int64_t)pass->next);
	sqlite3_bind_int64(rows, 2, PAGE_BATCHES);
	return replay_rows(pass, rows, err);
}

int verify_replay_page(struct verify_pass *pass, struct error *err)
{
	bool own = sqlite3_get_autocommit(pass->reader->db) != 0;
	int count, r;

	r = own ? reader_begin(pass->reader, err) : 0;
	if (r < 0)
		return r;
	count = replay_page(pass, err);
	r = count < 0 ? count : edge_flush(&pass->edge, err);
	if (own)
		reader_end(pass->reader);
	return r < 0 ? r : count;
}
