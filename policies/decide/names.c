/* SPDX-License-Identifier: Apache-2.0 */
/* Names, severities and responses of violations (model.md 3.3, 3.5, 3.6). */
#include "base/cleanup.h"
#include "decide/rules.h"

static const struct violation_row {
	const char *name;
	enum severity severity;
} violations[VIOLATION_TYPE_LIMIT] = {
	[UNAUTHORIZED_POOL] = { "UNAUTHORIZED_POOL", SEVERITY_CRITICAL },
	[UNAUTHORIZED_PROD] = { "UNAUTHORIZED_PROD", SEVERITY_CRITICAL },
	[APPLY_WITHOUT_PLAN] = { "APPLY_WITHOUT_PLAN", SEVERITY_CRITICAL },
	[RUN_WITHOUT_CHECK] = { "RUN_WITHOUT_CHECK", SEVERITY_CRITICAL },
	[UNRECORDED_ROOT] = { "UNRECORDED_ROOT", SEVERITY_CRITICAL },
	[BASELINE_MUTATION] = { "BASELINE_MUTATION", SEVERITY_CRITICAL },
	[ERROR_BUDGET_EXCEEDED] = { "ERROR_BUDGET_EXCEEDED", SEVERITY_HIGH },
	[PROCEDURE_VIOLATION] = { "PROCEDURE_VIOLATION", SEVERITY_HIGH },
	[HEARTBEAT_TIMEOUT] = { "HEARTBEAT_TIMEOUT", SEVERITY_HIGH },
	[LOCK_EXPIRED] = { "LOCK_EXPIRED", SEVERITY_HIGH },
	[SCOPE_VIOLATION] = { "SCOPE_VIOLATION", SEVERITY_MEDIUM },
	[FORBIDDEN_ACTION] = { "FORBIDDEN_ACTION", SEVERITY_MEDIUM },
	[CONFIDENCE_BELOW_THRESHOLD] = { "CONFIDENCE_BELOW_THRESHOLD", SEVERITY_LOW },
	[MISSING_ARTIFACT] = { "MISSING_ARTIFACT", SEVERITY_LOW },
	[STATE_DRIFT] = { "STATE_DRIFT", SEVERITY_CRITICAL },
	[GUARD_BYPASS] = { "GUARD_BYPASS", SEVERITY_CRITICAL },
	[SANDBOX_ESCAPE] = { "SANDBOX_ESCAPE", SEVERITY_CRITICAL },
	[SELF_TAMPER] = { "SELF_TAMPER", SEVERITY_CRITICAL },
	[OBSERVER_GAP] = { "OBSERVER_GAP", SEVERITY_HIGH },
	[LIMIT_EXCEEDED] = { "LIMIT_EXCEEDED", SEVERITY_MEDIUM },
};

static const char *const severities[SEVERITY_COUNT] = {
	[SEVERITY_LOW] = "LOW", [SEVERITY_MEDIUM] = "MEDIUM",
	[SEVERITY_HIGH] = "HIGH", [SEVERITY_CRITICAL] = "CRITICAL",
};

const char *violation_name(enum violation_type type)
{
	return (unsigned int)type < VIOLATION_TYPE_LIMIT ? violations[type].name : NULL;
}

/* What has no row is our own mistake: the strictest answer. */
enum severity violation_severity(enum violation_type type)
{
	return violation_name(type) ? violations[type].severity : SEVERITY_CRITICAL;
}

const char *severity_name(enum severity severity)
{
	return (unsigned int)severity < SEVERITY_COUNT ? severities[severity] : NULL;
}

enum severity rules_severity(const struct rules *rules, enum violation_type type)
{
	uint8_t override = violation_name(type) ? rules->severity_override[type] : 0;

	if (override == 0)
		return violation_severity(type);
	return override <= SEVERITY_COUNT ? (enum severity)(override - 1) : SEVERITY_CRITICAL;
}

bool rules_revokes(const struct rules *rules, enum violation_type type, uint32_t nth)
{
	const struct response *response = &rules->responses[rules_severity(rules, type)];

	return (response->bits & RESPONSE_REVOKE) ||
	       (response->revoke_at > 0 && nth >= response->revoke_at);
}
