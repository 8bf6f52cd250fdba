/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing and the growing tree. Proofs are in tree_proof.c. */
#include "ledger/tree.h"

#include <errno.h>
#include <openssl/evp.h>

#include "ledger/tree_range.h"

struct tree_hasher {
	EVP_MD *sha256;
	EVP_MD_CTX *context;
};

bool tree_hash_eq(const struct tree_hash *a, const struct tree_hash *b)
{
	return memcmp(a->bytes, b->bytes, TREE_HASH_LEN) == 0;
}

struct tree_hasher *tree_hasher_free(struct tree_hasher *hasher)
{
	if (!hasher)
		return NULL;
	EVP_MD_CTX_free(hasher->context);
	EVP_MD_free(hasher->sha256);
	free(hasher);
	return NULL;
}

void tree_hasher_free_p(struct tree_hasher **hasher)
{
	*hasher = tree_hasher_free(*hasher);
}

int tree_hasher_new(struct tree_hasher **ret_hasher)
{
	cleanup_with(tree_hasher_free_p) struct tree_hasher *hasher = NULL;

	hasher = calloc(1, sizeof(*hasher));
	if (!hasher)
		return -ENOMEM;
	hasher->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	hasher->context = EVP_MD_CTX_new();
	if (!hasher->sha256 || !hasher->context ||
	    EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) != 1)
		return -EIO;
	*ret_hasher = TAKE(hasher);
	return 0;
}

struct part {
	const void *bytes;
	size_t len;
};

static int digest(struct tree_hasher *hasher, const struct part *parts, size_t count,
		  struct tree_hash *ret_hash)
{
	uint8_t bytes[EVP_MAX_MD_SIZE];

	/* The digest is that of tree_hasher_new(): to name it again costs an allocation. */
	if (EVP_DigestInit_ex2(hasher->context, NULL, NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len &&
		    EVP_DigestUpdate(hasher->context, parts[i].bytes, parts[i].len) != 1)
			return -EIO;
	}
	if (EVP_DigestFinal_ex(hasher->context, bytes, NULL) != 1)
		return -EIO;
	memcpy(ret_hash->bytes, bytes, TREE_HASH_LEN);
	return 0;
}

int tree_leaf(struct tree_hasher *hasher, struct slice record, struct tree_hash *ret_hash)
{
	struct part parts[] = { { "\0", 1 }, { record.data, record.len } };

	return digest(hasher, parts, COUNT(parts), ret_hash);
}

int tree_node(struct tree_hasher *hasher, const struct tree_hash *left,
	      const struct tree_hash *right, struct tree_hash *ret_hash)
{
	struct part parts[] = {
		{ "\1", 1 }, { left->bytes, TREE_HASH_LEN }, { right->bytes, TREE_HASH_LEN },
	};

	return digest(hasher, parts, COUNT(parts), ret_hash);
}

int tree_digest(struct tree_hasher *hasher, struct slice bytes, struct tree_hash *ret_hash)
{
	struct part part = { bytes.data, bytes.len };

	return digest(hasher, &part, 1, ret_hash);
}

static struct tree_entry entry_of(uint32_t level, uint64_t index, const struct tree_hash *hash)
{
	return (struct tree_entry){
		.level = level,
		.at = (uint32_t)(index % TREE_TILE_WIDTH),
		.n = index / TREE_TILE_WIDTH,
		.hash = *hash,
	};
}

int tree_append(struct tree_hasher *hasher, struct tree_frontier *frontier,
		const struct tree_hash *leaf, struct tree_entry entries[TREE_TILE_LEVELS],
		uint32_t *ret_count)
{
	struct tree_hash node = *leaf;
	uint64_t index = frontier->size;
	uint32_t bit = 0, count = 0;

	if (frontier->size >= TREE_SIZE_MAX)
		return -EOVERFLOW;
	entries[count++] = entry_of(0, index, &node);
	/* Like a carry: each set bit below is a finished sibling on the left. The nodes that are
	 * merged stay where they are, so a failure leaves the frontier as it was. */
	for (; frontier->size >> bit & 1U; bit++) {
		int r = tree_node(hasher, &frontier->nodes[bit], &node, &node);

		if (r < 0)
			return r;
		if ((bit + 1) % TREE_TILE_HEIGHT == 0) {
			entries[count] = entry_of((bit + 1) / TREE_TILE_HEIGHT, index >> (bit + 1),
						  &node);
			count++;
		}
	}
	frontier->nodes[bit] = node;
	frontier->size++;
	*ret_count = count;
	return 0;
}

int tree_root(struct tree_hasher *hasher, const struct tree_frontier *frontier,
	      struct tree_hash *ret_root)
{
	struct tree_hash root = { 0 };
	bool any = false;

	for (uint32_t bit = 0; bit < 63; bit++) {
		int r = 0;

		if (!(frontier->size >> bit & 1U))
			continue;
		if (any)
			r = tree_node(hasher, &frontier->nodes[bit], &root, &root);
		else
			root = frontier->nodes[bit];
		if (r < 0)
			return r;
		any = true;
	}
	if (!any)
		return tree_digest(hasher, slice_of(""), ret_root);
	*ret_root = root;
	return 0;
}

/* The root of the complete subtree of 2^bit leaves with this index among its like. */
int tree_subtree(struct tree_hasher *hasher, const struct tree_source *source, uint32_t bit,
		 uint64_t index, struct tree_hash *ret_hash)
{
	struct tree_hash hashes[TREE_TILE_WIDTH / 2];
	uint32_t level = bit / TREE_TILE_HEIGHT, count = 1U << bit % TREE_TILE_HEIGHT;
	uint64_t first = index << bit % TREE_TILE_HEIGHT;
	int r;

	r = source->read(source->context, level, first / TREE_TILE_WIDTH,
			 (uint32_t)(first % TREE_TILE_WIDTH), count, hashes);
	if (r < 0)
		return r;
	for (; count > 1; count /= 2) {
		for (uint32_t i = 0; i < count / 2; i++) {
			r = tree_node(hasher, &hashes[2 * i], &hashes[2 * i + 1], &hashes[i]);
			if (r < 0)
				return r;
		}
	}
	*ret_hash = hashes[0];
	return 0;
}

int tree_frontier_load(struct tree_hasher *hasher, const struct tree_source *source, uint64_t size,
		       struct tree_frontier *ret_frontier)
{
	struct tree_frontier frontier = { .size = size };

	if (size > TREE_SIZE_MAX)
		return -EINVAL;
	for (uint32_t bit = 0; bit < 63; bit++) {
		uint64_t index = size >> bit;
		int r;

		if (!(index & 1U))
			continue;
		r = tree_subtree(hasher, source, bit, index - 1, &frontier.nodes[bit]);
		if (r < 0)
			return r;
	}
	*ret_frontier = frontier;
	return 0;
}

int tree_root_at(struct tree_hasher *hasher, const struct tree_source *source, uint64_t size,
		 struct tree_hash *ret_root)
{
	struct tree_frontier frontier;
	int r = tree_frontier_load(hasher, source, size, &frontier);

	return r < 0 ? r : tree_root(hasher, &frontier, ret_root);
}
