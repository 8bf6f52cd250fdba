/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel does without the supervisor: it counts the strikes that it can decide and kills at
 * the one that revokes; it stops every run when the supervisor hangs; and a clock tick reaches the
 * loops that make no call. */
#ifndef BPF_ALONE_H
#define BPF_ALONE_H

#include "bpf/emit.h"

#define MAN_IS_DEAD_NS 500000000ULL   /* the supervisor hangs: runs are stopped */
#define KILL_IS_LATE_NS 60000000ULL   /* a living supervisor has killed a revoked run long before */

/* From 6.13 on. Without them what sleeps in a revoked run dies when it wakes, or with its pid 1. */
extern int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type,
				__u64 value) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

static __always_inline bool supervisor_late(__u64 limit_ns)
{
	__u64 alive = supervisor_alive_ns, now;

	if (!alive)
		return false;
	now = bpf_ktime_get_ns();
	return now > alive && now - alive > limit_ns;
}

/* Counts a violation of the policy and writes into the record which it was. True when this strike
 * revokes: the run is marked then, and the caller kills the offender where its program can. */
CHECKED_ONCE int strike(struct event_head *head, struct run_config *run, __u32 what)
{
	struct run_activity *kernel;
	struct user_strikes *user;
	const struct kernel_rule *rule;
	__u32 slot, nth;

	_Static_assert((KERNEL_DECIDES & (KERNEL_DECIDES - 1)) == 0, "a mask bounds the index");
	if (!head || !run)
		return false;
	slot = run->slot;
	kernel = bpf_map_lookup_elem(&activity, &slot);
	user = bpf_map_lookup_elem(&user_strikes, &slot);
	OPAQUE(what);
	what &= KERNEL_DECIDES - 1;
	rule = &run->decides[what];
	if (!rule->type || !kernel || !user)
		return false;
	nth = __sync_fetch_and_add(&kernel->strikes[what], 1) + 1 + user->count[what];
	head->violation = rule->type;
	head->strike = nth < 255 ? nth : 255;
	if (!rule->revoke_at || nth < rule->revoke_at)
		return false;
	__sync_fetch_and_or(&run->flags, RUN_REVOKED);
	head->flags |= EVENT_REVOKED;
	return true;
}

/* Kills pid 1 of a run, and with it all that lives in its pid namespace. */
static __always_inline void kill_init(const struct run_config *run)
{
	struct task_struct *init;

	if (!bpf_task_from_pid || !bpf_send_signal_task || !run->init_tgid)
		return;
	init = bpf_task_from_pid(run->init_tgid);
	if (!init)
		return;
	bpf_send_signal_task(init, SIGKILL, PIDTYPE_TGID, 0);
	bpf_task_release(init);
}

/* A task of a revoked run: it dies, and so does all of the run when the supervisor does not do that. */
CHECKED_ONCE int die(struct run_config *run)
{
	bpf_send_signal(SIGKILL);
	if (run && supervisor_late(KILL_IS_LATE_NS))
		kill_init(run);
	return 0;
}

/* Stops the current task when nobody watches, except for pid 1, which has to kill the run should
 * the supervisor die. User space continues it. */
static __always_inline void stop_if_unwatched(const struct run_config *run, __u64 cgroup_id)
{
	__u64 jiffy = bpf_jiffies64();
	__u32 tgid;

	if (jiffy == in_time_jiffy)
		return;
	if (!supervisor_late(MAN_IS_DEAD_NS)) {
		in_time_jiffy = jiffy;
		return;
	}
	tgid = bpf_get_current_pid_tgid() >> 32;
	if (tgid != run->init_tgid)
		stop_current(cgroup_id);
}

static long end_revoked(void *map, __u64 *cgroup_id, struct run_config *run, void *unused)
{
	if (run->flags & RUN_REVOKED)
		kill_init(run);
	return 0;
}

/* On each CPU, each 20 ms, on whatever task runs there. */
static __always_inline int handle_tick(void)
{
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);

	if (supervisor_late(KILL_IS_LATE_NS))
		bpf_for_each_map_elem(&runs, end_revoked, NULL, 0);
	if (!run)
		return 0;
	if (run->flags & RUN_REVOKED)
		die(run);
	else
		stop_if_unwatched(run, cgroup_id);
	return 0;
}

#endif
