/* SPDX-License-Identifier: Apache-2.0 */
/* The RFC 6962 Merkle tree: leaf = SHA-256(0x00 || record), node = SHA-256(0x01 || left || right).
 * Hashes are kept in tiles of height 8 (c2sp.org/tlog-tiles): tile (L, n) holds the roots of the
 * complete subtrees of 256^L leaves with the indices n*256 .. n*256+w-1. Everything else (frontier,
 * root, proofs) is derived from them. Pure but for the `read` callback. */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

#define TREE_HASH_LEN 32U
#define TREE_TILE_HEIGHT 8U
#define TREE_TILE_WIDTH 256U
#define TREE_TILE_LEVELS 8U         /* enough for 2^63 leaves */
#define TREE_PROOF_MAX 128U         /* hashes in a proof */
#define TREE_SIZE_MAX INT64_MAX     /* SQLite's integers end here */

struct tree_hash {
	uint8_t bytes[TREE_HASH_LEN];
};

bool tree_hash_eq(const struct tree_hash *a, const struct tree_hash *b);

/* SHA-256, fetched from libcrypto once with one reused context. Not for two threads at a time.
 * Every function below that takes it returns 0 or -EIO (libcrypto failed), beside what it says. */
struct tree_hasher;
int tree_hasher_new(struct tree_hasher **ret_hasher) MUST_USE;
struct tree_hasher *tree_hasher_free(struct tree_hasher *hasher);
void tree_hasher_free_p(struct tree_hasher **hasher);

int tree_leaf(struct tree_hasher *hasher, struct slice record, struct tree_hash *ret_hash) MUST_USE;
int tree_node(struct tree_hasher *hasher, const struct tree_hash *left,
	      const struct tree_hash *right, struct tree_hash *ret_hash) MUST_USE;
/* Plain SHA-256, without a prefix. */
int tree_digest(struct tree_hasher *hasher, struct slice bytes, struct tree_hash *ret_hash) MUST_USE;

/* nodes[i] is the root of the complete subtree of 2^i leaves that bit i of `size` stands for; unset
 * bits have no meaning. {0} is the empty tree. */
struct tree_frontier {
	uint64_t size;
	struct tree_hash nodes[64];
};

struct tree_entry {                 /* a hash that belongs at position `at` of tile (level, n) */
	uint32_t level, at;
	uint64_t n;
	struct tree_hash hash;
};

/* Adds a leaf. The hashes that became final and belong into a tile (at least that of the leaf) are
 * written to `entries`, lowest level first; *ret_count is 1..TREE_TILE_LEVELS. -EOVERFLOW at
 * TREE_SIZE_MAX; on failure the frontier is as it was. */
int tree_append(struct tree_hasher *hasher, struct tree_frontier *frontier,
		const struct tree_hash *leaf, struct tree_entry entries[TREE_TILE_LEVELS],
		uint32_t *ret_count) MUST_USE;
/* The root of the frontier; of no leaf, SHA-256(""). */
int tree_root(struct tree_hasher *hasher, const struct tree_frontier *frontier,
	      struct tree_hash *ret_root) MUST_USE;

/* Where the hashes of tiles come from: writes hashes [at, at+count) of tile (level, n), and
 * at + count <= 256. Returns 0, or -errno (-ENOENT: there are not so many), handed through. */
struct tree_source {
	int (*read)(void *context, uint32_t level, uint64_t n, uint32_t at, uint32_t count,
		    struct tree_hash *ret_hashes);
	void *context;
};

/* The frontier of the tree's first `size` leaves; with the live size it reads the right-edge tiles
 * only. For an older size the rest of a tile is left unread. */
int tree_frontier_load(struct tree_hasher *hasher, const struct tree_source *source, uint64_t size,
		       struct tree_frontier *ret_frontier) MUST_USE;
/* The root of the first `size` leaves. */
int tree_root_at(struct tree_hasher *hasher, const struct tree_source *source, uint64_t size,
		 struct tree_hash *ret_root) MUST_USE;

struct tree_proof {                 /* from the leaf to the root */
	uint32_t count;
	struct tree_hash hashes[TREE_PROOF_MAX];
};

/* -EINVAL unless index < size (inclusion) or 0 < old_size <= size (consistency). */
int tree_prove_inclusion(struct tree_hasher *hasher, const struct tree_source *source,
			 uint64_t index, uint64_t size, struct tree_proof *ret_proof) MUST_USE;
int tree_prove_consistency(struct tree_hasher *hasher, const struct tree_source *source,
			   uint64_t old_size, uint64_t size, struct tree_proof *ret_proof) MUST_USE;

/* RFC 9162 sections 2.1.3.2 and 2.1.4.2. Return 0, or -EBADMSG when it does not prove that. */
int tree_check_inclusion(struct tree_hasher *hasher, const struct tree_proof *proof, uint64_t index,
			 uint64_t size, const struct tree_hash *leaf,
			 const struct tree_hash *root) MUST_USE;
int tree_check_consistency(struct tree_hasher *hasher, const struct tree_proof *proof,
			   uint64_t old_size, uint64_t size, const struct tree_hash *old_root,
			   const struct tree_hash *root) MUST_USE;

#endif
