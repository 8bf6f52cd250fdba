/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "ledger/schema.h"

#define BUSY_TIMEOUT_MS 2000
#define PROGRESS_OPS 20000          /* virtual machine steps between looks at the clock */

uint64_t reader_realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t reader_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* ---- what a statement may do ---- */

static const char *const functions[] = {
	"coalesce", "count", "length", "max", "min", "sum", "total", "ledger_match",
	"verify_row", "verify_entry", NULL,
};
static const char *const pragmas[] = {
	"data_version", "integrity_check", "quick_check", "user_version", NULL,
};

static bool listed(const char *const *list, const char *word)
{
	for (; word && *list; list++) {
		if (strcmp(*list, word) == 0)
			return true;
	}
	return false;
}

/* The planted view, trigger or virtual table would need an action that is not listed here. */
static int authorize(void *context, int action, const char *first, const char *second,
		     const char *database, const char *trigger)
{
	(void)context;
	(void)database;
	if (trigger)
		return SQLITE_DENY;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_TRANSACTION:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return listed(functions, second) ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_PRAGMA:
		return listed(pragmas, first) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int past_deadline(void *context)
{
	const struct reader *reader = context;

	return reader->deadline_ns && reader_monotonic_ns() > reader->deadline_ns;
}

static const struct limit {
	int which, value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 64 << 20 },
	{ SQLITE_LIMIT_SQL_LENGTH, 65536 },
	{ SQLITE_LIMIT_COLUMN, 64 },
	{ SQLITE_LIMIT_EXPR_DEPTH, 64 },
	{ SQLITE_LIMIT_COMPOUND_SELECT, 4 },
	{ SQLITE_LIMIT_VDBE_OP, 100000 },
	{ SQLITE_LIMIT_FUNCTION_ARG, 12 },
	{ SQLITE_LIMIT_ATTACHED, 0 },
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 64 },
	{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
	{ SQLITE_LIMIT_WORKER_THREADS, 0 },
};

