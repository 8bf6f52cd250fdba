/* SPDX-License-Identifier: Apache-2.0 */
/* What people have to do with the runs of a supervisor: open questions and live rights, waivers, the kill
 * switch, who has which role. Part of struct runs; the tables are pure (approvals.h, waivers.h,
 * kill_switch.h, roles.h), people.c connects them to the loop, the ledger and the runs. */
#ifndef RUN_PEOPLE_H
#define RUN_PEOPLE_H

#include "base/loop.h"
#include "decide/rules.h"
#include "run/approvals.h"
#include "run/ask.h"
#include "run/kill_switch.h"
#include "run/pause.h"
#include "run/roles.h"
#include "run/waivers.h"

struct run;
struct runs;

struct people {
	struct approvals approvals;
	struct waivers waivers;
	struct kill_switch kill_switch;
	struct role_map roles;
	struct timer timer;
	struct ask *asks;              /* all that wait, of all runs */
	/* Set by the owner. An item is new or changed: to be kept, and shown where the run asks at its own
	 * terminal. */
	void (*item)(void *ctx, const struct approval *approval);
	void *ctx;
};

/* Where a run's questions go. */
enum ask_place {
	ASK_INBOX,
	ASK_HERE,                      /* `--ask`: to the run's own terminal; all is frozen meanwhile */
	ASK_NOWHERE,                   /* `--ask`, but there is no terminal: denied at once */
};

/* ---- verbs; who may is decided before ---- */

enum approval_result people_claim(struct runs *runs, const struct ulid *id, const struct answerer *who, bool release);
enum approval_result people_answer(struct runs *runs, const struct ulid *id, const struct answerer *who,
				   const struct approval_binding *seen, bool yes, const char *reason);
/* `waiver`: rule, action, reason code. The name of a type of violation: one strike of it is taken away at once.
 * Returns 0; -ENOENT: the policy has no such rule; -EPERM: never waived; -EALREADY: there is no strike; -ENOSPC: too many are live. */
int people_waive(struct run *run, uid_t uid, const struct waiver *waiver, uint64_t ttl_ns, const char *reason,
		 struct error *err) MUST_USE;
/* The agent is told, then a pause for want of that ends. False: it cannot be told. */
bool people_clarify(struct run *run, uid_t uid, const char *text);
/* TERM to the command, after a grace the kill: FAILED(cancelled). False: it is ending already. */
bool people_cancel(struct run *run, uid_t uid, const char *reason);

struct kill_count { uint32_t frozen, revoked, stopped; };
/* Trips it and stops what it covers; with `terminate` revokes it. False: it was tripped already; what it covers
 * is stopped all the same. */
bool people_kill(struct runs *runs, const struct kill_entry *entry, bool terminate, struct kill_count *ret_count);
/* False: it was not tripped. */
bool people_kill_reset(struct runs *runs, const struct kill_target *target, uid_t uid, const char *reason,
		       struct kill_count *ret_count);
/* The last look before a run is let go. False: a kill switch covers it, and it is ending. */
bool people_may_start(struct run *run);
/* Nothing of it is asked or allowed any more. */
void people_run_ended(struct run *run);
/* Items of an earlier supervisor, as it kept them: their runs are dead. Call people_restored() behind the last. */
void people_restore(struct runs *runs, const struct approval *approval);
void people_restored(struct runs *runs);
void people_finish(struct runs *runs);

/* ---- between the files of this folder ---- */

/* attention.c: a run stands still for want of a person, or goes on. */
void people_paused(struct run *run, enum pause_reason reason);
void people_resumed(struct run *run, enum pause_reason reason);
void people_clarified(struct runs *runs, struct approval *approval);
/* Somebody clarified it: every such item of it is answered. */
void people_go_on(struct run *run, uid_t uid);
/* An open item is approved by somebody whose verb says so. */
void people_accept(struct runs *runs, struct approval *approval, uid_t uid);
/* Cancelled, whatever it asks. */
bool people_end(struct run *run, const char *by, const char *reason);
/* A CRITICAL violation: an item that an admin has to acknowledge. It outlives the run, and the supervisor. */
void people_alert(struct run *run, enum violation_type type, const char *text);
/* What must be typed. 0 or -EIO. */
int approval_code(char code[APPROVAL_CODE_MAX]) MUST_USE;
int people_add(struct runs *runs, const struct approval *item, struct approval **ret_item) MUST_USE;
int people_grant_waiver(struct run *run, const struct waiver *waiver, const char *by, const char *reason) MUST_USE;
void people_reject_all(struct run *run, uid_t uid);
void people_withdraw(struct runs *runs, struct approval *approval);
/* A use was taken: recorded and kept. Returns the record's number; 0: it was not written. */
uint64_t people_used(struct runs *runs, const struct approval *approval);

void people_put_approval(struct runs *runs, const struct approval *approval, enum approval_state from,
			 const char *by);
uint64_t people_put_use(struct runs *runs, const struct approval *approval);
uint64_t people_put_waiver(struct run *run, const struct waiver *waiver, enum waiver_state from, const char *by,
			   const char *reason);
void people_put_kill(struct runs *runs, const struct kill_target *target, bool tripped, const char *by,
		     const char *reason, const struct kill_count *count);

#endif
