/* SPDX-License-Identifier: Apache-2.0 */
#include "run/foretold.h"

#include <string.h>

void foretold_keep(struct foretold *foretold, const struct plan_head *head, uint32_t in_force)
{
	*foretold = (struct foretold){
		.known = true, .uid = head->uid, .gid = head->gid, .owner_uid = head->owner_uid,
		.flags = head->flags, .network_mode = head->network_mode,
		.mounts = head->sections[PLAN_MOUNTS].count, .in_force = in_force,
	};
	memcpy(foretold->policy_digest, head->policy_digest, sizeof(foretold->policy_digest));
}

bool foretold_find(const struct foretold *foretold, const struct plan_head *head, uint32_t *ret_in_force)
{
	if (!foretold->known || foretold->uid != head->uid || foretold->gid != head->gid ||
	    foretold->owner_uid != head->owner_uid || foretold->flags != head->flags ||
	    foretold->network_mode != head->network_mode ||
	    foretold->mounts != head->sections[PLAN_MOUNTS].count ||
	    memcmp(foretold->policy_digest, head->policy_digest, sizeof(foretold->policy_digest)) != 0)
		return false;
	*ret_in_force = foretold->in_force;
	return true;
}
