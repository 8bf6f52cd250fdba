/* SPDX-License-Identifier: Apache-2.0 */
/* A proof that we make holds, and with any one byte of it or of its record changed it does not.
 * Bytes: leaves, index, where to change (2), what to (1); then the record. And any text is answered:
 * no text that a fuzzer makes is a proof. */
#include <assert.h>
#include <errno.h>

#include "ledger/prove.h"

#define LEAVES_MAX 40U
#define HEAD_BYTES 5U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct leaves {
	struct tree_hash hashes[LEAVES_MAX];
	uint32_t count;
};

static int read_leaves(void *context, uint32_t level, uint64_t n, uint32_t at, uint32_t count,
		       struct tree_hash *ret_hashes)
{
	const struct leaves *leaves = context;

	if (level != 0 || n != 0 || at + count > leaves->count)
		return -ENOENT;
	memcpy(ret_hashes, leaves->hashes + at, count * sizeof(*ret_hashes));
	return 0;
}

static void make_proof(struct tree_hasher *hasher, struct leaves *leaves, uint64_t index,
		       const struct note_key *key, const uint8_t *seed, struct buf *proof)
{
	struct tree_source source = { .read = read_leaves, .context = leaves };
	struct note_checkpoint checkpoint = { .origin = "fuzz.example/log", .size = leaves->count };
	char memory[512], text[48];
	struct buf body = buf_fixed(memory, sizeof(memory));
	char note_memory[1024];
	struct buf note = buf_fixed(note_memory, sizeof(note_memory));
	struct tree_proof hashes;

	assert(tree_prove_inclusion(hasher, &source, index, leaves->count, &hashes) == 0);
	assert(tree_root_at(hasher, &source, leaves->count, &checkpoint.root) == 0);
	assert(note_checkpoint_write(&body, &checkpoint) == 0);
	assert(note_body(&note, buf_slice(&body)) == 0 && note_sign(&note, key, seed) == 0);
	assert(buf_printf(proof, "c2sp.org/tlog-proof@v1\nindex %u\n", (unsigned int)index) == 0);
	for (uint32_t i = 0; i < hashes.count; i++) {
		note_base64(text, hashes.hashes[i].bytes, TREE_HASH_LEN);
		assert(buf_printf(proof, "%s\n", text) == 0);
	}
	assert(buf_text(proof, "\n") == 0 && buf_append(proof, note.data, note.len) == 0);
}

/* Without its own extra line, a signature of somebody else and the like, nothing may change. */
static void check_changed(struct slice proof, struct slice record, const struct note_key *key,
			  const uint8_t *how)
{
	char changed[8192];
	struct note_checkpoint checkpoint;
	struct error err = { 0 };
	size_t whole = proof.len + record.len, at = (size_t)(how[0] << 8 | how[1]) % whole;
	uint64_t index;

	assert(whole <= sizeof(changed));
	memcpy(changed, proof.data, proof.len);
	if (record.len > 0)
		memcpy(changed + proof.len, record.data, record.len);
	if (changed[at] == (char)how[2])
		return;
	changed[at] = (char)how[2];
	assert(prove_check(slice_new(changed, proof.len), slice_new(changed + proof.len, record.len), key,
			   &index, &checkpoint, &err) == -EBADMSG);
	assert(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[NOTE_SEED_LEN] = { 7 };
	static struct tree_hasher *hasher;
	static struct note_key key;
	struct note_checkpoint checkpoint;
	struct leaves leaves = { .count = 0 };
	struct slice record;
	char memory[6144];
	struct buf proof = buf_fixed(memory, sizeof(memory));
	uint64_t index, got;

	if (!hasher && (tree_hasher_new(&hasher) < 0 || note_key_of_seed(slice_of("fuzz.example/log"), seed, &key) < 0))
		abort();
	assert(prove_check(slice_new(data, size), slice_of(""), &key, &got, &checkpoint, NULL) < 0);
	if (size < HEAD_BYTES || size > 1024)
		return 0;
	leaves.count = 1 + data[0] % LEAVES_MAX;
	index = data[1] % leaves.count;
	record = slice_new(data + HEAD_BYTES, size - HEAD_BYTES);
	for (uint32_t i = 0; i < leaves.count; i++) {
		uint8_t other[2] = { 0xff, (uint8_t)i };

		assert(tree_leaf(hasher, i == index ? record : slice_new(other, 2), &leaves.hashes[i]) == 0);
	}
	make_proof(hasher, &leaves, index, &key, seed, &proof);
	assert(prove_check(buf_slice(&proof), record, &key, &got, &checkpoint, NULL) == 0);
	assert(got == index && checkpoint.size == leaves.count);
	check_changed(buf_slice(&proof), record, &key, data + 2);
	return 0;
}
