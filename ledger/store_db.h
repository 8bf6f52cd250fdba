/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the databases for writing, and small helpers over SQLite's C interface. For store*.c. */
#ifndef LEDGER_STORE_DB_H
#define LEDGER_STORE_DB_H

#include <sqlite3.h>

#include "base/error.h"
#include "base/slice.h"
#include "ledger/schema.h"

/* For a program of one thread, before its first database: SQLite then takes no locks and counts no
 * bytes. Returns 0 or -EIO. */
int store_db_one_thread(struct error *err) MUST_USE;
/* Opens `name` below the directory, makes its tables when it has none, sets the writer's pragmas and
 * checks the schema. Files are found through the descriptor alone: no directory above it needs to be
 * searchable for the caller. Returns 0, -EBADMSG or -EIO. */
int store_db_open(int dir_fd, const char *name, enum schema schema, sqlite3 **ret_db,
		  struct error *err) MUST_USE;
void store_db_close_p(sqlite3 **db);

int store_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement,
		     struct error *err) MUST_USE;
void store_db_finalize_p(sqlite3_stmt **statement);
int store_db_exec(sqlite3 *db, const char *sql, struct error *err) MUST_USE;
/* Steps a statement that gives no row and resets it. */
int store_db_run(sqlite3_stmt *statement, struct error *err) MUST_USE;
/* One integer; `otherwise` when there is no row or NULL. */
int store_db_number(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *ret_number,
		    struct error *err) MUST_USE;
int store_db_error(sqlite3 *db, struct error *err, const char *doing);
struct slice store_db_bytes(sqlite3_stmt *statement, int column);

#endif
