/* SPDX-License-Identifier: Apache-2.0 */
#include "run/life.h"

#include <stdio.h>
#include <string.h>

#include "run/run.h"

#define RECHECK_NS 250000000ULL    /* of deadlines of a run that stands still */
#define COPY_SLICE(to, from) \
	IGNORE(snprintf((to), sizeof(to), "%.*s", (int)MIN((from).len, sizeof(to) - 1), (from).len ? (from).data : "") < 0)

static int life_due(struct timer *timer, uint64_t now_ns);

const struct govern_settings *life_settings(const struct run *run)
{
	return run->life.settings;
}

uint64_t life_now(const struct run *run)
{
	const struct heartbeat *heartbeat = &run->heartbeat;
	uint64_t now = heartbeat->paused_ns ? heartbeat->paused_ns : now_monotonic_ns();

	/* Each pause moves start_ns on (heartbeat_resume). */
	return now > heartbeat->start_ns ? now - heartbeat->start_ns : 0;
}

/* ---- records ---- */

static uint64_t put_letter(struct run *run, const struct letter *letter, const char *verb, const char *by)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_CLARIFICATION, by, &draft))
		return 0;
	if (draft.record) {
		memcpy(draft.record->after, letter->digest, sizeof(draft.record->after));
		draft.record->has_after = 1;
	}
	draft_text(&draft, DETAIL_VERB, slice_of(verb));
	draft_uint(&draft, DETAIL_COUNT, letter->id);
	draft_uint(&draft, DETAIL_TYPE, letter->kind);
	return run_fact_end(run, RECORD_CLARIFICATION, &draft);
}

/* ---- deadlines ---- */

static uint64_t next_deadline(const struct run *run)
{
	return MIN(stall_deadline(&run->life.stall), inbox_deadline(&run->life.inbox));
}

static void arm(struct run *run)
{
	uint64_t deadline = next_deadline(run), now = life_now(run), real = now_monotonic_ns();
	uint64_t left = deadline > now ? deadline - now : 0;

	if (run->step != RUN_STEP_LIVE || deadline == UINT64_MAX) {
		loop_timer_clear(run->runs->loop, &run->life.timer);
		return;
	}
	if (run->heartbeat.paused_ns)
		left = MAX(left, RECHECK_NS);
	/* Without memory for a timer these deadlines are not watched; the run's others have theirs. */
	IGNORE(loop_timer_set(run->runs->loop, &run->life.timer, real + left, life_due) < 0);
}

static void stalled(struct run *run, enum pause_reason reason, const char *rule, const char *message)
{
	switch ((enum on_refusal)run->plan.head->heartbeat.on_stall) {
	case ON_DENY: /* ignore */
		return;
	case ON_VIOLATE:
		run_procedure(run, rule, message, slice_of(rule));
		return;
	case ON_ASK:
		break;
	}
	run->runs->callbacks.notice(run->runs->callbacks.ctx, run, message);
	IGNORE(!run_pause(run, reason)); /* it stands still for that already */
}

static int life_due(struct timer *timer, uint64_t now_ns)
{
	struct run *run = container_of(timer, struct run, life.timer);
	uint64_t now = life_now(run);

	(void)now_ns;
	if (run->step != RUN_STEP_LIVE)
		return 0;
	if (!run->heartbeat.paused_ns && inbox_deadline(&run->life.inbox) <= now) {
		inbox_forget_due(&run->life.inbox, now);
		run_procedure(run, "clarified_plan.ack", "a clarified plan was not acknowledged within 120 s",
			      slice_of("bailiff agent ack"));
	}
	if (!run->heartbeat.paused_ns && stall_deadline(&run->life.stall) <= now) {
		stall_progress(&run->life.stall, now);
		stalled(run, PAUSE_STALL, "heartbeat.stall_after",
			"the run lives but gets nowhere (heartbeat.stall_after); next: `bailiff clarify RUN --text ...`, "
			"or `bailiff cancel RUN`");
	}
	run_settle(run);
	arm(run);
	return 0;
}

/* ---- begin and end ---- */

