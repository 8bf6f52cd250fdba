/* SPDX-License-Identifier: Apache-2.0 */
#include "run/kill_switch.h"

#include <stdio.h>
#include <string.h>

static bool same(const struct kill_target *one, const struct kill_target *other)
{
	return memcmp(one, other, sizeof(*one)) == 0;
}

bool kill_target_is_valid(const struct kill_target *target)
{
	static const char none[KILL_AGENT_MAX];
	size_t len = strnlen(target->agent, sizeof(target->agent));
	bool named = len > 0, run = !ulid_is_zero(&target->run);

	if (target->reserved || len == sizeof(target->agent) ||
	    memcmp(target->agent + len, none, sizeof(target->agent) - len) != 0)
		return false;
	switch ((enum kill_scope)target->scope) {
	case KILL_ALL:
		return !named && !run;
	case KILL_AGENT:
		return named && !run;
	case KILL_RUN:
		return run && !named;
	case KILL_NONE:
	case KILL_SCOPE_COUNT:
		return false;
	}
	return false;
}

bool kill_switch_is_valid(const struct kill_switch *kill_switch)
{
	if (kill_switch->count > KILL_SWITCHES_MAX)
		return false;
	for (uint32_t i = 0; i < kill_switch->count; i++) {
		const struct kill_entry *entry = &kill_switch->entries[i];

		if (!kill_target_is_valid(&entry->target) ||
		    strnlen(entry->reason, sizeof(entry->reason)) == sizeof(entry->reason))
			return false;
	}
	return true;
}

bool kill_switch_trip(struct kill_switch *kill_switch, const struct kill_entry *entry)
{
	struct kill_entry *to;

	for (uint32_t i = 0; i < kill_switch->count; i++) {
		if (same(&kill_switch->entries[i].target, &entry->target))
			return false;
	}
	if (kill_switch->count < KILL_SWITCHES_MAX) {
		kill_switch->entries[kill_switch->count++] = *entry;
		return true;
	}
	/* Full: too much is stopped rather than too little. */
	to = &kill_switch->entries[KILL_SWITCHES_MAX - 1];
	if (to->target.scope == KILL_ALL)
		return false;
	*to = *entry;
	to->target = (struct kill_target){ .scope = KILL_ALL };
	return true;
}

bool kill_switch_reset(struct kill_switch *kill_switch, const struct kill_target *target)
{
	uint32_t kept = 0, count = kill_switch->count;

	for (uint32_t i = 0; i < count; i++) {
		if (target->scope != KILL_ALL && !same(&kill_switch->entries[i].target, target))
			kill_switch->entries[kept++] = kill_switch->entries[i];
	}
	kill_switch->count = kept;
	memset(&kill_switch->entries[kept], 0, (count - kept) * sizeof(kill_switch->entries[0]));
	return kept < count;
}

const struct kill_entry *kill_switch_covers(const struct kill_switch *kill_switch, const char *agent,
					    const struct ulid *run)
{
	for (uint32_t i = 0; i < kill_switch->count; i++) {
		const struct kill_entry *entry = &kill_switch->entries[i];

		if (entry->target.scope == KILL_ALL ||
		    (entry->target.scope == KILL_AGENT && strcmp(entry->target.agent, agent) == 0) ||
		    (entry->target.scope == KILL_RUN && run &&
		     memcmp(&entry->target.run, run, sizeof(*run)) == 0))
			return entry;
	}
	return NULL;
}

void kill_target_text(const struct kill_target *target, char *to, size_t size)
{
	char run[ULID_TEXT_LEN + 1];

	ulid_text(&target->run, run);
	IGNORE(snprintf(to, size, "%s%s", target->scope == KILL_RUN ? "run:" : target->scope == KILL_AGENT
			? "agent:" : "all", target->scope == KILL_RUN ? run : target->agent) < 0);
}
