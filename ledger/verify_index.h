/* SPDX-License-Identifier: Apache-2.0 */
/* Do the indexes of `event` hold what the records give, no less and no more? SQLite's own check looks
 * up each row in each index, four times as long as all the rest of it. Here each index is read once
 * from end to end: it must ascend, and its entries must be, as a multiset, those of the records. Two
 * multisets are equal when the product of (r - e) over their members e is, for a random r modulo a
 * prime: unequal ones pass with n / 2^61 at most, and whoever wrote the file did not know r. */
#ifndef LEDGER_VERIFY_INDEX_H
#define LEDGER_VERIFY_INDEX_H

#include "ledger/project.h"
#include "ledger/reader.h"

#define VERIFY_INDEXES 7U

struct verify_index_key { uint64_t point, weight; };
struct verify_index_sums { uint64_t products[VERIFY_INDEXES]; };

int verify_index_start(struct verify_index_key *ret_key, struct verify_index_sums *ret_sums) MUST_USE;
/* The entries that this row of event has in the indexes. */
void verify_index_add(const struct verify_index_key *key, struct verify_index_sums *sums,
		      const struct event_row *row);
/* Reads index `at` of the file. Returns 1 with its product, 0 when it does not ascend or holds what no
 * record gives, or -errno. */
int verify_index_read(struct reader *reader, const struct verify_index_key *key, size_t at,
		      uint64_t *ret_product, struct error *err) MUST_USE;
const char *verify_index_name(size_t at);

#endif