static const struct setting {
	int which, on;
} settings[] = {
	{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
	{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
	{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
	{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
	{ SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
};

static int sqlite_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return -EBADMSG;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int say(struct reader *reader, sqlite3 *db, const char *doing, struct error *err)
{
	int r = sqlite_errno(sqlite3_extended_errcode(db));

	if (r == -ETIMEDOUT)
		return error_say(err, r, "the ledger '%s' was not read within the deadline",
				 reader->path);
	return error_say(err, r, "%s '%s': %s", doing, reader->path, sqlite3_errmsg(db));
}

static int harden(struct reader *reader, sqlite3 *db, struct error *err)
{
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	for (size_t i = 0; i < COUNT(limits); i++)
		sqlite3_limit(db, limits[i].which, limits[i].value);
	for (size_t i = 0; i < COUNT(settings); i++) {
		if (sqlite3_db_config(db, settings[i].which, settings[i].on, NULL) != SQLITE_OK)
			return say(reader, db, "protect the reader of", err);
	}
	if (sqlite3_exec(db, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
			     "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
			     /* Scans do not come back to a page; one that is in the processor's cache is
			      * cheaper to read again than a fresh one is to get. */
			     "PRAGMA cache_size = -1024;"
			     /* Each cell is compared with what the records give. */
			     "PRAGMA ignore_check_constraints = ON;",
			 NULL, NULL, NULL) != SQLITE_OK)
		return say(reader, db, "protect the reader of", err);
	sqlite3_progress_handler(db, PROGRESS_OPS, past_deadline, reader);
	sqlite3_set_authorizer(db, authorize, NULL);
	return 0;
}

static bool is_old(sqlite3 *db)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;

	return sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &row, NULL) == SQLITE_OK &&
	       sqlite3_step(row) == SQLITE_ROW &&
	       sqlite3_column_int64(row, 0) == SCHEMA_USER_VERSION_OLD;
}

static int open_db(struct reader *reader, const char *path, enum schema schema, sqlite3 **ret_db,
		   struct error *err)
{
	sqlite3 *db = NULL;
	int r = 0;

	/* Without SQLITE_OPEN_URI the name is a path, whatever it looks like. */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		r = db ? say(reader, db, "open the ledger", err) : -ENOMEM;
	if (r == 0)
		r = harden(reader, db, err);
	if (r == 0) {
		struct error cause = { 0 };

		r = schema_check(db, schema, &cause);
		if (r < 0)
			r = error_say(err, r == -EIO ? sqlite_errno(sqlite3_errcode(db)) : r,
				      "'%s' is not a ledger of this version: %s", path, cause.text);
		if (r < 0 && is_old(db))
			r = error_next(err, "an older Bailiff wrote it: start `bailiffd` with its folder once,"
					    " or any `bailiff run`, which brings its indexes up to date");
	}
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

/* ---- statements ---- */

int reader_prepare(struct reader *reader, const char *sql, sqlite3_stmt **ret_statement,
		   struct error *err)
{
	if (sqlite3_prepare_v2(reader->db, sql, -1, ret_statement, NULL) != SQLITE_OK)
		return say(reader, reader->db, "read the ledger", err);
	return 0;
}

int reader_function(struct reader *reader, const char *name, int count, reader_fn fn, void *context,
		    struct error *err)
{
	if (sqlite3_create_function_v2(reader->db, name, count, SQLITE_UTF8 | SQLITE_DIRECTONLY, context,
				       fn, NULL, NULL, NULL) != SQLITE_OK)
		return say(reader, reader->db, "prepare the reader of", err);
	return 0;
}

int reader_step(struct reader *reader, sqlite3_stmt *statement, struct error *err)
{
	int step = sqlite3_step(statement);

	if (step == SQLITE_ROW)
		return 1;
	if (step == SQLITE_DONE)
		return 0;
	return say(reader, sqlite3_db_handle(statement), "read the ledger", err);
}

void reader_finalize_p(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

int reader_begin(struct reader *reader, struct error *err)
{
	if (sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return say(reader, reader->db, "read the ledger", err);
	return 0;
}

void reader_end(struct reader *reader)
{
	if (reader->db && !sqlite3_get_autocommit(reader->db))
		IGNORE(sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL));
}

struct slice reader_cell(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return slice_new(bytes, bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

int reader_size(struct reader *reader, uint64_t *ret_size, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *statement = NULL;
	int64_t last = -1;
	int r;

	r = reader_prepare(reader, "SELECT coalesce(max(seq), -1) FROM event", &statement, err);
	if (r < 0)
		return r;
	r = reader_step(reader, statement, err);
	if (r < 0)
		return r;
	if (r > 0)
		last = sqlite3_column_int64(statement, 0);
	*ret_size = last < 0 ? 0 : (uint64_t)last + 1;
	return 0;
}

static int read_tile(void *context, uint32_t level, uint64_t n, uint32_t at, uint32_t count,
		     struct tree_hash *ret_hashes)
{
	struct reader *reader = context;
	struct slice hashes;
	int r;

	if (!reader->tile) {
		r = reader_prepare(reader, "SELECT hashes FROM tile WHERE level = ? AND n = ?",
				   &reader->tile, NULL);
		if (r < 0)
			return r;
	}
	sqlite3_bind_int64(reader->tile, 1, level);
	sqlite3_bind_int64(reader->tile, 2, (int64_t)n);
	r = reader_step(reader, reader->tile, NULL);
	if (r > 0) {
		hashes = reader_cell(reader->tile, 0);
		if (hashes.len >= (size_t)(at + count) * TREE_HASH_LEN)
			memcpy(ret_hashes, hashes.data + (size_t)at * TREE_HASH_LEN,
			       (size_t)count * TREE_HASH_LEN);
		else
			r = 0;
	}
	sqlite3_reset(reader->tile);
	return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

struct tree_source reader_tiles(struct reader *reader)
{
	return (struct tree_source){ .read = read_tile, .context = reader };
}

/* ---- opening ---- */

static int copy_cell(sqlite3_stmt *statement, int column, char *to, size_t size)
{
	struct slice cell = reader_cell(statement, column);

	if (cell.len && memchr(cell.data, '\0', cell.len))
		return -EBADMSG;
	return text_copy(to, size, cell) < 0 ? -EBADMSG : 0;
}

static int load_meta(struct reader *reader, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *statement = NULL;
	struct reader_meta *meta = &reader->meta;
	int r;

	r = reader_prepare(reader, "SELECT origin, vkey, generation FROM log_meta", &statement,
			   err);
	if (r < 0)
		return r;
	r = reader_step(reader, statement, err);
	if (r <= 0)
		return r < 0 ? r : error_say(err, -EBADMSG, "the ledger '%s' has no origin",
					     reader->path);
	if (copy_cell(statement, 0, meta->origin, sizeof(meta->origin)) < 0 ||
	    copy_cell(statement, 1, meta->vkey, sizeof(meta->vkey)) < 0)
		return error_say(err, -EBADMSG, "the ledger '%s' has a malformed origin or key",
				 reader->path);
	meta->generation = (uint64_t)sqlite3_column_int64(statement, 2);
	return 0;
}

/* values.db beside the ledger; that it may not be read is an ordinary case. */
static void open_values(struct reader *reader)
{
	char path[READER_PATH_MAX];
	size_t len = strlen(reader->path);
	static const char name[] = "values.db";
	struct error unused = { 0 };

	while (len > 0 && reader->path[len - 1] != '/')
		len--;
	if (len + sizeof(name) > sizeof(path))
		return;
	memcpy(path, reader->path, len);
	memcpy(path + len, name, sizeof(name));
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
		IGNORE(open_db(reader, path, SCHEMA_VALUES, &reader->values, &unused));
}

static int find_file(const char *path, char *ret_path, struct error *err)
{
	static const char *const below[] = { "", "/ledger.db", "/1/ledger.db",
					     "/ledger/1/ledger.db" };
	struct stat st;
	int r = -ENOENT;

	for (size_t i = 0; i < COUNT(below); i++) {
		struct buf buf = buf_fixed(ret_path, READER_PATH_MAX);

		if (buf_printf(&buf, "%s%s", path, below[i]) < 0)
			return error_set(err, -ENAMETOOLONG, "open the ledger '%s'", path);
		if (stat(ret_path, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			r = -errno;
	}
	error_set(err, r, "there is no ledger at '%s'", path);
	return error_next(err, r == -EACCES ?
			  "become root, or a member of the group bailiff-read" :
			  "name its folder with --state-dir, or its file with --db; the first "
			  "`bailiff run` makes one");
}

struct reader *reader_free(struct reader *reader)
{
	if (!reader)
		return NULL;
	reader_end(reader);
	sqlite3_finalize(reader->tile);
	sqlite3_close(reader->db);
	sqlite3_close(reader->values);
	tree_hasher_free(reader->hasher);
	free(reader);
	return NULL;
}

void reader_free_p(struct reader **reader)
{
	*reader = reader_free(*reader);
}

int reader_open(const char *path, uint32_t deadline_ms, struct reader **ret_reader,
		struct error *err)
{
	cleanup_with(reader_free_p) struct reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return error_set(err, -ENOMEM, "open the ledger");
	/* Counting bytes takes a lock at each allocation. Refused once SQLite runs, and set by then. */
	IGNORE(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK);
	r = find_file(path, reader->path, err);
	if (r < 0)
		return r;
	if (deadline_ms)
		reader->deadline_ns = reader_monotonic_ns() + deadline_ms * 1000000ULL;
	r = tree_hasher_new(&reader->hasher);
	if (r < 0)
		return error_set(err, r, "prepare SHA-256");
	r = open_db(reader, reader->path, SCHEMA_LEDGER, &reader->db, err);
	if (r < 0)
		return r;
	r = load_meta(reader, err);
	if (r < 0)
		return r;
	open_values(reader);
	*ret_reader = TAKE(reader);
	return 0;
}
