/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger file opened as if its author were hostile: nothing in it may run, be written or hide
 * behind another schema. Shared by query, verify and export; not for programs. */
#ifndef LEDGER_READER_H
#define LEDGER_READER_H

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/note.h"
#include "ledger/tree.h"

#define READER_PATH_MAX 4096U
#define READER_SNAPSHOT_NS 250000000ULL /* a read transaction of a query ends by then */

struct reader_meta {                /* of log_meta, which `verify` compares with record 0 */
	char origin[NOTE_NAME_MAX];
	char vkey[NOTE_VKEY_MAX];
	uint64_t generation;
};

struct reader {
	sqlite3 *db;
	sqlite3 *values;            /* values.db, or NULL when this user may not read it */
	struct tree_hasher *hasher;
	sqlite3_stmt *tile;
	uint64_t deadline_ns;       /* CLOCK_MONOTONIC; 0 = none */
	struct reader_meta meta;
	char path[READER_PATH_MAX];
};

/* `path` is a ledger.db, or a folder that holds one: itself, as generation 1 below it, or as
 * ledger/1 below it. `deadline_ms` 0 = none. Refuses another schema before the first SELECT on a
 * table. Returns 0, -ENOENT, -EACCES, -EBADMSG (not a ledger of ours), -EIO, with text. */
int reader_open(const char *path, uint32_t deadline_ms, struct reader **ret_reader,
		struct error *err) MUST_USE;
struct reader *reader_free(struct reader *reader);
void reader_free_p(struct reader **reader);

int reader_prepare(struct reader *reader, const char *sql, sqlite3_stmt **ret_statement,
		   struct error *err) MUST_USE;
/* A function of ours, in the authorizer's list, that a statement may call for each row: its arguments
 * come without a call for each column, and a scan that yields nothing is one step. */
typedef void (*reader_fn)(sqlite3_context *context, int count, sqlite3_value **values);
int reader_function(struct reader *reader, const char *name, int count, reader_fn fn, void *context,
		    struct error *err) MUST_USE;
/* Returns 1 (a row), 0 (the end), -ETIMEDOUT (deadline), -EBADMSG (a damaged file) or -EIO. */
int reader_step(struct reader *reader, sqlite3_stmt *statement, struct error *err) MUST_USE;
void reader_finalize_p(sqlite3_stmt **statement);

/* One snapshot over several statements. end() takes a reader without one. */
int reader_begin(struct reader *reader, struct error *err) MUST_USE;
void reader_end(struct reader *reader);

/* The bytes of a BLOB or TEXT cell, valid until the next step; empty when NULL. */
struct slice reader_cell(sqlite3_stmt *statement, int column);

/* max(seq) + 1. */
int reader_size(struct reader *reader, uint64_t *ret_size, struct error *err) MUST_USE;

/* Hashes out of the tile table, for tree.h. */
struct tree_source reader_tiles(struct reader *reader);

/* CLOCK_REALTIME and CLOCK_MONOTONIC in nanoseconds. */
uint64_t reader_realtime_ns(void);
uint64_t reader_monotonic_ns(void);

#endif
