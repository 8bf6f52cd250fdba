/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Of changes and connections, by the block of 4096 records in which they are and the object: entries
 * of new records go into a few pages at the end. In the order of objects alone each would dirty a page
 * of its own, and the WAL would take 4 KiB for 10 bytes. Who looks for an object seeks once per block. */
#define INDEX_FILE \
	"CREATE INDEX event_file ON event(seq >> 12, obj)" \
	" WHERE obj IS NOT NULL AND kind BETWEEN 16 AND 31;\n"
#define INDEX_NET \
	"CREATE INDEX event_net ON event(seq >> 12, obj)" \
	" WHERE obj IS NOT NULL AND kind BETWEEN 48 AND 63;\n"

static const char ledger_text[] =
	"CREATE TABLE log_meta(id INTEGER PRIMARY KEY CHECK(id=0), origin TEXT NOT NULL,"
	" generation INTEGER NOT NULL, created_ns INTEGER NOT NULL, vkey TEXT NOT NULL,"
	" rec_format INTEGER NOT NULL,"
	" min_index INTEGER NOT NULL DEFAULT 0 CHECK(min_index >= 0 AND min_index % 256 = 0))"
	" STRICT;\n"
	/* run, proc, rseq: -1 = none. rec NULL = redacted. */
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, run INTEGER NOT NULL,"
	" rseq INTEGER NOT NULL, proc INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" verdict INTEGER NOT NULL, sev INTEGER NOT NULL, obj INTEGER, obj2 INTEGER,"
	" rec BLOB CHECK(rec IS NULL OR length(rec) BETWEEN 1 AND 65535),"
	" rec_len INTEGER NOT NULL) STRICT;\n"
	"CREATE INDEX event_run ON event(run);\n"
	"CREATE INDEX event_proc ON event(proc);\n"
	INDEX_FILE INDEX_NET
	"CREATE INDEX event_obj2 ON event(obj2) WHERE obj2 IS NOT NULL;\n"
	"CREATE INDEX event_bad ON event(verdict) WHERE verdict > 0;\n"
	"CREATE INDEX event_ctl ON event(kind) WHERE kind >= 128;\n"
	"CREATE TABLE tile(level INTEGER NOT NULL, n INTEGER NOT NULL,"
	" w INTEGER NOT NULL CHECK(w BETWEEN 1 AND 256),"
	" hashes BLOB NOT NULL CHECK(length(hashes) = 32*w), PRIMARY KEY(level, n))"
	" WITHOUT ROWID, STRICT;\n"
	"CREATE TABLE checkpoint(size INTEGER PRIMARY KEY,"
	" root BLOB NOT NULL CHECK(length(root) = 32), ts_ns INTEGER NOT NULL,"
	" epoch INTEGER NOT NULL, reason INTEGER NOT NULL, note TEXT NOT NULL) STRICT;\n"
	"CREATE TABLE doc(digest BLOB PRIMARY KEY CHECK(length(digest) = 32),"
	" type INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID, STRICT;\n"
	"CREATE TABLE seal_key(epoch INTEGER PRIMARY KEY, vkey TEXT NOT NULL,"
	" from_size INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE clock_seg(seq INTEGER PRIMARY KEY, boot BLOB NOT NULL,"
	" offset_ns INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE time_idx(seq INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL,"
	" mono_ns INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE name(id INTEGER PRIMARY KEY, t INTEGER NOT NULL, v BLOB NOT NULL,"
	" UNIQUE(v, t)) STRICT;\n"
	"CREATE TABLE gap(seq INTEGER PRIMARY KEY, run INTEGER, ring INTEGER NOT NULL,"
	" cpu INTEGER NOT NULL, k_from INTEGER, k_to INTEGER, n INTEGER NOT NULL,"
	" cause INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE run(id INTEGER PRIMARY KEY,"
	" uid BLOB NOT NULL UNIQUE CHECK(length(uid) = 16), agent INTEGER NOT NULL, parent INTEGER,"
	" owner TEXT NOT NULL, policy BLOB NOT NULL, tier INTEGER NOT NULL,"
	" status INTEGER NOT NULL, reason INTEGER, phase INTEGER NOT NULL,"
	" start_ns INTEGER NOT NULL, end_ns INTEGER, end_seq INTEGER, exit_code INTEGER,"
	" rcount INTEGER, lost INTEGER, upd INTEGER NOT NULL) STRICT;\n"
	"CREATE INDEX run_agent ON run(agent);\n"
	"CREATE TABLE run_counter(run INTEGER NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL,"
	" upd INTEGER NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID, STRICT;\n"
	"CREATE TABLE proc(id INTEGER PRIMARY KEY,"
	" uid BLOB NOT NULL UNIQUE CHECK(length(uid) = 16), run INTEGER NOT NULL, parent INTEGER,"
	" pid INTEGER NOT NULL, start_ns INTEGER NOT NULL, exe INTEGER, comm BLOB,"
	" exec_seq INTEGER, exit_seq INTEGER, exit_code INTEGER) STRICT;\n"
	"CREATE INDEX proc_run ON proc(run);\n"
	"CREATE INDEX proc_parent ON proc(parent);\n"
	"CREATE INDEX proc_exe ON proc(exe);\n"
	"CREATE TABLE violation(seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, proc BLOB,"
	" type INTEGER NOT NULL, sev INTEGER NOT NULL, rule TEXT NOT NULL,"
	" effect INTEGER NOT NULL, response INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE revocation(id INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
	" cause INTEGER NOT NULL, done_seq INTEGER, killed INTEGER, survivors INTEGER, us INTEGER,"
	" incomplete INTEGER NOT NULL) STRICT;\n"
	/* Guards against our own bugs, not against an attacker who holds the file. */
	"CREATE TRIGGER event_del BEFORE DELETE ON event"
	" WHEN old.seq >= (SELECT min_index FROM log_meta) OR old.kind NOT BETWEEN 16 AND 127"
	" BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n"
	"CREATE TRIGGER event_upd BEFORE UPDATE ON event"
	" WHEN new.rec IS NOT NULL OR new.obj IS NOT NULL OR new.obj2 IS NOT NULL"
	" OR old.kind NOT BETWEEN 16 AND 127"
	" OR (new.seq, new.ts_ns, new.run, new.rseq, new.proc, new.kind, new.verdict, new.sev,"
	" new.rec_len) IS NOT (old.seq, old.ts_ns, old.run, old.rseq, old.proc, old.kind,"
	" old.verdict, old.sev, old.rec_len) BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n"
	"CREATE TRIGGER meta_upd BEFORE UPDATE ON log_meta WHEN new.min_index < old.min_index"
	" OR (new.origin, new.generation, new.created_ns, new.vkey, new.rec_format) IS NOT"
	" (old.origin, old.generation, old.created_ns, old.vkey, old.rec_format)"
	" BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n"
	"CREATE TRIGGER cp_upd BEFORE UPDATE ON checkpoint"
	" BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n"
	"CREATE TRIGGER cp_del BEFORE DELETE ON checkpoint"
	" BEGIN SELECT RAISE(ABORT, 'append-only'); END;\n";

