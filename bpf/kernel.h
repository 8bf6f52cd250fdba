/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel types that the programs read, and of each only the fields that they read: CO-RE
 * finds the places of these fields on the running kernel, so the build needs no BTF of its host.
 * Constants are the kernel's ABI (include/uapi) or, where the comment says so, internals that have
 * not changed between 6.1 and 7.2. */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false, true };

#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_ARRAY_OF_MAPS = 12, BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27, BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10, BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };

struct bpf_sock;
struct bpf_sock_addr {         /* program context: not relocated */
	__u32 user_family;
	__u32 user_ip4;            /* network order */
	__u32 user_ip6[4];         /* network order */
	__u32 user_port;           /* network order */
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	struct bpf_sock *sk;
};

enum {
	AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16,
	SOCK_STREAM = 1, SOCK_DGRAM = 2,
	SIGKILL = 9, SIGCHLD = 17, SIGSTOP = 19,
	EPERM = 1, ENOENT = 2, EACCES = 13, EBUSY = 16, EEXIST = 17, EROFS = 30, ENOSYS = 38, ESRCH = 3,
	EINPROGRESS = 115,
	O_ACCMODE = 3, O_CREAT = 0100, O_EXCL = 0200, O_TRUNC = 01000, O_PATH = 010000000,
	AT_FDCWD = -100, AT_REMOVEDIR = 0x200,
	S_IFMT = 0170000, S_IFIFO = 0010000, S_IFDIR = 0040000, S_IFSOCK = 0140000,
	MSG_FASTOPEN = 0x20000000,
	TIOCSTI = 0x5412, TIOCLINUX = 0x541c,
	CLONE_NEW_ANY = 0x7e020080,   /* NEWTIME NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET */
	SIGNAL_GROUP_EXIT = 4,        /* include/linux/sched/signal.h */
	FMODE_WRITE = 2, FMODE_PATH = 1 << 14, FMODE_CREATED = 1 << 20, /* include/linux/fs.h */
	MNT_INTERNAL = 0x4000,        /* include/linux/mount.h */
	OVERLAYFS_SUPER_MAGIC = 0x794c7630, /* include/uapi/linux/magic.h */
	SB_NOUSER = 1U << 31,         /* include/linux/fs.h: shared memory, memfd, pipes */
	TS_COMPAT = 2,                /* arch/x86/include/asm/thread_info.h */
	X32_BIT = 0x40000000,
};

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)


typedef struct { int counter; } atomic_t;
typedef struct { __u32 val; } kuid_t;

struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
};

struct hlist_bl_node { struct hlist_bl_node **pprev; };
struct qstr { __u32 len; const unsigned char *name; };
struct super_block { __u32 s_dev; unsigned long s_flags, s_magic; };
struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_generation;
	__s64 i_size;
	__s64 i_atime_sec, i_mtime_sec, i_ctime_sec;   /* from 6.11 on */
	__u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec;
};
struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};
struct ns_common { unsigned int inum; };
struct mnt_namespace { struct ns_common ns; };
struct vfsmount { struct dentry *mnt_root; int mnt_flags; };
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	int mnt_id;
	__u64 mnt_id_unique;       /* from 6.8 on */
};
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file {
	unsigned int f_mode;
	void *private_data;
	struct inode *f_inode;
	unsigned int f_flags;
	struct path f_path;
};
struct ovl_file { struct file *realfile; };      /* from 6.13 on */
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { atomic_t count; struct fdtable *fdt; };
struct fs_struct { struct path root, pwd; };

struct pid_namespace { struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { unsigned int level; struct upid numbers[1]; };
struct nsproxy { struct mnt_namespace *mnt_ns; };

struct mm_struct { unsigned long arg_start, arg_end, env_start, env_end; };
struct signal_struct { atomic_t live; int group_exit_code; unsigned int flags; };
/* cap_effective is { u32 cap[2] } before 6.3 and { u64 val } since: 8 bytes in the same order. */
struct cred { kuid_t uid, euid, fsuid; struct { __u64 val; } cap_effective; };
struct thread_info { __u32 status; };

struct kernfs_node { __u64 id; };
struct cgroup_root { int hierarchy_id; };
struct cgroup { struct kernfs_node *kn; struct cgroup_root *root; };
struct css_set { struct cgroup *dfl_cgrp; };

struct task_struct {
	struct thread_info thread_info;
	int pid, tgid;
	int exit_code;
	struct task_struct *group_leader, *real_parent;
	__u64 start_boottime;
	struct mm_struct *mm;
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct css_set *cgroups;
	char comm[16];
};

struct linux_binprm { struct file *file; int argc; const char *filename, *interp; };

struct in6_addr { __u8 addr[16]; };
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; __u16 sk_type, sk_protocol; };
struct socket { struct file *file; struct sock *sk; };
struct kernel_siginfo { int si_code; };

#pragma clang attribute pop

/* include/uapi/linux/{socket,in,in6,un}.h: user memory, not relocated */
struct sockaddr_any { __u16 family; __be16 port; __be32 addr4; __u8 addr6[16]; __u32 scope; };
struct user_msghdr { __u64 name; __s32 namelen; __u32 pad; };

#endif
