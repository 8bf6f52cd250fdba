/* SPDX-License-Identifier: Apache-2.0 */
/* The database half of project.h: row ids and writes. Caches are direct-mapped and compare whole
 * keys, so a collision costs a look-up and never a wrong id. */
#include <stdlib.h>

#include "ledger/projector_internal.h"

void projector_forget(struct projector *projector)
{
	memset(projector->runs, 0, sizeof(projector->runs));
	memset(projector->procs, 0, sizeof(projector->procs));
	for (size_t i = 0; i < NAME_SLOTS; i++)
		free(projector->names[i].bytes);
	memset(projector->names, 0, sizeof(projector->names));
	if (projector->batch)
		event_batch_drop(projector->batch);
}

struct projector *projector_free(struct projector *projector)
{
	if (!projector)
		return NULL;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(projector->statements[i]);
	projector_forget(projector);
	event_batch_free(projector->batch);
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
	int r;

	if (!projector)
		return error_set(err, -ENOMEM, "prepare the projection");
	projector->db = db;
	for (size_t i = 0; i < SQL_COUNT; i++) {
		if (sqlite3_prepare_v3(db, projector_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &projector->statements[i], NULL) != SQLITE_OK)
			return error_say(err, -EIO, "prepare the projection: %s",
					 sqlite3_errmsg(db));
	}
	r = event_batch_new(db, &projector->batch, err);
	if (r == 0)
		*ret_projector = TAKE(projector);
	return r;
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

/* Eight bytes at a time. Chosen collisions only cost look-ups. */
static struct name_slot *name_slot(struct projector *projector, struct slice bytes)
{
	uint64_t hash = bytes.len, word;

	while (bytes.len > 0) {
		size_t len = MIN(bytes.len, sizeof(word));

		word = 0;
		memcpy(&word, bytes.data, len);
		hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
		hash ^= hash >> 32;
		bytes = slice_new(bytes.data + len, bytes.len - len);
	}
	return &projector->names[hash % NAME_SLOTS];
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

static int time_row(struct projector *projector, const struct projection *p)
{
	sqlite3_stmt *statement = statement_of(projector, SQL_TIME);

	sqlite3_bind_int64(statement, 1, (int64_t)p->seq);
	sqlite3_bind_int64(statement, 2, (int64_t)p->record->ts_ns);
	sqlite3_bind_int64(statement, 3, (int64_t)p->record->mono_ns);
	return run_statement(statement);
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
		r = event_batch_add(projector->batch, &row, rec);
	if (r == 0 && p->time_idx)
		r = time_row(projector, p);
	return r < 0 ? r : projector_change(projector, p, &ids);
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

int projector_flush(struct projector *projector, struct error *err)
{
	int r = event_batch_flush(projector->batch);

	return r < 0 ? error_say(err, r, "write the records: %s", sqlite3_errmsg(projector->db)) : 0;
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
	if (r == 0)
		r = projector_apply(projector, &projection, rec, err);
	return r < 0 ? r : projector_flush(projector, err);
}
