/* SPDX-License-Identifier: Apache-2.0 */
/* Entering a v1 cgroup waits for an RCU grace period, 5 to 10 ms, and clone3 can put a child into a v2
 * group only. So where limits are on v1, a process waits in groups made ahead: the porter. A launch
 * gives these groups the run's name and lets the porter clone pid 1, as a sibling of itself
 * (CLONE_PARENT): pid 1 is the supervisor's child and inherits the porter's groups. Then the porter ends.
 *
 * It shares the supervisor's table of descriptors, so that nothing need be passed, but no memory. It
 * dies with the supervisor. When there is none, or it is not ready, a launch does without. */
#ifndef LAUNCH_PORTER_H
#define LAUNCH_PORTER_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "launch/cgroup.h"

#define PORTER_GROUP "porter"    /* the name of its groups until a run takes them */

struct start;

struct porter {
	pid_t pid;               /* 0 = none */
	int pidfd, ours, theirs; /* both ends: the table is shared, so neither may be closed before it ends */
	int procs[CGROUP_CONTROLLER_COUNT]; /* open until it is ready, for the same reason */
	bool ready;
};

#define PORTER_NONE ((struct porter){ .pidfd = FD_NONE, .ours = FD_NONE, .theirs = FD_NONE, \
	.procs = { FD_NONE, FD_NONE, FD_NONE } })

/* Whether any limit is on v1. */
bool porter_is_needed(const struct cgroup_tree *tree);
/* Starts one unless there is one. Does not wait for it. Does nothing where no v1 group is used. */
int porter_start(struct porter *porter, const struct cgroup_tree *tree) MUST_USE;
/* True when it stands in its groups. Never blocks. */
bool porter_ready(struct porter *porter);
/* Clones pid 1 of a run by it, and ends it. Its groups must have the run's name by now. Blocks for the
 * clone, at most PORTER_TIMEOUT_MS. Returns the pid, or -errno: -ETIMEDOUT when it did not answer. */
#define PORTER_TIMEOUT_MS 1000
pid_t porter_clone(struct porter *porter, const struct start *start, int *ret_pidfd) MUST_USE;
/* Kills it, waits, and removes its groups. Takes PORTER_NONE. */
void porter_stop(struct porter *porter, const struct cgroup_tree *tree);

#endif
