/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which x86-64 system calls are looked at when they return, and where their arguments are. A new
 * call is one row here; a new way of reading arguments is a class in observer.bpf.c. */
#ifndef BPF_CALLS_H
#define BPF_CALLS_H

enum call_class {
	CALL_IGNORED,
	CALL_OPEN,        /* returns a descriptor of a file */
	CALL_FD,          /* changes the file behind descriptor args[dir] */
	CALL_PATH,        /* names one object: directory args[dir], path args[path] */
	CALL_TWO_PATHS,   /* and a second one: args[dir2], args[path2] */
	CALL_CONNECT, CALL_BIND, CALL_LISTEN, CALL_ACCEPT, CALL_SENDTO, CALL_SENDMSG,
	CALL_CRED,        /* may change the credentials; a refusal is reported */
	CALL_SIGNAL,      /* refusals are reported with their target */
	CALL_FORBIDDEN,   /* refusals are reported */
	CALL_CLONE,       /* forbidden with a namespace flag in args[path] */
	CALL_CLONE3,      /* the same behind the pointer args[path] */
	CALL_IOCTL,       /* forbidden with TIOCSTI, TIOCLINUX */
};

#define NONE (-1)

struct call {
	__u8 class;
	__u8 kind;        /* enum event_kind */
	__s8 dir, path;   /* index of the argument; dir NONE = working directory */
	__s8 value;       /* index of flags, mode or uid; NONE = 0 */
	__s8 dir2, path2;
	__u8 forbidden;   /* CALL_FORBIDDEN: every policy refuses it (decide/forbidden.c) */
};

#define CALLS_MAX 512

enum {
	NR_execve = 59, NR_execveat = 322, NR_open = 2, NR_openat = 257, NR_openat2 = 437, NR_creat = 85,
	NR_unlinkat = 263, NR_symlink = 88, NR_symlinkat = 266, NR_accept = 43, NR_accept4 = 288,
	NR_sendmsg = 46,
};

#define PATH_CALL(event, dir_, path_, value_) \
	{ .class = CALL_PATH, .kind = (event), .dir = (dir_), .path = (path_), .value = (value_) }
#define FD_CALL(event, value_) { .class = CALL_FD, .kind = (event), .value = (value_) }
#define PAIR_CALL(event, dir_, path_, dir2_, path2_) \
	{ .class = CALL_TWO_PATHS, .kind = (event), .dir = (dir_), .path = (path_), .value = NONE, \
	  .dir2 = (dir2_), .path2 = (path2_) }
#define FORBIDDEN { .class = CALL_FORBIDDEN, .kind = EVENT_SYSCALL_REFUSED, .forbidden = 1 }
#define REPORTED { .class = CALL_FORBIDDEN, .kind = EVENT_SYSCALL_REFUSED }
#define CRED_CALL { .class = CALL_CRED, .kind = EVENT_SYSCALL_REFUSED }
#define SIGNAL_CALL(target) { .class = CALL_SIGNAL, .kind = EVENT_SIGNAL, .path = (target) }

