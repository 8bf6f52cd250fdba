/* SPDX-License-Identifier: Apache-2.0 */
/* A real bailiff-ledgerd on a temporary directory, with the test in bailiffd's place. */
#ifndef LIB_LEDGERD_H
#define LIB_LEDGERD_H

#include "ledger/intake.h"

struct ledgerd {
	char dir[64];            /* the ledger's directory, below /tmp */
	int dir_fd, socket_fd;
	pid_t pid;               /* 0 = not running */
	uint64_t cursor;         /* the last number sent */
	struct intake_ack ack;   /* the newest one */
	uint64_t acked, size;    /* of the newest OK ack */
	uint32_t refused;        /* acks with INTAKE_REFUSED */
	struct buf batch;        /* records being built, behind room for the head */
	uint32_t count;
	_Alignas(8) uint8_t memory[INTAKE_DATAGRAM_MAX];
};

/* Makes the directory. */
void ledgerd_init(struct ledgerd *ledgerd);
/* Removes it. For an unchecked fixture's teardown or the end of a test. */
void ledgerd_done(struct ledgerd *ledgerd);
/* Starts $BAILIFF_BIN/bailiff-ledgerd and waits for its first answer. Returns 0, or its exit status
 * when it ended instead. */
int ledgerd_start(struct ledgerd *ledgerd);
/* Closes the socket and waits. Returns the exit status, or 128 + signal. */
int ledgerd_end(struct ledgerd *ledgerd);
/* The same after kill -9. */
int ledgerd_kill(struct ledgerd *ledgerd);

/* A record at the end of the batch with times set; `run` may be NULL. Valid until the next append;
 * its offset for intake_*() is *ret_at. The test ends it with intake_end(). */
struct intake_record *ledgerd_record(struct ledgerd *ledgerd, enum record_kind kind,
				     const uint8_t *run, size_t *ret_at);
/* Sends the batch. Returns 0 or -errno (the peer is gone). */
int ledgerd_send(struct ledgerd *ledgerd);
/* Sends a message without records; `fd` FD_NONE but for a document. */
int ledgerd_message(struct ledgerd *ledgerd, enum intake_message message, int fd,
		    const uint8_t *digest);
/* A document from a sealed memfd. Gives its digest. */
int ledgerd_doc(struct ledgerd *ledgerd, const char *text, uint8_t ret_digest[32]);
/* Reads one answer, waiting at most `timeout_ms`. Returns 1, 0 at the deadline, -errno at the end. */
int ledgerd_answer(struct ledgerd *ledgerd, int timeout_ms);
/* Flushes and waits until everything is acked. Returns 0 or -errno. */
int ledgerd_flush(struct ledgerd *ledgerd);
/* doc + run_start + flush: a run that began. */
int ledgerd_begin_run(struct ledgerd *ledgerd, const uint8_t run[16]);

#endif
