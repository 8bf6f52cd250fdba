/* SPDX-License-Identifier: Apache-2.0 */
/* The database half of project.h: row ids and writes. Caches are direct-mapped and compare whole
 * keys, so a collision costs a look-up and never a wrong id. */
#include <errno.h>
#include <stdlib.h>

#include "ledger/project.h"

enum sql {
	SQL_EVENT, SQL_TIME, SQL_NAME_FIND, SQL_NAME_ADD, SQL_RUN_FIND, SQL_PROC_FIND, SQL_PROC_ADD,
	SQL_PROC_PARENT, SQL_PROC_EXEC, SQL_PROC_EXIT, SQL_META, SQL_SEAL_KEY, SQL_CLOCK, SQL_GAP,
	SQL_RUN_ADD, SQL_RUN_STATE, SQL_RUN_PHASE, SQL_RUN_COUNTER, SQL_RUN_END, SQL_VIOLATION,
	SQL_REVOKE_INTENT, SQL_REVOKE_DONE,
	SQL_COUNT,
};

static const char *const sql_texts[SQL_COUNT] = {
	[SQL_EVENT] = "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_TIME] = "INSERT INTO time_idx VALUES(?,?,?)",
	[SQL_NAME_FIND] = "SELECT id FROM name WHERE v = ? AND t = ?",
	[SQL_NAME_ADD] = "INSERT INTO name(v, t, id) VALUES(?,?,?)",
	[SQL_RUN_FIND] = "SELECT id FROM run WHERE uid = ?",
	[SQL_PROC_FIND] = "SELECT id FROM proc WHERE uid = ?",
	[SQL_PROC_ADD] = "INSERT INTO proc(id, uid, run, parent, pid, start_ns)"
			 " VALUES(?,?,?,?,?,?)",
	[SQL_PROC_PARENT] = "UPDATE proc SET parent = ? WHERE id = ? AND parent IS NULL",
	[SQL_PROC_EXEC] = "UPDATE proc SET exe = ?, comm = ?, exec_seq = ? WHERE id = ?",
	[SQL_PROC_EXIT] = "UPDATE proc SET exit_seq = ?, exit_code = ? WHERE id = ?",
	[SQL_META] = "INSERT INTO log_meta VALUES(0,?,?,?,?,?,0)",
	[SQL_SEAL_KEY] = "INSERT INTO seal_key VALUES(?,?,0,?)",
	[SQL_CLOCK] = "INSERT INTO clock_seg VALUES(?,?,?)",
	[SQL_GAP] = "INSERT INTO gap VALUES(?,?,?,?,?,?,?,?)",
	[SQL_RUN_ADD] = "INSERT INTO run(id, uid, agent, owner, policy, tier, status, phase,"
			" start_ns, upd) VALUES(?1,?2,-1,?3,?4,?5,?6,?7,?8,?1)",
	[SQL_RUN_STATE] = "UPDATE run SET status = ?, reason = ?, upd = ? WHERE id = ?",
	[SQL_RUN_PHASE] = "UPDATE run SET phase = ?, upd = ? WHERE id = ?",
	[SQL_RUN_COUNTER] = "INSERT INTO run_counter VALUES(?,?,?,?) ON CONFLICT(run, key)"
			    " DO UPDATE SET n = excluded.n, upd = excluded.upd",
	[SQL_RUN_END] = "UPDATE run SET status = ?1, reason = coalesce(?2, reason), end_ns = ?3,"
			" end_seq = ?4, exit_code = ?5, rcount = ?6, lost = ?7, upd = ?4"
			" WHERE id = ?8",
	[SQL_VIOLATION] = "INSERT INTO violation VALUES(?,?,?,?,?,?,?,?)",
	/* The violation that led here is the run's newest one; -1: an operator's wish. */
	[SQL_REVOKE_INTENT] = "INSERT INTO revocation(id, run, cause, incomplete) VALUES(?1, ?2,"
			      " coalesce((SELECT seq FROM violation WHERE run = ?2"
			      " ORDER BY seq DESC LIMIT 1), -1), 1)",
	[SQL_REVOKE_DONE] = "UPDATE revocation SET done_seq = ?1, killed = ?2, survivors = ?3,"
			    " us = ?4, incomplete = coalesce(?3, 1) > 0 WHERE id = (SELECT id FROM"
			    " revocation WHERE run = ?5 AND done_seq IS NULL"
			    " ORDER BY id DESC LIMIT 1)",
};

#define NONE (-1)
#define UID_SLOTS 4096U
#define NAME_SLOTS 65536U /* a source tree and its build: 2.5 MiB, touched as used */

