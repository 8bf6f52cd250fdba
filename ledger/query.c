/* SPDX-License-Identifier: Apache-2.0 */
/* Filters into SQL, pages of short snapshots, and the check of each record that is handed on. */
#include "ledger/query.h"

#include <errno.h>
#include <fnmatch.h>

#include "ledger/query_internal.h"

#define WINDOW 65536U               /* numbers that one snapshot looks at, at most */
#define LATE_NS 5000000000ULL
#define SQL_MAX 2048

enum column {
	COL_SEQ, COL_TS, COL_RSEQ, COL_KIND, COL_VERDICT, COL_SEV, COL_REC, COL_REC_LEN, COL_OBJ,
	COL_OBJ2, COL_RUN, COL_PROC, COL_COMM, COL_EXE,
};

static const char select_sql[] =
	"SELECT e.seq, e.ts_ns, e.rseq, e.kind, e.verdict, e.sev, e.rec, e.rec_len, n1.v, n2.v,"
	" r.uid, p.uid, p.comm, x.v FROM event e"
	" LEFT JOIN name n1 ON n1.id = e.obj LEFT JOIN name n2 ON n2.id = e.obj2"
	" LEFT JOIN run r ON r.id = e.run LEFT JOIN proc p ON p.id = e.proc"
	" LEFT JOIN name x ON x.id = p.exe WHERE e.seq BETWEEN ?1 AND ?2";

static const char names_sql[] =
	" AND (e.obj IN (SELECT id FROM name WHERE ledger_match(v))"
	" OR e.obj2 IN (SELECT id FROM name WHERE ledger_match(v)))";

bool query_is_plain(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") == NULL;
}

bool query_name_matches(const char *pattern, struct slice name)
{
	char text[INTAKE_OBJ_MAX + 1];

	if (query_is_plain(pattern))
		return slice_is(name, pattern);
	if (name.len >= sizeof(text) || (name.len && memchr(name.data, '\0', name.len)))
		return false;
	memcpy(text, name.len ? name.data : "", name.len);
	text[name.len] = '\0';
	return fnmatch(pattern, text, 0) == 0;
}

/* ledger_match(v): asked by the SELECT above for each name, once per window. */
static void match_name(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct ledger *ledger = sqlite3_user_data(context);
	const void *bytes = sqlite3_value_blob(values[0]);
	struct slice name = slice_new(bytes, bytes ? (size_t)sqlite3_value_bytes(values[0]) : 0);
	bool found = false;

	(void)count;
	for (uint32_t i = 0; ledger->filter && !found && i < ledger->filter->name_count; i++)
		found = query_name_matches(ledger->filter->names[i], name);
	sqlite3_result_int(context, found);
}

/* ---- opening ---- */

struct ledger *ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	sqlite3_finalize(ledger->value);
	sqlite3_finalize(ledger->checkpoint);
	reader_free(ledger->reader);
	for (uint32_t i = 0; i < ledger->followed_count; i++)
		free(ledger->followed[i]);
	free(ledger);
	return NULL;
}

void ledger_free_p(struct ledger **ledger)
{
	*ledger = ledger_free(*ledger);
}

int ledger_open(const char *path, uint32_t deadline_ms, struct ledger **ret_ledger,
		struct error *err)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r;

	if (!ledger)
		return error_set(err, -ENOMEM, "open the ledger");
	r = reader_open(path, deadline_ms, &ledger->reader, err);
	if (r < 0)
		return r;
	if (sqlite3_create_function_v2(ledger->reader->db, "ledger_match", 1,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
				       ledger, match_name, NULL, NULL, NULL) != SQLITE_OK)
		return error_say(err, -EIO, "prepare the ledger's reader");
	*ret_ledger = TAKE(ledger);
	return 0;
}

const char *ledger_origin(const struct ledger *ledger)
{
	return ledger->reader->meta.origin;
}

/* ---- filters ---- */

