/* SPDX-License-Identifier: Apache-2.0 */
/* What happens between opening the files and taking the first record; and the records that the
 * store writes about the log itself. */
#include "ledger/store_internal.h"

#include <errno.h>

#include "base/loop.h"

#define CHECKED_RECORDS 1024
#define CLOCK_STEP_NS 500000000

static int corrupt(struct error *err, uint64_t seq, const char *what)
{
	error_say(err, -EBADMSG, "the ledger is damaged: record %llu %s", (unsigned long long)seq,
		  what);
	error_next(err, "`bailiff ledger verify` says how far it can be trusted; move the folder"
		   " away to start anew");
	return -EBADMSG;
}

static int check_columns(sqlite3_stmt *row, const struct projection *projection, size_t len)
{
	const struct record *record = projection->record;

	return sqlite3_column_int64(row, 2) == (int64_t)record->ts_ns &&
	       sqlite3_column_int64(row, 3) == (int64_t)record->kind &&
	       sqlite3_column_int64(row, 4) == (int64_t)record->verdict &&
	       sqlite3_column_int64(row, 5) == (int64_t)record->sev &&
	       sqlite3_column_int64(row, 6) == (record->has_run ? (int64_t)record->rseq : -1) &&
	       sqlite3_column_int64(row, 7) == (int64_t)len;
}

static int check_row(struct store *store, sqlite3_stmt *row, uint64_t seq, struct error *err)
{
	struct tree_hash want, have;
	struct projection projection;
	struct record record;
	struct slice rec = store_db_bytes(row, 1);

	if ((uint64_t)sqlite3_column_int64(row, 0) != seq)
		return corrupt(err, seq, "is missing");
	if (record_decode(rec, &record) < 0 || project(seq, &record, &projection) < 0)
		return corrupt(err, seq, "cannot be read");
	if (!check_columns(row, &projection, rec.len))
		return corrupt(err, seq, "does not agree with its columns");
	if (tree_leaf(store->hasher, rec, &have) < 0 ||
	    store->edge.source.read(store->edge.source.context, 0, seq / TREE_TILE_WIDTH,
				    (uint32_t)(seq % TREE_TILE_WIDTH), 1, &want) < 0 ||
	    !tree_hash_eq(&have, &want))
		return corrupt(err, seq, "does not hash to its place in the tree");
	store->last_hint = project_checkpoint(&record);
	return 0;
}

static int check_last(struct store *store, struct error *err)
{
	cleanup_with(store_db_finalize_p) sqlite3_stmt *row = NULL;
	uint64_t size = store->frontier.size;
	uint64_t seq = size > CHECKED_RECORDS ? size - CHECKED_RECORDS : 0;
	int r = store_db_prepare(store->db, "SELECT seq, rec, ts_ns, kind, verdict, sev, rseq,"
				 " rec_len FROM event WHERE seq >= ? ORDER BY seq", &row, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(row, 1, (int64_t)seq);
	for (; seq < size; seq++) {
		if (sqlite3_step(row) != SQLITE_ROW)
			return corrupt(err, seq, "is missing");
		r = check_row(store, row, seq, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int store_recover(struct store *store, struct error *err)
{
	int64_t size;
	int r = store_db_number(store->db, "SELECT max(seq) + 1 FROM event", 0, &size, err);

	if (r < 0)
		return r;
	if (size < 0)
		return corrupt(err, 0, "has a negative number");
	r = edge_open(&store->edge, store->db, (uint64_t)size, err);
	if (r < 0)
		return r;
	r = tree_frontier_load(store->hasher, &store->edge.source, (uint64_t)size,
			       &store->frontier);
	if (r < 0)
		return error_set(err, -EBADMSG, "load the tree of %lld records", (long long)size);
	return check_last(store, err);
}

/* ---- records about the log ---- */

static struct record own_record(const struct store *store, enum record_kind kind)
{
	struct record record = {
		.kind = kind, .ts_ns = now_realtime_ns(), .mono_ns = now_boottime_ns(),
		.by = slice_of("bailiff-ledgerd"),
	};

	record.has_boot = kind == RECORD_GENESIS || kind == RECORD_LOG_START ||
			  kind == RECORD_CLOCK;
	memcpy(record.boot, store->boot_id, sizeof(record.boot));
	return record;
}

static int set_number(struct record *record, enum detail_key key, uint64_t number)
{
	return record_set_pair(record, (struct record_pair){
		.key = (uint16_t)key, .type = PAIR_UINT, .number = number });
}

static int set_text(struct record *record, enum detail_key key, const char *text)
{
	return record_set_pair(record, (struct record_pair){
		.key = (uint16_t)key, .type = PAIR_TEXT, .bytes = slice_of(text) });
}

static int append_own(struct store *store, struct record *record, struct error *err)
{
	int r = store_append(store, record, err);

	return r < 0 && err && err->code == 0 ?
	       error_set(err, r, "write a record about the log") : r;
}

static int append_genesis(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_GENESIS);
	char vkey[NOTE_VKEY_MAX], seal_vkey[NOTE_VKEY_MAX];
	int r;

	note_key_text(&store->identity, vkey);
	note_key_text(&store->seal, seal_vkey);
	r = set_text(&record, DETAIL_ORIGIN, store->identity.name);
	if (r == 0)
		r = set_number(&record, DETAIL_GENERATION, STORE_GENERATION);
	if (r == 0)
		r = set_text(&record, DETAIL_VKEY, vkey);
	if (r == 0)
		r = set_text(&record, DETAIL_SEAL_VKEY, seal_vkey);
	if (r == 0)
		r = set_number(&record, DETAIL_EPOCH, store->keys.epoch);
	return r < 0 ? r : append_own(store, &record, err);
}

static int append_recover(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_RECOVER);
	int r = set_number(&record, DETAIL_FROM, store->signed_size);

	if (r == 0)
		r = set_number(&record, DETAIL_SIZE, store->frontier.size);
	return r < 0 ? r : append_own(store, &record, err);
}

static int append_clock(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_CLOCK);

	store->clock_offset_ns = (int64_t)(record.ts_ns - record.mono_ns);
	return append_own(store, &record, err);
}

int store_log_start(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_LOG_START);
	bool orderly = store->last_hint.reason == RECORD_LOG_STOP &&
		       store->signed_size == store->frontier.size;
	int r = 0;

	/* From the tables, so before the first record that waits for its commit. */
	if (!orderly)
		r = resent_new(store->db, store->hasher, &store->resent, err);
	if (r == 0 && store->frontier.size == 0)
		r = append_genesis(store, err);
	else if (r == 0 && !orderly)
		r = append_recover(store, err);
	if (r == 0)
		r = append_own(store, &record, err);
	if (r == 0)
		r = append_clock(store, err);
	store->started = true;
	return r < 0 ? r : store_commit(store, true, err);
}

int store_stop(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_LOG_STOP);
	int r = append_own(store, &record, err);

	if (r == 0)
		r = store_commit(store, true, err);
	return r < 0 ? r : store_remember(store, err);
}

int store_watch_clock(struct store *store, struct error *err)
{
	int64_t offset_ns = (int64_t)(now_realtime_ns() - now_boottime_ns());
	int64_t moved_ns = offset_ns - store->clock_offset_ns;
	int r;

	if (moved_ns < CLOCK_STEP_NS && moved_ns > -CLOCK_STEP_NS)
		return 0;
	r = append_clock(store, err);
	return r < 0 ? r : 1;
}

int store_tick(struct store *store, struct error *err)
{
	struct record record = own_record(store, RECORD_TICK);

	return append_own(store, &record, err);
}
