/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths from kernel objects: from a dentry up to the root of the mount tree, across mounts. The
 * walk ends at the top of the mount namespace and not at the task's root, which the task chooses. */
#ifndef BPF_PATH_H
#define BPF_PATH_H

#include "bpf/alone.h"

#define WALK_STEPS_MAX 2048

struct walk {
	struct scratch *s;
	struct dentry *dentry, *root;
	struct mount *mnt;
	__u32 pos;            /* first used byte of s->walk */
	__u32 flags;          /* enum event_flag */
	__u32 done;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

static long walk_step(__u32 i, struct walk *w)
{
	struct dentry *dentry = w->dentry, *parent;
	struct mount *mnt = w->mnt, *above;
	const unsigned char *name;
	__u32 len, pos;

	if (dentry == w->root) {
		above = BPF_CORE_READ(mnt, mnt_parent);
		if (above == mnt || !above) {
			w->done = 1;
			return 1;
		}
		w->dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
		w->mnt = above;
		w->root = BPF_CORE_READ(above, mnt.mnt_root);
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry || !parent) {
		w->flags |= EVENT_FOREIGN_MOUNT;   /* outside of the mount: its parent was moved away */
		w->done = 1;
		return 1;
	}
	len = BPF_CORE_READ(dentry, d_name.len);
	name = BPF_CORE_READ(dentry, d_name.name);
	pos = w->pos;
	if (len > 255 || pos < len + 1 || pos > EVENT_PATH_MAX)
		return 1;                          /* not done: too long */
	pos = (pos - len - 1) & (EVENT_PATH_MAX - 1);
	w->s->walk[pos] = '/';
	len &= 255;
	if (bpf_probe_read_kernel(&w->s->walk[pos + 1], len, name))
		return 1;
	w->pos = pos;
	w->dentry = parent;
	return 0;
}

/* Leaves the path in s->walk[s->walk_start..EVENT_PATH_MAX) and returns its event flags. */
CHECKED_ONCE int walk_path(struct scratch *s, __u64 vfsmount, __u64 first)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct vfsmount *mnt = (void *)vfsmount;
	struct dentry *dentry = (void *)first;
	struct walk w = { .s = s, .dentry = dentry, .pos = EVENT_PATH_MAX };
	struct mount *top;
	__u32 pos;

	if (!s)
		return 0;

	s->walk_start = EVENT_PATH_MAX;
	if (BPF_CORE_READ(mnt, mnt_flags) & MNT_INTERNAL)
		return EVENT_NO_PATH;
	w.mnt = mount_of(mnt);
	w.root = BPF_CORE_READ(mnt, mnt_root);
	if (dentry != w.root && !BPF_CORE_READ(dentry, d_hash.pprev))
		w.flags |= EVENT_DELETED;
	bpf_loop(WALK_STEPS_MAX, walk_step, &w, 0);
	if (!w.done)
		w.flags |= EVENT_TRUNCATED;
	top = w.mnt;
	if (BPF_CORE_READ(top, mnt_ns) != BPF_CORE_READ(task, nsproxy, mnt_ns))
		w.flags |= EVENT_FOREIGN_MOUNT;
	pos = w.pos;
	if (pos >= EVENT_PATH_MAX) {
		pos = EVENT_PATH_MAX - 1;          /* the top itself */
		s->walk[EVENT_PATH_MAX - 1] = '/';
	}
	s->walk_start = pos;
	return w.flags;
}

/* Appends the walked path to the record; returns its length. */
CHECKED_ONCE int append_walk(struct scratch *s)
{
	__u32 start, used, len;

	if (!s)
		return 0;
	start = s->walk_start;
	used = s->used;
	if (start > EVENT_PATH_MAX || used > RECORD_BYTES_MAX - EVENT_PATH_MAX)
		return 0;
	OPAQUE(start);
	OPAQUE(used);
	start &= EVENT_PATH_MAX - 1;
	len = EVENT_PATH_MAX - start;
	if (s->walk_start == EVENT_PATH_MAX)
		return 0;
	if (used > RECORD_BYTES_MAX - EVENT_PATH_MAX || len > EVENT_PATH_MAX)
		return 0;
	if (bpf_probe_read_kernel(&s->bytes[used], len, &s->walk[start]))
		return 0;
	s->used = used + len;
	return len;
}

