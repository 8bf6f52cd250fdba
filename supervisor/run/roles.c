/* SPDX-License-Identifier: Apache-2.0 */
#include "run/roles.h"

#include "run/approvals.h"

static bool has_gid(const struct role_ids *ids, gid_t gid)
{
	for (size_t i = 0; i < ids->gid_count; i++) {
		if (ids->gids[i] == gid)
			return true;
	}
	return false;
}

static bool has_uid(const struct role_ids *ids, uid_t uid)
{
	for (size_t i = 0; i < ids->uid_count; i++) {
		if (ids->uids[i] == uid)
			return true;
	}
	return false;
}

enum role role_of(const struct role_map *map, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
	if (uid == 0)
		return ROLE_ADMIN;
	for (enum role role = ROLE_ADMIN; role > ROLE_NONE; role--) {
		const struct role_ids *ids = &map->of[role];

		if (has_uid(ids, uid) || has_gid(ids, gid))
			return role;
		for (size_t i = 0; i < group_count; i++) {
			if (has_gid(ids, groups[i]))
				return role;
		}
	}
	return ROLE_NONE;
}

void roles_usual(struct role_map *map, gid_t viewers)
{
	map->of[ROLE_VIEWER] = (struct role_ids){ .gids = { viewers }, .gid_count = 1 };
}

/* The terminal is theirs to have, the code theirs to type. */
static bool could_answer(const struct approval *approval, uid_t uid, enum role role)
{
	const struct answerer who = { .uid = uid, .role = role, .terminal = true, .code = "" };

	return approval_may_answer(approval, &who) == RESULT_DONE;
}

bool roles_could_answer(const struct role_map *map, const struct approval *approval)
{
	uint32_t people = could_answer(approval, 0, ROLE_ADMIN), wanted = MAX(approval->count, 1U);
	enum role owner = approval->owner_uid == 0 ? ROLE_ADMIN : ROLE_OPERATOR;

	if (approval->owner_uid != 0)
		people += could_answer(approval, approval->owner_uid, owner);
	for (enum role role = ROLE_OPERATOR; role < ROLE_COUNT; role++) {
		const struct role_ids *ids = &map->of[role];

		if (ids->gid_count > 0 && (uint32_t)role >= approval->role)
			return true;
		for (size_t i = 0; i < ids->uid_count; i++)
			people += ids->uids[i] != 0 && ids->uids[i] != approval->owner_uid &&
				  could_answer(approval, ids->uids[i], role);
	}
	return people >= wanted;
}
