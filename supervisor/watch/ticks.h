/* SPDX-License-Identifier: Apache-2.0 */
/* A clock on each CPU that runs a BPF program: what a loop that makes no call is reached by. It
 * ticks in the kernel, whatever this process does. */
#ifndef WATCH_TICKS_H
#define WATCH_TICKS_H

#include <bpf/libbpf.h>

#include "base/cleanup.h"

#define TICK_NS 20000000ULL
#define TICK_CPUS_MAX 1024

struct ticks {
	int count;
	int fds[TICK_CPUS_MAX];               /* borrowed from the links */
	struct bpf_link *links[TICK_CPUS_MAX];
};

/* One for each CPU that is online now, switched off. Returns 0 or -errno; ticks_close() ends what is
 * there either way. */
int ticks_open(struct ticks *ticks, const struct bpf_program *program, int cpu_count) MUST_USE;
void ticks_close(struct ticks *ticks);
/* On while a run lives. */
void ticks_switch(struct ticks *ticks, bool on);

#endif
