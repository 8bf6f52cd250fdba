/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel features that Bailiff uses, by the names that policies (`sandbox.require`, `prefer`),
 * `bailiff doctor` and MUST_WORK know. Who probes which: watch/probe.h and launch/probe.h. */
#ifndef BASE_FEATURE_H
#define BASE_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum feature {
	FEATURE_NAMESPACES,      /* mount, pid, net, ipc, uts, cgroup namespaces */
	FEATURE_SECCOMP,         /* filters */
	FEATURE_SECCOMP_NOTIFY,  /* user notification with WAIT_KILLABLE_RECV, 5.19 */
	FEATURE_LANDLOCK,        /* any ABI; the number is in the report */
	FEATURE_LANDLOCK_NET,    /* ABI 4, 6.7 */
	FEATURE_LANDLOCK_SCOPE,  /* ABI 6, 6.12: abstract sockets, signals */
	FEATURE_CGROUP_V2,       /* a writable v2 tree */
	FEATURE_CGROUP_KILL,     /* 5.14 */
	FEATURE_CGROUP_FREEZE,   /* 5.2 */
	FEATURE_CGROUP_INTO,     /* clone3(CLONE_INTO_CGROUP), 5.7 */
	FEATURE_LIMIT_PIDS,      /* pids controller, v2 or v1 */
	FEATURE_LIMIT_MEMORY,
	FEATURE_LIMIT_CPU,
	FEATURE_MOUNT_API,       /* open_tree, move_mount, fsopen, mount_setattr: 5.12 */
	FEATURE_IDMAP,           /* idmapped mounts on the workspace's kind of file system */
	FEATURE_PIDFD,
	FEATURE_BTF,             /* /sys/kernel/btf/vmlinux */
	FEATURE_BPF_WATCH,       /* tp_btf programs, ring buffer, task storage */
	FEATURE_BPF_CONNECT,     /* cgroup connect, sendmsg, bind hooks */
	FEATURE_BPF_UNIX,        /* cgroup UNIX connect, 6.7 */
	FEATURE_BPF_LSM,         /* lsm programs load and attach */
	FEATURE_BPF_WITNESS,     /* writeback_mark_inode_dirty */
	FEATURE_MEMFD_NOEXEC,    /* vm.memfd_noexec of a pid namespace, 6.3 */
	FEATURE_COUNT,
};

enum feature_state { FEATURE_UNKNOWN, FEATURE_MISSING, FEATURE_PRESENT };

struct feature_info {
	const char *name;        /* "bpf_watch" */
	const char *what;        /* one sentence: what it gives */
	const char *cost;        /* what its absence costs */
	const char *remedy;      /* kernel option, version or setting */
};

extern const struct feature_info feature_infos[FEATURE_COUNT];

/* Fixed: it crosses the control socket. */
struct feature_report {
	uint8_t state[32];       /* enum feature_state by enum feature */
	int16_t error[32];       /* negative errno of the failed probe, 0 otherwise */
	uint32_t landlock_abi;
	uint32_t watch_tier;     /* 1 = sys_exit hooks, 2 = LSM */
	char kernel[64];         /* uname release */
};

static inline bool feature_present(const struct feature_report *report, enum feature feature)
{
	return report->state[feature] == FEATURE_PRESENT;
}

/* -ENOENT when no feature has this name. */
int feature_parse(struct slice name, enum feature *ret_feature);

#endif
