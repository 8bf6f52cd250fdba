/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, appending, committing. */
#include "ledger/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/proc.h"
#include "ledger/words.h"

/* ---- open ---- */

static int open_dir(int parent_fd, const char *name, mode_t mode, int *ret_fd, struct error *err)
{
	int fd;

	if (mkdirat(parent_fd, name, mode) < 0 && errno != EEXIST)
		return error_set(err, -errno, "make directory '%s' of the ledger", name);
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set(err, -errno, "open directory '%s' of the ledger", name);
	*ret_fd = fd;
	return 0;
}

static int lock(struct store *store, struct error *err)
{
	store->lock_fd = openat(store->generation_fd, "LOCK",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (store->lock_fd < 0)
		return error_set(err, -errno, "open the ledger's LOCK");
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return error_set(err, -errno, "lock the ledger");
	error_say(err, -EBUSY, "another bailiff-ledgerd writes this ledger");
	error_next(err, "stop it, or use another --state-dir");
	return -EBUSY;
}

static int open_folders(struct store *store, int ledger_fd, struct error *err)
{
	int r = open_dir(ledger_fd, "1", 0750, &store->generation_fd, err);

	if (r == 0)
		r = lock(store, err);
	if (r == 0)
		r = open_dir(store->generation_fd, "keys", 0700, &store->keys_fd, err);
	if (r < 0)
		return r;
	if (fsync(ledger_fd) < 0 || fsync(store->generation_fd) < 0)
		return error_set(err, -errno, "sync the ledger's directories");
	return 0;
}

static int open_databases(struct store *store, struct error *err)
{
	/* Made here, because SQLite gives a new file only the mode that the umask leaves. */
	auto_close int values_fd = openat(store->generation_fd, "values.db",
					  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (values_fd < 0)
		return error_set(err, -errno, "make values.db");
	r = store_db_open(store->generation_fd, "ledger.db", SCHEMA_LEDGER, &store->db, err);
	if (r == 0)
		r = store_db_open(store->generation_fd, "values.db", SCHEMA_VALUES,
				  &store->values, err);
	return r;
}

static int prepare(struct store *store, struct error *err)
{
	const struct { sqlite3 *db; const char *sql; sqlite3_stmt **to; } rows[] = {
		{ store->values, "INSERT OR IGNORE INTO value VALUES(?,?,?,?)",
		  &store->add_value },
		{ store->db, "INSERT OR IGNORE INTO doc VALUES(?,?,?)", &store->add_doc },
		{ store->db, "SELECT 1 FROM doc WHERE digest = ?", &store->find_doc },
		{ store->db, "SELECT id FROM run WHERE uid = ?", &store->find_run },
		{ store->db, "SELECT rec FROM event WHERE run = ? ORDER BY seq DESC LIMIT 1",
		  &store->last_of_run },
		{ store->db, "INSERT INTO checkpoint VALUES(?,?,?,?,?,?)",
		  &store->add_checkpoint },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int r = store_db_prepare(rows[i].db, rows[i].sql, rows[i].to, err);

		if (r < 0)
			return r;
	}
	return projector_new(store->db, &store->projector, err);
}

/* The log names its origin itself; a new one is named after the host. */
static int origin_of(struct store *store, char *origin, size_t size, struct error *err)
{
	cleanup_with(store_db_finalize_p) sqlite3_stmt *statement = NULL;
	struct slice text;
	int r = store_db_prepare(store->db, "SELECT origin FROM log_meta", &statement, err);

	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW) {
		r = keys_origin(STORE_GENERATION, origin, size);
		return r < 0 ? error_set(err, r, "name the log after /etc/machine-id") : 0;
	}
	text = store_db_bytes(statement, 0);
	if (text.len >= size)
		return error_say(err, -EBADMSG, "the log's origin is too long");
	memcpy(origin, text.data, text.len);
	origin[text.len] = '\0';
	return 0;
}

static int open_keys(struct store *store, struct error *err)
{
	char origin[NOTE_NAME_MAX];
	int r = origin_of(store, origin, sizeof(origin), err);

	if (r == 0)
		r = keys_open(store->keys_fd, origin, KEYS_FIRST_EPOCH, store->frontier.size == 0,
			      &store->keys, err);
	if (r < 0)
		return r;
	r = note_key_of_seed(slice_of(origin), store->keys.identity_seed, &store->identity);
	if (r == 0)
		r = note_key_of_seed(slice_of(store->keys.seal_name), store->keys.seal_seed,
				     &store->seal);
	return r < 0 ? error_set(err, r, "load the keys of '%s'", origin) : 0;
}

static void store_free_p(struct store **store)
{
	*store = store_free(*store);
}

int store_open(int ledger_fd, struct store **ret_store, struct error *err)
{
	cleanup_with(store_free_p) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return error_set(err, -ENOMEM, "open the ledger");
	store->generation_fd = store->keys_fd = store->lock_fd = FD_NONE;
	r = proc_boot_id(store->boot_id);
	if (r < 0)
		return error_set(err, r, "read the boot id");
	r = tree_hasher_new(&store->hasher);
	if (r < 0)
		return error_set(err, r, "start SHA-256");
	r = open_folders(store, ledger_fd, err);
	if (r == 0) /* before the databases, which may need it to open */
		store->full = reserve_open(&store->reserve, store->generation_fd);
	if (r == 0)
		r = open_databases(store, err);
	if (r == 0)
		r = prepare(store, err);
	if (r == 0)
		r = store_recover(store, err);
	if (r == 0)
		r = open_keys(store, err);
	if (r == 0)
		r = store_check_signed(store, err);
	if (r == 0)
		r = store_check_remembered(store, err);
	if (r == 0)
		r = store_log_start(store, err);
	if (r == 0)
		r = store_remember(store, err);
	if (r == 0)
		*ret_store = TAKE(store);
	return r;
}

static void finalize_all(struct store *store)
{
	sqlite3_stmt **statements[] = {
		&store->add_value, &store->add_doc, &store->find_doc, &store->find_run,
		&store->last_of_run, &store->add_checkpoint,
	};

	for (size_t i = 0; i < COUNT(statements); i++)
		store_db_finalize_p(statements[i]);
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	finalize_all(store);
	store->projector = projector_free(store->projector);
	edge_finish(&store->edge);
	store_db_close_p(&store->values);
	store_db_close_p(&store->db);
	chain_finish(&store->chain);
	store->resent = resent_free(store->resent);
	tree_hasher_free_p(&store->hasher);
	keys_finish(&store->keys);
	store->keys_fd = fd_close(store->keys_fd);
	store->generation_fd = fd_close(store->generation_fd);
	store->lock_fd = fd_close(store->lock_fd);
	free(store);
	return NULL;
}

/* ---- transactions ---- */

int store_broken(struct store *store, int code)
{
	store->broken = true;
	return code;
}

int store_begin(struct store *store, struct error *err)
{
	int r;

	if (store->broken)
		return error_say(err, -EIO, "the ledger failed before");
	if (store->in_transaction)
		return 0;
	r = store_db_exec(store->db, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return store_broken(store, r);
	store->in_transaction = true;
	return 0;
}

/* A crash between the two leaves a value that nothing names, never a commitment without one. */
static int commit_values(struct store *store, struct error *err)
{
	int r;

	if (!store->in_values)
		return 0;
	r = store_db_exec(store->values, "COMMIT", err);
	store->in_values = false;
	return r;
}

int store_commit(struct store *store, bool sign, struct error *err)
{
	bool signs = sign && store->signed_size != store->frontier.size;
	int r;

	if (!signs && !store->in_transaction)
		return 0;
	r = store_begin(store, err);
	if (r == 0)
		r = projector_flush(store->projector, err);
	if (r == 0)
		r = edge_flush(&store->edge, err);
	if (r == 0 && signs)
		r = store_sign(store, err);
	if (r == 0)
		r = commit_values(store, err);
	if (r == 0)
		r = store_db_exec(store->db, "COMMIT", err);
	if (r < 0)
		return store_broken(store, -EIO);
	store->in_transaction = false;
	store->pending = 0;
	if (signs)
		store->signed_size = store->frontier.size;
	return 0;
}

/* ---- appending ---- */

/* The end of the run's chain, from memory or from the log. */
static int chain_end(struct store *store, const uint8_t run[16], struct chain_link *ret_link)
{
	const struct chain_link *link = chain_find(&store->chain, run);
	struct record last;
	struct slice rec;
	int64_t id;
	int step, r = 0;

	if (link) {
		*ret_link = *link;
		return 0;
	}
	sqlite3_bind_blob(store->find_run, 1, run, 16, SQLITE_STATIC);
	step = sqlite3_step(store->find_run);
	id = step == SQLITE_ROW ? sqlite3_column_int64(store->find_run, 0) : -1;
	sqlite3_reset(store->find_run);
	if (id < 0)
		return step == SQLITE_DONE ? -ENOENT : -EIO;
	sqlite3_bind_int64(store->last_of_run, 1, id);
	if (sqlite3_step(store->last_of_run) != SQLITE_ROW)
		r = -EIO;
	if (r == 0) {
		rec = store_db_bytes(store->last_of_run, 0);
		r = record_decode(rec, &last);
	}
	if (r == 0)
		r = tree_leaf(store->hasher, rec, &ret_link->last);
	sqlite3_reset(store->last_of_run);
	if (r < 0)
		return -EIO;
	ret_link->next = last.rseq + 1;
	return 0;
}

static int check_policy(struct store *store, const struct record *record)
{
	struct slice digest = record_bytes(record, DETAIL_POLICY_DIGEST);
	int step;

	sqlite3_bind_blob(store->find_doc, 1, digest.data, (int)digest.len, SQLITE_STATIC);
	step = sqlite3_step(store->find_doc);
	sqlite3_reset(store->find_doc);
	if (step == SQLITE_DONE)
		return -ENOENT;
	return step == SQLITE_ROW ? 0 : -EIO;
}

/* Gives the record its place in its run. */
static int join_run(struct store *store, struct record *record, struct chain_link *ret_link)
{
	struct record_pair count = { .key = DETAIL_RECORDS, .type = PAIR_UINT };
	int r;

	memcpy(ret_link->run, record->run, sizeof(ret_link->run));
	r = chain_end(store, record->run, ret_link);
	if (r == -ENOENT && record->kind == RECORD_RUN_START) {
		ret_link->next = 0;
		r = check_policy(store, record);
	} else if (r == 0 && record->kind == RECORD_RUN_START) {
		r = -EEXIST;
	}
	if (r < 0)
		return r;
	record->rseq = ret_link->next;
	record->has_prev = record->rseq > 0;
	if (record->has_prev)
		memcpy(record->prev, ret_link->last.bytes, sizeof(record->prev));
	if (record->kind != RECORD_RUN_END)
		return 0;
	count.number = record->rseq + 1;
	return record_set_pair(record, count);
}

static int add_leaf(struct store *store, const struct tree_hash *leaf, struct error *err)
{
	struct tree_entry entries[TREE_TILE_LEVELS];
	uint32_t count;
	int r = tree_append(store->hasher, &store->frontier, leaf, entries, &count);

	if (r < 0)
		return error_set(err, r, "grow the tree");
	for (uint32_t i = 0; i < count && r == 0; i++)
		r = edge_put(&store->edge, &entries[i], err);
	return r;
}

/* From here on a failure breaks the store: half a record may be in the transaction. */
static int write_record(struct store *store, const struct projection *projection,
			struct slice rec, struct chain_link *link, struct error *err)
{
	struct tree_hash leaf;
	int r = tree_leaf(store->hasher, rec, &leaf);

	if (r == 0)
		r = projector_apply(store->projector, projection, rec, err);
	if (r == 0)
		r = add_leaf(store, &leaf, err);
	if (r == 0 && projection->record->has_run) {
		link->next = projection->record->rseq + 1;
		link->last = leaf;
		r = chain_set(&store->chain, link);
	}
	return r < 0 ? store_broken(store, -EIO) : 0;
}

bool store_has(struct store *store, const struct record *record)
{
	return store->resent && resent_has(store->resent, store->hasher, record);
}

int store_append(struct store *store, struct record *record, struct error *err)
{
	struct chain_link link = { 0 };
	struct projection projection;
	ssize_t len;
	int r = store_begin(store, err);

	if (r == 0 && record->has_run)
		r = join_run(store, record, &link);
	if (r < 0)
		return r == -EIO ? store_broken(store, r) : r;
	len = record_encode(record, store->record, sizeof(store->record));
	if (len < 0)
		return (int)len;
	r = project(store->frontier.size, record, &projection);
	if (r < 0)
		return r;
	r = write_record(store, &projection, slice_new(store->record, (size_t)len), &link, err);
	if (r < 0)
		return r;
	store->last_hint = project_checkpoint(record);
	store->pending++;
	if (store->started && record->kind >= RECORD_CREATE)
		store->resent = resent_free(store->resent);
	return 0;
}

/* ---- state ---- */

void store_tidy(struct store *store)
{
	if (!store->in_transaction && !store->broken)
		sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

bool store_look(struct store *store)
{
	bool before = store->full;

	store->full = reserve_check(&store->reserve);
	return store->full != before;
}

bool store_full(const struct store *store)
{
	return store->full;
}

uint64_t store_size(const struct store *store)
{
	return store->frontier.size;
}

uint32_t store_pending(const struct store *store)
{
	return store->pending;
}

uint64_t store_signed_size(const struct store *store)
{
	return store->signed_size;
}

const uint8_t *store_boot_id(const struct store *store)
{
	return store->boot_id;
}
