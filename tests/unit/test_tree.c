/* SPDX-License-Identifier: Apache-2.0 */
/* The tree against the recursive definition of RFC 6962 section 2.1, written down here once more. */
#include <check.h>
#include <errno.h>

#include "ledger/tree.h"
#include "lib/runner.h"

#define SMALL 260U
#define BIG_FROM 65530U
#define BIG 65545U

static struct tree_hasher *hasher;
static struct tree_hash *leaves;
static struct tree_hash *tiles[3];     /* flat: hash i of level L is tiles[L][i] */
static uint64_t tile_count[3];
static struct tree_hash roots[BIG + 1]; /* by the frontier, for each size */

static int read_tiles(void *context, uint32_t level, uint64_t n, uint32_t at, uint32_t count,
		      struct tree_hash *ret_hashes)
{
	uint64_t first = n * TREE_TILE_WIDTH + at;

	(void)context;
	if (level >= 3 || first + count > tile_count[level] || at + count > TREE_TILE_WIDTH)
		return -ENOENT;
	memcpy(ret_hashes, &tiles[level][first], count * sizeof(*ret_hashes));
	return 0;
}

static const struct tree_source source = { .read = read_tiles };

static void put_entry(const struct tree_entry *entry)
{
	uint64_t at = entry->n * TREE_TILE_WIDTH + entry->at;

	ck_assert_uint_lt(entry->level, 3);
	ck_assert_uint_eq(at, tile_count[entry->level]); /* each once, in order */
	tiles[entry->level][at] = entry->hash;
	tile_count[entry->level]++;
}

static void grow(void)
{
	struct tree_frontier frontier = { 0 };

	for (uint32_t i = 0; i < BIG; i++) {
		struct tree_entry entries[TREE_TILE_LEVELS];
		uint32_t count = 0;
		char record[16];
		int len = snprintf(record, sizeof(record), "record %u", i);

		ck_assert_int_eq(tree_root(hasher, &frontier, &roots[i]), 0);
		ck_assert_int_eq(tree_leaf(hasher, slice_new(record, (size_t)len), &leaves[i]), 0);
		ck_assert_int_eq(tree_append(hasher, &frontier, &leaves[i], entries, &count), 0);
		for (uint32_t k = 0; k < count; k++)
			put_entry(&entries[k]);
	}
	ck_assert_int_eq(tree_root(hasher, &frontier, &roots[BIG]), 0);
}

static void setup(void)
{
	ck_assert_int_eq(tree_hasher_new(&hasher), 0);
	leaves = calloc(BIG, sizeof(*leaves));
	for (size_t i = 0; i < 3; i++) {
		tiles[i] = calloc(BIG, sizeof(*tiles[i]));
		tile_count[i] = 0;
	}
	grow();
}

static void teardown(void)
{
	hasher = tree_hasher_free(hasher);
	for (size_t i = 0; i < 3; i++)
		free(tiles[i]);
	free(leaves);
}

/* MTH(D[from:to]). */
static struct tree_hash definition(uint64_t from, uint64_t to)
{
	struct tree_hash left, right, root;
	uint64_t split = 1;

	if (to == from) {
		ck_assert_int_eq(tree_digest(hasher, slice_of(""), &root), 0);
		return root;
	}
	if (to - from == 1)
		return leaves[from];
	while (split * 2 < to - from)
		split *= 2;
	left = definition(from, from + split);
	right = definition(from + split, to);
	ck_assert_int_eq(tree_node(hasher, &left, &right, &root), 0);
	return root;
}

/* PATH(m, D[from:to]), leaf first. */
static void path(uint64_t m, uint64_t from, uint64_t to, struct tree_proof *proof)
{
	uint64_t split = 1;

	if (to - from == 1)
		return;
	while (split * 2 < to - from)
		split *= 2;
	if (m < split) {
		path(m, from, from + split, proof);
		proof->hashes[proof->count++] = definition(from + split, to);
	} else {
		path(m - split, from + split, to, proof);
		proof->hashes[proof->count++] = definition(from, from + split);
	}
}

