/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `event` that wait for one statement. An INSERT of its own for each row opens and closes
 * the table and its seven indexes each time; here SQLite pulls many rows out of memory in one go. */
#ifndef LEDGER_EVENT_BATCH_H
#define LEDGER_EVENT_BATCH_H

#include "ledger/project.h"

struct event_batch;

/* One batch per connection; `db` is borrowed and must have the ledger's schema. */
int event_batch_new(sqlite3 *db, struct event_batch **ret_batch, struct error *err) MUST_USE;
/* Rows that were not flushed are dropped. Before the connection is closed. */
struct event_batch *event_batch_free(struct event_batch *batch);
/* Copies `rec`. Writes what waits when there is no more room. Returns 0, -EINVAL (no record is empty
 * or longer than RECORD_MAX) or -EIO: then the transaction is rolled back. */
int event_batch_add(struct event_batch *batch, const struct event_row *row, struct slice rec) MUST_USE;
/* Writes the rows that wait, in the order in which they came. Returns 0, or -EIO as above. */
int event_batch_flush(struct event_batch *batch) MUST_USE;
/* After a ROLLBACK. */
void event_batch_drop(struct event_batch *batch);

#endif
