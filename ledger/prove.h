/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of one record for a stranger: its bytes and a c2sp.org/tlog-proof@v1 of their place under
 * a signed checkpoint. Whoever has the log's verifier key checks it without us and without the log. */
#ifndef LEDGER_PROVE_H
#define LEDGER_PROVE_H

#include "base/buf.h"
#include "ledger/query.h"

#define PROVE_MAX 32768U            /* bytes of a proof, at most */

struct prove_facts {
	uint32_t hashes;
	uint64_t size;              /* of the checkpoint */
};

/* Writes the proof under the newest checkpoint and the record's bytes. What is handed out was checked
 * first: leaf, proof and the signature of the log's own key. Returns 0; -ENOENT (no such record),
 * -EAGAIN (no checkpoint covers it yet), -EBADMSG (the ledger contradicts itself) or -errno. */
int prove_record(struct ledger *ledger, uint64_t seq, struct buf *proof, struct buf *rec,
		 struct prove_facts *ret_facts, struct error *err) MUST_USE;

/* Checks a proof. `record` are the bytes that it should be about. Returns 0 with *ret_index and
 * *ret_checkpoint, or -EBADMSG with the reason in *err. Pure. */
int prove_check(struct slice proof, struct slice record, const struct note_key *key,
		uint64_t *ret_index, struct note_checkpoint *ret_checkpoint,
		struct error *err) MUST_USE;

#endif
