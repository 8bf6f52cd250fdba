/* SPDX-License-Identifier: Apache-2.0 */
/* What a tier allows at most (behaviour model, section 7.1), of a plan. Where a host keeps tiers of its agents, a plan says its tier,
 * and must be what it says. */
#include "plan/plan.h"

const char *plan_tier_exceeded(const struct plan *plan)
{
	const struct plan_head *head = plan->head;

	for (uint32_t i = 0; head->tier == 0 && i < head->sections[PLAN_MOUNTS].count; i++)
		if (plan->mounts[i].kind == MOUNT_BIND_RW || plan->mounts[i].kind == MOUNT_OVERLAY)
			return "T0 writes nothing but its own temporary files";
	for (uint32_t i = 0; head->tier == 1 && i < head->sections[PLAN_MOUNTS].count; i++)
		if (plan->mounts[i].kind == MOUNT_BIND_RW)
			return "T1 writes to an overlay only";
	if (head->tier <= 1 && head->network_mode != NETWORK_NONE)
		return "T0 and T1 have no network";
	if (head->tier == 2 && head->network_mode == NETWORK_HOST)
		return "T2 reaches listed names only (`network: allowlist`)";
	return NULL;
}
