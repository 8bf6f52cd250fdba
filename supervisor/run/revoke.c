/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation, in the order of the design (section 7): flag in the kernel, freeze, violation and intent on
 * the disk within 20 ms, kill, verify that nobody is left, outcome. Kill first would leave kills without
 * a record; record first without the freeze would leave time for damage. */
#include <stdio.h>

#include "run/moves.h"
#include "run/run.h"

/* Strikes of both sides make one count: what the kernel did not decide it is told. */
static void count_with_kernel(struct run *run, enum violation_type type, const struct event_head *event)
{
	if (event && event->violation == (uint8_t)type)
		violation_follow(&run->strikes, event);
	else if (violation_tell(&run->told, type))
		/* Only its own decision would come a strike late; ours comes in time. */
		IGNORE(watch_run_strikes(run->runs->watch, run->slot, &run->told) < 0);
}

void run_violation(struct run *run, enum violation_type type, enum record_effect effect,
		   const struct decision *decision, const char *message, struct slice subject,
		   const struct event_head *event)
{
	struct violation violation;
	struct violation_run about = {
		.frame = record_frame_now(&run->id), .agent = plan_text(&run->plan, run->plan.head->agent),
		.tier = run->plan.head->tier, .policy_digest = run->plan.head->policy_digest,
	};
	struct buf *buf;
	char notice[WIRE_TEXT_MAX];

	if (event)
		about.exe = slice_new(event->comm, strnlen(event->comm, sizeof(event->comm)));
	count_with_kernel(run, type, event);
	violation_make(&run->rules, &run->strikes, type, effect, decision, message, subject, &violation);
	violation.revokes |= event && event->flags & EVENT_REVOKED;
	/* Whatever its severity says: `on_loss: kill` is about any loss. */
	violation.revokes |= type == OBSERVER_GAP && run->plan.head->on_loss == LOSS_KILL;
	buf = outbox_begin(run->runs->outbox, RECORD_VIOLATION);
	if (!buf || outbox_put(run->runs->outbox, RECORD_VIOLATION,
			       record_violation(buf, &about, event, &violation)) == 0)
		run->lost++;
	else
		run->records++;
	IGNORE(snprintf(notice, sizeof(notice), "%s (%s): %s%s%.*s; next: %s", violation_name(type),
			severity_name(violation.severity), violation.message, subject.len && !decision ? ": " : "",
			decision ? 0 : (int)MIN(subject.len, (size_t)256), subject.data ? subject.data : "",
			violation.remedy) < 0); /* cut at the end of the remedy */
	if (violation.severity == SEVERITY_CRITICAL)
		people_alert(run, type, notice);
	if (!violation.revokes) {
		run->runs->callbacks.notice(run->runs->callbacks.ctx, run, notice);
		return;
	}
	if (run->revoke_wanted || run->revoking)
		return;
	run->revoke_wanted = true;
	run->revoke_cause = RUN_CAUSE_VIOLATION;
	run->revoke_from_ns = event ? event->time_ns : now_boottime_ns();
	IGNORE(snprintf(run->revoke_by, sizeof(run->revoke_by), "bailiffd") < 0);
	IGNORE(snprintf(run->revoke_text, sizeof(run->revoke_text), "%s", notice) < 0);
}

static void outcome_revoked(struct run *run)
{
	run->outcome = (struct run_outcome){ .set = true, .status = RUN_STATUS_REVOKED,
					     .cause = run->revoke_cause, .exit_code = 123 };
	IGNORE(snprintf(run->outcome.text, sizeof(run->outcome.text), "%s", run->revoke_text) < 0);
}

static uint64_t put_intent(struct run *run)
{
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, RECORD_REVOKE_INTENT);
	struct draft draft;
	uint64_t cursor;

	if (!buf)
		return 0;
	draft = draft_begin(buf, RECORD_REVOKE_INTENT, &frame, NULL);
	draft_by(&draft, run->revoke_by);
	draft_text(&draft, DETAIL_CAUSE, slice_of(run_cause_name(run->revoke_cause)));
	draft_text(&draft, DETAIL_MESSAGE, slice_of(run->revoke_text));
	cursor = outbox_put(run->runs->outbox, RECORD_REVOKE_INTENT, draft_end(&draft));
	run->records += cursor != 0;
	return cursor;
}

static void intent_durable(struct outbox_wait *wait)
{
	struct run *run = container_of(wait, struct run, wait);

	if (run->step != RUN_STEP_INTENT)
		return;
	run->late = false;
	run_kill(run);
}

/* The kernel stops the run at its next call from here on. */
static void hold(struct run *run)
{
	run->flags |= RUN_REVOKED;
	IGNORE(watch_run_set_flags(run->runs->watch, run->launched.cgroup.id, (uint32_t)run->flags) < 0);
	IGNORE(cgroup_freeze(&run->launched.cgroup, true) < 0);
	/* Should either fail, cgroup.kill follows within 20 ms whatever happens. */
	if (cgroup_count(&run->launched.cgroup, &run->killed) < 0)
		run->killed = 0;
	run->killed -= run->killed > 0; /* pid 1 is ours */
}

static void revoke_begin(struct run *run)
{
	uint64_t cursor;

	run->revoke_wanted = false;
	run->revoking = true;
	outcome_revoked(run);
	if (run->step >= RUN_STEP_KILLING) { /* it is over already: only the records are missing */
		IGNORE(put_intent(run) == 0);
		return;
	}
	hold(run);
	run->step = RUN_STEP_INTENT;
	cursor = put_intent(run);
	run->late = true;
	if (cursor == 0 || !outbox_attached(run->runs->outbox)) {
		run_kill(run);
		return;
	}
	outbox_flush(run->runs->outbox);
	if (run_step_deadline(run, RUN_INTENT_TIMEOUT_NS) < 0) {
		run_kill(run);
		return;
	}
	outbox_wait_for(run->runs->outbox, &run->wait, cursor, intent_durable);
}

void run_revoke(struct run *run, enum run_cause cause, const char *by, const char *text)
{
	if (run->revoking || run->step >= RUN_STEP_KILLING)
		return;
	run->revoke_cause = cause;
	run->revoke_from_ns = now_boottime_ns();
	IGNORE(snprintf(run->revoke_by, sizeof(run->revoke_by), "%s", by) < 0);
	IGNORE(snprintf(run->revoke_text, sizeof(run->revoke_text), "%s", text) < 0);
	revoke_begin(run);
}

void run_settle(struct run *run)
{
	if (run->revoke_wanted && !run->revoking)
		revoke_begin(run);
}

/* Called with a verified empty cgroup only. */
void run_revoke_done(struct run *run)
{
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, RECORD_REVOKE_DONE);
	struct draft draft;

	if (!buf) {
		run->lost++;
		return;
	}
	draft = draft_begin(buf, RECORD_REVOKE_DONE, &frame, NULL);
	draft_by(&draft, "bailiffd");
	draft_uint(&draft, DETAIL_KILLED, run->killed);
	draft_uint(&draft, DETAIL_SURVIVORS, 0);
	draft_uint(&draft, DETAIL_MICROSECONDS, (frame.boottime_ns - MIN(run->revoke_from_ns,
									 frame.boottime_ns)) / 1000);
	if (run->late)
		draft_bool(&draft, DETAIL_LATE, true);
	run->records += outbox_put(run->runs->outbox, RECORD_REVOKE_DONE, draft_end(&draft)) != 0;
}
