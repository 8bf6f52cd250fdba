/* SPDX-License-Identifier: Apache-2.0 */
/* Documentation/admin-guide/cgroup-v2.rst */
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

int limits_v2_pids(int dir, uint64_t count)
{
	return write_number(dir, "pids.max", count);
}

int limits_v2_memory(int dir, uint64_t bytes)
{
	int r = write_number(dir, "memory.max", bytes);

	if (r < 0)
		return r;
	/* Else the limit only moves pages to swap. No such file: no swap accounting, and no way around. */
	r = io_write_text(dir, "memory.swap.max", "0");
	return r == -ENOENT ? 0 : r;
}

int limits_v2_cpu(int dir, uint64_t milli)
{
	char text[64];

	IGNORE(snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)limits_quota_us(milli),
			LIMITS_PERIOD_US) < 0);
	return io_write_text(dir, "cpu.max", text);
}
