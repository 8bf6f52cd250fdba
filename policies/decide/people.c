/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/people.h"

#include <assert.h>

#include "base/cleanup.h"

static const char *const state_names[] = {
	[APPROVAL_NONE] = "NONE", [APPROVAL_PENDING] = "PENDING", [APPROVAL_CLAIMED] = "CLAIMED",
	[APPROVAL_APPROVED] = "APPROVED", [APPROVAL_REJECTED] = "REJECTED", [APPROVAL_EXPIRED] = "EXPIRED",
	[APPROVAL_CANCELLED] = "CANCELLED", [APPROVAL_CONSUMED] = "CONSUMED",
};
static_assert(COUNT(state_names) == APPROVAL_STATE_COUNT, "a state has no name");

static const char *const type_names[] = {
	[INBOX_RESUME] = "resume", [INBOX_CLARIFICATION] = "clarification", [INBOX_WAIVE] = "waive_violation",
	[INBOX_KILL_SWITCH] = "kill_switch", [INBOX_CANCEL] = "cancel",
};
static_assert(COUNT(type_names) == INBOX_TYPE_COUNT, "a type has no name");

static const char *const priority_names[] = {
	[PRIORITY_LOW] = "low", [PRIORITY_NORMAL] = "normal", [PRIORITY_HIGH] = "high",
	[PRIORITY_CRITICAL] = "critical",
};
static_assert(COUNT(priority_names) == PRIORITY_COUNT, "a priority has no name");

static const char *const role_names[] = {
	[ROLE_NONE] = "none", [ROLE_VIEWER] = "viewer", [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin",
};
static_assert(COUNT(role_names) == ROLE_COUNT, "a role has no name");

static const char *const code_names[] = {
	[REASON_NONE] = "", [REASON_FALSE_POSITIVE] = "FALSE_POSITIVE", [REASON_SAFE_HERE] = "SAFE_HERE",
	[REASON_NEEDS_INFO] = "NEEDS_INFO", [REASON_WRONG_TARGET] = "WRONG_TARGET",
	[REASON_OUT_OF_SCOPE] = "OUT_OF_SCOPE", [REASON_POLICY_GAP] = "POLICY_GAP",
	[REASON_EMERGENCY] = "EMERGENCY", [REASON_TEST] = "TEST", [REASON_OTHER] = "OTHER",
};
static_assert(COUNT(code_names) == REASON_CODE_COUNT, "a reason code has no name");

const char *approval_state_name(enum approval_state state)
{
	return (unsigned int)state < APPROVAL_STATE_COUNT ? state_names[state] : "?";
}

const char *inbox_status_name(enum approval_state state)
{
	if (state == APPROVAL_CLAIMED)
		return "IN_PROGRESS";
	return state == APPROVAL_CONSUMED ? "COMPLETED" : approval_state_name(state);
}

const char *inbox_type_name(enum inbox_type type)
{
	return (unsigned int)type < INBOX_TYPE_COUNT ? type_names[type] : "?";
}

const char *inbox_priority_name(enum inbox_priority priority)
{
	return (unsigned int)priority < PRIORITY_COUNT ? priority_names[priority] : "?";
}

const char *role_name(enum role role)
{
	return (unsigned int)role < ROLE_COUNT ? role_names[role] : "none";
}

const char *reason_code_name(uint32_t code)
{
	return code < REASON_CODE_COUNT ? code_names[code] : "?";
}

enum reason_code reason_code_find(struct slice name)
{
	for (enum reason_code code = REASON_NONE + 1; code < REASON_CODE_COUNT; code++) {
		if (slice_is(name, code_names[code]))
			return code;
	}
	return REASON_NONE;
}
