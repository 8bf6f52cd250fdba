/* SPDX-License-Identifier: Apache-2.0 */
#include "base/become.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>

int process_become(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;

	/* Each step needs what the next removes. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno; /* leaving uid 0 empties the capability sets: capabilities(7) */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid ||
	    saved != uid || setresuid(0, 0, 0) == 0)
		return -EPERM;
	return 0;
}
