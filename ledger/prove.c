/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/prove.h"

#include <errno.h>

#include "base/parse.h"
#include "ledger/query_internal.h"

#define HEAD "c2sp.org/tlog-proof@v1"

/* ---- making ---- */

static int load_record(struct ledger *ledger, uint64_t seq, struct buf *rec, struct error *err)
{
	cleanup_with(reader_finalize_p) sqlite3_stmt *row = NULL;
	struct slice bytes;
	int r = reader_prepare(ledger->reader, "SELECT rec FROM event WHERE seq = ?", &row, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(row, 1, (int64_t)MIN(seq, (uint64_t)INT64_MAX));
	r = reader_step(ledger->reader, row, err);
	if (r < 0)
		return r;
	bytes = r > 0 ? reader_cell(row, 0) : (struct slice){ 0 };
	if (!bytes.len)
		return error_say(err, -ENOENT, "the ledger has no record %llu",
				 (unsigned long long)seq);
	r = buf_append(rec, bytes.data, bytes.len);
	return r < 0 ? error_set(err, r, "keep record %llu", (unsigned long long)seq) : 0;
}

static int write_proof(uint64_t seq, const struct tree_proof *hashes, struct slice note,
		       struct buf *proof, struct error *err)
{
	char text[48];

	IGNORE(buf_printf(proof, HEAD "\nindex %llu\n", (unsigned long long)seq) < 0);
	for (uint32_t i = 0; i < hashes->count; i++) {
		note_base64(text, hashes->hashes[i].bytes, TREE_HASH_LEN);
		IGNORE(buf_printf(proof, "%s\n", text) < 0);
	}
	IGNORE(buf_text(proof, "\n") < 0);
	IGNORE(buf_append(proof, note.data, note.len) < 0);
	return proof->failed ? error_set(err, -ENOSPC, "write the proof") : 0;
}

static int prove(struct ledger *ledger, uint64_t seq, struct buf *proof, struct buf *rec,
		 struct prove_facts *facts, struct error *err)
{
	struct tree_source tiles = reader_tiles(ledger->reader);
	struct note_checkpoint checkpoint;
	struct tree_proof hashes;
	struct slice note;
	int r = load_record(ledger, seq, rec, err);

	if (r < 0)
		return r;
	r = ledger_checkpoint(ledger, 0, &note, &checkpoint, err);
	if (r < 0)
		return r;
	if (r == 0 || checkpoint.size <= seq)
		return error_say(err, -EAGAIN, "no checkpoint covers record %llu yet; a running "
				 "ledger signs within a second", (unsigned long long)seq);
	r = tree_prove_inclusion(ledger->reader->hasher, &tiles, seq, checkpoint.size, &hashes);
	if (r < 0)
		return error_say(err, -EBADMSG, "the tree lacks hashes that its size needs; "
						"`bailiff ledger verify` says more");
	facts->hashes = hashes.count;
	facts->size = checkpoint.size;
	return write_proof(seq, &hashes, note, proof, err);
}

int prove_record(struct ledger *ledger, uint64_t seq, struct buf *proof, struct buf *rec,
		 struct prove_facts *ret_facts, struct error *err)
{
	struct note_checkpoint checkpoint;
	struct note_key key;
	uint64_t index;
	int r = reader_begin(ledger->reader, err);

	if (r < 0)
		return r;
	r = prove(ledger, seq, proof, rec, ret_facts, err);
	if (ledger->checkpoint)
		sqlite3_reset(ledger->checkpoint);
	reader_end(ledger->reader);
	if (r < 0)
		return r;
	/* Nothing goes out that its reader would refuse. */
	if (note_key_parse(slice_of(ledger->reader->meta.vkey), &key) < 0)
		return error_say(err, -EBADMSG, "the log's key is malformed");
	r = prove_check(buf_slice(proof), buf_slice(rec), &key, &index, &checkpoint, err);
	if (r == 0 && index != seq)
		r = error_say(err, -EBADMSG, "the proof is about record %llu",
			      (unsigned long long)index);
	return r;
}

/* ---- checking ---- */

static bool next_line(struct slice *rest, struct slice *ret_line)
{
	const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

	if (!end)
		return false;
	*ret_line = slice_new(rest->data, (size_t)(end - rest->data));
	rest->len -= ret_line->len + 1;
	rest->data = end + 1;
	return true;
}

static bool parse_index(struct slice line, uint64_t *ret_index)
{
	static const char word[] = "index ";

	if (!slice_starts(line, slice_of(word)))
		return false;
	line.data += sizeof(word) - 1;
	line.len -= sizeof(word) - 1;
	return parse_u64(line, 0, TREE_SIZE_MAX, ret_index) == 0;
}

/* Everything above the checkpoint, which stays in *rest. */
static bool parse_proof(struct slice *rest, uint64_t *ret_index, struct tree_proof *ret_hashes)
{
	struct slice line;

	ret_hashes->count = 0;
	if (!next_line(rest, &line) || !slice_is(line, HEAD) || !next_line(rest, &line))
		return false;
	if (slice_starts(line, slice_of("extra ")) && !next_line(rest, &line))
		return false;
	if (!parse_index(line, ret_index))
		return false;
	while (next_line(rest, &line)) {
		struct tree_hash *hash = &ret_hashes->hashes[ret_hashes->count];

		if (line.len == 0)
			return true;
		if (ret_hashes->count >= TREE_PROOF_MAX ||
		    note_unbase64(line, hash->bytes, TREE_HASH_LEN) != (ssize_t)TREE_HASH_LEN)
			return false;
		ret_hashes->count++;
	}
	return false;
}

static int check_leaf(struct slice record, uint64_t index, const struct tree_proof *hashes,
		      const struct note_checkpoint *checkpoint)
{
	cleanup_with(tree_hasher_free_p) struct tree_hasher *hasher = NULL;
	struct tree_hash leaf;
	int r = tree_hasher_new(&hasher);

	if (r == 0)
		r = tree_leaf(hasher, record, &leaf);
	return r < 0 ? r : tree_check_inclusion(hasher, hashes, index, checkpoint->size, &leaf,
						&checkpoint->root);
}

int prove_check(struct slice proof, struct slice record, const struct note_key *key,
		uint64_t *ret_index, struct note_checkpoint *ret_checkpoint, struct error *err)
{
	struct tree_proof hashes;
	struct slice rest = proof;
	struct note note;
	int r;

	if (!parse_proof(&rest, ret_index, &hashes) || note_parse(rest, &note) < 0 ||
	    note_checkpoint_parse(note.body, ret_checkpoint) < 0)
		return error_say(err, -EBADMSG, "this is no " HEAD);
	if (strcmp(ret_checkpoint->origin, key->name) != 0 || note_verify(&note, key) != 1)
		return error_say(err, -EBADMSG, "the checkpoint in the proof lacks a good signature "
						"of %s", key->name);
	r = check_leaf(record, *ret_index, &hashes, ret_checkpoint);
	if (r == -EBADMSG)
		return error_say(err, r, "the record is not what the checkpoint covers at number "
				 "%llu", (unsigned long long)*ret_index);
	return r < 0 ? error_set(err, r, "check the proof") : 0;
}