static void add_bits(struct buf *sql, const char *column, uint32_t bits)
{
	const char *comma = "";

	if (!bits)
		return;
	IGNORE(buf_printf(sql, " AND e.%s IN (", column) < 0);
	for (uint32_t i = 0; i < 32; i++) {
		if (!(bits >> i & 1U))
			continue;
		IGNORE(buf_printf(sql, "%s%u", comma, i) < 0);
		comma = ",";
	}
	IGNORE(buf_text(sql, ")") < 0);
}

static void add_kinds(struct buf *sql, const struct ledger_filter *filter)
{
	const char *comma = "";
	bool above = true; /* then the index of the kept kinds can be used */

	for (uint32_t kind = 0; kind < RECORD_KIND_LIMIT; kind++) {
		if (!filter->any_kind[kind])
			continue;
		IGNORE(buf_printf(sql, "%s%u", *comma ? comma : " AND e.kind IN (", kind) < 0);
		comma = ",";
		above = above && kind >= 128;
	}
	if (*comma)
		IGNORE(buf_text(sql, above ? ") AND e.kind >= 128" : ")") < 0);
}

static int filter_sql(const struct ledger_filter *filter, struct buf *sql, struct error *err)
{
	IGNORE(buf_text(sql, select_sql) < 0);
	if (filter->has_run)
		IGNORE(buf_text(sql, " AND e.run = (SELECT id FROM run WHERE uid = ?3)") < 0);
	if (filter->since_ns)
		IGNORE(buf_text(sql, " AND e.ts_ns >= ?4") < 0);
	if (filter->until_ns)
		IGNORE(buf_text(sql, " AND e.ts_ns < ?5") < 0);
	add_bits(sql, "verdict", filter->verdicts);
	add_kinds(sql, filter);
	if (filter->name_count)
		IGNORE(buf_text(sql, names_sql) < 0);
	IGNORE(buf_text(sql, filter->newest_first ? " ORDER BY e.seq DESC" :
						    " ORDER BY e.seq") < 0);
	IGNORE(buf_append(sql, "", 1) < 0);
	return sql->failed ? error_set(err, -ENOSPC, "build the query") : 0;
}

static void bind_time(sqlite3_stmt *rows, int at, uint64_t ns)
{
	if (ns)
		sqlite3_bind_int64(rows, at, (int64_t)MIN(ns, (uint64_t)INT64_MAX));
}

static void bind_filter(sqlite3_stmt *rows, const struct ledger_filter *filter)
{
	if (filter->has_run)
		sqlite3_bind_blob(rows, 3, filter->run, sizeof(filter->run), SQLITE_STATIC);
	bind_time(rows, 4, filter->since_ns);
	bind_time(rows, 5, filter->until_ns);
}

static bool has_pid(const struct ledger_filter *filter, uint32_t pid)
{
	bool found = filter->pid_count == 0;

	for (uint32_t i = 0; !found && i < filter->pid_count; i++)
		found = filter->pids[i] == pid;
	return found;
}

static bool has_name(const struct ledger_filter *filter, const struct ledger_hit *hit)
{
	bool found = filter->name_count == 0;

	for (uint32_t i = 0; !found && i < filter->name_count; i++) {
		if (filter->name_until[i] && hit->seq >= filter->name_until[i])
			continue;
		found = query_name_matches(filter->names[i], hit->record.obj) ||
			query_name_matches(filter->names[i], hit->record.obj2);
	}
	return found;
}

/* ---- checking what is handed on ---- */

