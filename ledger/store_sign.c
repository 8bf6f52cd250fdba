/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: signing them, and finding at the start that the files contradict one. */
#include "ledger/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

#define LAST "last"
#define LAST_NEW "last.new"

static int make_note(struct store *store, struct buf *note, struct tree_hash *ret_root)
{
	char memory[NOTE_NAME_MAX + 96];
	struct buf body = buf_fixed(memory, sizeof(memory));
	struct note_checkpoint checkpoint = { .size = store->frontier.size };
	int r = tree_root(store->hasher, &store->frontier, &checkpoint.root);

	memcpy(checkpoint.origin, store->identity.name, sizeof(checkpoint.origin));
	*ret_root = checkpoint.root;
	if (r == 0)
		r = note_checkpoint_write(&body, &checkpoint);
	if (r == 0)
		r = note_body(note, buf_slice(&body));
	if (r == 0)
		r = note_sign(note, &store->identity, store->keys.identity_seed);
	if (r == 0)
		r = note_sign(note, &store->seal, store->keys.seal_seed);
	return r;
}

int store_sign(struct store *store, struct error *err)
{
	cleanup_with(buf_finish) struct buf note = buf_growing(NOTE_MAX);
	sqlite3_stmt *statement = store->add_checkpoint;
	struct tree_hash root;
	int r = make_note(store, &note, &root);

	if (r < 0)
		return error_set(err, r, "sign the log");
	sqlite3_bind_int64(statement, 1, (int64_t)store->frontier.size);
	sqlite3_bind_blob(statement, 2, root.bytes, TREE_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, store->last_hint.ts_ns);
	sqlite3_bind_int64(statement, 4, store->keys.epoch);
	sqlite3_bind_int64(statement, 5, store->last_hint.reason);
	sqlite3_bind_text(statement, 6, note.data, (int)note.len, SQLITE_STATIC);
	return store_db_run(statement, err);
}

static int newest(struct store *store, sqlite3_stmt **ret_statement, struct error *err)
{
	return store_db_prepare(store->db, "SELECT size, root, note FROM checkpoint"
				" ORDER BY size DESC LIMIT 1", ret_statement, err);
}

int store_remember(struct store *store, struct error *err)
{
	cleanup_with(store_db_finalize_p) sqlite3_stmt *statement = NULL;
	auto_close int fd = FD_NONE;
	struct slice note;
	int r = newest(store, &statement, err);

	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return error_say(err, -EIO, "the log has no checkpoint");
	note = store_db_bytes(statement, 2);
	fd = openat(store->keys_fd, LAST_NEW,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, -errno, "write 'keys/" LAST "'");
	r = io_write(fd, note.data, note.len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(store->keys_fd, LAST_NEW, store->keys_fd, LAST) < 0)
		r = -errno;
	if (r == 0 && fsync(store->keys_fd) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "write 'keys/" LAST "'") : 0;
}

/* Reads a checkpoint that both our keys signed. */
static int read_note(struct store *store, struct slice text, struct note_checkpoint *ret_checkpoint)
{
	struct note note;
	int r = note_parse(text, &note);

	if (r == 0)
		r = note_verify(&note, &store->identity) == 1 &&
		    note_verify(&note, &store->seal) == 1 ? 0 : -EBADMSG;
	if (r == 0)
		r = note_checkpoint_parse(note.body, ret_checkpoint);
	if (r == 0 && !slice_is(slice_of(ret_checkpoint->origin), store->identity.name))
		r = -EBADMSG;
	return r;
}

static int rolled_back(struct error *err, uint64_t known, uint64_t have)
{
	error_say(err, -EBADMSG, "the log was rolled back: %llu records were signed, its files"
		  " hold %llu or others", (unsigned long long)known, (unsigned long long)have);
	error_next(err, "restore the ledger's folder as a whole, or move it away to start anew");
	return -EBADMSG;
}

/* The tree's root at an older size against a signed one. */
static int check_prefix(struct store *store, const struct note_checkpoint *checkpoint,
			struct error *err)
{
	struct tree_hash root;
	int r;

	if (checkpoint->size > store->frontier.size)
		return rolled_back(err, checkpoint->size, store->frontier.size);
	r = tree_root_at(store->hasher, &store->edge.source, checkpoint->size, &root);
	if (r < 0)
		return error_set(err, r, "compute the root at size %llu",
				 (unsigned long long)checkpoint->size);
	if (!tree_hash_eq(&root, &checkpoint->root))
		return rolled_back(err, checkpoint->size, store->frontier.size);
	return 0;
}

int store_check_remembered(struct store *store, struct error *err)
{
	auto_close int fd = openat(store->keys_fd, LAST, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct note_checkpoint checkpoint;
	char text[NOTE_MAX];
	ssize_t len;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "read 'keys/" LAST "'");
	len = io_read(fd, text, sizeof(text));
	if (len < 0)
		return error_set(err, (int)len, "read 'keys/" LAST "'");
	r = read_note(store, slice_new(text, (size_t)len), &checkpoint);
	if (r < 0)
		return error_say(err, -EBADMSG, "'keys/" LAST "' is no checkpoint of this log");
	return check_prefix(store, &checkpoint, err);
}

int store_check_signed(struct store *store, struct error *err)
{
	cleanup_with(store_db_finalize_p) sqlite3_stmt *statement = NULL;
	struct note_checkpoint checkpoint;
	int step, r = newest(store, &statement, err);

	if (r < 0)
		return r;
	step = sqlite3_step(statement);
	if (step == SQLITE_DONE)
		return store->frontier.size == 0 ?
		       0 : error_say(err, -EBADMSG, "the log has records and no checkpoint");
	if (step != SQLITE_ROW)
		return store_db_error(store->db, err, "read the newest checkpoint");
	r = read_note(store, store_db_bytes(statement, 2), &checkpoint);
	if (r < 0 || (int64_t)checkpoint.size != sqlite3_column_int64(statement, 0))
		return error_say(err, -EBADMSG, "the newest checkpoint is not signed by our keys");
	r = check_prefix(store, &checkpoint, err);
	if (r == 0)
		store->signed_size = checkpoint.size;
	return r;
}
