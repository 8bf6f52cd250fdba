/* SPDX-License-Identifier: Apache-2.0 */
/* What people and reviewers sent to one run, until its processes acknowledge it (`bailiff agent inbox`, `ack`).
 * Bounded: a letter that was acknowledged makes room for a new one. No I/O; times are the run's own clock. */
#ifndef RUN_INBOX_H
#define RUN_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"

#define LETTERS_MAX 16U
#define LETTER_TEXT_MAX 4096U
#define LETTER_BY_MAX 64U
#define LETTER_ACK_NS 120000000000ULL
#define INBOX_NEVER UINT64_MAX

enum letter_kind { LETTER_MESSAGE, LETTER_CLARIFICATION, LETTER_CLARIFIED_PLAN, LETTER_ANSWER, LETTER_KIND_COUNT };

struct letter {
	uint64_t id;            /* from 1, rising; 0 = free */
	uint32_t kind;          /* enum letter_kind */
	bool acked;
	uint64_t deadline_ns;   /* to be acknowledged until then; INBOX_NEVER */
	char by[LETTER_BY_MAX]; /* "user:ann" */
	uint8_t digest[32];     /* SHA-256 of the text */
	char *text;             /* owned */
	size_t len;
};

struct inbox {
	struct letter letters[LETTERS_MAX];
	uint64_t last_id;
};

void inbox_finish(struct inbox *inbox);
/* A letter that must be acknowledged within `ack_ns` (0: need not be). Returns its id; -E2BIG, -ENOSPC (16 that
 * nobody acknowledged), -ENOMEM. */
int64_t inbox_put(struct inbox *inbox, enum letter_kind kind, const char *by, struct slice text, uint64_t ack_ns,
		  uint64_t now_ns) MUST_USE;
/* The oldest letter behind `id` that was not acknowledged; NULL. */
const struct letter *inbox_next(const struct inbox *inbox, uint64_t id);
/* The letter that was acknowledged now; NULL when there is none of this id, or it was already. */
const struct letter *inbox_ack(struct inbox *inbox, uint64_t id);
/* Those whose deadline has passed are not waited for any more; they stay open. */
void inbox_forget_due(struct inbox *inbox, uint64_t now_ns);
uint32_t inbox_open(const struct inbox *inbox);
/* The earliest deadline of those that are open. */
uint64_t inbox_deadline(const struct inbox *inbox);

#endif