struct uid_slot { uint8_t uid[16]; int64_t id; bool used; };
struct name_slot { char *bytes; size_t len; int64_t id; enum name_type type; };

struct projector {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	struct uid_slot runs[UID_SLOTS], procs[UID_SLOTS];
	struct name_slot names[NAME_SLOTS];
};

void projector_forget(struct projector *projector)
{
	memset(projector->runs, 0, sizeof(projector->runs));
	memset(projector->procs, 0, sizeof(projector->procs));
	for (size_t i = 0; i < NAME_SLOTS; i++)
		free(projector->names[i].bytes);
	memset(projector->names, 0, sizeof(projector->names));
}

struct projector *projector_free(struct projector *projector)
{
	if (!projector)
		return NULL;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(projector->statements[i]);
	projector_forget(projector);
	free(projector);
	return NULL;
}

static void projector_free_p(struct projector **projector)
{
	*projector = projector_free(*projector);
}

int projector_new(sqlite3 *db, struct projector **ret_projector, struct error *err)
{
	cleanup_with(projector_free_p) struct projector *projector = calloc(1, sizeof(*projector));

	if (!projector)
		return error_set(err, -ENOMEM, "prepare the projection");
	projector->db = db;
	for (size_t i = 0; i < SQL_COUNT; i++) {
		if (sqlite3_prepare_v3(db, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &projector->statements[i], NULL) != SQLITE_OK)
			return error_say(err, -EIO, "prepare the projection: %s",
					 sqlite3_errmsg(db));
	}
	*ret_projector = TAKE(projector);
	return 0;
}

/* ---- binding and running ---- */

static void bind_blob(sqlite3_stmt *statement, int at, struct slice bytes)
{
	sqlite3_bind_blob(statement, at, bytes.data ? bytes.data : "", (int)bytes.len,
			  SQLITE_STATIC);
}

/* TEXT columns hold what is valid UTF-8 in the record, or the bytes as they came: a comparison of
 * cells is one of bytes either way. */
static void bind_text(sqlite3_stmt *statement, int at, struct slice text)
{
	sqlite3_bind_text(statement, at, text.data ? text.data : "", (int)text.len, SQLITE_STATIC);
}

static void bind_maybe(sqlite3_stmt *statement, int at, struct maybe number)
{
	if (number.set)
		sqlite3_bind_int64(statement, at, number.number);
	else
		sqlite3_bind_null(statement, at);
}

/* ids: -1 is NULL where the column may be empty. */
static void bind_id(sqlite3_stmt *statement, int at, int64_t id)
{
	bind_maybe(statement, at, (struct maybe){ .set = id != NONE, .number = id });
}

/* Runs to the end. Bindings stay, and are all set anew at each use. */
static int run_statement(sqlite3_stmt *statement)
{
	int step = sqlite3_step(statement);

	sqlite3_reset(statement);
	return step == SQLITE_DONE ? 0 : -EIO;
}

/* The first column of the first row, NONE without one. */
static int find(sqlite3_stmt *statement, int64_t *ret_id)
{
	int step = sqlite3_step(statement);

	*ret_id = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : NONE;
	sqlite3_reset(statement);
	return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
}

static sqlite3_stmt *statement_of(struct projector *projector, enum sql sql)
{
	return projector->statements[sql];
}

/* ---- ids ---- */

static struct uid_slot *uid_slot(struct uid_slot *slots, const uint8_t uid[16])
{
	uint32_t at;

	memcpy(&at, uid + 12, sizeof(at)); /* random bits in ULIDs as in identities */
	return &slots[at % UID_SLOTS];
}

static int find_uid(struct projector *projector, enum sql sql, struct uid_slot *slots,
		    const uint8_t uid[16], int64_t *ret_id)
{
	struct uid_slot *slot = uid_slot(slots, uid);
	sqlite3_stmt *statement = statement_of(projector, sql);
	int r;

	if (slot->used && memcmp(slot->uid, uid, 16) == 0) {
		*ret_id = slot->id;
		return 0;
	}
	bind_blob(statement, 1, slice_new(uid, 16));
	r = find(statement, ret_id);
	if (r < 0 || *ret_id == NONE)
		return r;
	*slot = (struct uid_slot){ .id = *ret_id, .used = true };
	memcpy(slot->uid, uid, 16);
	return 0;
}

static struct name_slot *name_slot(struct projector *projector, struct slice bytes)
{
	uint64_t hash = 1469598103934665603U; /* FNV-1a: chosen collisions only cost look-ups */

	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * 1099511628211U;
	return &projector->names[(hash ^ hash >> 32) % NAME_SLOTS];
}