void life_prepare(struct run *run)
{
	struct life *life = &run->life;

	life->confidence = CONFIDENCE_NONE;
	life->govern = run->plan.govern.settings ? &run->plan.govern : NULL;
	life->settings = life->govern ? life->govern->settings : NULL;
	phases_begin(&life->phases, life->settings);
	budget_begin(&life->budget, life->settings ? &life->settings->budget : NULL);
	run_phase_enter(run, PHASE_BOOTSTRAP, true, false, "started");
}

void life_begin(struct run *run)
{
	const struct plan_heartbeat *config = &run->plan.head->heartbeat;

	stall_begin(&run->life.stall, config->max_repeats, config->stall_after_ns, life_now(run));
	run_phase_enter(run, PHASE_PREFLIGHT, false, false, "the sandbox is checked");
	if (run->life.phases.enforce == PHASES_STRICT)
		run_phase_enter(run, PHASE_PLAN, true, false, "phases.enforce is strict");
	arm(run);
}

void life_end(struct run *run)
{
	struct phases *phases = &run->life.phases;

	if (is_terminal_phase((enum phase)phases->now))
		return;
	loop_timer_clear(run->runs->loop, &run->life.timer);
	if (run->outcome.status == RUN_STATUS_REVOKED) {
		run_phase_enter(run, PHASE_REVOKED, false, false, "revoked");
		return;
	}
	/* Whatever it did, it did it there. */
	if (run->started && phases->enforce == PHASES_AUTO && phases->now < PHASE_EXECUTE)
		run_phase_enter(run, PHASE_EXECUTE, false, true, "the command ran");
	run_phase_enter(run, PHASE_EXIT, false, phases->now < PHASE_REPORT, "the command ended");
}

void life_finish(struct run *run)
{
	loop_timer_clear(run->runs->loop, &run->life.timer);
	inbox_finish(&run->life.inbox);
	plans_finish(run);
}

/* ---- what happens to it ---- */

void run_procedure(struct run *run, const char *rule, const char *message, struct slice subject)
{
	struct decision decision = { .verdict = VERDICT_DENY, .violation = PROCEDURE_VIOLATION, .rule = slice_of(rule) };

	IGNORE(snprintf(decision.reason, sizeof(decision.reason), "%s", message) < 0);
	run_violation(run, PROCEDURE_VIOLATION, RECORD_EFFECT_OBSERVED, &decision, NULL, subject, NULL);
	if (budget_procedure(&run->life.budget) == BUDGET_EXCEEDED)
		run_violation(run, ERROR_BUDGET_EXCEEDED, RECORD_EFFECT_OBSERVED, NULL,
			      "more violations of procedure than budget.max_procedure_violations allows",
			      slice_of("budget.max_procedure_violations"), NULL);
}

static void exceeded(struct run *run)
{
	char text[WIRE_TEXT_MAX];
	const struct budget *budget = &run->life.budget;

	IGNORE(snprintf(text, sizeof(text), "%u errors, %u of one kind: more than the policy's budget of %u and %u",
			budget->total, budget->same_most, budget->limits.max_total, budget->limits.max_same) < 0);
	run_violation(run, ERROR_BUDGET_EXCEEDED, RECORD_EFFECT_OBSERVED, NULL, text, slice_of("budget"), NULL);
}

static void soft(struct run *run)
{
	char text[WIRE_TEXT_MAX];

	IGNORE(snprintf(text, sizeof(text), "%u errors: the run is paused until somebody corrects its instructions"
			"; next: `bailiff clarify RUN --text ...`, or `bailiff cancel RUN`", run->life.budget.total) < 0);
	run->runs->callbacks.notice(run->runs->callbacks.ctx, run, text);
	IGNORE(!run_pause(run, PAUSE_CLARIFICATION)); /* as above */
}

static void put_counter(struct run *run, enum budget_source source)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_RUN_COUNTER, "bailiffd", &draft))
		return;
	draft_text(&draft, DETAIL_SUBJECT, slice_of("errors"));
	draft_uint(&draft, DETAIL_COUNT, run->life.budget.total);
	draft_text(&draft, DETAIL_CAUSE, slice_of(budget_source_name(source)));
	IGNORE(run_fact_end(run, RECORD_RUN_COUNTER, &draft) == 0); /* counted */
}

