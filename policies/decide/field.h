/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that guards and conditions may name (behaviour model, section 6). One table; a name that is not
 * here is an error when a policy is loaded. */
#ifndef DECIDE_FIELD_H
#define DECIDE_FIELD_H

#include "base/slice.h"
#include "decide/govern.h"

#define FIELDS(X) \
	X(RUN_STATUS, "run.status", TYPE_TEXT) X(RUN_PHASE, "run.phase", TYPE_TEXT) \
	X(RUN_TASK, "run.task", TYPE_TEXT) X(RUN_PROJECT, "run.project", TYPE_TEXT) \
	X(RUN_STARTED_AT, "run.started_at", TYPE_TIME) X(RUN_TIER, "run.tier", TYPE_NUMBER) \
	X(AGENT_NAME, "agent.name", TYPE_TEXT) X(AGENT_OWNER, "agent.owner", TYPE_TEXT) \
	X(AGENT_TIER, "agent.tier", TYPE_NUMBER) X(AGENT_SUSPENDED, "agent.suspended", TYPE_BOOL) \
	X(PLAN_ID, "plan.id", TYPE_TEXT) X(PLAN_STATUS, "plan.status", TYPE_TEXT) \
	X(PLAN_POLICY_DIGEST, "plan.policy_digest", TYPE_TEXT) X(PLAN_APPROVED_AT, "plan.approved_at", TYPE_TIME) \
	X(PLAN_CONFIDENCE, "plan.confidence", TYPE_NUMBER) X(PLAN_STEPS, "plan.steps", TYPE_NUMBER) \
	X(REQUEST_RISK, "request.risk", TYPE_TEXT) X(REQUEST_CLASS, "request.class", TYPE_TEXT) \
	X(REQUEST_CAPABILITY, "request.capability", TYPE_TEXT) X(REQUEST_OPERATION, "request.operation", TYPE_TEXT) \
	X(COUNTERS_ERRORS, "counters.errors", TYPE_NUMBER) X(COUNTERS_DENIED, "counters.denied", TYPE_NUMBER) \
	X(COUNTERS_VIOLATIONS, "counters.violations", TYPE_NUMBER) \
	X(CHILDREN_COUNT, "children.count", TYPE_NUMBER) X(CHILDREN_LIVE, "children.live", TYPE_NUMBER) \
	X(STAGE_NAME, "stage.name", TYPE_TEXT) X(STAGE_MAX_RISK, "stage.max_risk", TYPE_TEXT) \
	X(OUTPUT_CONFIDENCE, "output.confidence", TYPE_NUMBER) X(OUTPUT_MATURITY, "output.maturity", TYPE_TEXT)

enum field_id {
#define FIELD_ID(id, name, type) FIELD_##id,
	FIELDS(FIELD_ID)
#undef FIELD_ID
	FIELD_COUNT,
};

/* "plan.status"; NULL for numbers without a name. */
const char *field_name(enum field_id field);
enum field_kind field_type(enum field_id field);
/* FIELD_COUNT when there is none of this name. */
enum field_id field_find(struct slice name);

#endif
