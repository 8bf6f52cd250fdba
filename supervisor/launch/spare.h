/* SPDX-License-Identifier: Apache-2.0 */
/* A pid 1 made ahead: in its cgroup and its own namespaces, executed, with everything done that needs no
 * plan. It waits on its channel for the plan of a run and holds nothing of any. A launch gives it limits and the
 * plan; what it would have waited for (clone3, exec, the cgroups' lock) was waited for before.
 *
 * The id of the run that takes it is the spare's: cgroups of v2 cannot be renamed, and they carry the
 * runs' ids. It has no mount namespace of its own yet, so it neither hides the host's later mounts from
 * its run nor keeps one busy. It ends with its channel or with the supervisor. For speed only: a launch that
 * finds none, or a dead one, does without; one with the host's network cannot use it. */
#ifndef LAUNCH_SPARE_H
#define LAUNCH_SPARE_H

#include "launch/launch.h"

#define SPARE_END_MS 1000U

struct spare {
	struct launched launched;
	struct ulid run;
};

#define SPARE_NONE ((struct spare){ .launched = LAUNCHED_NONE })

/* Makes one unless there is one. As launch_begin(). */
int spare_make(struct spare *spare, const struct launch_host *host) MUST_USE;
bool spare_is_there(const struct spare *spare);
/* The spare with the id `run` becomes the caller's. False when there is none with that id. */
bool spare_take(struct spare *spare, const struct ulid *run, struct launched *ret_launched) MUST_USE;
/* Ends it. Takes SPARE_NONE. */
void spare_drop(struct spare *spare);

/* Whether the v2 group `name` is that of a spare and not of a run. */
bool spare_owns_group(int tree_fd, const char *name);

#endif