static const struct call calls[CALLS_MAX] = {
	[NR_open]    = { .class = CALL_OPEN, .dir = NONE, .path = 0, .value = 1 },
	[NR_openat]  = { .class = CALL_OPEN, .dir = 0, .path = 1, .value = 2 },
	[NR_openat2] = { .class = CALL_OPEN, .dir = 0, .path = 1, .value = NONE },
	[NR_creat]   = { .class = CALL_OPEN, .dir = NONE, .path = 0, .value = NONE },

	[87]  = PATH_CALL(EVENT_UNLINK, NONE, 0, NONE),     /* unlink */
	[NR_unlinkat] = PATH_CALL(EVENT_UNLINK, 0, 1, 2),
	[84]  = PATH_CALL(EVENT_RMDIR, NONE, 0, NONE),      /* rmdir */
	[83]  = PATH_CALL(EVENT_MKDIR, NONE, 0, 1),         /* mkdir */
	[258] = PATH_CALL(EVENT_MKDIR, 0, 1, 2),            /* mkdirat */
	[133] = PATH_CALL(EVENT_MKNOD, NONE, 0, 1),         /* mknod */
	[259] = PATH_CALL(EVENT_MKNOD, 0, 1, 2),            /* mknodat */
	[90]  = PATH_CALL(EVENT_CHMOD, NONE, 0, 1),         /* chmod */
	[268] = PATH_CALL(EVENT_CHMOD, 0, 1, 2),            /* fchmodat */
	[452] = PATH_CALL(EVENT_CHMOD, 0, 1, 2),            /* fchmodat2 */
	[92]  = PATH_CALL(EVENT_CHOWN, NONE, 0, 1),         /* chown */
	[94]  = PATH_CALL(EVENT_CHOWN, NONE, 0, 1),         /* lchown */
	[260] = PATH_CALL(EVENT_CHOWN, 0, 1, 2),            /* fchownat */
	[76]  = PATH_CALL(EVENT_TRUNCATE, NONE, 0, NONE),   /* truncate */
	[188] = PATH_CALL(EVENT_XATTR, NONE, 0, NONE),      /* setxattr */
	[189] = PATH_CALL(EVENT_XATTR, NONE, 0, NONE),      /* lsetxattr */
	[197] = PATH_CALL(EVENT_XATTR, NONE, 0, NONE),      /* removexattr */
	[198] = PATH_CALL(EVENT_XATTR, NONE, 0, NONE),      /* lremovexattr */
	[463] = PATH_CALL(EVENT_XATTR, 0, 1, NONE),         /* setxattrat */
	[466] = PATH_CALL(EVENT_XATTR, 0, 1, NONE),         /* removexattrat */

	[91]  = FD_CALL(EVENT_CHMOD, 1),                    /* fchmod */
	[93]  = FD_CALL(EVENT_CHOWN, 1),                    /* fchown */
	[77]  = FD_CALL(EVENT_TRUNCATE, NONE),              /* ftruncate */
	[190] = FD_CALL(EVENT_XATTR, NONE),                 /* fsetxattr */
	[199] = FD_CALL(EVENT_XATTR, NONE),                 /* fremovexattr */

	[82]  = PAIR_CALL(EVENT_RENAME, NONE, 0, NONE, 1),  /* rename */
	[264] = PAIR_CALL(EVENT_RENAME, 0, 1, 2, 3),        /* renameat */
	[316] = PAIR_CALL(EVENT_RENAME, 0, 1, 2, 3),        /* renameat2 */
	[86]  = PAIR_CALL(EVENT_LINK, NONE, 0, NONE, 1),    /* link */
	[265] = PAIR_CALL(EVENT_LINK, 0, 1, 2, 3),          /* linkat */
	/* The new name first; the content is no path of its own. */
	[NR_symlink]   = PAIR_CALL(EVENT_SYMLINK, NONE, 1, NONE, 0),
	[NR_symlinkat] = PAIR_CALL(EVENT_SYMLINK, 1, 2, NONE, 0),

	[42]  = { .class = CALL_CONNECT, .kind = EVENT_CONNECT },
	[49]  = { .class = CALL_BIND, .kind = EVENT_BIND },
	[50]  = { .class = CALL_LISTEN, .kind = EVENT_LISTEN },
	[NR_accept]  = { .class = CALL_ACCEPT, .kind = EVENT_ACCEPT },
	[NR_accept4] = { .class = CALL_ACCEPT, .kind = EVENT_ACCEPT },
	[44]  = { .class = CALL_SENDTO, .kind = EVENT_SEND },
	[NR_sendmsg] = { .class = CALL_SENDMSG, .kind = EVENT_SEND },
	[307] = { .class = CALL_SENDMSG, .kind = EVENT_SEND },  /* sendmmsg: its first message */

	[105] = CRED_CALL, [106] = CRED_CALL,               /* setuid, setgid */
	[113] = CRED_CALL, [114] = CRED_CALL,               /* setreuid, setregid */
	[117] = CRED_CALL, [119] = CRED_CALL,               /* setresuid, setresgid */
	[116] = CRED_CALL, [126] = CRED_CALL,               /* setgroups, capset */

	[62]  = SIGNAL_CALL(0), [200] = SIGNAL_CALL(0),     /* kill, tkill */
	[234] = SIGNAL_CALL(0), [129] = SIGNAL_CALL(0),     /* tgkill, rt_sigqueueinfo */
	[297] = SIGNAL_CALL(0),                             /* rt_tgsigqueueinfo */
	[424] = SIGNAL_CALL(NONE),                          /* pidfd_send_signal */

	[56]  = { .class = CALL_CLONE, .kind = EVENT_SYSCALL_REFUSED, .path = 0 },
	[272] = { .class = CALL_CLONE, .kind = EVENT_SYSCALL_REFUSED, .path = 0 }, /* unshare */
	[435] = { .class = CALL_CLONE3, .kind = EVENT_SYSCALL_REFUSED, .path = 0 },
	[16]  = { .class = CALL_IOCTL, .kind = EVENT_SYSCALL_REFUSED },

	[41] = REPORTED,                                      /* socket: families, types */
	[101] = FORBIDDEN, [310] = FORBIDDEN, [311] = FORBIDDEN, /* ptrace, process_vm_readv, writev */
	[438] = FORBIDDEN, [312] = FORBIDDEN,                 /* pidfd_getfd, kcmp */
	[155] = FORBIDDEN, [161] = FORBIDDEN, [165] = FORBIDDEN, /* pivot_root, chroot, mount */
	[166] = FORBIDDEN, [428] = FORBIDDEN, [429] = FORBIDDEN, /* umount2, open_tree, move_mount */
	[430] = FORBIDDEN, [431] = FORBIDDEN, [432] = FORBIDDEN, /* fsopen, fsconfig, fsmount */
	[433] = FORBIDDEN, [442] = FORBIDDEN, [308] = FORBIDDEN, /* fspick, mount_setattr, setns */
	[321] = FORBIDDEN, [298] = FORBIDDEN, [323] = FORBIDDEN, /* bpf, perf_event_open, userfaultfd */
	[248] = FORBIDDEN, [249] = FORBIDDEN, [250] = FORBIDDEN, /* add_key, request_key, keyctl */
	[425] = FORBIDDEN, [426] = FORBIDDEN, [427] = FORBIDDEN, /* io_uring_setup, enter, register */
	[175] = FORBIDDEN, [313] = FORBIDDEN, [176] = FORBIDDEN, /* init, finit, delete module */
	[246] = FORBIDDEN, [320] = FORBIDDEN, [169] = FORBIDDEN, /* kexec_load, _file_load, reboot */
	[167] = FORBIDDEN, [168] = FORBIDDEN, [304] = FORBIDDEN, /* swapon, swapoff, open_by_handle_at */
	[172] = FORBIDDEN, [173] = FORBIDDEN, [163] = FORBIDDEN, /* iopl, ioperm, acct */
	[164] = FORBIDDEN, [227] = FORBIDDEN, [170] = FORBIDDEN, /* settimeofday, clock_settime, sethostname */
	[171] = FORBIDDEN, [179] = FORBIDDEN, [443] = FORBIDDEN, /* setdomainname, quotactl, _fd */
	[300] = FORBIDDEN, [103] = FORBIDDEN, [153] = FORBIDDEN, /* fanotify_init, syslog, vhangup */
	[440] = FORBIDDEN, [154] = FORBIDDEN, [212] = FORBIDDEN, /* process_madvise, modify_ldt, lookup_dcookie */
	[159] = FORBIDDEN, [305] = FORBIDDEN,                 /* adjtimex, clock_adjtime */
};

#endif
