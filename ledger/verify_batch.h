/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of event on their way through verify: read by one thread, hashed and decoded by another, which
 * knows nothing but bytes, and judged by the first again, in order. Two batches are under way. */
#ifndef LEDGER_VERIFY_BATCH_H
#define LEDGER_VERIFY_BATCH_H

#include "ledger/project.h"
#include "ledger/reader.h"

#define VERIFY_BATCH_ROWS 128U
#define VERIFY_BATCH_BYTES (128U * 1024U)

struct verify_row {
	int64_t cells[EVENT_COLUMNS];
	uint32_t integers, nulls;   /* which cells are such, by bit; no bit: something else */
	bool is_blob, has_rec;      /* a BLOB of at most RECORD_MAX bytes */
	struct slice rec;           /* into the batch */
	/* By the other thread, when has_rec. */
	int hashed, decoded;        /* of tree_leaf(), record_decode() */
	struct tree_hash leaf;
	struct record record;
};

struct verify_batch {
	size_t count, used;
	struct verify_row rows[VERIFY_BATCH_ROWS];
	char bytes[VERIFY_BATCH_BYTES];
};

/* True when another row may not fit. */
bool verify_batch_full(const struct verify_batch *batch);
/* Copies the row, whose columns are those of enum event_column. */
void verify_batch_add(struct verify_batch *batch, sqlite3_value **cells);

struct verify_worker;
int verify_worker_new(struct verify_worker **ret_worker, struct error *err) MUST_USE;
struct verify_worker *verify_worker_free(struct verify_worker *worker);
/* The batch to be filled: never the one that was given. Empty. */
struct verify_batch *verify_worker_batch(struct verify_worker *worker);
/* Gives that batch away and returns the one given before, done; NULL when there was none. */
struct verify_batch *verify_worker_give(struct verify_worker *worker);
/* Waits for the last one that was given; NULL without one. */
struct verify_batch *verify_worker_take(struct verify_worker *worker);

#endif
