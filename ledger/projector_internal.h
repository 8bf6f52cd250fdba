/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the projector share; for projector*.c only. */
#ifndef LEDGER_PROJECTOR_INTERNAL_H
#define LEDGER_PROJECTOR_INTERNAL_H

#include <errno.h>

#include "ledger/event_batch.h"

enum sql {
	SQL_TIME, SQL_NAME_FIND, SQL_NAME_ADD, SQL_RUN_FIND, SQL_PROC_FIND, SQL_PROC_ADD,
	SQL_PROC_PARENT, SQL_PROC_EXEC, SQL_PROC_EXIT, SQL_META, SQL_SEAL_KEY, SQL_CLOCK, SQL_GAP,
	SQL_RUN_ADD, SQL_RUN_STATE, SQL_RUN_PHASE, SQL_RUN_COUNTER, SQL_RUN_END, SQL_VIOLATION,
	SQL_REVOKE_INTENT, SQL_REVOKE_DONE,
	SQL_COUNT,
};

extern const char *const projector_sql[SQL_COUNT];

#define NONE (-1)
#define UID_SLOTS 4096U
#define NAME_SLOTS 65536U /* a source tree and its build: 2.5 MiB, touched as used */

struct uid_slot { uint8_t uid[16]; int64_t id; bool used; };
struct name_slot { char *bytes; size_t len; int64_t id; enum name_type type; };

struct projector {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	struct event_batch *batch;
	struct uid_slot runs[UID_SLOTS], procs[UID_SLOTS];
	struct name_slot names[NAME_SLOTS];
};

struct ids { int64_t run, proc, obj, obj2; };

/* ---- binding and running ---- */

static inline void bind_blob(sqlite3_stmt *statement, int at, struct slice bytes)
{
	sqlite3_bind_blob(statement, at, bytes.data ? bytes.data : "", (int)bytes.len,
			  SQLITE_STATIC);
}

/* TEXT columns hold what is valid UTF-8 in the record, or the bytes as they came: a comparison of
 * cells is one of bytes either way. */
static inline void bind_text(sqlite3_stmt *statement, int at, struct slice text)
{
	sqlite3_bind_text(statement, at, text.data ? text.data : "", (int)text.len, SQLITE_STATIC);
}

static inline void bind_maybe(sqlite3_stmt *statement, int at, struct maybe number)
{
	if (number.set)
		sqlite3_bind_int64(statement, at, number.number);
	else
		sqlite3_bind_null(statement, at);
}

/* ids: -1 is NULL where the column may be empty. */
static inline void bind_id(sqlite3_stmt *statement, int at, int64_t id)
{
	bind_maybe(statement, at, (struct maybe){ .set = id != NONE, .number = id });
}

/* Runs to the end. Bindings stay, and are all set anew at each use. */
static inline int run_statement(sqlite3_stmt *statement)
{
	int step = sqlite3_step(statement);

	sqlite3_reset(statement);
	return step == SQLITE_DONE ? 0 : -EIO;
}

/* The first column of the first row, NONE without one. */
static inline int find(sqlite3_stmt *statement, int64_t *ret_id)
{
	int step = sqlite3_step(statement);

	*ret_id = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : NONE;
	sqlite3_reset(statement);
	return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : -EIO;
}

static inline sqlite3_stmt *statement_of(struct projector *projector, enum sql sql)
{
	return projector->statements[sql];
}

/* ---- projector_change.c ---- */
/* What the record changes beside event, name, proc and time_idx. */
int projector_change(struct projector *projector, const struct projection *p,
		     const struct ids *ids) MUST_USE;

#endif
