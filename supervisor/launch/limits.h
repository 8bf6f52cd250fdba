/* SPDX-License-Identifier: Apache-2.0 */
/* One limit in one version of the interface. All return 0 or -errno. */
#ifndef LAUNCH_LIMITS_H
#define LAUNCH_LIMITS_H

#include <stdint.h>

#include "base/cleanup.h"

int limits_v2_pids(int dir, uint64_t count) MUST_USE;
int limits_v2_memory(int dir, uint64_t bytes) MUST_USE;
int limits_v2_cpu(int dir, uint64_t milli) MUST_USE;

int limits_v1_pids(int dir, uint64_t count) MUST_USE;
int limits_v1_memory(int dir, uint64_t bytes) MUST_USE;
int limits_v1_cpu(int dir, uint64_t milli) MUST_USE;

#define LIMITS_PERIOD_US 100000ULL
/* Microseconds of CPU time in each period. The kernel's least is 1000 (sched-bwc.rst). */
static inline uint64_t limits_quota_us(uint64_t milli)
{
	uint64_t quota = milli * (LIMITS_PERIOD_US / 1000U);

	return quota < 1000U ? 1000U : quota;
}

#endif