/* SUBPROOF(m, D[from:to], whole). */
static void subproof(uint64_t m, uint64_t from, uint64_t to, bool whole, struct tree_proof *proof)
{
	uint64_t split = 1;

	if (m == to - from) {
		if (!whole)
			proof->hashes[proof->count++] = definition(from, to);
		return;
	}
	while (split * 2 < to - from)
		split *= 2;
	if (m <= split) {
		subproof(m, from, from + split, whole, proof);
		proof->hashes[proof->count++] = definition(from + split, to);
	} else {
		subproof(m - split, from + split, to, false, proof);
		proof->hashes[proof->count++] = definition(from, from + split);
	}
}

static bool same(const struct tree_proof *a, const struct tree_proof *b)
{
	return a->count == b->count &&
	       memcmp(a->hashes, b->hashes, a->count * sizeof(a->hashes[0])) == 0;
}

START_TEST(the_hashes_are_those_of_rfc_6962)
{
	/* Vectors of certificate-transparency: the empty tree, the leaf "", and the root of the
	 * reference leaves. */
	static const char *const inputs[] = {
		"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43",
		"\x50\x51\x52\x53\x54\x55\x56\x57",
		"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
	};
	static const size_t lens[] = { 0, 1, 1, 2, 2, 4, 8, 16 };
	static const uint8_t root8[32] = {
		0x5d, 0xc9, 0xda, 0x79, 0xa7, 0x06, 0x59, 0xa9, 0xad, 0x55, 0x9c, 0xb7, 0x01, 0xde,
		0xd9, 0xa2, 0xab, 0x9d, 0x82, 0x3a, 0xad, 0x2f, 0x49, 0x60, 0xcf, 0xe3, 0x70, 0xef,
		0xf4, 0x60, 0x43, 0x28,
	};
	struct tree_frontier frontier = { 0 };
	struct tree_hash hash;

	for (size_t i = 0; i < COUNT(inputs); i++) {
		struct tree_entry entries[TREE_TILE_LEVELS];
		uint32_t count;

		ck_assert_int_eq(tree_leaf(hasher, slice_new(inputs[i], lens[i]), &hash), 0);
		ck_assert_int_eq(tree_append(hasher, &frontier, &hash, entries, &count), 0);
	}
	ck_assert_int_eq(tree_root(hasher, &frontier, &hash), 0);
	ck_assert_mem_eq(hash.bytes, root8, sizeof(root8));
}
END_TEST

START_TEST(the_frontier_gives_the_root_of_the_definition)
{
	struct tree_hash root;

	for (uint64_t size = 0; size <= SMALL; size++) {
		root = definition(0, size);
		ck_assert_msg(tree_hash_eq(&root, &roots[size]), "size %lu", (unsigned long)size);
	}
	for (uint64_t size = BIG_FROM; size <= BIG; size++) {
		root = definition(0, size);
		ck_assert_msg(tree_hash_eq(&root, &roots[size]), "size %lu", (unsigned long)size);
	}
}
END_TEST

START_TEST(a_frontier_loaded_from_tiles_goes_on_as_if_it_had_never_stopped)
{
	for (uint64_t size = 0; size < BIG; size += size < SMALL ? 1 : 4093) {
		struct tree_entry entries[TREE_TILE_LEVELS];
		struct tree_frontier frontier;
		struct tree_hash root;
		uint32_t count;

		ck_assert_int_eq(tree_frontier_load(hasher, &source, size, &frontier), 0);
		ck_assert_int_eq(tree_append(hasher, &frontier, &leaves[size], entries, &count), 0);
		ck_assert_int_eq(tree_root(hasher, &frontier, &root), 0);
		ck_assert_msg(tree_hash_eq(&root, &roots[size + 1]), "size %lu",
			      (unsigned long)size);
	}
}
END_TEST