static void name_keep(struct name_slot *slot, enum name_type type, struct slice bytes, int64_t id)
{
	char *copy = malloc(bytes.len);

	if (!copy)
		return;
	memcpy(copy, bytes.data, bytes.len);
	free(slot->bytes);
	*slot = (struct name_slot){ .bytes = copy, .len = bytes.len, .id = id, .type = type };
}

/* The id of a name, made under `new_id` when it is the first of its kind. */
static int name_id(struct projector *projector, enum name_type type, struct slice bytes,
		   int64_t new_id, int64_t *ret_id)
{
	struct name_slot *slot = name_slot(projector, bytes);
	sqlite3_stmt *statement = statement_of(projector, SQL_NAME_FIND);
	int r;

	if (slot->bytes && slot->type == type &&
	    slice_eq(slice_new(slot->bytes, slot->len), bytes)) {
		*ret_id = slot->id;
		return 0;
	}
	bind_blob(statement, 1, bytes);
	sqlite3_bind_int(statement, 2, (int)type);
	r = find(statement, ret_id);
	if (r < 0)
		return r;
	if (*ret_id == NONE) {
		statement = statement_of(projector, SQL_NAME_ADD);
		bind_blob(statement, 1, bytes);
		sqlite3_bind_int(statement, 2, (int)type);
		sqlite3_bind_int64(statement, 3, new_id);
		r = run_statement(statement);
		*ret_id = new_id;
	}
	if (r == 0)
		name_keep(slot, type, bytes, *ret_id);
	return r;
}

/* ---- rows ---- */

struct ids { int64_t run, proc, obj, obj2; };

static int proc_add(struct projector *projector, const struct projection *p, struct ids *ids)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_PROC_ADD);
	const struct record *record = p->record;
	int64_t parent = NONE;
	int r = 0;

	if (p->has_parent)
		r = find_uid(projector, SQL_PROC_FIND, projector->procs, p->parent, &parent);
	if (r < 0)
		return r;
	ids->proc = (int64_t)p->seq;
	sqlite3_bind_int64(statement, 1, ids->proc);
	bind_blob(statement, 2, slice_new(record->proc, 16));
	sqlite3_bind_int64(statement, 3, ids->run);
	bind_id(statement, 4, parent);
	sqlite3_bind_int64(statement, 5, record->pid);
	sqlite3_bind_int64(statement, 6, (int64_t)record->ts_ns);
	return run_statement(statement);
}

static int proc_parent(struct projector *projector, const struct projection *p, int64_t proc)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_PROC_PARENT);
	int64_t parent;
	int r = find_uid(projector, SQL_PROC_FIND, projector->procs, p->parent, &parent);

	if (r < 0 || parent == NONE || parent == proc)
		return r;
	sqlite3_bind_int64(statement, 1, parent);
	sqlite3_bind_int64(statement, 2, proc);
	return run_statement(statement);
}

/* The row of the record's process: made at its first naming, linked to a parent that became known
 * later (rings do not keep the order of fork and first act). */
static int proc_row(struct projector *projector, const struct projection *p, struct ids *ids)
{
	int r = find_uid(projector, SQL_PROC_FIND, projector->procs, p->record->proc, &ids->proc);

	if (r < 0)
		return r;
	if (ids->proc == NONE)
		return proc_add(projector, p, ids);
	return p->has_parent ? proc_parent(projector, p, ids->proc) : 0;
}

static int proc_change(struct projector *projector, const struct projection *p,
		       const struct ids *ids)
{
	sqlite3_stmt *statement;

	if (p->record->kind == RECORD_EXEC) {
		statement = statement_of(projector, SQL_PROC_EXEC);
		bind_id(statement, 1, ids->obj);
		if (p->comm.len)
			bind_blob(statement, 2, p->comm);
		else
			sqlite3_bind_null(statement, 2);
		sqlite3_bind_int64(statement, 3, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 4, ids->proc);
		return run_statement(statement);
	}
	if (p->record->kind == RECORD_EXIT) {
		statement = statement_of(projector, SQL_PROC_EXIT);
		sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
		bind_maybe(statement, 2, p->exit_code);
		sqlite3_bind_int64(statement, 3, ids->proc);
		return run_statement(statement);
	}
	return 0;
}

static struct event_row event_row(const struct projection *p, const struct ids *ids, struct slice rec)
{
	const struct record *record = p->record;

