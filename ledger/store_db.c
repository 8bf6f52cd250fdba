/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/store_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_ROOT "/proc/self/fd/"
#define TEXT_OF(number) #number
#define NUMBER_TEXT(number) TEXT_OF(number)

/* SQLite resolves symbolic links to the full path, which the ledger's user need not be able to
 * walk. Our paths start at a descriptor; there, and only there, the link is not to be resolved. */
static int lstat_through_fd(const char *path, struct stat *ret_st)
{
	int r = lstat(path, ret_st);
	bool ours = strncmp(path, PATH_ROOT, strlen(PATH_ROOT)) == 0 ||
		    strcmp(path, "/proc/self") == 0;

	if (r == 0 && ours && S_ISLNK(ret_st->st_mode))
		ret_st->st_mode = S_IFDIR | 0700;
	return r;
}

static int hook_lstat(struct error *err)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (!vfs || vfs->iVersion < 3 ||
	    vfs->xSetSystemCall(vfs, "lstat", (sqlite3_syscall_ptr)lstat_through_fd) != SQLITE_OK)
		return error_say(err, -EIO, "SQLite's unix VFS cannot be told about descriptors");
	return 0;
}

int store_db_one_thread(struct error *err)
{
	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK)
		return error_say(err, -EIO, "SQLite cannot be configured");
	return 0;
}

int store_db_error(sqlite3 *db, struct error *err, const char *doing)
{
	return error_say(err, -EIO, "%s: %s", doing, sqlite3_errmsg(db));
}

void store_db_close_p(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

void store_db_finalize_p(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

int store_db_exec(sqlite3 *db, const char *sql, struct error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ?
	       0 : store_db_error(db, err, "write the ledger");
}

int store_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement,
		     struct error *err)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) !=
	    SQLITE_OK)
		return store_db_error(db, err, "prepare");
	return 0;
}

int store_db_run(sqlite3_stmt *statement, struct error *err)
{
	int step = sqlite3_step(statement);

	sqlite3_reset(statement);
	return step == SQLITE_DONE ?
	       0 : store_db_error(sqlite3_db_handle(statement), err, "write the ledger");
}

int store_db_number(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *ret_number,
		    struct error *err)
{
	cleanup_with(store_db_finalize_p) sqlite3_stmt *statement = NULL;
	int step, r = store_db_prepare(db, sql, &statement, err);

	if (r < 0)
		return r;
	step = sqlite3_step(statement);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		return store_db_error(db, err, "read the ledger");
	*ret_number = otherwise;
	if (step == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
		*ret_number = sqlite3_column_int64(statement, 0);
	return 0;
}

struct slice store_db_bytes(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return slice_new(bytes, bytes && len > 0 ? (size_t)len : 0);
}

/* The page size and vacuum mode can only be chosen before the first table, WAL only outside a
 * transaction. */
static const char first_pragmas[] =
	"PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;"
	"PRAGMA application_id = 0x4241494C; PRAGMA user_version = " NUMBER_TEXT(SCHEMA_USER_VERSION) ";"
	"PRAGMA journal_mode = WAL;";

/* A CHECK with a function makes SQLite keep a copy of each page that a statement of many rows
 * changes, to undo it: as much again as the WAL. The lengths that they are about come from fixed
 * arrays, or from event_batch_add(), which looks itself. */
static const char writer_pragmas[] =
	"PRAGMA ignore_check_constraints = ON;"
	"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
	"PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA mmap_size = 0;"
	"PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";

static int configure(sqlite3 *db, struct error *err)
{
	int persist = 1;

	if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK)
		return store_db_error(db, err, "configure the ledger's database");
	/* Readers without write permission cannot open a stopped ledger whose WAL is gone. */
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist) != SQLITE_OK)
		return store_db_error(db, err, "keep the ledger's WAL");
	return store_db_exec(db, writer_pragmas, err);
}

static int make(sqlite3 *db, enum schema schema, struct error *err)
{
	int r = store_db_exec(db, first_pragmas, err);

	if (r == 0)
		r = store_db_exec(db, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = schema_make(db, schema, err);
	return r < 0 ? r : store_db_exec(db, "COMMIT", err);
}

/* An index that is not ours makes the check fail, and then nothing was changed. */
static int upgrade(sqlite3 *db, enum schema schema, struct error *err)
{
	int r = store_db_exec(db, "BEGIN IMMEDIATE", err);

	if (r < 0)
		return r;
	r = schema_upgrade(db, schema, err);
	if (r == 0)
		r = schema_check(db, schema, err);
	if (r == 0)
		r = store_db_exec(db, "PRAGMA user_version = " NUMBER_TEXT(SCHEMA_USER_VERSION) "; COMMIT",
				  err);
	if (r < 0)
		IGNORE(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL));
	return r;
}

static int check(sqlite3 *db, enum schema schema, struct error *err)
{
	int64_t tables, version, application;
	int r = store_db_number(db, "SELECT count(*) FROM sqlite_schema", 0, &tables, err);

	if (r == 0 && tables == 0)
		r = make(db, schema, err);
	if (r == 0)
		r = store_db_number(db, "PRAGMA user_version", 0, &version, err);
	if (r == 0)
		r = store_db_number(db, "PRAGMA application_id", 0, &application, err);
	if (r < 0)
		return r;
	if (application == SCHEMA_APPLICATION_ID && version == SCHEMA_USER_VERSION_OLD)
		return upgrade(db, schema, err);
	if (version != SCHEMA_USER_VERSION || application != SCHEMA_APPLICATION_ID)
		return error_say(err, -EBADMSG, "the file is no ledger of this version");
	return schema_check(db, schema, err);
}

int store_db_open(int dir_fd, const char *name, enum schema schema, sqlite3 **ret_db,
		  struct error *err)
{
	cleanup_with(store_db_close_p) sqlite3 *db = NULL;
	char path[64];
	int r = hook_lstat(err);

	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), PATH_ROOT "%d/%s", dir_fd, name) >= (int)sizeof(path))
		return error_say(err, -ENAMETOOLONG, "open '%s'", name);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return error_say(err, -EIO, "open '%s': %s", name,
				 db ? sqlite3_errmsg(db) : "no memory");
	r = configure(db, err);
	if (r == 0)
		r = check(db, schema, err);
	if (r == 0)
		*ret_db = TAKE(db);
	return r;
}
