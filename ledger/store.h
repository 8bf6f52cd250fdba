/* SPDX-License-Identifier: Apache-2.0 */
/* The log of one generation, open for writing: one connection per database, one writer at a time
 * (LOCK). Appending gives a record its place in the log and in its run, hashes it into the tree,
 * projects it, and all of that becomes durable in one commit, signed when asked for.
 *
 * Refusals (-EINVAL, -ENOENT, -EEXIST, -ENOSPC) leave the log as it was and usable. After -EIO
 * nothing more is taken: close, open again (which recovers), or give up. Blocks for disk only. */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/record.h"

#define STORE_GENERATION 1U
#define STORE_DOC_MAX (16U * 1024U * 1024U)  /* bytes of one document */

struct store;

/* Opens, or makes, generation 1 below the open directory `ledger_fd` (borrowed): takes the lock,
 * checks both schemas, recovers, says so in `recover`, and writes log_start and clock, signed and
 * durable. -EBUSY when another writer holds the lock; -EBADMSG when the files contradict
 * themselves or a checkpoint that was once signed: nothing was written then. */
int store_open(int ledger_fd, struct store **ret_store, struct error *err) MUST_USE;
/* Ends the log in order: log_stop, a checkpoint, commit. store_free() without it is what a crash
 * leaves behind. */
int store_stop(struct store *store, struct error *err) MUST_USE;
struct store *store_free(struct store *store);

/* Appends `record`; rseq, prev and, in run_end, the count of records are set here. -ENOENT: its run
 * never began, or (run_start) its policy is no stored document. -EEXIST: a second run_start. */
int store_append(struct store *store, struct record *record, struct error *err) MUST_USE;
/* True when this record, as a producer gave it, is in the log already: it was committed before a
 * crash, and the producer, which saw no ack, sends it again. Asked before store_value() and
 * store_append(); the first record that is appended ends the time of such repeats. */
bool store_has(struct store *store, const struct record *record);
/* Scrubs and keeps a sensitive value and gives its commitment for a record's `values`. */
int store_value(struct store *store, const struct intake_value *head, struct slice value,
		struct record_value *ret_value, struct error *err) MUST_USE;
/* Keeps a document under its digest. -EINVAL when the digest is not that of `data`. */
int store_doc(struct store *store, const uint8_t digest[RECORD_HASH_LEN], struct slice data,
	      struct error *err) MUST_USE;

/* Makes everything appended durable, values first; with `sign` the tree has a checkpoint of its
 * new size. Nothing to do is fine. */
int store_commit(struct store *store, bool sign, struct error *err) MUST_USE;

/* Appends `clock` when realtime moved against boottime by more than 500 ms. Returns 1 then. */
int store_watch_clock(struct store *store, struct error *err) MUST_USE;
int store_tick(struct store *store, struct error *err) MUST_USE;
/* Moves what it can from the WAL into the database without waiting for readers. */
void store_tidy(struct store *store);

/* Looks at the disk's free space, gives the reserve back or takes it. True when store_full() changed. */
bool store_look(struct store *store);
/* The disk is full and the reserve is in use: only what must be recorded is to be appended. */
bool store_full(const struct store *store);

uint64_t store_size(const struct store *store);          /* leaves, uncommitted ones included */
uint32_t store_pending(const struct store *store);       /* records and documents not committed */
uint64_t store_signed_size(const struct store *store);   /* of the newest durable checkpoint */
const uint8_t *store_boot_id(const struct store *store); /* 16 bytes */

#endif
