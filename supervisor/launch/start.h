/* SPDX-License-Identifier: Apache-2.0 */
/* What launch.c and porter.c share: how pid 1 of a run is made. For these two only. */
#ifndef LAUNCH_START_H
#define LAUNCH_START_H

#include "base/ulid.h"
#include "launch/cgroup.h"
#include "launch/launch.h"
#include "plan/handover.h"

/* Everything the child needs, made before it exists. Only numbers and texts: it is copied. */
struct start {
	int fds[HANDOVER_COUNT];     /* close-on-exec, all at or above FIRST_SPARE_FD; FD_NONE = none */
	int init_fd, cgroup_fd;
	int v1_procs[CGROUP_CONTROLLER_COUNT]; /* FD_NONE: nothing to enter */
	uint64_t flags;              /* of clone3 */
	char uid[16], gid[16], run[ULID_TEXT_LEN + 1], name[16], network[8];
	char agent[LAUNCH_AGENT_MAX];
};

/* Clones pid 1, which executes bailiff-init. Returns its pid, or -errno; `more` adds flags. */
pid_t start_clone(struct start *start, uint64_t more, uint64_t exit_signal, int *ret_pidfd) MUST_USE;

#endif
