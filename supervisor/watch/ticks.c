// SPDX-License-Identifier: Apache-2.0
#include "watch/ticks.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int clock_open(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = TICK_NS,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int ticks_open(struct ticks *ticks, const struct bpf_program *program, int cpu_count)
{
	for (int cpu = 0; cpu < cpu_count && cpu < TICK_CPUS_MAX; cpu++) {
		int fd = clock_open(cpu);

		if (fd == -ENODEV || fd == -EINVAL) /* possible, but not online */
			continue;
		if (fd < 0)
			return fd;
		ticks->links[ticks->count] = bpf_program__attach_perf_event(program, fd);
		if (!ticks->links[ticks->count]) {
			int r = -errno;

			fd_close(fd);
			return r;
		}
		ticks->fds[ticks->count++] = fd;
	}
	ticks_switch(ticks, false);
	return ticks->count > 0 ? 0 : -ENODEV;
}

void ticks_close(struct ticks *ticks)
{
	for (int i = 0; i < ticks->count; i++)
		bpf_link__destroy(ticks->links[i]); /* closes its clock, too */
	ticks->count = 0;
}

void ticks_switch(struct ticks *ticks, bool on)
{
	for (int i = 0; i < ticks->count; i++) /* of a CPU gone offline: no clock is needed there */
		IGNORE(ioctl(ticks->fds[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) < 0);
}
