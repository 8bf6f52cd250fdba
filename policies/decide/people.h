/* SPDX-License-Identifier: Apache-2.0 */
/* The words of what people decide: of records, the wire and the command line. Part of the wire and of what is
 * kept: append only. */
#ifndef DECIDE_PEOPLE_H
#define DECIDE_PEOPLE_H

#include "base/slice.h"
#include "decide/govern.h"

enum approval_state {
	APPROVAL_NONE, APPROVAL_PENDING, APPROVAL_CLAIMED, APPROVAL_APPROVED, APPROVAL_REJECTED,
	APPROVAL_EXPIRED, APPROVAL_CANCELLED, APPROVAL_CONSUMED, APPROVAL_STATE_COUNT,
};

/* Items of the inbox. A question about an action is RESUME: its answer lets the action go on. */
enum inbox_type { INBOX_RESUME, INBOX_CLARIFICATION, INBOX_WAIVE, INBOX_KILL_SWITCH, INBOX_CANCEL, INBOX_TYPE_COUNT };
enum inbox_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_CRITICAL, PRIORITY_COUNT };

/* Why a person did what they did; beside it goes a text. */
enum reason_code {
	REASON_NONE, REASON_FALSE_POSITIVE, REASON_SAFE_HERE, REASON_NEEDS_INFO, REASON_WRONG_TARGET,
	REASON_OUT_OF_SCOPE, REASON_POLICY_GAP, REASON_EMERGENCY, REASON_TEST, REASON_OTHER, REASON_CODE_COUNT,
};

enum kill_scope { KILL_NONE, KILL_ALL, KILL_AGENT, KILL_RUN, KILL_SCOPE_COUNT };

/* "PENDING"; "?" for a number that is none, as all of these. */
const char *approval_state_name(enum approval_state state);
/* As the inbox calls it: IN_PROGRESS for claimed, COMPLETED for consumed. */
const char *inbox_status_name(enum approval_state state);
const char *inbox_type_name(enum inbox_type type);
const char *inbox_priority_name(enum inbox_priority priority);
const char *role_name(enum role role);         /* "viewer"; "none" */
const char *reason_code_name(uint32_t code);   /* "SAFE_HERE"; "" for none */
/* REASON_NONE when there is none of this name. */
enum reason_code reason_code_find(struct slice name);

#endif
