/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files: opens by what was really opened, changes of names by the resolved directory and the
 * claimed rest, refusals of both, and the witness of writes that no call shows. */
#ifndef BPF_FILE_H
#define BPF_FILE_H

#include "bpf/calls.h"
#include "bpf/path.h"

/* One returning system call. */
struct returned {
	__u64 args[6];
	__u64 cgroup_id;
	long ret;
	__u32 nr, slot;       /* nr is below CALLS_MAX, or of a foreign ABI */
	__u32 run_flags, reserved;
};

static __always_inline const struct call *row_of(const struct returned *call)
{
	return &calls[call->nr & (CALLS_MAX - 1)];
}

/* I_DIRTY_PAGES and I_DIRTY_SYNC | I_DIRTY_DATASYNC on this kernel, found by user space. */
const volatile __u32 dirty_pages_flags = 0, dirty_inode_flags = 0;

static __always_inline bool is_refusal(long ret)
{
	return ret == -EACCES || ret == -EPERM || ret == -EROFS;
}

static __always_inline __u64 argument(const struct returned *call, __s8 index)
{
	switch (index) {
	case 0: return call->args[0];
	case 1: return call->args[1];
	case 2: return call->args[2];
	case 3: return call->args[3];
	}
	return 0;
}

static __always_inline __s32 directory(const struct returned *call, __s8 index)
{
	return index == NONE ? AT_FDCWD : (__s32)argument(call, index);
}

static __always_inline __u32 open_flags_of(const struct returned *call, const struct call *row)
{
	__u64 flags = 0;

	if (call->nr == NR_creat)
		return O_CREAT | O_TRUNC | 1;
	if (call->nr == NR_openat2) {
		bpf_probe_read_user(&flags, sizeof(flags), (void *)call->args[2]);
		return (__u32)flags;
	}
	return (__u32)argument(call, row->value);
}

/* Names one object, the `second` of two or the first: its directory resolved, the rest as the caller
 * said. */
CHECKED_ONCE int append_claimed(struct scratch *s, __s32 dir_fd, __u64 address, __u32 second)
{
	__u32 base_len = 0, path_len;
	char first = 0;

	if (!s)
		return 0;
	bpf_probe_read_user(&first, sizeof(first), (void *)address);
	if (first != '/') {
		s->head.flags |= walk_base(s, dir_fd);
		base_len = append_walk(s);
	}
	path_len = append_user_string(s, address);
	s->head.flags |= EVENT_CLAIMED;
	if (second) {
		s->path.base2_len = base_len;
		s->path.path2_len = path_len;
	} else {
		s->path.base_len = base_len;
		s->path.path_len = path_len;
	}
	return 0;
}

/* System directories of every distribution: what is read there says nothing about the agent. */
static __always_inline bool in_system_directory(const struct scratch *s)
{
	__u32 at = s->walk_start & (EVENT_PATH_MAX - 1);
	char p[8];

	if (bpf_probe_read_kernel(p, sizeof(p), &s->walk[at]))
		return false;
	if (p[0] != '/')
		return false;
	if (p[1] == 'u' && p[2] == 's' && p[3] == 'r' && p[4] == '/')
		return true;
	if (p[1] == 'l' && p[2] == 'i' && p[3] == 'b')
		return p[4] == '/' || (p[4] == '6' && p[5] == '4' && p[6] == '/');
	if (p[1] == 'b' && p[2] == 'i' && p[3] == 'n')
		return p[4] == '/';
	return p[1] == 's' && p[2] == 'b' && p[3] == 'i' && p[4] == 'n' && p[5] == '/';
}

static __always_inline void seen_key_fill(struct seen_key *key, __u64 start_ns, struct inode *inode,
					  __u32 kind)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = start_ns;
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	key->ino = BPF_CORE_READ(inode, i_ino);
	key->gen = BPF_CORE_READ(inode, i_generation);
	key->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key->kind = kind;
}

/* Somebody of the run opened it for writing, or was given it: what explains a change. */
static __always_inline void explained_key_fill(struct seen_key *key, struct inode *inode,
					       __u64 cgroup_id)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->extra = cgroup_id;
	key->ino = BPF_CORE_READ(inode, i_ino);
	key->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key->kind = EVENT_WITNESS;
}

/* What is written through an overlay changes the file of its upper layer. From 6.13 on the overlay's
 * file has a container with that one, before it is that one; where overlayfs is a module its types are
 * not known, and both are noted: a key of nothing explains nothing. */
