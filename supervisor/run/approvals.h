/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to people, and what became of each. Pure: no clock, no I/O, no allocation; times are
 * CLOCK_MONOTONIC ns that are passed in, wall clock times are only kept. Whoever holds an action and
 * waits for the answer uses run/ask.h; this is what stands behind it.
 *
 * An approval is bound to exactly one action: every byte of `struct approval_binding` must be the same,
 * or it is another one. Source: the behaviour model, sections 2.4, 5.5, 9.4. */
#ifndef RUN_APPROVALS_H
#define RUN_APPROVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "base/ulid.h"
#include "decide/people.h"

#define APPROVALS_MAX 256U
#define APPROVALS_PER_RUN 16U         /* open ones of one run */
#define APPROVAL_PEOPLE_MAX 8U        /* votes, and people named by `of` */
#define APPROVAL_TEXT_MAX 1024U
#define APPROVAL_NAME_MAX 64U
#define APPROVAL_REASON_MAX 256U
#define APPROVAL_CODE_MAX 8U
#define APPROVAL_CLAIM_NS 600000000000ULL   /* claimed and not decided: anybody's again */
#define APPROVAL_REFUSAL_NS 60000000000ULL  /* a refused action that is tried again is not asked about so soon */

/* No padding: it is compared and kept as bytes. */
struct approval_binding {
	struct ulid run;
	uint8_t action[32];               /* argv, path or destination, with all that its owner binds */
	uint8_t inputs[32];               /* zero = none */
	uint8_t policy[32];
	struct ulid plan;                 /* zero = none */
	uint8_t nonce[16];                /* random: the same action asked again is another approval */
	uint64_t expires_ns;              /* CLOCK_MONOTONIC: of the question and of the right */
	uint32_t uses;
	uint32_t environments;            /* bits that the action touches */
	char capability[APPROVAL_NAME_MAX];
};
_Static_assert(sizeof(struct approval_binding) == 16 + 3 * 32 + 16 + 16 + 8 + 8 + 64, "no padding");

struct approval_vote {
	uint32_t uid;
	uint32_t yes;
	uint64_t realtime_ns;
};

/* Kept on the disk as it is (daemon/keep.c). */
struct approval {
	struct ulid id;
	uint32_t number;                  /* short name, and the id of the grant that it becomes */
	uint32_t state;                   /* enum approval_state */
	uint32_t type, priority;          /* enum inbox_type, enum inbox_priority */
	struct approval_binding binding;
	uint64_t created_realtime_ns, created_ns;
	uint64_t decided_realtime_ns;
	uint64_t refused_ns;              /* CLOCK_MONOTONIC: rejected or expired then; 0 = neither */
	uint64_t claimed_until_ns;
	uint32_t claimed_by;              /* uid; UID_NONE */
	uint32_t owner_uid, run_uid;      /* who started the run, and as whom it runs */
	uint32_t used;
	uint32_t risk;                    /* enum risk */
	uint32_t role, self, count;       /* of struct govern_approval */
	uint32_t of_count, vote_count;
	uint32_t of[APPROVAL_PEOPLE_MAX]; /* uids; of_count 0 = everybody of the role */
	struct approval_vote votes[APPROVAL_PEOPLE_MAX];
	uint32_t reserved;
	char code[APPROVAL_CODE_MAX];     /* what the caller has to type; NUL-terminated */
	char rule[APPROVAL_NAME_MAX];
	char agent[APPROVAL_NAME_MAX];
	char reason[APPROVAL_REASON_MAX]; /* why it is asked; after the decision: why it was decided so */
	char text[APPROVAL_TEXT_MAX];     /* what is shown: escaped already */
	uint32_t text_cut;                /* there is more of it */
};

struct approvals {
	uint32_t count;                   /* slots in use, from the start */
	uint32_t last_number;
	struct approval items[APPROVALS_MAX];
};

/* Somebody who wants to answer, as the supervisor knows them. */
struct answerer {
	uid_t uid;
	enum role role;                   /* for this run */
	bool terminal;                    /* the process has a controlling terminal and is in its foreground */
	const char *code;                 /* as typed; "" = none */
};

