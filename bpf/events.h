/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ABI between the BPF programs and watch/: records in the rings and values in the maps. This
 * header includes nothing; kernel.h (BPF side) or <linux/types.h> (user side) comes before it.
 * All integers are host order. Every record starts with struct event_head and is zeroed before it
 * is filled. Paths are byte strings, not terminated; user space checks every length. */
#ifndef BPF_EVENTS_H
#define BPF_EVENTS_H

#include "bpf/net_rule.h"

#define EVENTS_VERSION 3U
#define EVENT_PATH_MAX 4096U   /* bytes of one path */
#define EVENT_ARGV_MAX 4096U   /* bytes of argv carried; argv_size says how many there were */
#define EVENT_COMM_LEN 16U

enum event_kind {
	EVENT_FORK = 1, EVENT_EXEC, EVENT_EXIT,
	EVENT_OPEN_READ, EVENT_OPEN_WRITE, EVENT_CREATE,
	EVENT_UNLINK, EVENT_RMDIR, EVENT_RENAME, EVENT_LINK, EVENT_SYMLINK, EVENT_MKDIR, EVENT_MKNOD,
	EVENT_CHMOD, EVENT_CHOWN, EVENT_TRUNCATE, EVENT_XATTR,
	EVENT_CONNECT, EVENT_BIND, EVENT_LISTEN, EVENT_ACCEPT, EVENT_SEND,
	EVENT_CRED,            /* euid or effective capabilities changed: see struct event_cred */
	EVENT_SIGNAL,          /* a signal to a process outside the run, refused or not */
	EVENT_SYSCALL_REFUSED, /* a forbidden call (mount, ptrace, bpf, namespaces, foreign ABI, ...) */
	EVENT_ESCAPE,          /* a task of the run seen outside its cgroup or namespaces */
	EVENT_WITNESS,         /* first change of a file's content by this process (write witness) */
	EVENT_KIND_LIMIT,
};

enum event_flag {
	EVENT_REFUSED = 1U << 0,     /* ret < 0: it did not happen */
	EVENT_CLAIMED = 1U << 1,     /* path came from memory that the agent can change: path is relative
	                              * to, and follows, the resolved directory in base (see event_path) */
	EVENT_DELETED = 1U << 2,     /* the file has no name any more */
	EVENT_NO_PATH = 1U << 3,     /* pipe, socket, memfd, anonymous */
	EVENT_TRUNCATED = 1U << 4,   /* path or argv was cut */
	EVENT_FOREIGN_MOUNT = 1U << 5,
	EVENT_SHARED_FDS = 1U << 6,  /* another thread could have replaced the descriptor */
	EVENT_FOREIGN_ABI = 1U << 7, /* int 0x80 or x32 */
	EVENT_MERGED = 1U << 8,      /* first of a kind: repeats are only counted */
	EVENT_HOOK = 1U << 9,        /* refused by our cgroup hook: rule_index is set */
	EVENT_REVOKED = 1U << 10,    /* the strike that revoked the run: the kernel kills it already */
	EVENT_UNGRANTED = 1U << 11,  /* EXEC: not what was granted; it was killed before its first instruction */
};

enum event_ring { EVENT_RING_URGENT, EVENT_RING_BULK, EVENT_RING_COUNT };

struct event_head {
	__u64 time_ns;        /* CLOCK_BOOTTIME */
	__u64 cgroup_id;      /* the run's cgroup */
	__u64 kseq;           /* per ring and CPU, from 1, gapless unless events were lost */
	__u64 proc_start_ns;  /* group leader's start_boottime */
	__u32 tgid, tid;      /* initial pid namespace */
	__u32 uid;            /* effective, initial user namespace */
	__u32 size;           /* of the whole record */
	__s32 ret;            /* of the call; 0 where there is none */
	__u16 kind, cpu;
	__u16 ring;
	__u8 violation;       /* enum violation_type, when the kernel decided that this is one */
	__u8 strike;          /* which of its type in this run, from 1; 255 = that or more */
	__u32 flags;
	char comm[16];        /* for people only */
};
_Static_assert(sizeof(struct event_head) == 80, "ABI: raise EVENTS_VERSION too");

