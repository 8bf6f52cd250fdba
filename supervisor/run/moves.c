/* SPDX-License-Identifier: Apache-2.0 */
#include "run/moves.h"

#include <assert.h>

#include "base/cleanup.h"
#include "decide/govern.h"

#define TO(status) (1U << RUN_STATUS_##status)

/* An empty row is a terminal status. */
static const unsigned int moves[RUN_STATUS_COUNT] = {
	[RUN_STATUS_PENDING] = TO(STARTING) | TO(FAILED) | TO(REVOKED),
	[RUN_STATUS_STARTING] = TO(RUNNING) | TO(FAILED) | TO(REVOKED),
	[RUN_STATUS_RUNNING] = TO(PAUSED) | TO(COMPLETED) | TO(FAILED) | TO(REVOKED) |
			       TO(RECOVERING),
	[RUN_STATUS_PAUSED] = TO(RUNNING) | TO(FAILED) | TO(REVOKED) | TO(RECOVERING),
	[RUN_STATUS_RECOVERING] = TO(RUNNING) | TO(PAUSED) | TO(FAILED) | TO(REVOKED),
};

static const char *const status_names[] = {
	[RUN_STATUS_PENDING] = "PENDING", [RUN_STATUS_STARTING] = "STARTING",
	[RUN_STATUS_RUNNING] = "RUNNING", [RUN_STATUS_PAUSED] = "PAUSED",
	[RUN_STATUS_RECOVERING] = "RECOVERING", [RUN_STATUS_COMPLETED] = "COMPLETED",
	[RUN_STATUS_FAILED] = "FAILED", [RUN_STATUS_REVOKED] = "REVOKED",
};
static_assert(COUNT(status_names) == RUN_STATUS_COUNT, "a status has no name");
static_assert(RUN_STATUS_COUNT == GOVERN_STATUSES, "policies name statuses by their bits");

static const char *const cause_names[] = {
	[RUN_CAUSE_NONE] = "none", [RUN_CAUSE_EXIT] = "exit", [RUN_CAUSE_SIGNAL] = "signal",
	[RUN_CAUSE_CANCELLED] = "cancelled", [RUN_CAUSE_WALL] = "wall_limit",
	[RUN_CAUSE_REFUSED] = "start_refused",
	[RUN_CAUSE_SUPERVISOR_LOST] = "supervisor_lost", [RUN_CAUSE_VIOLATION] = "violation",
	[RUN_CAUSE_OPERATOR] = "operator", [RUN_CAUSE_NOT_FOUND] = "not_found",
	[RUN_CAUSE_NOT_EXECUTABLE] = "not_executable", [RUN_CAUSE_INTERNAL] = "internal",
};
static_assert(COUNT(cause_names) == RUN_CAUSE_COUNT, "a cause has no name");

bool run_move_allowed(enum run_status from, enum run_status to)
{
	if ((unsigned int)from >= RUN_STATUS_COUNT || (unsigned int)to >= RUN_STATUS_COUNT)
		return false;
	return (moves[from] >> to & 1U) == 1U;
}

bool run_status_is_terminal(enum run_status status)
{
	return (unsigned int)status < RUN_STATUS_COUNT && moves[status] == 0;
}

const char *run_status_name(enum run_status status)
{
	return (unsigned int)status < RUN_STATUS_COUNT ? status_names[status] : "?";
}

const char *run_cause_name(enum run_cause cause)
{
	return (unsigned int)cause < RUN_CAUSE_COUNT ? cause_names[cause] : "?";
}