enum approval_result {
	RESULT_UNKNOWN,                   /* there is no such item */
	RESULT_DECIDED,                   /* it is decided, expired, cancelled or consumed already */
	RESULT_ROLE,                      /* needs a higher role */
	RESULT_NOT_NAMED,                 /* the policy names others */
	RESULT_SELF,                      /* one's own request, and the policy does not allow that */
	RESULT_AGENT,                     /* the uid that the run itself has */
	RESULT_TERMINAL, RESULT_CODE,     /* one's own request: only from a terminal, by typing the code */
	RESULT_CLAIMED,                   /* by somebody else */
	RESULT_TWICE,                     /* one vote a person */
	RESULT_OTHER,                     /* what the answerer saw is not what is asked */
	RESULT_NOT_CLAIMED,               /* RELEASE of what one did not claim */
	RESULT_DONE,
	RESULT_VOTED,                     /* counted; more are needed */
	RESULT_COUNT,
};

bool approval_move_allowed(enum approval_state from, enum approval_state to);
bool approval_is_open(enum approval_state state);       /* somebody may still answer */
const char *approval_result_text(enum approval_result result);

/* As read from a disk: every number is one that this table can have made. */
bool approval_is_valid(const struct approval *item);
/* A copy of `item` gets a number and a place; PENDING. The oldest that is over makes room. NULL: 256 are
 * open, or APPROVALS_PER_RUN of this run. */
struct approval *approvals_add(struct approvals *approvals, const struct approval *item);
struct approval *approvals_find(struct approvals *approvals, const struct ulid *id);
struct approval *approvals_number(struct approvals *approvals, uint32_t number);
/* An open or approved one of this run about the same action under the same policy: asking again is no
 * second question. The nonce and times are not looked at. */
struct approval *approvals_same(struct approvals *approvals, const struct approval_binding *binding);

/* One of this run about the same action that was rejected, or expired, less than APPROVAL_REFUSAL_NS ago: a shell
 * tries the next entry of PATH, an agent tries again, and people have answered. */
const struct approval *approvals_refused(const struct approvals *approvals, const struct approval_binding *binding,
					 uint64_t now_ns);

enum approval_result approval_claim(struct approval *approval, const struct answerer *who, uint64_t now_ns);
enum approval_result approval_release(struct approval *approval, const struct answerer *who, uint64_t now_ns);
/* `seen` is the binding that was shown, whole. A rejection ends it; a yes is a vote. */
enum approval_result approval_answer(struct approval *approval, const struct answerer *who,
				     const struct approval_binding *seen, bool yes, uint64_t now_ns,
				     uint64_t realtime_ns);
/* May this person answer at all? RESULT_DONE, or why not. The code is not looked at. */
enum approval_result approval_may_answer(const struct approval *approval, const struct answerer *who);
/* The same action of the same run under the same policy, by every byte. What makes one question another
 * than the next (nonce, uses, expiry) is not the action's. */
bool approval_is_about(const struct approval *approval, const struct approval_binding *action);
/* One use of an approved right by exactly this action. False: there is none (any more). */
bool approval_consume(struct approval *approval, const struct approval_binding *action, uint64_t now_ns);
/* A yes of somebody who may, by whatever verb it is said. */
enum approval_result approval_accept(struct approval *approval, uid_t uid, uint64_t realtime_ns);
/* By somebody who ends the run: no more is asked of them. */
enum approval_result approval_reject(struct approval *approval, uid_t uid, uint64_t realtime_ns);
/* False: it was over already. */
bool approval_cancel(struct approval *approval);
/* What time does to it. True: its state is another one now. */
bool approval_tick(struct approval *approval, uint64_t now_ns);
/* When approval_tick() will have something to do; UINT64_MAX = never. */
uint64_t approvals_deadline(const struct approvals *approvals);
/* Order of the inbox: priority, then age. */
int approval_compare(const struct approval *one, const struct approval *other);

#endif
