/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes: fork, exec, exit, their credentials and whether they are still where they belong. */
#ifndef BPF_EXEC_H
#define BPF_EXEC_H

#include "bpf/gate.h"

enum cred_cause { CRED_FORK = 1, CRED_EXEC, CRED_CALL_DONE };

/* Sends a record if the current task's euid or effective capabilities are not what the last one said. */
CHECKED_ONCE int compare_cred(struct task_state *state, __u64 cgroup_id, struct run_config *run,
			      __u32 cause)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct event_cred e;
	__u32 euid;
	__u64 caps = 0;

	if (!state || !run)
		return 0;
	euid = BPF_CORE_READ(cred, euid.val);
	BPF_CORE_READ_INTO(&caps, cred, cap_effective);
	if (state->known && (state->euid != euid || state->caps != caps)) {
		__builtin_memset(&e, 0, sizeof(e));
		head_fill(&e.head, EVENT_CRED, cgroup_id);
		e.old_euid = state->euid;
		e.new_euid = euid;
		e.old_caps = state->caps;
		e.new_caps = caps;
		e.cause = cause;
		if (((euid == 0 && state->euid != 0) || (caps & ~state->caps)) &&
		    strike(&e.head, run, KERNEL_ROOT))
			die(run);
		send(&e.head, sizeof(e), EVENT_RING_URGENT, run->slot);
	}
	state->euid = euid;
	state->caps = caps;
	state->known = 1;
	return 0;
}

static __always_inline __u32 pidns_inum(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct pid_namespace *ns = NULL;
	struct upid *upid;

	if (level > 32)
		return 0;
	upid = (void *)((char *)pid + bpf_core_field_offset(struct pid, numbers) +
			level * bpf_core_type_size(struct upid));
	bpf_probe_read_kernel(&ns, sizeof(ns), (char *)upid + bpf_core_field_offset(struct upid, ns));
	return BPF_CORE_READ(ns, ns.inum);
}

/* A task of the run in other namespaces than the launch put it into. */
static __always_inline bool in_foreign_namespace(struct task_struct *task,
						 const struct run_config *run)
{
	if (run->mntns_inum && BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != run->mntns_inum)
		return true;
	return run->pidns_inum && pidns_inum(task) != run->pidns_inum;
}

/* True when it revokes: who is to die for it depends on how it was seen. */
CHECKED_ONCE int send_escape(__u64 cgroup_id, struct run_config *run, __u32 target_tgid)
{
	struct event_syscall e;
	bool revokes;

	if (!run)
		return false;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, EVENT_ESCAPE, cgroup_id);
	e.target_tgid = target_tgid;
	revokes = strike(&e.head, run, KERNEL_ESCAPE);
	put(&e.head, sizeof(e), EVENT_RING_URGENT, run->slot);
	return revokes;
}

static __always_inline int handle_fork(struct task_struct *parent, struct task_struct *child)
{
	struct task_state *old, *new;
	struct event_fork e;
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);

	if (!run || is_broker(parent))
		return 0;
	if (run->flags & RUN_REVOKED)
		die(run);
	old = bpf_task_storage_get(&tasks, parent, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	new = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!old || !new) {
		count_helper_error(EVENT_RING_URGENT);
	} else {
		old->cgroup_id = new->cgroup_id = cgroup_id;
		new->start_ns = process_start_ns(child);
		compare_cred(old, cgroup_id, run, CRED_FORK);
		new->euid = old->euid;
		new->caps = old->caps;
		new->known = old->known;
	}
	if (in_foreign_namespace(child, run) && send_escape(cgroup_id, run, child->tgid))
		die(run);
	if (child->pid != child->tgid)
		return 0;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, EVENT_FORK, cgroup_id);
	e.child_start_ns = child->start_boottime;
	e.child_tgid = child->tgid;
	e.child_tid = child->pid;
	send(&e.head, sizeof(e), EVENT_RING_URGENT, run->slot);
	return 0;
}

/* The program itself: `bprm->file` is what runs, however it was named. */
static __always_inline void exec_fill_file(struct scratch *s, struct file *file)
{
	fill_ino(&s->exec.ino, BPF_CORE_READ(file, f_inode), BPF_CORE_READ(file, f_path.mnt));
	s->exec.head.flags |= walk_file(s, file, false);
	s->exec.path_len = append_walk(s);
}

/* argv from the new address space, before its first instruction: nobody can have changed it. */
CHECKED_ONCE int exec_fill_argv(struct scratch *s, __u64 mm_struct)
{
	struct mm_struct *mm = (void *)mm_struct;
	__u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	__u64 len = end - start;
	__u32 used;

	if (!s)
		return 0;
	used = s->used;
	s->exec.argv_size = end > start ? (__u32)len : 0;
	if (end <= start || used > RECORD_BYTES_MAX - EVENT_ARGV_MAX)
		return 0;
	if (len > EVENT_ARGV_MAX) {
		len = EVENT_ARGV_MAX;
		s->exec.head.flags |= EVENT_TRUNCATED;
	}
	OPAQUE(used);
	if (used > RECORD_BYTES_MAX - EVENT_ARGV_MAX)
		return 0;
	OPAQUE(len);
	if (len > EVENT_ARGV_MAX)
		return 0;
	if (bpf_probe_read_user(&s->bytes[used], len, (void *)start)) {
		count_helper_error(EVENT_RING_URGENT);
		s->exec.head.flags |= EVENT_TRUNCATED;
		return 0;
	}
	s->exec.argv_len = len;
	s->used = used + len;
	return 0;
}

