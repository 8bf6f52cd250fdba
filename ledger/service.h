/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-ledgerd at work: takes datagrams from one producer, groups them into commits, answers
 * with acks. Group commit: the first of 20 ms since the first queued record, 1000 records, or a
 * record that must not wait; what arrives meanwhile shares that commit. */
#ifndef LEDGER_SERVICE_H
#define LEDGER_SERVICE_H

#include "base/loop.h"
#include "ledger/convert.h"
#include "ledger/store.h"

#define SERVICE_COMMIT_NS 20000000U       /* since the first queued record */
#define SERVICE_COMMIT_RECORDS 1000U
#define SERVICE_SIGN_NS 1000000000U       /* since the tree grew */
#define SERVICE_SPACE_NS 1000000000U      /* between looks at the disk */
#define SERVICE_TICK_NS 60000000000U      /* of silence */

struct service {
	struct loop *loop;                /* borrowed */
	struct store *store;              /* borrowed */
	int socket_fd;                    /* borrowed; non-blocking calls only */
	struct source source;
	struct timer commit_timer, sign_timer, tick_timer, space_timer;
	struct converter converter;
	uint64_t cursor;                  /* the producer's newest number that was taken */
	uint64_t acked;                   /* and that was acked */
	uint64_t left_out;                /* records, for want of space; a gap will say so */
	bool sync;                        /* the open transaction must not wait */
	bool flush;                       /* ack even if nothing is new */
	bool started;                     /* a datagram was seen */
	bool ended;                       /* the producer is gone or said stop */
	struct error *err;                /* of the failure that ended the loop */
	uint8_t datagram[INTAKE_DATAGRAM_MAX];
};

/* Adds the socket and timers to the loop, and sends the first ack: cursor 0, the log's size. The
 * loop then ends with 0 when the producer is gone or stopped (everything is committed then, and the
 * log ended in order), or with -errno and *err when the ledger cannot be written. */
int service_start(struct service *service, struct loop *loop, struct store *store, int socket_fd,
		  struct error *err) MUST_USE;
/* Ends the log in order and stops the loop: SIGTERM. */
int service_stop(struct service *service);

#endif