static bool columns_agree(sqlite3_stmt *row, const struct record *record, struct slice rec)
{
	struct slice run = reader_cell(row, COL_RUN), proc = reader_cell(row, COL_PROC);

	return (uint64_t)sqlite3_column_int64(row, COL_TS) == record->ts_ns &&
	       sqlite3_column_int64(row, COL_RSEQ) ==
		       (record->has_run ? (int64_t)record->rseq : -1) &&
	       sqlite3_column_int64(row, COL_KIND) == (int64_t)record->kind &&
	       sqlite3_column_int64(row, COL_VERDICT) == (int64_t)record->verdict &&
	       sqlite3_column_int64(row, COL_SEV) == (int64_t)record->sev &&
	       sqlite3_column_int64(row, COL_REC_LEN) == (int64_t)rec.len &&
	       slice_eq(reader_cell(row, COL_OBJ), record->obj) &&
	       slice_eq(reader_cell(row, COL_OBJ2), record->obj2) &&
	       slice_eq(run, slice_new(record->run, record->has_run ? 16 : 0)) &&
	       slice_eq(proc, slice_new(record->proc, record->has_proc ? 16 : 0));
}

static bool tile_agrees(struct ledger *ledger, uint64_t seq, struct slice rec)
{
	struct tree_source tiles = reader_tiles(ledger->reader);
	struct tree_hash leaf, kept;

	return tree_leaf(ledger->reader->hasher, rec, &leaf) == 0 &&
	       tiles.read(tiles.context, 0, seq / TREE_TILE_WIDTH, (uint32_t)(seq % TREE_TILE_WIDTH),
			  1, &kept) == 0 &&
	       tree_hash_eq(&leaf, &kept);
}

static void fill_hit(struct ledger *ledger, sqlite3_stmt *row, struct ledger_hit *hit)
{
	struct slice comm;

	memset(hit, 0, sizeof(*hit));
	hit->ledger = ledger;
	hit->seq = (uint64_t)sqlite3_column_int64(row, COL_SEQ);
	hit->rec = reader_cell(row, COL_REC);
	hit->comm = reader_cell(row, COL_COMM);
	hit->exe = reader_cell(row, COL_EXE);
	hit->decoded = record_decode(hit->rec, &hit->record) == 0;
	hit->intact = hit->decoded && tile_agrees(ledger, hit->seq, hit->rec) &&
		      columns_agree(row, &hit->record, hit->rec);
	comm = record_bytes(&hit->record, DETAIL_COMM);
	if (comm.len)
		hit->comm = comm;
}

/* ---- pages ---- */

struct query {
	struct ledger *ledger;
	const struct ledger_filter *filter;
	ledger_hit_fn fn;
	void *context;
	struct ledger_answer *answer;
	sqlite3_stmt *rows, *gaps;
};

static bool is_done(const struct query *query)
{
	return query->filter->limit && query->answer->found >= query->filter->limit;
}

static int hand_on(struct query *query)
{
	struct ledger_hit hit;

	fill_hit(query->ledger, query->rows, &hit);
	/* What cannot be decoded is shown whatever was asked for: it may be anything. */
	if (hit.decoded && (!has_pid(query->filter, hit.record.pid) ||
			    !has_name(query->filter, &hit)))
		return 0;
	query->answer->found++;
	query->answer->undecodable += !hit.decoded;
	query->answer->mismatched += hit.decoded && !hit.intact;
	return query->fn(query->context, &hit);
}

/* One snapshot. *from..*to is the window; what was not reached in time stays in it. */
static int run_window(struct query *query, uint64_t *from, uint64_t *to, struct error *err)
{
	struct reader *reader = query->ledger->reader;
	uint64_t end_ns = reader_monotonic_ns() + READER_SNAPSHOT_NS;
	bool cut = false;
	int r, stop = 0;

	sqlite3_bind_int64(query->rows, 1, (int64_t)*from);
	sqlite3_bind_int64(query->rows, 2, (int64_t)*to);
	while (!cut && stop == 0 && !is_done(query) &&
	       (r = reader_step(reader, query->rows, err)) != 0) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(query->rows, COL_SEQ);

		if (r < 0) {
			sqlite3_reset(query->rows);
			return r;
		}
		stop = hand_on(query);
		cut = reader_monotonic_ns() > end_ns;
		if (cut && query->filter->newest_first && seq > 0)
			*to = seq - 1;
		else if (cut)
			*from = query->filter->newest_first ? *to + 1 : seq + 1;
	}
	sqlite3_reset(query->rows);
	if (!cut)
		*from = *to + 1; /* nothing left in it */
	return stop;
}

