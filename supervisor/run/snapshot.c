/* SPDX-License-Identifier: Apache-2.0 */
#include "run/snapshot.h"

#include <string.h>

#include "run/ask.h"
#include "run/gate.h"
#include "run/moves.h"
#include "run/plans.h"
#include "run/run.h"

static void set_text(struct field_value *fields, enum field_id id, const char *text)
{
	fields[id] = (struct field_value){ .type = TYPE_TEXT, .text = slice_of(text) };
}

static void set_number(struct field_value *fields, enum field_id id, uint64_t number)
{
	fields[id] = (struct field_value){ .type = TYPE_NUMBER,
		.number = (int64_t)MIN(number, (uint64_t)INT64_MAX / GOVERN_NUMBER_ONE) * GOVERN_NUMBER_ONE };
}

/* What is not set is absent: every question about it is answered with no. */
static void fill_fields(const struct run *run, struct field_value *fields)
{
	const struct plan_head *head = run->plan.head;

	memset(fields, 0, FIELD_COUNT * sizeof(*fields));
	set_text(fields, FIELD_RUN_STATUS, run_status_name(run->status));
	set_text(fields, FIELD_AGENT_NAME, plan_text(&run->plan, head->agent));
	set_text(fields, FIELD_AGENT_OWNER, plan_text(&run->plan, head->owner_name));
	set_number(fields, FIELD_RUN_TIER, head->tier);
	set_number(fields, FIELD_AGENT_TIER, head->tier);
	set_number(fields, FIELD_COUNTERS_DENIED, run->refused);
	set_number(fields, FIELD_COUNTERS_VIOLATIONS, run->strikes.total);
	set_number(fields, FIELD_COUNTERS_ERRORS, run->life.budget.total);
	if (run->life.confidence != CONFIDENCE_NONE)
		fields[FIELD_OUTPUT_CONFIDENCE] = (struct field_value){ .type = TYPE_NUMBER,
									.number = run->life.confidence };
	fields[FIELD_RUN_STARTED_AT] = (struct field_value){ .type = TYPE_TIME, .number = (int64_t)run->live_ns };
}

void snapshot_fill(struct run *run, const struct action *action, uint64_t now_ns,
		   struct snapshot *ret_snapshot, struct field_value *fields)
{
	const struct plan_head *head = run->plan.head;

	fill_fields(run, fields);
	*ret_snapshot = (struct snapshot){
		.gates = (run->step == RUN_STEP_LIVE ? 0 : GATE_NOT_RUNNING) |
			 (run_is_paused(run, PAUSE_KILL_SWITCH) ? GATE_KILL_SWITCH : 0) |
			 (run->life.budget.exceeded ? GATE_BUDGET : 0),
		.mode = head->mode, .tier = head->tier, .phase = run->life.phases.now,
		.phase_reported = phases_bind(&run->life.phases),
		.same_denied = gate_denied_before(run, action->digest),
		.fields = fields,
	};
	ret_snapshot->grant_count = grants_fill(run, now_ns, ret_snapshot->grants, JUDGE_GRANTS_MAX);
	memcpy(ret_snapshot->policy_digest, head->policy_digest, sizeof(ret_snapshot->policy_digest));
	plans_fill(run, action, now_ns, ret_snapshot, fields);
}
