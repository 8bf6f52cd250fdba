/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a generation's two databases as built-in text, and the check that an open file has
 * exactly this schema: a table, index, trigger or view that is missing, planted or changed is
 * found before the first SELECT on it. */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include <sqlite3.h>

#include <stddef.h>

#include "base/error.h"

#define SCHEMA_APPLICATION_ID 0x4241494C /* "BAIL" */
#define SCHEMA_USER_VERSION 2
#define SCHEMA_USER_VERSION_OLD 1 /* what schema_upgrade() takes */

enum schema { SCHEMA_LEDGER, SCHEMA_VALUES };

/* The roles of ledger.md section 3; verify treats tables and columns by role. */
enum schema_role { ROLE_TRUTH, ROLE_HASH_BOUND, ROLE_PROJECTION };

struct schema_table {
	const char *name;
	enum schema_role role;
	const char *order;    /* primary key columns, for ORDER BY */
	const char *columns;  /* all, comma separated, in the order of the DDL */
};

/* The tables of SCHEMA_LEDGER. `event` is ROLE_TRUTH for rec and a projection in its other
 * columns. */
extern const struct schema_table schema_tables[];
extern const size_t schema_table_count;

/* Makes all tables, indexes and triggers in an empty open database, without pragmas. Returns 0 or
 * -EIO with the SQLite text in *err. */
int schema_make(sqlite3 *db, enum schema schema, struct error *err) MUST_USE;

/* Makes a file of SCHEMA_USER_VERSION_OLD one of SCHEMA_USER_VERSION, in the caller's transaction; what
 * comes of it is to be given to schema_check(). Only indexes differ, so no record and no row changes.
 * Returns 0 or -EIO. */
int schema_upgrade(sqlite3 *db, enum schema schema, struct error *err) MUST_USE;

/* Compares sqlite_schema of `db` with the built-in text as a set. Returns 0, -EBADMSG with the
 * first difference named in *err, or -EIO. */
int schema_check(sqlite3 *db, enum schema schema, struct error *err) MUST_USE;

/* The DDL of one of the two, for documentation and tests. Static. */
const char *schema_text(enum schema schema);

#endif
