/* SPDX-License-Identifier: Apache-2.0 */
/* Phases of a run that lives: what the agent asks for and what it does, against the table (phase.h), guards and
 * artifacts; each change is a record. */
#include <stdio.h>
#include <string.h>

#include "decide/field.h"
#include "run/handed.h"
#include "run/narrow.h"
#include "run/run.h"
#include "run/snapshot.h"

static void put_phase(struct run *run, enum phase from, enum phase to, bool inferred, const char *reason)
{
	struct draft draft;

	if (!run_fact_begin(run, RECORD_RUN_PHASE, run->life.phases.reported && to != PHASE_EXIT && from != to ? "agent" : "bailiffd", &draft))
		return;
	if (draft.record)
		draft.record->effect = inferred ? RECORD_EFFECT_INFERRED : RECORD_EFFECT_NONE;
	if (from != to)
		draft_uint(&draft, DETAIL_PHASE_FROM, from);
	draft_uint(&draft, DETAIL_PHASE_TO, to);
	if (inferred)
		draft_bool(&draft, DETAIL_INFERRED, true);
	draft_text(&draft, DETAIL_REASON, slice_of(reason));
	IGNORE(run_fact_end(run, RECORD_RUN_PHASE, &draft) == 0); /* counted */
}

void run_phase_enter(struct run *run, enum phase to, bool reported, bool inferred, const char *reason)
{
	enum phase from = (enum phase)run->life.phases.now;

	if (from != to && run->started && to != PHASE_REVOKED)
		artifacts_look(run, from);
	phases_enter(&run->life.phases, to, reported);
	put_phase(run, from, to, inferred, reason);
	run_progress(run);
}

/* The guard of a phase's end, and those that stand at its end or at the next one's beginning. */
static bool guards_hold(struct run *run, enum phase from, enum phase to, char *why, size_t size, bool *ret_violates)
{
	const struct govern_view *govern = run->life.govern;
	static struct field_value fields[FIELD_COUNT]; /* one thread */
	static struct snapshot snapshot;
	struct action action = { .kind = ACTION_TRANSITION, .transition = RUN_STATUS_RUNNING };
	uint64_t now = now_monotonic_ns();

	if (!govern)
		return true;
	snapshot_fill(run, &action, now, &snapshot, fields);
	for (uint32_t i = 0; i < govern->guards_count; i++) {
		const struct govern_guard *guard = &govern->guards[i];
		bool asked = i == govern->settings->phases[from].exit_guard ||
			     (guard->point == POINT_PHASE_EXIT && guard->phase == (uint8_t)from) ||
			     (guard->point == POINT_PHASE_ENTER && guard->phase == (uint8_t)to);
		struct slice id = govern_text(govern, guard->id);

		if (!asked || guard_holds(govern, (uint16_t)i, &action, &snapshot, now, NULL))
			continue;
		*ret_violates = guard->on_fail == FAIL_VIOLATE;
		IGNORE(snprintf(why, size, "the guard %.*s does not let it: %s to %s", (int)MIN(id.len, (size_t)64), id.data,
				phase_name(from), phase_name(to)) < 0);
		return false;
	}
	return true;
}

/* What the kernel lets the run write in a phase. */
static int narrow(struct run *run, enum phase to, struct error *err)
{
	const struct govern_settings *settings = run->life.settings;
	bool narrows = settings && (to == PHASE_PLAN || settings->phases[to].has_write);
	int r;

	if (!settings || settings->phases_enforce == PHASES_OFF || (!narrows && !run->life.narrowed))
		return 0;
	r = narrow_mounts(run, narrows, narrows ? settings->phases[to].write : (struct govern_list){ 0 }, err);
	if (r == 0)
		run->life.narrowed = narrows;
	return r;
}

int life_narrow(struct run *run, struct error *err)
{
	const struct govern_settings *settings = run->plan.govern.settings;

	if (!settings || settings->phases_enforce != PHASES_STRICT)
		return 0;
	run->life.govern = &run->plan.govern;
	run->life.settings = settings;
	return narrow(run, PHASE_PLAN, err);
}

/* The table allows it; guards and the kernel may not. */
static enum phase_answer go_to(struct run *run, enum phase to, const char **ret_reason)
{
	static char why[256];
	struct phases *phases = &run->life.phases;
	struct error err = { 0 };
	bool violates;

	*ret_reason = why;
	if (!guards_hold(run, (enum phase)phases->now, to, why, sizeof(why), &violates)) {
		if (violates)
			run_procedure(run, "guards", why, slice_of(phase_name(to)));
		return PHASE_GUARD;
	}
	if (narrow(run, to, &err) < 0) {
		IGNORE(snprintf(why, sizeof(why), "%.250s", err.text) < 0);
		return PHASE_BUSY;
	}
	*ret_reason = phase_answer_text(PHASE_GOES);
	/* What lies between was passed over, and nobody said so. */
	for (enum phase at = next_phase((enum phase)phases->now); at < to && phases->now < to; at = next_phase(at))
		run_phase_enter(run, at, false, true, "passed over");
	run_phase_enter(run, to, true, false, "reported");
	return PHASE_GOES;
}

enum phase_answer run_phase_ask(struct run *run, enum phase to, const char **ret_reason)
{
	struct phases *phases = &run->life.phases;
	enum phase_answer answer = phases_ask(phases, to);
	bool bound = phases_bind(phases);

	*ret_reason = phase_answer_text(answer);
	if (answer == PHASE_GOES)
		return go_to(run, to, ret_reason);
	if (answer != PHASE_STAYS && bound)
		run_procedure(run, "phases.order", *ret_reason,
			      slice_of((unsigned int)to < PHASE_COUNT ? phase_name(to) : "?"));
	return answer;
}

void run_phase_sign(struct run *run, enum phase_sign sign)
{
	static const char *const reasons[] = {
		[SIGN_WRITE] = "the first write", [SIGN_ACTION] = "the first action", [SIGN_CHECK] = "a check after writes",
	};
	enum phase to;

	if (run->step != RUN_STEP_LIVE)
		return;
	to = phases_infer(&run->life.phases, sign);
	if (to != PHASE_COUNT)
		run_phase_enter(run, to, false, true, reasons[sign]);
}

void run_confidence(struct run *run, int64_t millionths)
{
	const struct govern_settings *settings = run->life.settings;
	int64_t least = settings ? settings->phases[run->life.phases.now].min_confidence : 0;
	char text[96];

	run->life.confidence = millionths;
	if (least == 0 || millionths >= least)
		return;
	IGNORE(snprintf(text, sizeof(text), "the agent's confidence is %lld.%06lld; the phase wants %lld.%06lld",
			(long long)(millionths / 1000000), (long long)(millionths % 1000000),
			(long long)(least / 1000000), (long long)(least % 1000000)) < 0);
	run_violation(run, CONFIDENCE_BELOW_THRESHOLD, RECORD_EFFECT_REPORTED, NULL, text,
		      slice_of("min_confidence"), NULL);
}
