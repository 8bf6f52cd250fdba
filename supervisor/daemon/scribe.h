/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-ledgerd as a child: started under its own user with a socket and the ledger's directory,
 * started again when it dies, three times in a minute; then the ledger counts as down. */
#ifndef DAEMON_SCRIBE_H
#define DAEMON_SCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "run/outbox.h"

#define SCRIBE_TRIES 3U
#define SCRIBE_WINDOW_NS 60000000000ULL
#define SCRIBE_RETRY_NS 50000000ULL
#define SCRIBE_DOWN_RETRY_NS 3000000000ULL /* after SCRIBE_TRIES in SCRIBE_WINDOW_NS */
#define SCRIBE_PROGRAM_MAX 4096U

struct scribe {
	struct loop *loop;           /* borrowed */
	struct outbox *outbox;       /* borrowed */
	char program[SCRIBE_PROGRAM_MAX];
	int dir_fd;                  /* owned: <state-dir>/ledger */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	int pidfd;                   /* owned */
	struct source source;
	struct timer retry;
	uint64_t starts_ns[SCRIBE_TRIES];
	uint32_t start_count;
	bool down;                   /* died too often: closed until it answers */
	bool stopping;
};

/* Looks up the account, makes the directory. The first start is scribe_start(). */
int scribe_init(struct scribe *scribe, struct loop *loop, struct outbox *outbox, int state_fd,
		const char *program, struct error *err) MUST_USE;
/* Starts it and attaches the outbox. */
int scribe_start(struct scribe *scribe, struct error *err) MUST_USE;
/* The outbox lost its peer: starts it again soon, and seldom when it dies too often. */
void scribe_lost(struct scribe *scribe);
/* Fail closed: no run may start. Ends when the ledger was opened and could be written again. */
bool scribe_is_down(const struct scribe *scribe);
/* Closes; the child ends by itself at the end of its socket. Waits for it at most `timeout_ms`. */
void scribe_finish(struct scribe *scribe, int timeout_ms);

#endif