START_TEST(a_missing_tile_is_an_error_and_leaves_the_output_alone)
{
	struct tree_frontier frontier = { .size = 4711 };

	ck_assert_int_eq(tree_frontier_load(hasher, &source, BIG + 1000, &frontier), -ENOENT);
	ck_assert_uint_eq(frontier.size, 4711);
}
END_TEST

START_TEST(inclusion_proofs_are_those_of_the_definition_and_prove)
{
	for (uint64_t size = 1; size <= SMALL; size++) {
		for (uint64_t index = 0; index < size; index += 1 + size / 40) {
			struct tree_proof proof, want = { 0 };

			ck_assert_int_eq(tree_prove_inclusion(hasher, &source, index, size, &proof), 0);
			path(index, 0, size, &want);
			ck_assert_msg(same(&proof, &want), "leaf %lu of %lu", (unsigned long)index,
				      (unsigned long)size);
			ck_assert_int_eq(tree_check_inclusion(hasher, &proof, index, size,
							      &leaves[index], &roots[size]), 0);
		}
	}
	for (uint64_t size = BIG_FROM; size <= BIG; size++) {
		uint64_t index = size / 7 * (size % 7);
		struct tree_proof proof;

		ck_assert_int_eq(tree_prove_inclusion(hasher, &source, index, size, &proof), 0);
		ck_assert_int_eq(tree_check_inclusion(hasher, &proof, index, size, &leaves[index],
						      &roots[size]), 0);
	}
}
END_TEST

START_TEST(consistency_proofs_are_those_of_the_definition_and_prove)
{
	for (uint64_t size = 1; size <= SMALL; size++) {
		for (uint64_t old = 1; old <= size; old += 1 + size / 40) {
			struct tree_proof proof, want = { 0 };

			ck_assert_int_eq(tree_prove_consistency(hasher, &source, old, size, &proof), 0);
			subproof(old, 0, size, true, &want);
			ck_assert_msg(same(&proof, &want), "%lu to %lu", (unsigned long)old,
				      (unsigned long)size);
			ck_assert_int_eq(tree_check_consistency(hasher, &proof, old, size, &roots[old],
								&roots[size]), 0);
		}
	}
	for (uint64_t old = BIG_FROM; old <= BIG; old++) {
		struct tree_proof proof;

		ck_assert_int_eq(tree_prove_consistency(hasher, &source, old, BIG, &proof), 0);
		ck_assert_int_eq(tree_check_consistency(hasher, &proof, old, BIG, &roots[old],
							&roots[BIG]), 0);
	}
}
END_TEST

static void refused_inclusion(const struct tree_proof *proof, uint64_t index, uint64_t size,
			      uint64_t leaf, uint64_t root, const char *why)
{
	ck_assert_msg(tree_check_inclusion(hasher, proof, index, size, &leaves[leaf],
					   &roots[root]) == -EBADMSG,
		      "%s: leaf %lu of %lu was taken", why, (unsigned long)index,
		      (unsigned long)size);
}

START_TEST(malformed_inclusion_proofs_are_refused)
{
	for (uint64_t size = 2; size <= 70; size++) {
		uint64_t index = size / 3;
		struct tree_proof proof, bad;

		ck_assert_int_eq(tree_prove_inclusion(hasher, &source, index, size, &proof), 0);
		refused_inclusion(&proof, index, size, index, size + 1, "root of another size");
		refused_inclusion(&proof, index, size, (index + 1) % size, size, "another leaf");
		refused_inclusion(&proof, (index + 1) % size, size, index, size, "another index");
		refused_inclusion(&proof, size, size, index, size, "index beyond the tree");
		bad = proof;
		bad.count--;
		refused_inclusion(&bad, index, size, index, size, "too short");
		bad = proof;
		bad.hashes[bad.count++] = roots[1];
		refused_inclusion(&bad, index, size, index, size, "too long");
		bad = proof;
		bad.hashes[bad.count / 2].bytes[31] ^= 1;
		refused_inclusion(&bad, index, size, index, size, "a flipped bit");
		if (proof.count >= 2) {
			bad = proof;
			bad.hashes[0] = proof.hashes[1];
			bad.hashes[1] = proof.hashes[0];
			refused_inclusion(&bad, index, size, index, size, "swapped");
		}
		bad = proof;
		bad.count = TREE_PROOF_MAX + 1;
		refused_inclusion(&bad, index, size, index, size, "an impossible length");
	}
}
END_TEST