static int run_windows(struct query *query, uint64_t first, uint64_t last, struct error *err)
{
	bool down = query->filter->newest_first;
	int r = 0;

	while (r == 0 && first <= last && !is_done(query)) {
		uint64_t span = MIN(last - first, (uint64_t)WINDOW - 1);
		uint64_t from = down ? last - span : first, to = down ? last : first + span;
		uint64_t low = from, high = to;

		while (r == 0 && from <= to && !is_done(query))
			r = run_window(query, &from, &to, err);
		if (down && low == 0)
			break;
		first = down ? first : high + 1;
		last = down ? low - 1 : last;
	}
	return r;
}

static int count_gaps(struct query *query, uint64_t first, uint64_t last, struct error *err)
{
	int r = reader_prepare(query->ledger->reader, "SELECT count(*) FROM gap g WHERE g.seq"
			       " BETWEEN ?1 AND ?2 AND (?3 IS NULL OR g.run IS NULL OR g.run ="
			       " (SELECT id FROM run WHERE uid = ?3))", &query->gaps, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(query->gaps, 1, (int64_t)first);
	sqlite3_bind_int64(query->gaps, 2, (int64_t)last);
	if (query->filter->has_run)
		sqlite3_bind_blob(query->gaps, 3, query->filter->run, 16, SQLITE_STATIC);
	r = reader_step(query->ledger->reader, query->gaps, err);
	if (r > 0)
		query->answer->gaps = (uint64_t)sqlite3_column_int64(query->gaps, 0);
	sqlite3_reset(query->gaps);
	return r < 0 ? r : 0;
}

/* How much of the log is signed, and whether the rest waits too long. */
static int look_at_seal(struct query *query, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	struct reader *reader = query->ledger->reader;
	uint64_t now = reader_realtime_ns();
	int r;

	r = reader_size(reader, &query->answer->size, err);
	if (r == 0)
		r = reader_prepare(reader, "SELECT c.s, (SELECT ts_ns FROM event WHERE seq = c.s)"
				   " FROM (SELECT coalesce(max(size), 0) AS s FROM checkpoint) c",
				   &row, err);
	if (r < 0)
		return r;
	r = reader_step(reader, row, err);
	if (r > 0) {
		uint64_t ts_ns = (uint64_t)sqlite3_column_int64(row, 1);

		query->answer->signed_size = (uint64_t)sqlite3_column_int64(row, 0);
		query->answer->unsigned_late = query->answer->signed_size < query->answer->size &&
					       now > ts_ns && now - ts_ns > LATE_NS;
	}
	return r < 0 ? r : 0;
}

static void query_finish(struct query *query)
{
	query->ledger->filter = NULL;
	sqlite3_finalize(query->rows);
	sqlite3_finalize(query->gaps);
}

int ledger_query(struct ledger *ledger, const struct ledger_filter *filter, ledger_hit_fn fn,
		 void *context, struct ledger_answer *ret_answer, struct error *err)
{
	cleanup_with(query_finish) struct query query = {
		.ledger = ledger, .filter = filter, .fn = fn, .context = context,
		.answer = ret_answer,
	};
	char text[SQL_MAX];
	struct buf sql = buf_fixed(text, sizeof(text));
	uint64_t last;
	int r;

	memset(ret_answer, 0, sizeof(*ret_answer));
	ledger->filter = filter;
	r = filter_sql(filter, &sql, err);
	if (r == 0)
		r = reader_prepare(ledger->reader, text, &query.rows, err);
	if (r == 0)
		r = look_at_seal(&query, err);
	if (r < 0 || ret_answer->size == 0)
		return r;
	bind_filter(query.rows, filter);
	last = ret_answer->size - 1;
	if (filter->seq_to)
		last = MIN(last, filter->seq_to);
	r = run_windows(&query, filter->seq_from, last, err);
	return r ? r : count_gaps(&query, filter->seq_from, last, err);
}
