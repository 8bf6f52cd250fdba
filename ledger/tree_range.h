/* SPDX-License-Identifier: Apache-2.0 */
/* Between tree.c and tree_proof.c only. */
#ifndef LEDGER_TREE_RANGE_H
#define LEDGER_TREE_RANGE_H

#include "ledger/tree.h"

/* The root of the complete subtree of 2^bit leaves (bit < 63) with this index among its like.
 * Reads part of one tile. Returns 0 or what tree_source.read() or the hasher returned. */
int tree_subtree(struct tree_hasher *hasher, const struct tree_source *source, uint32_t bit,
		 uint64_t index, struct tree_hash *ret_hash) MUST_USE;

#endif
