/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/limits.h"

#include <errno.h>

#include "launch/cgroup.h"

static const struct {
	uint32_t feature;
	int (*v2)(int dir, uint64_t value);
	int (*v1)(int dir, uint64_t value);
} rows[CGROUP_CONTROLLER_COUNT] = {
	[CGROUP_PIDS]   = { FEATURE_LIMIT_PIDS, limits_v2_pids, limits_v1_pids },
	[CGROUP_MEMORY] = { FEATURE_LIMIT_MEMORY, limits_v2_memory, limits_v1_memory },
	[CGROUP_CPU]    = { FEATURE_LIMIT_CPU, limits_v2_cpu, limits_v1_cpu },
};

int cgroup_limit(const struct cgroup *cgroup, const struct plan_limits *limits, uint32_t *ret_in_force)
{
	const uint64_t values[CGROUP_CONTROLLER_COUNT] = {
		[CGROUP_PIDS] = limits->pids,
		[CGROUP_MEMORY] = limits->memory_bytes,
		[CGROUP_CPU] = limits->cpu_milli,
	};

	*ret_in_force = 0;
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		int r = -ENOENT;

		if (!values[i])
			continue;
		if (cgroup->tree->v2_has[i])
			r = rows[i].v2(cgroup->dir_fd, values[i]);
		else if (cgroup->v1_fd[i] != FD_NONE)
			r = rows[i].v1(cgroup->v1_fd[i], values[i]);
		if (r >= 0)
			*ret_in_force |= 1U << rows[i].feature;
	}
	return 0;
}