	return (struct event_row){ .cells = {
		[EVENT_SEQ] = (int64_t)p->seq, [EVENT_TS] = (int64_t)record->ts_ns,
		[EVENT_RUN] = ids->run, [EVENT_RSEQ] = record->has_run ? (int64_t)record->rseq : NONE,
		[EVENT_PROC] = ids->proc, [EVENT_KIND] = record->kind,
		[EVENT_VERDICT] = record->verdict, [EVENT_SEV] = record->sev,
		[EVENT_OBJ] = ids->obj, [EVENT_OBJ2] = ids->obj2, [EVENT_REC_LEN] = (int64_t)rec.len,
	} };
}

static int event_add(struct projector *projector, const struct event_row *row, struct slice rec)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_EVENT);

	for (int i = 0; i < EVENT_COLUMNS; i++) {
		if (i == EVENT_OBJ || i == EVENT_OBJ2)
			bind_id(statement, i + 1, row->cells[i]);
		else if (i == EVENT_REC)
			bind_blob(statement, i + 1, rec);
		else
			sqlite3_bind_int64(statement, i + 1, row->cells[i]);
	}
	return run_statement(statement);
}

static int time_row(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_TIME);

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	sqlite3_bind_int64(statement, 2, (int64_t)p->record->ts_ns);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->mono_ns);
	return run_statement(statement);
}

static int change_meta(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_META);
	int r;

	bind_text(statement, 1, p->text);
	bind_maybe(statement, 2, p->n[0]);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->ts_ns);
	bind_text(statement, 4, p->text2);
	sqlite3_bind_int64(statement, 5, RECORD_FORMAT);
	r = run_statement(statement);
	if (r < 0)
		return r;
	statement = statement_of(projector, SQL_SEAL_KEY);
	bind_maybe(statement, 1, p->n[1]);
	bind_text(statement, 2, p->bytes);
	sqlite3_bind_int64(statement, 3, (int64_t)p->seq);
	return run_statement(statement);
}

static int change_log(struct projector *projector, const struct projection *p,
		      const struct ids *ids)
{
	sqlite3_stmt *statement;

	if (p->change == CHANGE_CLOCK) {
		statement = statement_of(projector, SQL_CLOCK);
		sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
		bind_blob(statement, 2, slice_new(p->record->boot, 16));
		bind_maybe(statement, 3, p->n[0]);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_GAP);
	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	bind_id(statement, 2, ids->run);
	for (int i = 0; i < 6; i++)
		bind_maybe(statement, 3 + i, p->n[i]);
	return run_statement(statement);
}

static int change_run_new(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_RUN_ADD);

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	bind_blob(statement, 2, slice_new(p->record->run, 16));
	bind_text(statement, 3, p->text);
	bind_blob(statement, 4, p->bytes);
	for (int i = 0; i < 3; i++)
		bind_maybe(statement, 5 + i, p->n[i]);
	sqlite3_bind_int64(statement, 8, (int64_t)p->record->ts_ns);
	return run_statement(statement);
}

static int change_run(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement;

	if (run == NONE)
		return 0;
	if (p->change == CHANGE_RUN_STATE) {
		statement = statement_of(projector, SQL_RUN_STATE);
		bind_maybe(statement, 1, p->n[0]);
		bind_maybe(statement, 2, p->n[1]);
		sqlite3_bind_int64(statement, 3, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 4, run);
		return run_statement(statement);
	}
	if (p->change == CHANGE_RUN_PHASE) {
		statement = statement_of(projector, SQL_RUN_PHASE);
		bind_maybe(statement, 1, p->n[0]);
		sqlite3_bind_int64(statement, 2, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 3, run);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_RUN_COUNTER);
	sqlite3_bind_int64(statement, 1, run);
	bind_text(statement, 2, p->text);
	bind_maybe(statement, 3, p->n[0]);
	sqlite3_bind_int64(statement, 4, (int64_t)p->seq);
	return run_statement(statement);
}

static int change_run_end(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_RUN_END);

	bind_maybe(statement, 1, p->n[0]);
	bind_maybe(statement, 2, p->n[1]);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->ts_ns);
	sqlite3_bind_int64(statement, 4, (int64_t)p->seq);
	bind_maybe(statement, 5, p->n[2]);
	bind_maybe(statement, 6, p->n[3]);
	bind_maybe(statement, 7, p->n[4]);
	sqlite3_bind_int64(statement, 8, run);
	return run_statement(statement);
}

static int change_violation(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_VIOLATION);
	const struct record *record = p->record;

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	sqlite3_bind_int64(statement, 2, run);
	if (record->has_proc)
		bind_blob(statement, 3, slice_new(record->proc, 16));
	else
		sqlite3_bind_null(statement, 3);
	bind_maybe(statement, 4, p->n[0]);
	sqlite3_bind_int64(statement, 5, record->sev);
	bind_text(statement, 6, p->text);
	sqlite3_bind_int64(statement, 7, record->effect);
	bind_maybe(statement, 8, p->n[1]);
	return run_statement(statement);
}

