/* SPDX-License-Identifier: Apache-2.0 */
/* Documentation/admin-guide/cgroup-v1/ */
#include <errno.h>
#include <stdio.h>

#include "base/io.h"
#include "launch/limits.h"

static int write_number(int dir, const char *file, uint64_t value)
{
	char text[32];

	IGNORE(snprintf(text, sizeof(text), "%llu", (unsigned long long)value) < 0);
	return io_write_text(dir, file, text);
}

int limits_v1_pids(int dir, uint64_t count)
{
	return write_number(dir, "pids.max", count);
}

int limits_v1_memory(int dir, uint64_t bytes)
{
	int r = write_number(dir, "memory.limit_in_bytes", bytes);

	if (r < 0)
		return r;
	/* Memory and swap together, so that swap is no way around; absent without swap accounting. */
	r = write_number(dir, "memory.memsw.limit_in_bytes", bytes);
	return r == -ENOENT || r == -EACCES ? 0 : r;
}

int limits_v1_cpu(int dir, uint64_t milli)
{
	int r = write_number(dir, "cpu.cfs_period_us", LIMITS_PERIOD_US);

	return r < 0 ? r : write_number(dir, "cpu.cfs_quota_us", limits_quota_us(milli));
}
