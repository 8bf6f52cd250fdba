/* SPDX-License-Identifier: Apache-2.0 */
/* The words of documents and records for the enums of govern.h and judge.h, and the order of phases. */
#include "base/cleanup.h"
#include "decide/judge.h"

static const char *const risks[RISK_COUNT] = {
	[RISK_LOW] = "LOW", [RISK_MEDIUM] = "MEDIUM", [RISK_HIGH] = "HIGH", [RISK_CRITICAL] = "CRITICAL",
};
static const char *const classes[ACT_COUNT] = {
	[ACT_OTHER] = "other", [ACT_READ] = "read", [ACT_CHECK] = "check", [ACT_PLAN] = "plan",
	[ACT_RUN] = "run", [ACT_APPLY] = "apply", [ACT_DESTROY] = "destroy",
};
static const char *const operations[OPERATION_COUNT] = {
	[OPERATION_READ] = "READ", [OPERATION_WRITE] = "WRITE", [OPERATION_DELETE] = "DELETE",
	[OPERATION_EXECUTE] = "EXECUTE", [OPERATION_NETWORK] = "NETWORK",
};
static const char *const phases[PHASE_COUNT] = {
	[PHASE_BOOTSTRAP] = "BOOTSTRAP", [PHASE_PREFLIGHT] = "PREFLIGHT", [PHASE_PLAN] = "PLAN",
	[PHASE_EXECUTE] = "EXECUTE", [PHASE_VERIFY] = "VERIFY", [PHASE_PACKAGE] = "PACKAGE",
	[PHASE_REPORT] = "REPORT", [PHASE_EXIT] = "EXIT", [PHASE_REVOKED] = "REVOKED",
};
static const char *const blockers[BLOCKED_COUNT] = {
	[BLOCKED_NOT] = "NONE", [BLOCKED_APPROVAL_REQUIRED] = "APPROVAL_REQUIRED",
	[BLOCKED_APPROVAL_REJECTED] = "APPROVAL_REJECTED", [BLOCKED_APPROVAL_EXPIRED] = "APPROVAL_EXPIRED",
	[BLOCKED_POLICY_DENY] = "POLICY_DENY", [BLOCKED_GUARD_DENY] = "GUARD_DENY", [BLOCKED_TIER] = "TIER",
	[BLOCKED_LEASE] = "LEASE", [BLOCKED_BREAKER] = "BREAKER", [BLOCKED_KILL_SWITCH] = "KILL_SWITCH",
	[BLOCKED_PHASE] = "PHASE", [BLOCKED_BUDGET] = "BUDGET", [BLOCKED_HEALTH] = "HEALTH",
	[BLOCKED_INTERNAL] = "INTERNAL",
};
static const char *const steps[STEP_COUNT] = {
	[STEP_NONE] = "none", [STEP_INVARIANT] = "invariant", [STEP_GATE] = "gate", [STEP_TIER] = "tier",
	[STEP_ENVIRONMENT] = "environment", [STEP_PLAN] = "plan", [STEP_RULES] = "rules", [STEP_RISK] = "risk",
	[STEP_GUARD] = "guard", [STEP_GRANT] = "grant",
};

#define NAME_OF(names, number) ((unsigned int)(number) < COUNT(names) ? (names)[number] : NULL)

const char *risk_name(enum risk risk)
{
	return NAME_OF(risks, risk);
}

const char *class_name(enum action_class action_class)
{
	return NAME_OF(classes, action_class);
}

const char *operation_name(enum operation operation)
{
	return NAME_OF(operations, operation);
}

const char *phase_name(enum phase phase)
{
	return NAME_OF(phases, phase);
}

const char *blocked_name(enum blocked_by blocked_by)
{
	return NAME_OF(blockers, blocked_by);
}

const char *step_name(enum judge_step step)
{
	return NAME_OF(steps, step);
}

enum phase next_phase(enum phase phase)
{
	return (unsigned int)phase < PHASE_EXIT ? (enum phase)(phase + 1) : PHASE_COUNT;
}

uint32_t capability_flaws(const struct govern_capability *capability)
{
	bool reversible = capability->flags & CAPABILITY_REVERSIBLE;
	bool high = capability->risk >= RISK_HIGH;
	uint32_t flaws = 0;

	if (!reversible && !high)
		flaws |= FLAW_IRREVERSIBLE;
	if (capability->operation == OPERATION_DELETE && !high)
		flaws |= FLAW_DELETE;
	if (!reversible && capability->way_back == WAY_BACK_NONE && capability->risk < RISK_CRITICAL)
		flaws |= FLAW_NO_WAY_BACK;
	if ((capability->action_class == ACT_APPLY || capability->action_class == ACT_DESTROY) && !high)
		flaws |= FLAW_CLASS;
	return flaws;
}