static const char values_text[] =
	"CREATE TABLE value(digest BLOB PRIMARY KEY CHECK(length(digest) = 32), salt BLOB,"
	" size INTEGER NOT NULL, data BLOB) WITHOUT ROWID, STRICT;\n";

const struct schema_table schema_tables[] = {
	{ "log_meta", ROLE_PROJECTION, "id",
	  "id, origin, generation, created_ns, vkey, rec_format, min_index" },
	{ "event", ROLE_TRUTH, "seq",
	  "seq, ts_ns, run, rseq, proc, kind, verdict, sev, obj, obj2, rec, rec_len" },
	{ "tile", ROLE_HASH_BOUND, "level, n", "level, n, w, hashes" },
	{ "checkpoint", ROLE_HASH_BOUND, "size", "size, root, ts_ns, epoch, reason, note" },
	{ "doc", ROLE_HASH_BOUND, "digest", "digest, type, data" },
	{ "seal_key", ROLE_PROJECTION, "epoch", "epoch, vkey, from_size, seq" },
	{ "clock_seg", ROLE_PROJECTION, "seq", "seq, boot, offset_ns" },
	{ "time_idx", ROLE_PROJECTION, "seq", "seq, ts_ns, mono_ns" },
	{ "name", ROLE_PROJECTION, "id", "id, t, v" },
	{ "gap", ROLE_PROJECTION, "seq", "seq, run, ring, cpu, k_from, k_to, n, cause" },
	{ "run", ROLE_PROJECTION, "id",
	  "id, uid, agent, parent, owner, policy, tier, status, reason, phase, start_ns, end_ns,"
	  " end_seq, exit_code, rcount, lost, upd" },
	{ "run_counter", ROLE_PROJECTION, "run, key", "run, key, n, upd" },
	{ "proc", ROLE_PROJECTION, "id",
	  "id, uid, run, parent, pid, start_ns, exe, comm, exec_seq, exit_seq, exit_code" },
	{ "violation", ROLE_PROJECTION, "seq",
	  "seq, run, proc, type, sev, rule, effect, response" },
	{ "revocation", ROLE_PROJECTION, "id",
	  "id, run, cause, done_seq, killed, survivors, us, incomplete" },
};
const size_t schema_table_count = COUNT(schema_tables);

