/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that no agent has business with. The kernel or the filter refused them; seccomp refuses
 * before the entry tracepoint, but the exit tracepoint still has number and error. */
#ifndef BPF_GUARD_H
#define BPF_GUARD_H

#include "bpf/exec.h"
#include "bpf/net.h"
#include "bpf/socket.h"

/* `violates`: the policy forbids this call as such, and it was refused. */
CHECKED_ONCE int send_call(struct returned *call, __u32 kind, __u32 flags, __u32 violates)
{
	struct event_syscall e;
	struct run_config *run;
	__u64 cgroup_id;

	run = run_of_current(&cgroup_id);
	if (!call || !run)
		return 0;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, (__u16)kind, cgroup_id);
	e.head.ret = (__s32)call->ret;
	e.head.flags = flags;
	e.args[0] = call->args[0];
	e.args[1] = call->args[1];
	e.args[2] = call->args[2];
	e.syscall = call->nr;
	if (violates && strike(&e.head, run, KERNEL_FORBIDDEN))
		die(run);
	send(&e.head, sizeof(e), EVENT_RING_URGENT, call->slot);
	return 0;
}

static __always_inline bool makes_namespace(const struct returned *call, const struct call *row)
{
	__u64 flags = call->args[0];

	if (row->class == CALL_CLONE3)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)call->args[0]);
	return flags & CLONE_NEW_ANY;
}

CHECKED_ONCE int guarded(struct returned *call)
{
	const struct call *row;
	bool refused;

	if (!call)
		return 0;
	row = row_of(call);
	refused = is_refusal(call->ret);
	switch (row->class) {
	case CALL_FORBIDDEN:
		if (!refused && call->ret != -ENOSYS)
			return 0;
		break;
	case CALL_CLONE:
	case CALL_CLONE3:
		if (!refused || !makes_namespace(call, row))
			return 0;
		break;
	case CALL_IOCTL:
		if (!refused || ((__u32)call->args[1] != TIOCSTI && (__u32)call->args[1] != TIOCLINUX))
			return 0;
		break;
	default:
		return 0;
	}
	return send_call(call, row->kind, EVENT_REFUSED,
			 refused && (row->class != CALL_FORBIDDEN || row->forbidden));
}

/* A target that the sender may not signal, or that its pid namespace does not show to it. */
static __always_inline int signal_returned(struct returned *call)
{
	if (call->ret == -ESRCH)
		return send_call(call, EVENT_SIGNAL, 0, false);
	return is_refusal(call->ret) ? send_call(call, EVENT_SIGNAL, EVENT_REFUSED, false) : 0;
}

static __always_inline int cred_returned(struct returned *call, struct run_config *run,
					 struct task_struct *task)
{
	struct task_state *state;

	if (call->ret < 0)
		return is_refusal(call->ret) ?
		       send_call(call, EVENT_SYSCALL_REFUSED, EVENT_REFUSED, false) : 0;
	state = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_helper_error(EVENT_RING_URGENT);
		return 0;
	}
	state->cgroup_id = call->cgroup_id;
	compare_cred(state, call->cgroup_id, run, CRED_CALL_DONE);
	return 0;
}

static __always_inline int dispatch(struct returned *call, struct run_config *run,
				    struct task_struct *task)
{
	switch (row_of(call)->class) {
	case CALL_IGNORED:
		return 0;
	case CALL_OPEN:
		if (call->ret >= 0)
			return opened(call);
		return is_refusal(call->ret) ? open_refused(call) : 0;
	case CALL_FD:
		return file_changed(call);
	case CALL_PATH:
		return name_changed(call);
	case CALL_TWO_PATHS:
		return two_names_changed(call);
	case CALL_CONNECT:
	case CALL_BIND:
		return addressed(call);
	case CALL_LISTEN:
	case CALL_ACCEPT:
		return listening(call);
	case CALL_SENDTO:
	case CALL_SENDMSG:
		return sent(call);
	case CALL_CRED:
		return cred_returned(call, run, task);
	case CALL_SIGNAL:
		return signal_returned(call);
	default:
		return guarded(call);
	}
}

static __always_inline int handle_return(struct pt_regs *regs, long ret)
{
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);
	struct task_struct *task;
	struct returned call;
	bool foreign;
	__u64 nr;

	if (!run)
		return 0;
	if (run->flags & RUN_REVOKED)
		return die(run);
	stop_if_unwatched(run, cgroup_id);
	nr = regs->orig_ax;
	if ((__s32)nr == -1)
		return 0;             /* a signal's return, or a cancelled call */
	task = bpf_get_current_task_btf();
	foreign = (task->thread_info.status & TS_COMPAT) || (nr & X32_BIT);
	if (!foreign && (nr >= CALLS_MAX || calls[nr].class == CALL_IGNORED))
		return 0;
	if (is_broker(task))
		return 0;
	call.args[0] = regs->di;
	call.args[1] = regs->si;
	call.args[2] = regs->dx;
	call.args[3] = regs->r10;
	call.args[4] = regs->r8;
	call.args[5] = regs->r9;
	call.cgroup_id = cgroup_id;
	call.ret = ret;
	call.nr = (__u32)nr;
	call.slot = run->slot;
	call.run_flags = run->flags;
	call.reserved = 0;
	if (foreign) {
		if (ret == 0 && (nr == NR_execve || nr == NR_execveat))
			return 0;     /* a 64-bit call that started a 32-bit program */
		return send_call(&call, EVENT_SYSCALL_REFUSED,
				 EVENT_FOREIGN_ABI | (ret < 0 ? EVENT_REFUSED : 0), is_refusal(ret));
	}
	return dispatch(&call, run, task);
}

#endif