/* A script: bprm->filename is what was executed, made absolute by the working directory. */
CHECKED_ONCE int exec_fill_script(struct scratch *s, __u64 filename)
{
	char first = 0;
	__u32 base = 0, used;

	if (!s)
		return 0;
	bpf_probe_read_kernel(&first, sizeof(first), (void *)filename);
	if (first != '/') {
		walk_base(s, AT_FDCWD);
		base = append_walk(s);
		used = s->used;
		if (used < RECORD_BYTES_MAX) {
			s->bytes[used] = '/';
			s->used = used + 1;
			base++;
		}
	}
	s->exec.interp_len = base + append_kernel_string(s, filename);
	return 0;
}

static __always_inline int handle_exec(struct task_struct *task, __u32 old_tid, struct linux_binprm *bprm)
{
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);
	struct task_state *state;
	bool granted = true;
	struct scratch *s;
	const char *filename;

	if (!run)
		return 0;
	if (run->flags & RUN_REVOKED)
		die(run);
	state = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state) {
		state->cgroup_id = cgroup_id;
		state->start_ns = process_start_ns(task);
		compare_cred(state, cgroup_id, run, CRED_EXEC);
	} else {
		count_helper_error(EVENT_RING_URGENT);
	}
	if (in_foreign_namespace(task, run) && send_escape(cgroup_id, run, task->tgid))
		die(run);
	s = scratch_take(EVENT_RING_URGENT);
	/* The strings are hashed in the buffer, so before the record is. */
	if (run->flags & RUN_GATED)
		granted = exec_granted(s, (__u64)BPF_CORE_READ(bprm, file), old_tid, cgroup_id);
	if (!granted)
		bpf_send_signal(SIGKILL);
	if (!s)
		return 0;
	head_fill(&s->head, EVENT_EXEC, cgroup_id);
	if (!granted)
		s->head.flags |= EVENT_UNGRANTED;
	s->exec.parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	s->exec.parent_start_ns = BPF_CORE_READ(task, real_parent, group_leader, start_boottime);
	s->exec.argc = BPF_CORE_READ(bprm, argc);
	exec_fill_file(s, BPF_CORE_READ(bprm, file));
	exec_fill_argv(s, (__u64)BPF_CORE_READ(task, mm));
	filename = BPF_CORE_READ(bprm, filename);
	if (filename != BPF_CORE_READ(bprm, interp))
		exec_fill_script(s, (__u64)filename);
	scratch_send(s, EVENT_RING_URGENT, run->slot);
	scratch_give(s);
	return 0;
}

static __always_inline int handle_exit(struct task_struct *task)
{
	struct seen_key key = { .kind = EVENT_EXIT };
	struct event_exit e;
	__u64 cgroup_id, one = 1;
	struct run_config *run = run_of_current(&cgroup_id);
	struct task_struct *leader;

	if (!run || BPF_CORE_READ(task, signal, live.counter) > 0 || is_broker(task))
		return 0;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, EVENT_EXIT, cgroup_id);
	/* Two threads that end together both see that no thread lives. */
	key.start_ns = e.head.proc_start_ns;
	key.tgid = e.head.tgid;
	if (bpf_map_update_elem(&seen, &key, &one, BPF_NOEXIST) == -EEXIST)
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		e.status = BPF_CORE_READ(task, signal, group_exit_code);
	else
		e.status = BPF_CORE_READ(leader, exit_code);
	e.last_of_group = 1;
	put(&e.head, sizeof(e), EVENT_RING_URGENT, run->slot);
	return 0;
}

/* A task that belonged to a run is moved to another cgroup of the v2 tree (0: the v1 trees of a
 * hybrid system are no places of runs). The mover is the current task. */
static __always_inline int handle_attach(struct cgroup *to, struct task_struct *task)
{
	struct task_state *state = bpf_task_storage_get(&tasks, task, 0, 0);
	struct run_config *run;
	__u64 cgroup_id;

	if (!state || BPF_CORE_READ(to, root, hierarchy_id) != 0)
		return 0;
	cgroup_id = state->cgroup_id;
	run = bpf_map_lookup_elem(&runs, &cgroup_id);
	if (!run || BPF_CORE_READ(to, kn, id) == cgroup_id)
		return 0;
	/* Who was moved is no task of the run any more for the hooks, so it dies here or with pid 1. */
	if (send_escape(cgroup_id, run, task->tgid) && bpf_send_signal_task)
		bpf_send_signal_task(task, SIGKILL, PIDTYPE_TGID, 0);
	return 0;
}

#endif
