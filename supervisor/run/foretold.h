/* SPDX-License-Identifier: Apache-2.0 */
/* What protections a run will have, told from the last one of its kind, so that its run_start can go to
 * the disk while its sandbox is built. Only foretold: the command is let go when they are really in force. */
#ifndef RUN_FORETOLD_H
#define RUN_FORETOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

/* Zeroed: nothing is known. All that what is in force depends on, but the kernel. */
struct foretold {
	bool known;
	uint8_t policy_digest[32];
	uint32_t uid, gid, owner_uid, flags, network_mode, mounts;
	uint32_t in_force;       /* bits of enum feature */
};

/* A run of this plan got these. */
void foretold_keep(struct foretold *foretold, const struct plan_head *head, uint32_t in_force);
/* False: the last run was of another kind. */
bool foretold_find(const struct foretold *foretold, const struct plan_head *head,
		   uint32_t *ret_in_force) MUST_USE;

#endif
