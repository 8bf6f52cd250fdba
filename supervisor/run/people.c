/* SPDX-License-Identifier: Apache-2.0 */
/* People's answers and verbs, and what they do to the runs. Answers reach those who wait for them from here
 * only, and never while their run is frozen: what is answered then would go on behind the freeze. */
#include "run/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/run.h"

static void by_uid(char to[INTAKE_BY_MAX], uid_t uid)
{
	IGNORE(snprintf(to, INTAKE_BY_MAX, "uid:%u", uid) < 0);
}

/* ---- time ---- */

static int people_due(struct timer *timer, uint64_t now_ns);

static void rearm(struct runs *runs)
{
	struct people *people = &runs->people;
	uint64_t first = MIN(approvals_deadline(&people->approvals), waivers_deadline(&people->waivers));

	if (first == UINT64_MAX)
		loop_timer_clear(runs->loop, &people->timer);
	else /* without memory, answers and uses still look at the clock */
		IGNORE(loop_timer_set(runs->loop, &people->timer, first, people_due) < 0);
}

/* An item has another state than `from`. */
static void changed(struct runs *runs, struct approval *approval, enum approval_state from, const char *by)
{
	people_put_approval(runs, approval, from, by);
	if (runs->people.item)
		runs->people.item(runs->people.ctx, approval);
	asks_changed(runs, approval);
	people_clarified(runs, approval);
	rearm(runs);
}

static int people_due(struct timer *timer, uint64_t now_ns)
{
	struct runs *runs = container_of(timer, struct runs, people.timer);
	struct people *people = &runs->people;

	for (uint32_t i = 0; i < people->approvals.count; i++) {
		struct approval *item = &people->approvals.items[i];
		enum approval_state from = (enum approval_state)item->state;

		if (approval_tick(item, now_ns))
			changed(runs, item, from, "bailiffd");
	}
	for (uint32_t i = 0; i < people->waivers.count; i++) {
		struct waiver *waiver = &people->waivers.items[i];
		struct run *run = runs_find(runs, &waiver->run);

		if (waiver_tick(waiver, now_ns) && run)
			IGNORE(people_put_waiver(run, waiver, WAIVER_GRANTED, "bailiffd", "") == 0); /* counted */
	}
	rearm(runs);
	return 0;
}

/* ---- questions ---- */

int people_add(struct runs *runs, const struct approval *item, struct approval **ret_item)
{
	struct approval *added = approvals_add(&runs->people.approvals, item);

	if (!added)
		return -EBUSY;
	changed(runs, added, APPROVAL_NONE, "bailiffd");
	*ret_item = added;
	return 0;
}

void people_accept(struct runs *runs, struct approval *approval, uid_t uid)
{
	enum approval_state from = (enum approval_state)approval->state;
	char by[INTAKE_BY_MAX];

	by_uid(by, uid);
	if (approval_accept(approval, uid, now_realtime_ns()) == RESULT_DONE)
		changed(runs, approval, from, by);
}

void people_withdraw(struct runs *runs, struct approval *approval)
{
	enum approval_state from = (enum approval_state)approval->state;

	if (approval_cancel(approval))
		changed(runs, approval, from, "bailiffd");
}

uint64_t people_used(struct runs *runs, const struct approval *approval)
{
	uint64_t cursor = people_put_use(runs, approval);

	if (runs->people.item)
		runs->people.item(runs->people.ctx, approval);
	rearm(runs);
	return cursor;
}

enum approval_result people_claim(struct runs *runs, const struct ulid *id, const struct answerer *who, bool release)
{
	struct approval *approval = approvals_find(&runs->people.approvals, id);
	enum approval_state from;
	enum approval_result result;
	char by[INTAKE_BY_MAX];

