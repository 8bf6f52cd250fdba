/* SPDX-License-Identifier: Apache-2.0 */
/* Inclusion and consistency. Making a proof walks down from the root as RFC 6962 section 2.1 defines
 * it: a range of n leaves splits at the largest power of two below n. Checking one is the
 * iterative algorithm of RFC 9162, which shares nothing with the making. */
#include "ledger/tree.h"

#include <errno.h>

#include "ledger/tree_range.h"

/* The largest power of two below `size`, which is at least 2, as its exponent. */
static uint32_t split_bit(uint64_t size)
{
	return 63U - (uint32_t)__builtin_clzll(size - 1);
}

/* The root of the leaves first .. first+count-1; `first` is a multiple of a power of two that is
 * not below `count`, as every range is that splitting a tree gives. */
static int range_root(struct tree_hasher *hasher, const struct tree_source *source, uint64_t first,
		      uint64_t count, struct tree_hash *ret_root)
{
	struct tree_hash root = { 0 };
	uint64_t end = first + count;
	bool any = false;

	/* From the right: the complete subtrees that the bits of `count` stand for. */
	for (uint32_t bit = 0; bit < 63; bit++) {
		struct tree_hash left;
		int r;

		if (!(count >> bit & 1U))
			continue;
		end -= UINT64_C(1) << bit;
		r = tree_subtree(hasher, source, bit, end >> bit, &left);
		if (r == 0 && any)
			r = tree_node(hasher, &left, &root, &left);
		if (r < 0)
			return r;
		root = left;
		any = true;
	}
	*ret_root = root;
	return 0;
}

static void reverse(struct tree_proof *proof)
{
	for (uint32_t i = 0; i < proof->count / 2; i++) {
		struct tree_hash hash = proof->hashes[i];

		proof->hashes[i] = proof->hashes[proof->count - 1 - i];
		proof->hashes[proof->count - 1 - i] = hash;
	}
}

int tree_prove_inclusion(struct tree_hasher *hasher, const struct tree_source *source,
			 uint64_t index, uint64_t size, struct tree_proof *ret_proof)
{
	struct tree_proof proof = { 0 };
	uint64_t first = 0, count = size;

	if (index >= size || size > TREE_SIZE_MAX)
		return -EINVAL;
	while (count > 1) {
		uint64_t half = UINT64_C(1) << split_bit(count);
		bool right = index - first >= half;
		int r;

		/* What goes into the proof is the half that the leaf is not in. */
		r = range_root(hasher, source, right ? first : first + half,
			       right ? half : count - half, &proof.hashes[proof.count]);
		if (r < 0)
			return r;
		proof.count++;
		first += right ? half : 0;
		count = right ? count - half : half;
	}
	reverse(&proof);
	*ret_proof = proof;
	return 0;
}

int tree_prove_consistency(struct tree_hasher *hasher, const struct tree_source *source,
			   uint64_t old_size, uint64_t size, struct tree_proof *ret_proof)
{
	struct tree_proof proof = { 0 };
	uint64_t first = 0, count = size, old = old_size;
	bool whole = true; /* the old tree is the whole left edge so far: its root is known */
	int r;

	if (old_size == 0 || old_size > size || size > TREE_SIZE_MAX)
		return -EINVAL;
	while (old != count) {
		uint64_t half = UINT64_C(1) << split_bit(count);
		bool right = old > half;

		r = range_root(hasher, source, right ? first : first + half,
			       right ? half : count - half, &proof.hashes[proof.count]);
		if (r < 0)
			return r;
		proof.count++;
		if (right) {
			first += half;
			old -= half;
			whole = false;
		}
		count = right ? count - half : half;
	}
	if (!whole) {
		r = range_root(hasher, source, first, count, &proof.hashes[proof.count]);
		if (r < 0)
			return r;
		proof.count++;
	}
	reverse(&proof);
	*ret_proof = proof;
	return 0;
}

int tree_check_inclusion(struct tree_hasher *hasher, const struct tree_proof *proof, uint64_t index,
			 uint64_t size, const struct tree_hash *leaf, const struct tree_hash *root)
{
	struct tree_hash hash = *leaf;
	uint64_t node = index, last;

	if (index >= size || proof->count > TREE_PROOF_MAX)
		return -EBADMSG;
	last = size - 1;
	for (uint32_t i = 0; i < proof->count; i++) {
		const struct tree_hash *other = &proof->hashes[i];
		int r;

		if (last == 0)
			return -EBADMSG;
		if ((node & 1U) || node == last) {
			r = tree_node(hasher, other, &hash, &hash);
			for (; !(node & 1U) && node != 0; node >>= 1)
				last >>= 1;
		} else {
			r = tree_node(hasher, &hash, other, &hash);
		}
		if (r < 0)
			return r;
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && tree_hash_eq(&hash, root) ? 0 : -EBADMSG;
}

/* Both roots grow from the same hashes: the old one takes only those on its left. */
static int check_growth(struct tree_hasher *hasher, const struct tree_hash *hashes, uint32_t count,
			uint64_t node, uint64_t last, struct tree_hash *old_hash,
			struct tree_hash *new_hash)
{
	for (uint32_t i = 0; i < count; i++) {
		int r;

		if (last == 0)
			return -EBADMSG;
		if ((node & 1U) || node == last) {
			r = tree_node(hasher, &hashes[i], old_hash, old_hash);
			if (r == 0)
				r = tree_node(hasher, &hashes[i], new_hash, new_hash);
			for (; !(node & 1U) && node != 0; node >>= 1)
				last >>= 1;
		} else {
			r = tree_node(hasher, new_hash, &hashes[i], new_hash);
		}
		if (r < 0)
			return r;
		node >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : -EBADMSG;
}

int tree_check_consistency(struct tree_hasher *hasher, const struct tree_proof *proof,
			   uint64_t old_size, uint64_t size, const struct tree_hash *old_root,
			   const struct tree_hash *root)
{
	struct tree_hash old_hash, new_hash;
	uint64_t node, last;
	uint32_t used = 0;
	int r;

	if (old_size == 0 || old_size > size || proof->count > TREE_PROOF_MAX)
		return -EBADMSG;
	if (old_size == size)
		return proof->count == 0 && tree_hash_eq(old_root, root) ? 0 : -EBADMSG;
	if (proof->count == 0)
		return -EBADMSG;
	/* A power of two is a node of the new tree, too, so the proof need not begin with it. */
	old_hash = (old_size & (old_size - 1)) == 0 ? *old_root : proof->hashes[used++];
	new_hash = old_hash;
	node = old_size - 1;
	last = size - 1;
	for (; node & 1U; node >>= 1)
		last >>= 1;
	r = check_growth(hasher, proof->hashes + used, proof->count - used, node, last, &old_hash,
			 &new_hash);
	if (r < 0)
		return r;
	return tree_hash_eq(&old_hash, old_root) && tree_hash_eq(&new_hash, root) ? 0 : -EBADMSG;
}