/* Appends what the caller's memory says is a string; returns its length without terminator. */
CHECKED_ONCE int append_user_string(struct scratch *s, __u64 address)
{
	__u32 used;
	long r;

	if (!s)
		return 0;
	used = s->used;
	if (used > RECORD_BYTES_MAX - EVENT_PATH_MAX)
		return 0;
	r = bpf_probe_read_user_str(&s->bytes[used], EVENT_PATH_MAX, (void *)address);
	if (r <= 1 || r > EVENT_PATH_MAX)
		return 0;
	s->used = used + (__u32)r - 1;
	return (__u32)r - 1;
}

CHECKED_ONCE int append_kernel_string(struct scratch *s, __u64 text)
{
	__u32 used;
	long r;

	if (!s)
		return 0;
	used = s->used;
	if (used > RECORD_BYTES_MAX - EVENT_PATH_MAX)
		return 0;
	r = bpf_probe_read_kernel_str(&s->bytes[used], EVENT_PATH_MAX, (void *)text);
	if (r <= 1 || r > EVENT_PATH_MAX)
		return 0;
	s->used = used + (__u32)r - 1;
	return (__u32)r - 1;
}

/* Linux's new_encode_dev(), as in st_dev. */
static __always_inline __u64 encode_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

static __always_inline void fill_ino(struct event_ino *ino, struct inode *inode,
				     struct vfsmount *mnt)
{
	struct mount *mount = mount_of(mnt);

	ino->dev = encode_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	ino->ino = BPF_CORE_READ(inode, i_ino);
	ino->gen = BPF_CORE_READ(inode, i_generation);
	ino->mode = BPF_CORE_READ(inode, i_mode);
	if (bpf_core_field_exists(mount->mnt_id_unique))
		ino->mount_id = BPF_CORE_READ(mount, mnt_id_unique);
	else
		ino->mount_id = BPF_CORE_READ(mount, mnt_id);
}

/* The file behind a descriptor of the current task, or 0; its lowest bit is set when another task shares
 * the descriptors. Read through the types and not by helpers, because each open comes here; for each
 * pointer that is followed so the verifier of newer kernels searches all of the kernel's types. */
CHECKED_ONCE __u64 file_at(__s32 fd)
{
	struct files_struct *files = bpf_get_current_task_btf()->files;
	struct fdtable *fdt = files->fdt;
	struct file **slots = fdt->fd;
	__u64 file = 0;

	if (fd < 0 || (__u32)fd >= fdt->max_fds)
		return 0;
	if (bpf_probe_read_kernel(&file, sizeof(file), &slots[fd]) || !file)
		return 0;
	return files->count.counter > 1 ? file | 1 : file;
}

static __always_inline struct file *file_of(__s32 fd, bool *ret_shared)
{
	__u64 file = file_at(fd);

	*ret_shared = file & 1;
	return (void *)(file & ~1ULL);
}

static __always_inline __u32 walk_file(struct scratch *s, struct file *file, bool shared)
{
	return walk_path(s, (__u64)BPF_CORE_READ(file, f_path.mnt),
			 (__u64)BPF_CORE_READ(file, f_path.dentry)) |
	       (shared ? EVENT_SHARED_FDS : 0);
}

/* Walks the directory that a relative path of this call starts from. */
CHECKED_ONCE int walk_base(struct scratch *s, __s32 dir_fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file;
	bool shared;

	if (!s)
		return 0;
	if (dir_fd == AT_FDCWD)
		return walk_path(s, (__u64)BPF_CORE_READ(task, fs, pwd.mnt),
				 (__u64)BPF_CORE_READ(task, fs, pwd.dentry));
	file = file_of(dir_fd, &shared);
	return file ? walk_file(s, file, shared) : 0;
}

#endif
