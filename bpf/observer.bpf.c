// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All programs of the watcher in one object, so that they share their maps. Each looks up the
 * cgroup of the current task first: what is not watched leaves at once. */
#include "bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/events.h"
#include "bpf/guard.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	return handle_fork(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return handle_exec(task, (__u32)old_pid, bprm);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	return handle_exit(task);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	return handle_return(regs, ret);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_attach, struct cgroup *to, const char *path, struct task_struct *task)
{
	return handle_attach(to, task);
}

SEC("?tp_btf/writeback_mark_inode_dirty")
int BPF_PROG(on_dirty, struct inode *inode, int flags)
{
	return handle_dirty(inode, (__u32)flags);
}

/* Attached to a clock of each CPU. */
SEC("perf_event")
int on_tick(void *ctx)
{
	return handle_tick();
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	return net_hook4(ctx, EVENT_CONNECT, NET_CONNECT);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	return net_hook6(ctx, EVENT_CONNECT, NET_CONNECT);
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	return net_hook4(ctx, EVENT_SEND, NET_CONNECT);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
	return net_hook6(ctx, EVENT_SEND, NET_CONNECT);
}

SEC("cgroup/bind4")
int on_bind4(struct bpf_sock_addr *ctx)
{
	return net_hook4(ctx, EVENT_BIND, NET_BIND);
}

SEC("cgroup/bind6")
int on_bind6(struct bpf_sock_addr *ctx)
{
	return net_hook6(ctx, EVENT_BIND, NET_BIND);
}

SEC("cgroup/recvmsg4")
int on_recvmsg4(struct bpf_sock_addr *ctx)
{
	return relay_source4(ctx);
}

SEC("cgroup/recvmsg6")
int on_recvmsg6(struct bpf_sock_addr *ctx)
{
	return relay_source6(ctx);
}

SEC("cgroup/getpeername4")
int on_getpeername4(struct bpf_sock_addr *ctx)
{
	return relay_peer4(ctx);
}

SEC("cgroup/getpeername6")
int on_getpeername6(struct bpf_sock_addr *ctx)
{
	return relay_peer6(ctx);
}

/* BPF_CGROUP_UNIX_CONNECT (6.7): user space sets its attach type, which libbpf 1.1 has no section
 * for. Which sockets a run can reach is decided by its mounts; a revoked run reaches none. */
SEC("?cgroup/connect4")
int on_connect_unix(struct bpf_sock_addr *ctx)
{
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);

	return !run || !(run->flags & RUN_REVOKED);
}