struct event_ino {
	__u64 dev;            /* new_encode_dev() numbering, as st_dev */
	__u64 ino;
	__u32 gen;
	__u32 mode;           /* i_mode */
	__u64 mount_id;
};
_Static_assert(sizeof(struct event_ino) == 32, "ABI: raise EVENTS_VERSION too");

struct event_fork {
	struct event_head head;  /* of the parent */
	__u64 child_start_ns;
	__u32 child_tgid, child_tid;
	__u32 is_thread, reserved;
};
_Static_assert(sizeof(struct event_fork) == 104, "ABI: raise EVENTS_VERSION too");

struct event_exec {          /* before the first instruction of the new program */
	struct event_head head;
	struct event_ino ino;    /* of the program */
	__u32 parent_tgid, argc;
	__u64 parent_start_ns;
	__u32 path_len, argv_len;/* bytes that follow: path, then argv (NUL-separated) */
	__u32 argv_size;         /* untruncated */
	__u32 interp_len;        /* then the script, where an interpreter runs it */
	char bytes[];
};
_Static_assert(sizeof(struct event_exec) == 144, "ABI: raise EVENTS_VERSION too");

struct event_exit {
	struct event_head head;
	__s32 status;            /* as in wait(2) */
	__u32 last_of_group;
};
_Static_assert(sizeof(struct event_exit) == 88, "ABI: raise EVENTS_VERSION too");

/* OPEN_*, CREATE, UNLINK … XATTR, WITNESS. With EVENT_CLAIMED: base_len bytes of the resolved
 * directory, then path_len bytes as the caller said; without: base_len = 0, path resolved. For
 * RENAME, LINK, SYMLINK a second pair follows (for SYMLINK path2 is the content). */
struct event_path {
	struct event_head head;
	struct event_ino ino;    /* 0 where not known */
	__u32 syscall;           /* x86-64 number */
	__u32 open_flags;        /* or mode, uid of chown, ... */
	__u32 base_len, path_len, base2_len, path2_len;
	__u64 count;             /* repeats merged since the last report, this one included */
	char bytes[];
};
_Static_assert(sizeof(struct event_path) == 144, "ABI: raise EVENTS_VERSION too");

struct event_net {
	struct event_head head;
	__u16 family, type;      /* AF_*, SOCK_* */
	__u16 protocol, port;    /* port in host order */
	__u8 addr[16];           /* network order; 4 bytes for IPv4 */
	__u32 rule_index;        /* EVENT_HOOK: 1 + index of the plan's net rule, 0 = default */
	__u32 path_len;          /* UNIX: pathname, or abstract with a leading NUL */
	__u64 count, bytes_sent;
	char path[];
};
_Static_assert(sizeof(struct event_net) == 128, "ABI: raise EVENTS_VERSION too");

struct event_cred {
	struct event_head head;
	__u32 old_euid, new_euid;
	__u64 old_caps, new_caps; /* effective */
	__u32 cause, reserved;    /* 1 fork, 2 exec, 3 system call */
};
_Static_assert(sizeof(struct event_cred) == 112, "ABI: raise EVENTS_VERSION too");

struct event_syscall {
	struct event_head head;
	__u64 args[3];
	__u32 syscall;           /* as numbered by its ABI */
	__u32 target_tgid;       /* SIGNAL, ptrace: whom */
};
_Static_assert(sizeof(struct event_syscall) == 112, "ABI: raise EVENTS_VERSION too");

/* ---- maps ---- */

#define RUN_NET_RULES_MAX 128U
#define RUN_REVOKED 1U       /* each call, fork, exec and connect of the run ends in SIGKILL */
#define RUN_WATCHED 2U
#define RUN_NET_HOST 4U      /* network mode host: the rules below apply; else only loopback */
#define RUN_NET_RELAY 8U     /* allowlist: loopback, and the relay for the rest (redirect.h) */
#define RUN_GATED 16U        /* what no grant covers is killed when it is executed (gate.h) */

