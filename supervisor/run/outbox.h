/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's queue of records on their way to bailiff-ledgerd. Everything is kept until it is
 * acknowledged and sent again when ledgerd was restarted. Memory is fixed from the start: near its
 * end telemetry is refused and counted (it becomes a gap record), so that what must be recorded
 * still has room; before that, `pressure` asks the owner to stop the runs. */
#ifndef RUN_OUTBOX_H
#define RUN_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "ledger/intake.h"

#define OUTBOX_BYTES_DEFAULT (16U << 20)
#define OUTBOX_FLUSH_NS 2000000ULL      /* a record waits so long for company at most */

struct outbox;

/* One thing that waits until a record is durable. Embedded in its owner. */
struct outbox_wait {
	void (*done)(struct outbox_wait *wait);
	uint64_t cursor;
	bool armed;
	struct outbox_wait *next;
};

struct outbox_callbacks {
	/* The socket ended or broke: start ledgerd again and call outbox_attach(). */
	void (*lost)(void *ctx);
	/* `high`: the queue is above three quarters, or the ledger's disk is full; false: the queue is
	 * below one quarter again, and there is space. */
	void (*pressure)(void *ctx, bool high);
	/* ledgerd does not take a record (its number), or cannot write. */
	void (*refused)(void *ctx, const struct intake_ack *ack);
	void *ctx;
};

int outbox_new(struct loop *loop, size_t bytes, const struct outbox_callbacks *callbacks,
	       struct outbox **ret_outbox) MUST_USE;
/* Waiters are forgotten, not called. */
struct outbox *outbox_free(struct outbox *outbox);

/* Takes a connected SOCK_SEQPACKET socket and sends what is not acknowledged yet. */
int outbox_attach(struct outbox *outbox, int fd) MUST_USE;
/* Closes the socket; records go on being queued. */
void outbox_detach(struct outbox *outbox);
bool outbox_attached(const struct outbox *outbox);
/* The peer said since it was attached that it can write: its first answer comes after it opened the log. */
bool outbox_answered(const struct outbox *outbox);

/* By its newest answer its disk is full: what must be recorded is, from a reserve; nothing else. */
bool outbox_full(const struct outbox *outbox);

/* Where the next record is to be built: begin and end it with intake_begin() at the end of the buffer
 * that this returns, then call outbox_put(). NULL: no room for this kind of record, which is counted. */
struct buf *outbox_begin(struct outbox *outbox, enum record_kind kind) MUST_USE;
/* After intake_end(): returns the record's number, or 0 when `built` is negative (the record is
 * gone and counted). Kinds that commit at once are sent in this turn of the loop, the others within
 * OUTBOX_FLUSH_NS. */
uint64_t outbox_put(struct outbox *outbox, enum record_kind kind, int built);

/* A document to be kept by its SHA-256; takes `memfd` also on failure. Returns 0 or -ENOSPC. */
int outbox_document(struct outbox *outbox, int memfd, const uint8_t digest[32]) MUST_USE;
/* Asks for an orderly end; `wait` is done when all is durable. */
void outbox_stop(struct outbox *outbox, struct outbox_wait *wait);
/* Sends what is queued now. */
void outbox_flush(struct outbox *outbox);

/* Calls `done` when record `cursor` is durable: from outbox's own handler, never from here, unless it
 * is durable already, then at once. */
void outbox_wait_for(struct outbox *outbox, struct outbox_wait *wait, uint64_t cursor,
		     void (*done)(struct outbox_wait *wait));
void outbox_wait_cancel(struct outbox *outbox, struct outbox_wait *wait);

/* The number of the newest record. */
uint64_t outbox_last(const struct outbox *outbox);
/* Records that were refused for want of room since the last call. */
uint64_t outbox_take_lost(struct outbox *outbox);
/* The log's size as of the last acknowledgement. */
uint64_t outbox_log_size(const struct outbox *outbox);

#endif
