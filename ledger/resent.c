/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/resent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/store_db.h"

#define SLOTS (4U * RESENT_RECORDS)   /* open addressing, at most a quarter full */

struct resent {
	struct tree_hash slots[SLOTS];     /* all zero = empty */
};

static const struct tree_hash empty;

static void drop_pair(struct record *record, enum detail_key key)
{
	for (uint32_t i = 0; i < record->pair_count; i++) {
		if (record->pairs[i].key != key)
			continue;
		record->pair_count--;
		memmove(&record->pairs[i], &record->pairs[i + 1],
			(record->pair_count - i) * sizeof(record->pairs[0]));
		return;
	}
}

/* The digest of what the producer said. */
static int digest(struct tree_hasher *hasher, const struct record *record,
		  struct tree_hash *ret_digest)
{
	__attribute__((uninitialized)) uint8_t bytes[RECORD_MAX];
	struct record said = *record;
	ssize_t len;

	said.rseq = 0;
	said.has_prev = false;
	said.value_count = 0;
	if (said.kind == RECORD_RUN_END)
		drop_pair(&said, DETAIL_RECORDS);
	len = record_encode(&said, bytes, sizeof(bytes));
	if (len < 0)
		return (int)len;
	return tree_digest(hasher, slice_new(bytes, (size_t)len), ret_digest);
}

static size_t slot_of(const struct resent *resent, const struct tree_hash *hash)
{
	uint64_t at;

	memcpy(&at, hash->bytes, sizeof(at));
	while (!tree_hash_eq(&resent->slots[at % SLOTS], &empty) &&
	       !tree_hash_eq(&resent->slots[at % SLOTS], hash))
		at++;
	return at % SLOTS;
}

static int load(struct resent *resent, sqlite3_stmt *rows, struct tree_hasher *hasher)
{
	struct tree_hash hash;
	struct record record;
	int step;

	while ((step = sqlite3_step(rows)) == SQLITE_ROW) {
		int r = record_decode(store_db_bytes(rows, 0), &record);

		if (r == 0)
			r = digest(hasher, &record, &hash);
		if (r < 0)
			return r;
		resent->slots[slot_of(resent, &hash)] = hash;
	}
	return step == SQLITE_DONE ? 0 : -EIO;
}

static void resent_free_p(struct resent **resent)
{
	*resent = resent_free(*resent);
}

int resent_new(sqlite3 *db, struct tree_hasher *hasher, struct resent **ret_resent,
	       struct error *err)
{
	cleanup_with(resent_free_p) struct resent *resent = calloc(1, sizeof(*resent));
	cleanup_with(store_db_finalize_p) sqlite3_stmt *rows = NULL;
	int r;

	if (!resent)
		return error_set(err, -ENOMEM, "remember the newest records");
	r = store_db_prepare(db, "SELECT rec FROM event WHERE rec IS NOT NULL"
			     " ORDER BY seq DESC LIMIT ?", &rows, err);
	if (r < 0)
		return r;
	sqlite3_bind_int64(rows, 1, RESENT_RECORDS);
	r = load(resent, rows, hasher);
	if (r < 0)
		return error_set(err, r, "remember the newest records");
	*ret_resent = TAKE(resent);
	return 0;
}

struct resent *resent_free(struct resent *resent)
{
	free(resent);
	return NULL;
}

bool resent_has(const struct resent *resent, struct tree_hasher *hasher,
		const struct record *record)
{
	struct tree_hash hash;

	if (digest(hasher, record, &hash) < 0)
		return false;
	return !tree_hash_eq(&resent->slots[slot_of(resent, &hash)], &empty);
}