CHECKED_ONCE int explain_upper(__u64 overlay_file, __u64 cgroup_id)
{
	struct file *file = (void *)overlay_file;
	struct ovl_file *container = BPF_CORE_READ(file, private_data);
	struct file *upper = NULL;
	struct seen_key key;
	__u64 one = 1;

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
		return 0;
	if (bpf_core_type_exists(struct ovl_file))
		upper = BPF_CORE_READ(container, realfile);
	else
		bpf_probe_read_kernel(&upper, sizeof(upper), container);
	explained_key_fill(&key, BPF_CORE_READ(upper, f_inode), cgroup_id);
	bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
	if (bpf_core_type_exists(struct ovl_file))
		return 0;
	explained_key_fill(&key, BPF_CORE_READ((struct file *)(void *)container, f_inode), cgroup_id);
	bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
	return 0;
}

CHECKED_ONCE int opened(struct returned *call)
{
	struct seen_key key;
	struct inode *inode;
	struct scratch *s;
	struct file *file;
	__u32 mode, type, kind;
	__u64 one = 1;
	bool shared;

	if (!call)
		return 0;
	file = file_of((__s32)call->ret, &shared);
	if (!file)
		return 0;               /* a sibling closed it before we looked */
	mode = BPF_CORE_READ(file, f_mode);
	inode = BPF_CORE_READ(file, f_inode);
	type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (mode & FMODE_PATH)
		return 0;
	kind = mode & FMODE_CREATED ? EVENT_CREATE :
	       mode & FMODE_WRITE ? EVENT_OPEN_WRITE : EVENT_OPEN_READ;
	if (kind == EVENT_OPEN_READ && (type == S_IFDIR || type == S_IFIFO || type == S_IFSOCK))
		return 0;
	seen_key_fill(&key, bpf_get_current_task_btf()->group_leader->start_boottime, inode, kind);
	if (seen_before(&key, call->slot))
		return 0;
	if (kind != EVENT_OPEN_READ) {
		explained_key_fill(&key, inode, call->cgroup_id);
		bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
		explain_upper((__u64)file, call->cgroup_id);
	}
	s = scratch_take(EVENT_RING_BULK);
	if (!s)
		return 0;
	head_fill(&s->head, (__u16)kind, call->cgroup_id);
	s->head.flags = walk_file(s, file, shared) | EVENT_MERGED;
	if (kind != EVENT_OPEN_READ || !in_system_directory(s)) {
		fill_ino(&s->path.ino, inode, BPF_CORE_READ(file, f_path.mnt));
		s->head.ret = (__s32)call->ret;
		s->path.syscall = call->nr;
		s->path.open_flags = BPF_CORE_READ(file, f_flags) |
				     (open_flags_of(call, row_of(call)) & (O_CREAT | O_EXCL | O_TRUNC));
		s->path.count = 1;
		s->path.path_len = append_walk(s);
		scratch_send(s, EVENT_RING_BULK, call->slot);
	}
	scratch_give(s);
	return 0;
}

CHECKED_ONCE int open_refused(struct returned *call)
{
	__u32 flags, kind = EVENT_OPEN_READ;
	const struct call *row;
	struct scratch *s;

	if (!call)
		return 0;
	s = scratch_take(EVENT_RING_URGENT);
	if (!s)
		return 0;
	row = row_of(call);
	flags = open_flags_of(call, row);
	if (flags & O_CREAT)
		kind = EVENT_CREATE;
	else if ((flags & O_ACCMODE) || (flags & O_TRUNC))
		kind = EVENT_OPEN_WRITE;
	head_fill(&s->head, (__u16)kind, call->cgroup_id);
	s->head.flags = EVENT_REFUSED;
	s->head.ret = (__s32)call->ret;
	s->path.syscall = call->nr;
	s->path.open_flags = flags;
	s->path.count = 1;
	append_claimed(s, directory(call, row->dir), argument(call, row->path), false);
	scratch_send(s, EVENT_RING_URGENT, call->slot);
	scratch_give(s);
	return 0;
}

/* The part of a record that all changes of names and attributes share. */
static __always_inline struct scratch *change_begin(const struct returned *call,
						    const struct call *row)
{
	struct scratch *s = scratch_take(call->ret < 0 ? EVENT_RING_URGENT : EVENT_RING_BULK);
	__u16 kind = row->kind;

	if (!s)
		return NULL;
	if (call->nr == NR_unlinkat && (call->args[2] & AT_REMOVEDIR))
		kind = EVENT_RMDIR;
	head_fill(&s->head, kind, call->cgroup_id);
	s->head.ret = (__s32)call->ret;
	s->head.flags = call->ret < 0 ? EVENT_REFUSED : 0;
	s->path.syscall = call->nr;
	s->path.open_flags = (__u32)argument(call, row->value);
	s->path.count = 1;
	return s;
}

static __always_inline int change_end(struct scratch *s, const struct returned *call)
{
	scratch_send(s, call->ret < 0 ? EVENT_RING_URGENT : EVENT_RING_BULK, call->slot);
	scratch_give(s);
	return 0;
}

