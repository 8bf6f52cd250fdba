/* SPDX-License-Identifier: Apache-2.0 */
/* Where this host's cgroup hierarchies are, and which controller lives in which. */
#ifndef LAUNCH_HIERARCHY_H
#define LAUNCH_HIERARCHY_H

#include <stdbool.h>

#include "launch/cgroup.h"

extern const char *const controller_names[CGROUP_CONTROLLER_COUNT];

struct hierarchies {
	char v2[CGROUP_PATH_MAX];                             /* "" = none */
	char v1[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_MAX];    /* "" = none */
};

/* Reads the text of /proc/self/mountinfo. Pure. Only mounts of a hierarchy's root count. */
void hierarchies_parse(const char *mountinfo, struct hierarchies *ret);
/* The same for this process. Returns 0 or -errno. */
int hierarchies_find(struct hierarchies *ret) MUST_USE;
/* [A-Za-z0-9_-]{1,63} */
bool hierarchy_name_is_valid(const char *name);

#endif
