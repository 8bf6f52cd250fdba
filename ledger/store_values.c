/* SPDX-License-Identifier: Apache-2.0 */
/* Sensitive values and documents: what records name by digest alone. */
#include "ledger/store_internal.h"

#include <errno.h>
#include <sys/random.h>

#include "ledger/scrub.h"

static int take_salt(struct store *store, uint8_t salt[SALT_LEN])
{
	if (store->salts_left == 0) {
		if (getrandom(store->salts, sizeof(store->salts), 0) !=
		    (ssize_t)sizeof(store->salts))
			return -EIO;
		store->salts_left = SALT_POOL / SALT_LEN;
	}
	store->salts_left--;
	memcpy(salt, store->salts + store->salts_left * SALT_LEN, SALT_LEN);
	return 0;
}

static int add_value(struct store *store, const uint8_t salt[SALT_LEN],
		     const struct record_value *value, struct slice data, struct error *err)
{
	int r = 0;

	if (!store->in_values)
		r = store_db_exec(store->values, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return r;
	store->in_values = true;
	sqlite3_bind_blob(store->add_value, 1, value->commit, sizeof(value->commit),
			  SQLITE_STATIC);
	sqlite3_bind_blob(store->add_value, 2, salt, SALT_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(store->add_value, 3, (int64_t)value->size);
	sqlite3_bind_blob(store->add_value, 4, data.data, (int)data.len, SQLITE_STATIC);
	return store_db_run(store->add_value, err);
}

int store_value(struct store *store, const struct intake_value *head, struct slice value,
		struct record_value *ret_value, struct error *err)
{
	cleanup_with(buf_finish) struct buf salted = buf_growing(SALT_LEN + 8U * INTAKE_VALUE_MAX);
	struct record_value kept = { .label = head->label, .size = head->size };
	uint8_t salt[SALT_LEN];
	struct tree_hash commit;
	int scrubbed, r = take_salt(store, salt);

	if (store->broken || head->size > INT64_MAX)
		return store->broken ? -EIO : -EINVAL;
	if (r == 0)
		r = buf_append(&salted, salt, sizeof(salt));
	if (r < 0)
		return r;
	scrubbed = scrub(value, &salted);
	if (scrubbed < 0)
		return scrubbed;
	r = tree_digest(store->hasher, buf_slice(&salted), &commit);
	if (r < 0)
		return store_broken(store, r);
	memcpy(kept.commit, commit.bytes, sizeof(kept.commit));
	kept.flags = (head->flags & 1U ? RECORD_VALUE_TRUNCATED : 0) |
		     (scrubbed ? RECORD_VALUE_SCRUBBED : 0);
	r = add_value(store, salt, &kept,
		      slice_new(salted.data + SALT_LEN, salted.len - SALT_LEN), err);
	if (r < 0)
		return store_broken(store, r);
	*ret_value = kept;
	return 0;
}

int store_doc(struct store *store, const uint8_t digest[RECORD_HASH_LEN], struct slice data,
	      struct error *err)
{
	struct tree_hash hash;
	int r;

	if (data.len > STORE_DOC_MAX)
		return -E2BIG;
	r = tree_digest(store->hasher, data, &hash);
	if (r < 0)
		return store_broken(store, r);
	if (memcmp(hash.bytes, digest, RECORD_HASH_LEN) != 0)
		return -EINVAL;
	r = store_begin(store, err);
	if (r < 0)
		return r;
	sqlite3_bind_blob(store->add_doc, 1, digest, RECORD_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(store->add_doc, 2, project_doc_type(data));
	sqlite3_bind_blob(store->add_doc, 3, data.data ? data.data : "", (int)data.len,
			  SQLITE_STATIC);
	r = store_db_run(store->add_doc, err);
	if (r < 0)
		return store_broken(store, r);
	store->pending++;
	return 0;
}
