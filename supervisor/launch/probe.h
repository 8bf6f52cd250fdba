/* SPDX-License-Identifier: Apache-2.0 */
/* Which features of the kernel launch/ and init/ can count on, found by trying them. */
#ifndef LAUNCH_PROBE_H
#define LAUNCH_PROBE_H

#include "base/feature.h"
#include "launch/cgroup.h"

/* Fills NAMESPACES, SECCOMP, SECCOMP_NOTIFY, LANDLOCK*, CGROUP_*, LIMIT_*, MOUNT_API, IDMAP, PIDFD and
 * landlock_abi, kernel; leaves the rows of the others alone. Needs root; the probes that change the
 * process run in children that are reaped before it returns. `tree` may be NULL: then the cgroup
 * rows are probed in a tree of their own. IDMAP is tried on the file system of `idmap_path` (a
 * directory; NULL = the root directory). Below 100 ms. */
void launch_probe(const struct cgroup_tree *tree, const char *idmap_path, struct feature_report *report);

#endif
