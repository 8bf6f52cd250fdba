/* SPDX-License-Identifier: Apache-2.0 */
/* What asks for people and holds no action. A run that stands still for want of a person is an item of the inbox: `bailiff clarify` and `approve` let it go on,
 * `deny` and an hour without an answer cancel it. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"
#include "run/life.h"
#include "run/people.h"
#include "run/run.h"

#define ANSWER_NS 3600000000000ULL
#define ALERTS_MAX 64U

static bool is_about_a_pause(enum pause_reason reason)
{
	return reason == PAUSE_CLARIFICATION || reason == PAUSE_AMBIGUITY_LOCK || reason == PAUSE_STALL;
}

/* Not an action's digest: items of the inbox differ by their type. */
static void mark(struct approval_binding *binding, enum pause_reason reason)
{
	memset(binding->action, 0, sizeof(binding->action));
	binding->action[0] = (uint8_t)(1 + reason);
}

static enum pause_reason reason_of(const struct approval *approval)
{
	return (enum pause_reason)(approval->binding.action[0] - 1);
}

static struct approval *open_one(struct run *run, enum pause_reason reason)
{
	struct approvals *approvals = &run->runs->people.approvals;

	for (uint32_t i = 0; i < approvals->count; i++) {
		struct approval *item = &approvals->items[i];

		if (item->type == INBOX_CLARIFICATION && approval_is_open((enum approval_state)item->state) &&
		    memcmp(&item->binding.run, &run->id, sizeof(run->id)) == 0 && reason_of(item) == reason)
			return item;
	}
	return NULL;
}

void people_paused(struct run *run, enum pause_reason reason)
{
	static const char *const texts[PAUSE_REASON_COUNT] = {
		[PAUSE_CLARIFICATION] = "made so many errors that its instructions have to be looked at",
		[PAUSE_AMBIGUITY_LOCK] = "does the same again and again", [PAUSE_STALL] = "makes no progress",
	};
	uint64_t now = now_monotonic_ns();
	struct approval *added, item = {
		.state = APPROVAL_PENDING, .type = INBOX_CLARIFICATION, .priority = PRIORITY_NORMAL,
		.created_ns = now, .created_realtime_ns = now_realtime_ns(), .owner_uid = run->owner_uid,
		.run_uid = run->plan.head->uid, .role = ROLE_OPERATOR, .self = 1, .count = 1, .claimed_by = UID_NONE,
		.binding = { .run = run->id, .uses = 1, .expires_ns = now + ANSWER_NS },
	};

	/* Without an item it stands still all the same: `bailiff ps` says so. */
	if (!is_about_a_pause(reason) || ulid_new(&item.id) < 0 || approval_code(item.code) < 0 ||
	    getrandom(item.binding.nonce, sizeof(item.binding.nonce), 0) != (ssize_t)sizeof(item.binding.nonce))
		return;
	mark(&item.binding, reason);
	memcpy(item.binding.policy, run->plan.head->policy_digest, sizeof(item.binding.policy));
	IGNORE(snprintf(item.agent, sizeof(item.agent), "%s", plan_text(&run->plan, run->plan.head->agent)) < 0);
	IGNORE(snprintf(item.reason, sizeof(item.reason), "paused: %s", pause_name(1U << reason)) < 0);
	IGNORE(snprintf(item.text, sizeof(item.text), "the run %s: `bailiff clarify` tells it something", texts[reason]) < 0);
	IGNORE(people_add(run->runs, &item, &added) < 0); /* as above */
}

void people_resumed(struct run *run, enum pause_reason reason)
{
	struct approval *item = is_about_a_pause(reason) ? open_one(run, reason) : NULL;

	if (item)
		people_withdraw(run->runs, item);
}

static uint32_t alerts_open(const struct approvals *approvals)
{
	uint32_t open = 0;

	for (uint32_t i = 0; i < approvals->count; i++)
		open += approvals->items[i].type == INBOX_WAIVE &&
			approval_is_open((enum approval_state)approvals->items[i].state);
	return open;
}

void people_alert(struct run *run, enum violation_type type, const char *text)
{
	struct approval *added, item = {
		.state = APPROVAL_PENDING, .type = INBOX_WAIVE, .priority = PRIORITY_CRITICAL,
		.created_ns = now_monotonic_ns(), .created_realtime_ns = now_realtime_ns(), .owner_uid = UID_NONE,
		.run_uid = run->plan.head->uid, .role = ROLE_ADMIN, .count = 1, .claimed_by = UID_NONE,
		.binding = { .run = run->id, .uses = 1, .expires_ns = UINT64_MAX },
	};

	/* More than that is in the ledger alone: questions need their room. */
	if (alerts_open(&run->runs->people.approvals) >= ALERTS_MAX || ulid_new(&item.id) < 0 ||
	    getrandom(item.binding.nonce, sizeof(item.binding.nonce), 0) != (ssize_t)sizeof(item.binding.nonce))
		return;
	memcpy(item.binding.policy, run->plan.head->policy_digest, sizeof(item.binding.policy));
	IGNORE(snprintf(item.agent, sizeof(item.agent), "%s", plan_text(&run->plan, run->plan.head->agent)) < 0);
	IGNORE(snprintf(item.rule, sizeof(item.rule), "%s", violation_name(type)) < 0);
	IGNORE(snprintf(item.reason, sizeof(item.reason), "a CRITICAL violation; to approve is to acknowledge it") < 0);
	text_escape(item.text, sizeof(item.text), slice_of(text));
	IGNORE(people_add(run->runs, &item, &added) < 0); /* as above */
}

void people_go_on(struct run *run, uid_t uid)
{
	static const enum pause_reason ends[] = { PAUSE_CLARIFICATION, PAUSE_STALL, PAUSE_AMBIGUITY_LOCK };

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct approval *item = open_one(run, ends[i]);

		if (item)
			people_accept(run->runs, item, uid);
		IGNORE(!run_resume(run, ends[i])); /* false: it is not paused for that, or goes on by now */
	}
}

/* An answer to an item: what it is good for is done at once. */
void people_clarified(struct runs *runs, struct approval *approval)
{
	struct run *run = runs_find(runs, &approval->binding.run);
	char by[INTAKE_BY_MAX] = "bailiffd";

	if (approval->type == INBOX_WAIVE && approval->state == APPROVAL_APPROVED &&
	    approval_consume(approval, &approval->binding, now_monotonic_ns()))
		IGNORE(people_used(runs, approval) == 0); /* acknowledged; counted */
	if (approval->type != INBOX_CLARIFICATION || !run || run->step != RUN_STEP_LIVE)
		return;
	if (approval->state == APPROVAL_APPROVED && approval_consume(approval, &approval->binding, now_monotonic_ns())) {
		IGNORE(people_used(runs, approval) == 0); /* counted */
		run_progress(run); /* else the next of the same would stop it again */
		IGNORE(!run_resume(run, reason_of(approval))); /* false: it goes on already */
	} else if (approval->state == APPROVAL_REJECTED && approval->vote_count > 0) {
		IGNORE(snprintf(by, sizeof(by), "uid:%u", approval->votes[approval->vote_count - 1].uid) < 0);
		IGNORE(!people_end(run, by, approval->reason)); /* false: it ends already */
	} else if (approval->state == APPROVAL_EXPIRED) {
		IGNORE(!people_end(run, by, "nobody clarified it in time")); /* as above */
	}
}
