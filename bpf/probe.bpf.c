// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tiny program that does nothing but prove that what the watcher stands on is there: the kinds that
 * need no map are two instructions in watch/probe.c. */
#include "bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} storage SEC(".maps");

static long step(__u32 i, void *ctx)
{
	return 1;
}

/* Everything that the watcher stands on: ring, task storage, bpf_loop, signals. */
SEC("tp_btf/sys_exit")
int BPF_PROG(probe_watch, struct pt_regs *regs, long ret)
{
	__u64 *value;

	if (bpf_get_current_cgroup_id())
		return 0;
	value = bpf_task_storage_get(&storage, bpf_get_current_task_btf(), 0, 0);
	if (value && bpf_loop(1, step, NULL, 0) < 0)
		bpf_ringbuf_output(&ring, value, sizeof(*value), BPF_RB_NO_WAKEUP);
	return 0;
}