static void refused_growth(const struct tree_proof *proof, uint64_t old, uint64_t size,
			   uint64_t old_root, uint64_t root, const char *why)
{
	ck_assert_msg(tree_check_consistency(hasher, proof, old, size, &roots[old_root],
					     &roots[root]) == -EBADMSG,
		      "%s: %lu to %lu was taken", why, (unsigned long)old, (unsigned long)size);
}

START_TEST(malformed_consistency_proofs_are_refused)
{
	for (uint64_t size = 3; size <= 70; size++) {
		uint64_t old = 1 + size / 3;
		struct tree_proof proof, bad;

		ck_assert_int_eq(tree_prove_consistency(hasher, &source, old, size, &proof), 0);
		refused_growth(&proof, old, size, old + 1, size, "another old root");
		refused_growth(&proof, old, size, old, size + 1, "another new root");
		refused_growth(&proof, 0, size, old, size, "from nothing");
		refused_growth(&proof, size + 1, size, old, size, "backwards");
		refused_growth(&proof, size, size, old, size, "equal sizes with hashes");
		bad = proof;
		bad.count = 0;
		refused_growth(&bad, old, size, old, size, "empty");
		bad = proof;
		bad.count--;
		refused_growth(&bad, old, size, old, size, "too short");
		bad = proof;
		bad.hashes[bad.count++] = roots[1];
		refused_growth(&bad, old, size, old, size, "too long");
		bad = proof;
		bad.hashes[bad.count - 1].bytes[0] ^= 0x80;
		refused_growth(&bad, old, size, old, size, "a flipped bit");
	}
}
END_TEST

START_TEST(proofs_beyond_the_tree_are_not_made)
{
	struct tree_proof proof;

	ck_assert_int_eq(tree_prove_inclusion(hasher, &source, 5, 5, &proof), -EINVAL);
	ck_assert_int_eq(tree_prove_consistency(hasher, &source, 0, 5, &proof), -EINVAL);
	ck_assert_int_eq(tree_prove_consistency(hasher, &source, 6, 5, &proof), -EINVAL);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("tree");
	TCase *hashing = tcase_create("roots"), *proofs = tcase_create("proofs");

	tcase_add_unchecked_fixture(hashing, setup, teardown);
	tcase_add_test(hashing, the_hashes_are_those_of_rfc_6962);
	tcase_add_test(hashing, the_frontier_gives_the_root_of_the_definition);
	tcase_add_test(hashing, a_frontier_loaded_from_tiles_goes_on_as_if_it_had_never_stopped);
	tcase_add_test(hashing, a_missing_tile_is_an_error_and_leaves_the_output_alone);
	tcase_add_unchecked_fixture(proofs, setup, teardown);
	tcase_add_test(proofs, inclusion_proofs_are_those_of_the_definition_and_prove);
	tcase_add_test(proofs, consistency_proofs_are_those_of_the_definition_and_prove);
	tcase_add_test(proofs, malformed_inclusion_proofs_are_refused);
	tcase_add_test(proofs, malformed_consistency_proofs_are_refused);
	tcase_add_test(proofs, proofs_beyond_the_tree_are_not_made);
	tcase_set_timeout(hashing, 30);
	tcase_set_timeout(proofs, 60);
	suite_add_tcase(suite, hashing);
	suite_add_tcase(suite, proofs);
	return suite;
}
