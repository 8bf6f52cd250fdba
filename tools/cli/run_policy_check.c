/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_policy.h"

#include <errno.h>

#include "decide/judge.h"

static bool string_is_sane(const struct policy *policy, struct policy_string string)
{
	/* Widened, so that no sum wraps. */
	uint64_t end = (uint64_t)string.offset + string.len;

	/* Not set. Whoever reads it as text meets the terminator at the end of the strings. */
	if (string.offset == 0 && string.len == 0)
		return true;
	return end < policy->strings_len && policy->strings[end] == '\0' &&
	       memchr(policy->strings + string.offset, '\0', string.len) == NULL;
}

static bool list_is_sane(const struct policy *policy, const struct policy_list *list)
{
	if (list->count > POLICY_LIST_MAX)
		return false;
	for (uint32_t i = 0; i < list->count; i++) {
		if (!string_is_sane(policy, list->items[i]))
			return false;
	}
	return true;
}

static bool lists_are_sane(const struct policy *policy)
{
	const struct policy_list *const lists[] = {
		&policy->hide, &policy->env, &policy->read, &policy->write, &policy->deny_read,
		&policy->deny_write, &policy->net_allow, &policy->net_deny, &policy->net_bind,
		&policy->net_expose, &policy->net_allow_unix,
	};

	for (size_t i = 0; i < COUNT(lists); i++) {
		if (!list_is_sane(policy, lists[i]))
			return false;
	}
	if (policy->baseline_count > POLICY_BASELINES_MAX)
		return false;
	for (uint32_t i = 0; i < policy->baseline_count; i++) {
		const struct policy_baseline *baseline = &policy->baselines[i];

		if (!string_is_sane(policy, baseline->id) || !list_is_sane(policy, &baseline->paths) ||
		    (unsigned int)baseline->on > ON_VIOLATE)
			return false;
	}
	return true;
}

static bool secrets_are_sane(const struct policy *policy)
{
	if (policy->secret_count > POLICY_SECRETS_MAX)
		return false;
	for (uint32_t i = 0; i < policy->secret_count; i++) {
		const struct policy_secret *secret = &policy->secrets[i];

		if ((unsigned int)secret->source - SECRET_FILE > SECRET_COMMAND - SECRET_FILE ||
		    (unsigned int)secret->as >= SECRET_AS_COUNT || secret->word_count == 0 ||
		    secret->word_count > POLICY_SECRET_WORDS_MAX || !string_is_sane(policy, secret->name) ||
		    !secret_name_ok(policy_text(policy, secret->name), secret->name.len, secret->as))
			return false;
		for (uint32_t j = 0; j < secret->word_count; j++)
			if (!string_is_sane(policy, secret->words[j]))
				return false;
	}
	return true;
}

static bool projects_are_sane(const struct policy *policy)
{
	if (policy->project_count > POLICY_PROJECTS_MAX)
		return false;
	for (uint32_t i = 0; i < policy->project_count; i++) {
		if (!string_is_sane(policy, policy->projects[i].path))
			return false;
	}
	return true;
}

static bool enums_are_sane(const struct policy *policy)
{
	const struct {
		unsigned int value, last;
	} rows[] = {
		{ policy->mode, MODE_LEARN },
		{ policy->on_supervisor_loss, LOSS_FREEZE },
		{ policy->on_loss, LOSS_FREEZE },
		{ policy->on_forbidden, ON_VIOLATE },
		{ policy->workspace_mode, WORKSPACE_OVERLAY },
		{ policy->files_on_scope, ON_VIOLATE },
		{ policy->network_mode, NETWORK_HOST },
		{ policy->net_on_scope, ON_VIOLATE },
		{ policy->heartbeat.mode, HEARTBEAT_OFF },
		{ policy->heartbeat.on_stall, ON_VIOLATE },
		{ policy->tier, 4 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].value > rows[i].last)
			return false;
	}
	for (size_t i = 0; i < COUNT(policy->severity_override); i++) {
		if (policy->severity_override[i] > SEVERITY_COUNT)
			return false;
	}
	return true;
}

static bool govern_is_sane(const struct policy *policy)
{
	struct govern_view view;

	govern_view_of(&policy->govern, policy->strings, policy->strings_len, &view);
	return govern_view_check(&view, NULL) == 0;
}

int run_policy_check(const struct policy *policy)
{
	if (policy->strings_len > POLICY_STRINGS_MAX || !enums_are_sane(policy))
		return -EINVAL;
	if (policy->strings[policy->strings_len ? policy->strings_len - 1 : 0] != '\0')
		return -EINVAL;
	if (!memchr(policy->name, '\0', sizeof(policy->name)) ||
	    !memchr(policy->version, '\0', sizeof(policy->version)) ||
	    !memchr(policy->description, '\0', sizeof(policy->description)))
		return -EINVAL;
	return lists_are_sane(policy) && secrets_are_sane(policy) && projects_are_sane(policy) && govern_is_sane(policy) &&
		       string_is_sane(policy, policy->workspace_path) ? 0 : -EINVAL;
}
