/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer sends again. Acks die with ledgerd, so after a crash the producer repeats records
 * that were committed and never acked. They are known by their content, what the log added (rseq,
 * prev, commitments, counts) taken out: two records that agree in both clocks, kernel sequence and
 * everything else are one. */
#ifndef LEDGER_RESENT_H
#define LEDGER_RESENT_H

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/record.h"
#include "ledger/tree.h"

#define RESENT_RECORDS 8192U     /* more than two commits hold: 16 datagrams of 256, and 1000 */

struct resent;

/* Remembers the newest records of the log. */
int resent_new(sqlite3 *db, struct tree_hasher *hasher, struct resent **ret_resent,
	       struct error *err) MUST_USE;
struct resent *resent_free(struct resent *resent);
/* True when a record like this is among them. */
bool resent_has(const struct resent *resent, struct tree_hasher *hasher,
		const struct record *record);

#endif
