/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and their processes. */
#include <errno.h>

#include "base/ulid.h"
#include "ledger/query_internal.h"

#define RUN_TAIL_MIN 4U

static const char runs_sql[] =
	"SELECT r.id, r.uid, r.owner, r.policy, r.tier, r.status, r.phase, r.start_ns, r.end_ns,"
	" r.exit_code, r.rcount, r.lost, e.rec,"
	" (SELECT count(*) FROM event d WHERE d.run = r.id AND d.verdict = 2),"
	" (SELECT count(*) FROM violation v WHERE v.run = r.id)"
	" FROM run r LEFT JOIN event e ON e.seq = r.id ORDER BY r.id * ?1 LIMIT ?2";

static uint64_t cell_u64(sqlite3_stmt *row, int column)
{
	int64_t number = sqlite3_column_int64(row, column);

	return number > 0 ? (uint64_t)number : 0;
}

static void fill_run(sqlite3_stmt *row, struct record *record, struct ledger_run *run)
{
	struct slice uid = reader_cell(row, 1), policy = reader_cell(row, 3);

	*run = (struct ledger_run){
		.id = cell_u64(row, 0), .owner = reader_cell(row, 2),
		.tier = sqlite3_column_int64(row, 4), .status = sqlite3_column_int64(row, 5),
		.phase = sqlite3_column_int64(row, 6), .start_ns = cell_u64(row, 7),
		.end_ns = cell_u64(row, 8),
		.has_exit = sqlite3_column_type(row, 9) != SQLITE_NULL,
		.exit_code = sqlite3_column_int64(row, 9), .records = cell_u64(row, 10),
		.lost = cell_u64(row, 11), .refused = cell_u64(row, 13),
		.violations = cell_u64(row, 14),
	};
	if (uid.len == sizeof(run->uid))
		memcpy(run->uid, uid.data, uid.len);
	if (policy.len == sizeof(run->policy))
		memcpy(run->policy, policy.data, policy.len);
	if (record_decode(reader_cell(row, 12), record) < 0)
		return;
	run->agent = record_bytes(record, DETAIL_AGENT);
	run->policy_name = record_bytes(record, DETAIL_POLICY_NAME);
}

int ledger_runs(struct ledger *ledger, bool newest_first, uint64_t limit, ledger_run_fn fn,
		void *context, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	int r = reader_prepare(ledger->reader, runs_sql, &rows, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(rows, 1, newest_first ? -1 : 1);
	sqlite3_bind_int64(rows, 2, limit ? (int64_t)MIN(limit, (uint64_t)INT64_MAX) : -1);
	while ((r = reader_step(ledger->reader, rows, err)) > 0) {
		struct record record = { 0 };
		struct ledger_run run;

		fill_run(rows, &record, &run);
		r = fn(context, &run);
		if (r)
			return r;
	}
	return r;
}

struct finder {
	char tail[ULID_TEXT_LEN + 1];
	size_t tail_len;            /* 0 = the newest run */
	uint8_t uid[16];
	uint32_t found;
};

static int compare_tail(void *context, const struct ledger_run *run)
{
	struct finder *finder = context;
	char text[ULID_TEXT_LEN + 1];
	struct ulid ulid;

	memcpy(ulid.bytes, run->uid, sizeof(ulid.bytes));
	ulid_text(&ulid, text);
	if (memcmp(text + ULID_TEXT_LEN - finder->tail_len, finder->tail, finder->tail_len) != 0)
		return 0;
	memcpy(finder->uid, run->uid, sizeof(finder->uid));
	finder->found++;
	return finder->tail_len == 0; /* the first one is the newest */
}

int ledger_run_find(struct ledger *ledger, struct slice name, uint8_t ret_uid[16],
		    struct error *err)
{
	struct finder finder = { 0 };
	int r;

	if (!slice_is(name, "@last")) {
		if (name.len < RUN_TAIL_MIN || name.len > ULID_TEXT_LEN)
			return error_say(err, -EINVAL, "'%.*s' is no run: give its ULID, at least "
					 "its last %u characters, or @last",
					 (int)MIN(name.len, (size_t)64), name.data, RUN_TAIL_MIN);
		for (size_t i = 0; i < name.len; i++) {
			char c = name.data[i];

			finder.tail[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		}
		finder.tail_len = name.len;
	}
	r = ledger_runs(ledger, true, 0, compare_tail, &finder, err);
	if (r < 0)
		return r;
	if (finder.found == 0) {
		error_say(err, -ENOENT, "no run '%.*s' in this ledger", (int)name.len, name.data);
		return error_next(err, "`bailiff ledger run list` shows them all");
	}
	if (finder.found > 1)
		return error_say(err, -ENOTUNIQ, "'%.*s' fits %u runs: give more of it",
				 (int)name.len, name.data, finder.found);
	memcpy(ret_uid, finder.uid, sizeof(finder.uid));
	return 0;
}

static const char processes_sql[] =
	"SELECT p.id, p.parent, p.pid, p.start_ns, x.ts_ns, p.exit_code, p.comm, n.v,"
	" sum(e.kind BETWEEN 16 AND 31), sum(e.kind BETWEEN 48 AND 63), sum(e.verdict = 2)"
	" FROM proc p LEFT JOIN event x ON x.seq = p.exit_seq LEFT JOIN name n ON n.id = p.exe"
	" LEFT JOIN event e ON e.proc = p.id WHERE p.run = (SELECT id FROM run WHERE uid = ?)"
	" GROUP BY p.id ORDER BY p.id";

int ledger_processes(struct ledger *ledger, const uint8_t run[16], ledger_process_fn fn,
		     void *context, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL;
	int r = reader_prepare(ledger->reader, processes_sql, &rows, err);

	if (r < 0)
		return r;
	sqlite3_bind_blob(rows, 1, run, 16, SQLITE_STATIC);
	while ((r = reader_step(ledger->reader, rows, err)) > 0) {
		struct ledger_process process = {
			.id = cell_u64(rows, 0),
			.parent = sqlite3_column_type(rows, 1) == SQLITE_NULL ? LEDGER_NO_PARENT :
				  cell_u64(rows, 1),
			.pid = (uint32_t)cell_u64(rows, 2), .start_ns = cell_u64(rows, 3),
			.exit_ns = cell_u64(rows, 4),
			.has_exit_code = sqlite3_column_type(rows, 5) != SQLITE_NULL,
			.exit_code = sqlite3_column_int64(rows, 5),
			.comm = reader_cell(rows, 6), .exe = reader_cell(rows, 7),
			.writes = cell_u64(rows, 8), .network = cell_u64(rows, 9),
			.refused = cell_u64(rows, 10),
		};

		r = fn(context, &process);
		if (r)
			return r;
	}
	return r;
}
