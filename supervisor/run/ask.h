/* SPDX-License-Identifier: Apache-2.0 */
/* Asking people about one action of a run, and the live rights that come of it.
 *
 *   ask_people()  the action is held; nothing turns meanwhile
 *   answered()    later, from the loop, never while the run is frozen. ASK_APPROVED: the right is in the
 *                 snapshot now (grants_fill()), so judge again: what changed meanwhile counts, too.
 *   grant_spend() for the grant and the waiver that the ruling names; spent() comes when the use is
 *                 durable in the ledger. Only then comes the effect. */
#ifndef RUN_ASK_H
#define RUN_ASK_H

#include "base/error.h"
#include "decide/judge.h"
#include "run/outbox.h"

struct run;

#define GRANT_OF_PLAN 0x80000000U /* ids of grants from here on belong to plans; below they are ours */

enum ask_answer {
	ASK_REJECTED,                 /* by a person */
	ASK_EXPIRED,                  /* nobody answered in time: no rejection in any count */
	ASK_CANCELLED,                /* the run ends */
	ASK_APPROVED,
};

/* An action and what was ruled about it: what an approval is bound to, and what a right is spent for. */
struct ask_question {
	const struct ruling *ruling;      /* ASK; to spend: ALLOW with `grant` or `waiver` */
	struct govern_approval who;       /* judge_approval(); to spend: not looked at */
	const struct govern_view *govern; /* whose words who.of names */
	const uint8_t *action;            /* 32 bytes: struct action.digest */
	const uint8_t *inputs;            /* 32 bytes, or NULL */
	const struct ulid *plan;          /* or NULL */
	struct slice capability;
	struct slice text;                /* what is asked, as it is: argv, path, destination; escaped here */
};

/* What waits; embedded in its owner, which must ask_forget() it before it goes. */
struct ask {
	void (*answered)(struct ask *ask, enum ask_answer answer); /* set by the owner; it may free itself */
	struct run *run;                  /* NULL = nothing is asked */
	uint32_t number;                  /* of the approval */
	enum ask_answer answer;
	bool ready;                       /* answered; told when the run is not frozen */
	struct ask *next;
};

/* Returns 0: asked. What follows is denied at once, *err says it in words: -EACCES: nobody may answer; -EBUSY: too
 * much is open; -EKEYREJECTED, -ETIME: this very action was rejected, or not answered in time, a moment ago. */
int ask_people(struct run *run, const struct ask_question *question, struct ask *ask, struct error *err) MUST_USE;
/* The held call is gone: the question is cancelled when nobody else waits for it. Takes one that was answered. */
void ask_forget(struct ask *ask);

/* Appends the live grants (approvals, waivers) of a run. Returns their number. */
uint32_t grants_fill(struct run *run, uint64_t now_ns, struct grant *to, uint32_t max);

/* The ULID of the waiver, else of the approval, that a ruling used: what the decision's record names. False: none. */
bool grant_name(const struct run *run, const struct ruling *ruling, char to[ULID_TEXT_LEN + 1]);

struct spend {
	void (*spent)(struct spend *spend, bool ok);  /* set by the owner. not ok: deny */
	struct outbox_wait wait;
	struct run *run;
};

/* One use of the approval and of the waiver that action->ruling names by this action, which must be the one
 * that was asked about to the last byte. Returns 0: spent() follows, never from here; -ENOENT: there is no such
 * right (any more): deny. */
int grant_spend(struct run *run, const struct ask_question *action, struct spend *spend) MUST_USE;
void spend_cancel(struct spend *spend);

/* ---- from people.c and pause.c ---- */

struct runs;
struct approval;

void asks_changed(struct runs *runs, const struct approval *approval);
/* Tells those who may be told: the run is not frozen any more. */
void asks_settle(struct run *run);
void asks_ended(struct run *run);

#endif