const char *schema_text(enum schema schema)
{
	return schema == SCHEMA_LEDGER ? ledger_text : values_text;
}

static int sql_error(sqlite3 *db, struct error *err, const char *doing)
{
	return error_say(err, -EIO, "%s: %s", doing, sqlite3_errmsg(db));
}

int schema_make(sqlite3 *db, enum schema schema, struct error *err)
{
	if (sqlite3_exec(db, schema_text(schema), NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(db, err, "make the ledger's tables");
	return 0;
}

/* Version 1 had event_file and event_net in the order of objects. */
static const char *const upgrades[] = {
	[SCHEMA_LEDGER] = "DROP INDEX event_file; DROP INDEX event_net;" INDEX_FILE INDEX_NET,
	[SCHEMA_VALUES] = "",
};

int schema_upgrade(sqlite3 *db, enum schema schema, struct error *err)
{
	if (sqlite3_exec(db, upgrades[schema], NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(db, err, "bring the ledger's tables up to this version");
	return 0;
}

static void finalize_p(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

static void close_db_p(sqlite3 **db)
{
	sqlite3_close(*db);
}

/* sqlite_stat tables would be found, too: nothing of ours runs ANALYZE. */
static const char listing[] =
	"SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema"
	" ORDER BY type, name, tbl_name, sql";

static const char *column(sqlite3_stmt *statement, int at)
{
	const unsigned char *text = sqlite3_column_text(statement, at);

	return text ? (const char *)text : "";
}

static bool same_row(sqlite3_stmt *a, sqlite3_stmt *b)
{
	for (int i = 0; i < 4; i++) {
		int len = sqlite3_column_bytes(a, i);

		if (sqlite3_column_type(b, i) != SQLITE_TEXT || sqlite3_column_bytes(b, i) != len ||
		    memcmp(column(a, i), column(b, i), (size_t)len) != 0)
			return false;
	}
	return true;
}

static int compare(sqlite3_stmt *ours, sqlite3_stmt *theirs, sqlite3 *db, struct error *err)
{
	for (;;) {
		int a = sqlite3_step(ours), b = sqlite3_step(theirs);

		if (a != SQLITE_ROW && a != SQLITE_DONE)
			return error_say(err, -EIO, "read the built-in schema");
		if (b != SQLITE_ROW && b != SQLITE_DONE)
			return sql_error(db, err, "read the schema");
		if (a == SQLITE_DONE && b == SQLITE_DONE)
			return 0;
		if (b == SQLITE_DONE)
			return error_say(err, -EBADMSG, "the schema lacks %s %s", column(ours, 0),
					 column(ours, 1));
		if (a == SQLITE_DONE || !same_row(ours, theirs))
			return error_say(err, -EBADMSG, "the schema is not ours near %s %s",
					 column(theirs, 0), column(theirs, 1));
	}
}

int schema_check(sqlite3 *db, enum schema schema, struct error *err)
{
	cleanup_with(close_db_p) sqlite3 *reference = NULL;
	cleanup_with(finalize_p) sqlite3_stmt *ours = NULL, *theirs = NULL;
	int r;

	if (sqlite3_open(":memory:", &reference) != SQLITE_OK)
		return error_say(err, -EIO, "open the built-in schema");
	r = schema_make(reference, schema, err);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(reference, listing, -1, &ours, NULL) != SQLITE_OK)
		return sql_error(reference, err, "list the built-in schema");
	if (sqlite3_prepare_v2(db, listing, -1, &theirs, NULL) != SQLITE_OK)
		return sql_error(db, err, "list the schema");
	return compare(ours, theirs, db, err);
}