static __always_inline bool change_matters(const struct returned *call)
{
	/* EBUSY: names under a mount point, which is how protected names are kept. */
	return call->ret >= 0 || is_refusal(call->ret) || call->ret == -EBUSY;
}

/* fchmod and its like: the file is known, nothing is claimed. */
CHECKED_ONCE int file_changed(struct returned *call)
{
	struct scratch *s;
	struct file *file;
	bool shared;

	if (!call || !change_matters(call))
		return 0;
	file = file_of((__s32)call->args[0], &shared);
	if (!file)
		return 0;
	s = change_begin(call, row_of(call));
	if (!s)
		return 0;
	fill_ino(&s->path.ino, BPF_CORE_READ(file, f_inode), BPF_CORE_READ(file, f_path.mnt));
	s->head.flags |= walk_file(s, file, shared);
	s->path.path_len = append_walk(s);
	return change_end(s, call);
}

CHECKED_ONCE int name_changed(struct returned *call)
{
	const struct call *row;
	struct scratch *s;

	if (!call || !change_matters(call))
		return 0;
	row = row_of(call);
	s = change_begin(call, row);
	if (!s)
		return 0;
	append_claimed(s, directory(call, row->dir), argument(call, row->path), false);
	return change_end(s, call);
}

CHECKED_ONCE int two_names_changed(struct returned *call)
{
	const struct call *row;
	struct scratch *s;

	if (!call || !change_matters(call))
		return 0;
	row = row_of(call);
	s = change_begin(call, row);
	if (!s)
		return 0;
	append_claimed(s, directory(call, row->dir), argument(call, row->path), false);
	if (row->kind == EVENT_SYMLINK) {
		s->path.path2_len = append_user_string(s, argument(call, row->path2));
	} else {
		append_claimed(s, directory(call, row->dir2), argument(call, row->path2), true);
	}
	return change_end(s, call);
}

/* Pages alone are content. Together with the inode, or the inode alone (tmpfs), it may also be a
 * read (atime) or a chmod (ctime): a write sets mtime and ctime to the same moment. */
static __always_inline bool content_changed(struct inode *inode, __u32 flags)
{
	__s64 sec;
	__u32 nsec;

	if (!(flags & dirty_inode_flags))
		return flags & dirty_pages_flags;
	if (!bpf_core_field_exists(inode->i_mtime_sec))
		return flags & dirty_pages_flags;
	sec = BPF_CORE_READ(inode, i_mtime_sec);
	nsec = BPF_CORE_READ(inode, i_mtime_nsec);
	if (sec != BPF_CORE_READ(inode, i_ctime_sec) || nsec != BPF_CORE_READ(inode, i_ctime_nsec))
		return false;
	return sec > BPF_CORE_READ(inode, i_atime_sec) ||
	       (sec == BPF_CORE_READ(inode, i_atime_sec) &&
		nsec >= BPF_CORE_READ(inode, i_atime_nsec));
}

/* The first change of a file's content by a process of a run in which nobody opened it for that: the
 * descriptor came from outside, or it writes in a way that no call shows. */
/* In a call that is reported itself when it returns: an open that truncates, truncate(2). */
static __always_inline bool in_reported_call(void)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 nr = BPF_CORE_READ(regs, orig_ax);

	return nr < CALLS_MAX && calls[nr].class >= CALL_OPEN && calls[nr].class <= CALL_TWO_PATHS;
}

static __always_inline int handle_dirty(struct inode *inode, __u32 flags)
{
	__u64 cgroup_id;
	struct run_config *run = run_of_current(&cgroup_id);
	struct seen_key key;
	struct event_path e;

	if (!run || !content_changed(inode, flags))
		return 0;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != 0100000 ||
	    (BPF_CORE_READ(inode, i_sb, s_flags) & SB_NOUSER))
		return 0;
	if (run->flags & RUN_REVOKED)
		die(run);
	if (is_broker(bpf_get_current_task_btf()))
		return 0;
	explained_key_fill(&key, inode, cgroup_id);
	if (bpf_map_lookup_elem(&seen, &key) || in_reported_call())
		return 0;
	seen_key_fill(&key, process_start_ns((void *)bpf_get_current_task()), inode, EVENT_WITNESS);
	if (seen_before(&key, run->slot))
		return 0;
	__builtin_memset(&e, 0, sizeof(e));
	head_fill(&e.head, EVENT_WITNESS, cgroup_id);
	e.head.flags = EVENT_NO_PATH | EVENT_MERGED;
	e.ino.dev = encode_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	e.ino.ino = BPF_CORE_READ(inode, i_ino);
	e.ino.gen = BPF_CORE_READ(inode, i_generation);
	e.ino.mode = BPF_CORE_READ(inode, i_mode);
	e.count = 1;
	send(&e.head, sizeof(e), EVENT_RING_BULK, run->slot);
	return 0;
}

#endif
