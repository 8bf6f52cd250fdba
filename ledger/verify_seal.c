/* SPDX-License-Identifier: Apache-2.0 */
/* Every checkpoint: its two signatures, its root, its place. */
#include <errno.h>

#include "ledger/record.h"
#include "ledger/verify_pass.h"

struct seal_keys {
	struct note_key identity, seal;
	int64_t epoch;
};

/* From the replica, so that a doctored key table cannot speak for itself. */
static int load_keys(struct verify_pass *pass, struct seal_keys *keys)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	char name[NOTE_NAME_MAX + 32];
	int r;

	if (sqlite3_prepare_v2(pass->replica, "SELECT m.vkey, k.vkey, k.epoch, m.origin"
			       " FROM log_meta m, seal_key k", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_step(row) != SQLITE_ROW)
		return -ENOENT;
	r = note_key_parse(reader_cell(row, 0), &keys->identity);
	if (r == 0)
		r = note_key_parse(reader_cell(row, 1), &keys->seal);
	if (r < 0)
		return r;
	keys->epoch = sqlite3_column_int64(row, 2);
	pass->report->epochs = 1;
	IGNORE(snprintf(name, sizeof(name), "%s/seal/%lld", keys->identity.name,
			(long long)keys->epoch) < 0);
	/* The names are part of what a third party enrols: they must say what the key is for. */
	if (!slice_is(reader_cell(row, 3), keys->identity.name) ||
	    strcmp(keys->seal.name, name) != 0)
		return -EBADMSG;
	return 0;
}

static const char *check_signature(const struct note *note, const struct note_key *key)
{
	int r = note_verify(note, key);

	return r > 0 ? NULL : r == 0 ? "lacks the signature of" : "has a bad signature of";
}

/* Returns false when there was something to say. */
static bool check_note(struct verify_pass *pass, sqlite3_stmt *row, const struct seal_keys *keys,
		       struct note_checkpoint *ret_checkpoint)
{
	const struct note_key *both[] = { &keys->identity, &keys->seal };
	int64_t size = sqlite3_column_int64(row, 0);
	struct slice root = reader_cell(row, 1);
	struct note note;

	if (note_parse(reader_cell(row, 5), &note) < 0 ||
	    note_checkpoint_parse(note.body, ret_checkpoint) < 0) {
		verify_find(pass, size - 1, "the checkpoint of size %lld is not a signed note",
			    (long long)size);
		return false;
	}
	for (size_t i = 0; i < COUNT(both); i++) {
		const char *wrong = check_signature(&note, both[i]);

		if (wrong) {
			verify_find(pass, size - 1, "the checkpoint of size %lld %s %s",
				    (long long)size, wrong, both[i]->name);
			return false;
		}
	}
	if (strcmp(ret_checkpoint->origin, keys->identity.name) != 0 ||
	    ret_checkpoint->size != (uint64_t)size || root.len != TREE_HASH_LEN ||
	    memcmp(root.data, ret_checkpoint->root.bytes, TREE_HASH_LEN) != 0) {
		verify_find(pass, size - 1, "table checkpoint: the row of size %lld is not what "
			    "its note says", (long long)size);
		return false;
	}
	return true;
}

static int check_hints(struct verify_pass *pass, sqlite3_stmt *row, sqlite3_stmt *event,
		       const struct seal_keys *keys, struct error *err)
{
	int64_t size = sqlite3_column_int64(row, 0);
	struct checkpoint_hint hint;
	struct record record;
	int r;

	if (sqlite3_column_int64(row, 3) != keys->epoch)
		verify_find(pass, size - 1, "table checkpoint, column epoch: the file has %lld, "
			    "the records give %lld", (long long)sqlite3_column_int64(row, 3),
			    (long long)keys->epoch);
	sqlite3_bind_int64(event, 1, size - 1);
	r = reader_step(pass->reader, event, err);
	if (r > 0 && record_decode(reader_cell(event, 0), &record) == 0) {
		hint = project_checkpoint(&record);
		if (sqlite3_column_int64(row, 2) != hint.ts_ns)
			verify_find(pass, size - 1, "table checkpoint, column ts_ns: not the time "
				    "of the record that it follows");
		if (sqlite3_column_int64(row, 4) != hint.reason)
			verify_find(pass, size - 1, "table checkpoint, column reason: not the kind "
				    "of the record that it follows");
	}
	sqlite3_reset(event);
	return r < 0 ? r : 0;
}

static int check_root(struct verify_pass *pass, const struct note_checkpoint *checkpoint)
{
	struct tree_hash root;
	int r;

	if (checkpoint->size == 0 || checkpoint->size > pass->next) {
		verify_find(pass, (int64_t)pass->next,
			    "is missing: a checkpoint covers %llu records, the log has %llu; its "
			    "tail was cut off", (unsigned long long)checkpoint->size,
			    (unsigned long long)pass->next);
		return 0;
	}
	r = verify_root(pass, checkpoint->size, &root);
	if (r < 0)
		return r;
	if (!tree_hash_eq(&root, &checkpoint->root))
		verify_find(pass, -1, "the records below %llu do not hash to the root that was "
			    "signed for them", (unsigned long long)checkpoint->size);
	return 0;
}

int verify_seals(struct verify_pass *pass, struct note_checkpoint *ret_newest, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *rows = NULL, *event = NULL;
	struct seal_keys keys;
	int r;

	memset(ret_newest, 0, sizeof(*ret_newest));
	r = load_keys(pass, &keys);
	if (r == -EIO)
		return error_set(err, r, "read the keys");
	if (r < 0) {
		verify_find(pass, 0, "does not give the log's keys in their proper form");
		return 0;
	}
	r = reader_prepare(pass->reader, "SELECT size, root, ts_ns, epoch, reason, note"
			   " FROM checkpoint ORDER BY size", &rows, err);
	if (r == 0)
		r = reader_prepare(pass->reader, "SELECT rec FROM event WHERE seq = ?", &event,
				   err);
	if (r < 0)
		return r;
	while ((r = reader_step(pass->reader, rows, err)) > 0) {
		struct note_checkpoint checkpoint;

		pass->report->checkpoints++;
		if (!check_note(pass, rows, &keys, &checkpoint))
			continue;
		r = check_root(pass, &checkpoint);
		if (r < 0)
			return error_set(err, r, "hash the tree");
		r = check_hints(pass, rows, event, &keys, err);
		if (r < 0)
			return r;
		*ret_newest = checkpoint;
	}
	if (r == 0 && pass->report->checkpoints == 0)
		verify_find(pass, -1, "no record is signed: the log has no checkpoint");
	return r;
}