void run_error(struct run *run, enum budget_source source, struct slice rule, struct slice program, struct slice code)
{
	uint64_t key = tally_key(tally_key(tally_key(tally_key(TALLY_KEY, slice_new(&source, sizeof(source))), rule),
					   program), code);

	switch (budget_error(&run->life.budget, source, key)) {
	case BUDGET_NOT_COUNTED:
		return;
	case BUDGET_EXCEEDED:
		put_counter(run, source);
		exceeded(run);
		return;
	case BUDGET_SOFT:
		put_counter(run, source);
		soft(run);
		return;
	case BUDGET_COUNTED:
		put_counter(run, source);
		return;
	}
}

void run_denied(struct run *run, const struct denied *denied)
{
	struct denial *denial = &run->life.denial;
	uint64_t key = tally_key(tally_key(TALLY_KEY, denied->rule), denied->subject);
	char code[16];

	denial->count = tally_add(&run->life.denied, key);
	denial->loop = denial->count > LIFE_LOOP_AFTER;
	COPY_SLICE(denial->rule, denied->rule);
	COPY_SLICE(denial->subject, denied->subject);
	IGNORE(snprintf(denial->reason, sizeof(denial->reason), "%s", denied->reason) < 0);
	IGNORE(snprintf(denial->remedy, sizeof(denial->remedy), "%s", denied->remedy) < 0);
	IGNORE(snprintf(code, sizeof(code), "%d", denied->error) < 0);
	run_error(run, denied->source, denied->rule, denied->program, slice_of(code));
}

void run_progress(struct run *run)
{
	stall_progress(&run->life.stall, life_now(run));
	arm(run);
}

void run_acted(struct run *run, struct slice program, struct slice argv, uint32_t argv_size)
{
	uint64_t key = tally_key(tally_key(tally_key(TALLY_KEY, program), argv),
				 slice_new(&argv_size, sizeof(argv_size)));
	char text[WIRE_TEXT_MAX];

	if (run->step != RUN_STEP_LIVE || !stall_action(&run->life.stall, key))
		return;
	IGNORE(snprintf(text, sizeof(text), "the same action %u times without progress (heartbeat.max_repeats): %.*s"
			"; next: `bailiff clarify RUN --text ...`, or `bailiff cancel RUN`", run->life.stall.max_repeats,
			(int)MIN(program.len, (size_t)200), program.len ? program.data : "") < 0);
	stalled(run, PAUSE_AMBIGUITY_LOCK, "heartbeat.max_repeats", text);
}

/* ---- letters ---- */

int64_t run_letter(struct run *run, enum letter_kind kind, const char *by, struct slice text)
{
	static const char *const verbs[LETTER_KIND_COUNT] = {
		[LETTER_MESSAGE] = "message", [LETTER_CLARIFICATION] = "clarification",
		[LETTER_CLARIFIED_PLAN] = "clarified_plan", [LETTER_ANSWER] = "answer",
	};
	uint64_t now = life_now(run);
	int64_t id = inbox_put(&run->life.inbox, kind, by, text, kind == LETTER_CLARIFIED_PLAN ? LETTER_ACK_NS : 0, now);

	if (id < 0)
		return id;
	IGNORE(put_letter(run, inbox_next(&run->life.inbox, (uint64_t)id - 1), verbs[kind], by) == 0); /* counted */
	if (kind == LETTER_CLARIFICATION || kind == LETTER_CLARIFIED_PLAN)
		stall_progress(&run->life.stall, now);
	arm(run);
	return id;
}

bool run_letter_ack(struct run *run, uint64_t id)
{
	const struct letter *letter = inbox_ack(&run->life.inbox, id);

	if (!letter)
		return false;
	IGNORE(put_letter(run, letter, "acknowledged", "agent") == 0); /* counted */
	arm(run);
	return true;
}
