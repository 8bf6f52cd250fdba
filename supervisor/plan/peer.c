/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "plan/plan.h"

static bool has_group(gid_t wanted, gid_t own, const gid_t *groups, size_t count)
{
	bool found = wanted == own;

	for (size_t i = 0; i < count; i++)
		found |= groups[i] == wanted;
	return found;
}

int plan_check_peer(const struct plan *plan, uid_t peer_uid, gid_t peer_gid, const gid_t *peer_groups,
		    size_t peer_group_count, struct error *err)
{
	const struct plan_head *head = plan->head;

	if (peer_uid == 0)
		return 0;
	if (head->uid != peer_uid || head->owner_uid != peer_uid)
		return error_say(err, -EPERM, "uid %u asks for a run as uid %u", peer_uid, head->uid);
	if (head->gid != peer_gid)
		return error_say(err, -EPERM, "gid %u asks for a run as gid %u", peer_gid, head->gid);
	for (uint32_t i = 0; i < head->sections[PLAN_GROUPS].count; i++)
		if (!has_group(plan->groups[i], peer_gid, peer_groups, peer_group_count))
			return error_say(err, -EPERM, "uid %u asks for group %u, which it is not in",
					 peer_uid, plan->groups[i]);
	return 0;
}
