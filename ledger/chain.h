/* SPDX-License-Identifier: Apache-2.0 */
/* The end of each run's chain of records: the next rseq and the leaf hash before it, by run ULID.
 * A cache over the log: what is not here is looked up there. */
#ifndef LEDGER_CHAIN_H
#define LEDGER_CHAIN_H

#include "ledger/tree.h"

struct chain_link {
	uint8_t run[16];
	uint64_t next;           /* rseq of the next record; 0 = an empty slot */
	struct tree_hash last;   /* leaf hash of record next-1 */
};

struct chain {
	struct chain_link *links; /* open addressing, at most half full */
	size_t cap, count;
};

void chain_finish(struct chain *chain);
/* NULL when the run is not here. Valid until the next chain_set(). */
const struct chain_link *chain_find(const struct chain *chain, const uint8_t run[16]);
/* Adds or replaces; link->next must not be 0. Returns 0 or -ENOMEM. */
int chain_set(struct chain *chain, const struct chain_link *link) MUST_USE;

#endif