static int change_revocation(struct projector *projector, const struct projection *p, int64_t run)
{
	sqlite3_stmt *statement;

	if (p->change == CHANGE_REVOKE_INTENT) {
		statement = statement_of(projector, SQL_REVOKE_INTENT);
		sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
		sqlite3_bind_int64(statement, 2, run);
		return run_statement(statement);
	}
	statement = statement_of(projector, SQL_REVOKE_DONE);
	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	for (int i = 0; i < 3; i++)
		bind_maybe(statement, 2 + i, p->n[i]);
	sqlite3_bind_int64(statement, 5, run);
	return run_statement(statement);
}

static int apply_change(struct projector *projector, const struct projection *p,
			const struct ids *ids)
{
	switch (p->change) {
	case CHANGE_NONE:
		return 0;
	case CHANGE_META:
		return change_meta(projector, p);
	case CHANGE_CLOCK:
	case CHANGE_GAP:
		return change_log(projector, p, ids);
	case CHANGE_RUN_NEW:
		return change_run_new(projector, p);
	case CHANGE_RUN_STATE:
	case CHANGE_RUN_PHASE:
	case CHANGE_RUN_COUNTER:
		return change_run(projector, p, ids->run);
	case CHANGE_RUN_END:
		return change_run_end(projector, p, ids->run);
	case CHANGE_VIOLATION:
		return change_violation(projector, p, ids->run);
	case CHANGE_REVOKE_INTENT:
	case CHANGE_REVOKE_DONE:
		return change_revocation(projector, p, ids->run);
	}
	return -EINVAL;
}

static int find_names(struct projector *projector, const struct projection *p, struct ids *ids)
{
	const struct record *record = p->record;
	int64_t seq = (int64_t)p->seq;
	int r = 0;

	if (record->obj.len)
		r = name_id(projector, p->obj_type, record->obj, 2 * seq, &ids->obj);
	if (r == 0 && record->obj2.len)
		r = name_id(projector, p->obj_type, record->obj2, 2 * seq + 1, &ids->obj2);
	return r;
}

static int find_run(struct projector *projector, const struct projection *p, struct ids *ids)
{
	int r;

	if (!p->record->has_run)
		return 0;
	r = find_uid(projector, SQL_RUN_FIND, projector->runs, p->record->run, &ids->run);
	if (r < 0 || p->change != CHANGE_RUN_NEW)
		return r;
	if (ids->run != NONE)
		return -EEXIST;
	ids->run = (int64_t)p->seq;
	return 0;
}

/* With `ret_row` the event's own row is handed out instead of written. */
static int apply(struct projector *projector, const struct projection *p, struct slice rec,
		 struct event_row *ret_row)
{
	struct ids ids = { NONE, NONE, NONE, NONE };
	struct event_row row;
	int r = find_run(projector, p, &ids);

	if (r < 0)
		return r;
	r = find_names(projector, p, &ids);
	if (r == 0 && p->record->has_proc)
		r = proc_row(projector, p, &ids);
	if (r == 0 && p->record->has_proc)
		r = proc_change(projector, p, &ids);
	row = event_row(p, &ids, rec);
	if (ret_row)
		*ret_row = row;
	else if (r == 0)
		r = event_add(projector, &row, rec);
	if (r == 0 && p->time_idx)
		r = time_row(projector, p);
	return r < 0 ? r : apply_change(projector, p, &ids);
}

static int apply_or_say(struct projector *projector, const struct projection *projection,
			struct slice rec, struct event_row *ret_row, struct error *err)
{
	int r = apply(projector, projection, rec, ret_row);

	if (r == -EIO)
		return error_say(err, r, "project record %llu: %s",
				 (unsigned long long)projection->seq,
				 sqlite3_errmsg(projector->db));
	return r;
}

int projector_apply(struct projector *projector, const struct projection *projection,
		    struct slice rec, struct error *err)
{
	return apply_or_say(projector, projection, rec, NULL, err);
}

int projector_derive(struct projector *projector, const struct projection *projection,
		     struct slice rec, struct event_row *ret_row, struct error *err)
{
	return apply_or_say(projector, projection, rec, ret_row, err);
}

int projector_replay(struct projector *projector, uint64_t seq, struct slice rec,
		     struct error *err)
{
	struct projection projection;
	struct record record;
	int r = record_decode(rec, &record);

	if (r < 0)
		return r;
	r = project(seq, &record, &projection);
	return r < 0 ? r : projector_apply(projector, &projection, rec, err);
}