/* What the kernel decides alone, because no path is needed for it. */
enum kernel_decides {
	KERNEL_FORBIDDEN,        /* a forbidden call that was refused */
	KERNEL_ROOT,             /* euid 0 or new capabilities */
	KERNEL_ESCAPE,           /* a task in another cgroup or other namespaces */
	KERNEL_NET,              /* a connect, send or bind that our hook refused */
	KERNEL_DECIDES,
};

struct kernel_rule {
	__u32 type;              /* enum violation_type; 0 = no violation */
	__u32 revoke_at;         /* the strike that revokes; 0 = none */
};

struct run_config {          /* map `runs`: key = cgroup id */
	__u32 flags;             /* RUN_* */
	__u32 slot;              /* small number of the run, index of per-run arrays */
	__u32 pidns_inum, mntns_inum, netns_inum;
	__u32 init_tgid;         /* pid 1 of the run as the host counts: ours, so never stopped; 0 = none */
	__u32 uid, net_count;
	__u8 connect_default, bind_default, pad[6];
	struct kernel_rule decides[KERNEL_DECIDES];
	struct net_rule net[RUN_NET_RULES_MAX];
};

#define WATCHED_BITS 4096U   /* of cgroup ids: bpf/maps.h */

struct run_activity {        /* map `activity`: index = slot; read by the heartbeat */
	__u64 last_ns;           /* CLOCK_BOOTTIME of the last event, or up to a jiffy before it */
	__u64 last_jiffy;
	__u32 strikes[KERNEL_DECIDES]; /* decided by the kernel */
};

struct user_strikes {        /* map `user_strikes`: index = slot; decided by user space, same types */
	__u32 count[KERNEL_DECIDES];
};

/* Map `stopped`: key = tgid; stopped because a ring was nearly full, or nobody watched. */
struct stopped_process {
	__u64 start_ns;          /* of its group leader */
	__u64 since_ns;          /* CLOCK_MONOTONIC; a signal sent from a timer arrives within this tick */
	__u64 cgroup_id;
	__u64 armed;             /* 1 once the signal was sent: may be continued */
};

/* Map `seen`: what was reported already. Forgetting an entry costs one more report, never a lost one.
 * With kind WITNESS, tgid 0 and extra = cgroup id: a file that the run may change unseen. */
struct seen_key {
	__u64 start_ns, ino, extra;
	__u32 dev, gen, tgid, kind; /* dev as the kernel has it, not as st_dev */
};

#define EXEC_BYTES_MAX (2U << 20) /* argument and environment strings of one execve */
#define EXEC_GRANTS_MAX 8192U     /* execs that were answered and are not done yet, of all runs */

/* A file as it was when it was looked at. */
struct exec_file {
	__u64 dev;               /* st_dev; 0 = the file system's differs from its files' (overlayfs, btrfs) */
	__u64 ino, size, change_ns;
	__u32 gen, has_gen;      /* of file systems that tell */
};

/* Map `grants`: key = tid in the initial pid namespace; what the thread's held execve may become. Written
 * before the call is answered and taken by the exec. */
struct exec_grant {
	__u64 cgroup_id;
	struct exec_file file;   /* the program that is loaded: of a script its interpreter */
	__u64 cwd_dev, cwd_ino;
	__u64 strings;           /* hash_strings() of both */
	__u32 arg_bytes, env_bytes;
};
_Static_assert(sizeof(struct exec_grant) == 80, "ABI: raise EVENTS_VERSION too");

struct loss_counter {        /* map `losses`, per CPU: index = ring */
	__u64 high;              /* kseq given out */
	__u64 full;              /* reserves that failed */
	__u64 helper_errors;
	__u64 folded;            /* repeats merged */
};

#endif
