/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

#include "base/text.h"
#include "daemon/wire.h"
#include "decide/policy.h"

static const char *const statuses[RUN_STATUS_COUNT] = {
	[RUN_STATUS_PENDING] = "PENDING",       [RUN_STATUS_STARTING] = "STARTING",
	[RUN_STATUS_RUNNING] = "RUNNING",       [RUN_STATUS_PAUSED] = "PAUSED",
	[RUN_STATUS_RECOVERING] = "RECOVERING", [RUN_STATUS_COMPLETED] = "COMPLETED",
	[RUN_STATUS_FAILED] = "FAILED",         [RUN_STATUS_REVOKED] = "REVOKED",
};

static const char *const causes[RUN_CAUSE_COUNT] = {
	[RUN_CAUSE_NONE] = "none",
	[RUN_CAUSE_EXIT] = "exit",
	[RUN_CAUSE_SIGNAL] = "signal",
	[RUN_CAUSE_CANCELLED] = "cancelled",
	[RUN_CAUSE_WALL] = "wall_limit",
	[RUN_CAUSE_REFUSED] = "start_refused",
	[RUN_CAUSE_SUPERVISOR_LOST] = "supervisor_lost",
	[RUN_CAUSE_VIOLATION] = "violation",
	[RUN_CAUSE_OPERATOR] = "operator",
	[RUN_CAUSE_NOT_FOUND] = "not_found",
	[RUN_CAUSE_NOT_EXECUTABLE] = "not_executable",
	[RUN_CAUSE_INTERNAL] = "internal",
};

static const char *const networks[] = {
	[NETWORK_NONE] = "none", [NETWORK_ALLOWLIST] = "allowlist", [NETWORK_HOST] = "host",
};

static const char *const workspaces[] = {
	[WORKSPACE_READONLY] = "readonly", [WORKSPACE_DIRECT] = "direct",
	[WORKSPACE_OVERLAY] = "overlay",
};

static const char *word_of(const char *const *words, size_t count, uint32_t number)
{
	return number < count && words[number] ? words[number] : "unknown";
}

const char *word_status(uint32_t status)
{
	return word_of(statuses, COUNT(statuses), status);
}

const char *word_cause(uint32_t cause)
{
	return word_of(causes, COUNT(causes), cause);
}

const char *word_network(uint32_t mode)
{
	return word_of(networks, COUNT(networks), mode);
}

const char *word_workspace(uint32_t mode)
{
	return word_of(workspaces, COUNT(workspaces), mode);
}

json_t *word_json(const char *text)
{
	char escaped[4096];

	if (text_is_utf8(slice_of(text)))
		return json_string(text);
	text_escape(escaped, sizeof(escaped), slice_of(text));
	return json_string(escaped);
}