	if (!approval)
		return RESULT_UNKNOWN;
	from = (enum approval_state)approval->state;
	result = (release ? approval_release : approval_claim)(approval, who, now_monotonic_ns());
	by_uid(by, who->uid);
	if (approval->state != (uint32_t)from)
		changed(runs, approval, from, result == RESULT_DONE ? by : "bailiffd");
	else
		rearm(runs);
	return result;
}

enum approval_result people_answer(struct runs *runs, const struct ulid *id, const struct answerer *who,
				   const struct approval_binding *seen, bool yes, const char *reason)
{
	struct approval *approval = approvals_find(&runs->people.approvals, id);
	enum approval_state from;
	enum approval_result result;
	char by[INTAKE_BY_MAX];

	if (!approval)
		return RESULT_UNKNOWN;
	from = (enum approval_state)approval->state;
	result = approval_answer(approval, who, seen, yes, now_monotonic_ns(), now_realtime_ns());
	by_uid(by, who->uid);
	if (result == RESULT_DONE && reason[0])
		IGNORE(snprintf(approval->reason, sizeof(approval->reason), "%s", reason) < 0);
	if (approval->state != (uint32_t)from || result == RESULT_VOTED)
		changed(runs, approval, from, result >= RESULT_DONE ? by : "bailiffd");
	return result;
}

void people_restore(struct runs *runs, const struct approval *approval)
{
	struct approvals *approvals = &runs->people.approvals;

	if (approvals->count < APPROVALS_MAX)
		approvals->items[approvals->count++] = *approval;
	approvals->last_number = MAX(approvals->last_number, approval->number);
}

void people_restored(struct runs *runs)
{
	struct approvals *approvals = &runs->people.approvals;

	for (uint32_t i = 0; i < approvals->count; i++) {
		struct approval *item = &approvals->items[i];

		if (item->type == INBOX_WAIVE && runs->people.item) /* it is about what was, and stays */
			runs->people.item(runs->people.ctx, item);
		else
			people_withdraw(runs, item);
	}
}

int people_grant_waiver(struct run *run, const struct waiver *waiver, const char *by, const char *reason)
{
	struct people *people = &run->runs->people;
	struct waiver *added = waivers_add(&people->waivers, waiver, people->approvals.last_number + 1);

	if (!added)
		return -ENOSPC;
	people->approvals.last_number++;
	IGNORE(people_put_waiver(run, added, WAIVER_NONE, by, reason) == 0); /* counted */
	rearm(run->runs);
	return 0;
}

void people_reject_all(struct run *run, uid_t uid)
{
	struct approvals *approvals = &run->runs->people.approvals;
	char by[INTAKE_BY_MAX];

	by_uid(by, uid);
	for (uint32_t i = 0; i < approvals->count; i++) {
		struct approval *item = &approvals->items[i];
		enum approval_state from = (enum approval_state)item->state;

		if (memcmp(&item->binding.run, &run->id, sizeof(run->id)) == 0 && item->type == INBOX_RESUME &&
		    approval_reject(item, uid, now_realtime_ns()) == RESULT_DONE)
			changed(run->runs, item, from, by);
	}
}

/* ---- the end of a run ---- */

void people_run_ended(struct run *run)
{
	struct people *people = &run->runs->people;

	for (uint32_t i = 0; i < people->approvals.count; i++) {
		struct approval *item = &people->approvals.items[i];

		if (memcmp(&item->binding.run, &run->id, sizeof(run->id)) == 0 && item->type != INBOX_WAIVE)
			people_withdraw(run->runs, item);
	}
	asks_ended(run);
	for (uint32_t i = 0; i < people->waivers.count; i++) {
		struct waiver *waiver = &people->waivers.items[i];

		if (memcmp(&waiver->run, &run->id, sizeof(run->id)) == 0 && waiver_withdraw(waiver))
			IGNORE(people_put_waiver(run, waiver, WAIVER_GRANTED, "bailiffd", "its run ended") == 0);
	}
	rearm(run->runs);
}

void people_finish(struct runs *runs)
{
	loop_timer_clear(runs->loop, &runs->people.timer);
}
