/* SPDX-License-Identifier: Apache-2.0 */
#include "base/feature.h"

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"

const struct feature_info feature_infos[FEATURE_COUNT] = {
	[FEATURE_NAMESPACES] = { "namespaces", "mount, pid, network, ipc, uts and cgroup namespaces",
		"no sandbox: runs are refused", "CONFIG_NAMESPACES and its parts" },
	[FEATURE_SECCOMP] = { "seccomp", "system call filters",
		"no sandbox: runs are refused", "CONFIG_SECCOMP_FILTER" },
	[FEATURE_SECCOMP_NOTIFY] = { "seccomp_notify", "calls held for a decision",
		"no approval of single actions", "kernel 5.19 or later" },
	[FEATURE_LANDLOCK] = { "landlock", "a second lock on files behind the mounts",
		"file rules rest on mounts alone", "CONFIG_SECURITY_LANDLOCK and landlock in lsm=, kernel 5.13" },
	[FEATURE_LANDLOCK_NET] = { "landlock_net", "TCP rules in Landlock (ABI 4)",
		"network rules rest on cgroup hooks alone", "kernel 6.7 or later" },
	[FEATURE_LANDLOCK_SCOPE] = { "landlock_scope", "abstract sockets and signals confined (ABI 6)",
		"with `network: host` abstract UNIX sockets of the host are reachable", "kernel 6.12 or later" },
	[FEATURE_CGROUP_V2] = { "cgroup_v2", "a cgroup v2 tree that we may write",
		"no run can start", "mount -t cgroup2" },
	[FEATURE_CGROUP_KILL] = { "cgroup_kill", "the whole tree dies by one write",
		"no run can start", "kernel 5.14 or later" },
	[FEATURE_CGROUP_FREEZE] = { "cgroup_freeze", "runs can be stopped as a whole",
		"no pause, no lossless watching", "kernel 5.2 or later" },
	[FEATURE_CGROUP_INTO] = { "cgroup_into", "processes are born inside their cgroup",
		"no run can start", "kernel 5.7 or later" },
	[FEATURE_LIMIT_PIDS] = { "limit_pids", "a limit on processes",
		"fork bombs meet only RLIMIT_NPROC", "the pids controller, v2 or v1" },
	[FEATURE_LIMIT_MEMORY] = { "limit_memory", "a limit on memory of the whole run",
		"memory is limited for each process alone", "the memory controller, v2 or v1" },
	[FEATURE_LIMIT_CPU] = { "limit_cpu", "a limit on processor time",
		"a run may use every processor", "the cpu controller, v2 or v1" },
	[FEATURE_MOUNT_API] = { "mount_api", "mounts by descriptors instead of paths",
		"no run can start", "kernel 5.12 or later" },
	[FEATURE_IDMAP] = { "idmap", "a root caller's files stay root's while the run is not root",
		"root without SUDO_UID cannot start runs on that file system", "kernel 5.12; ext4, xfs, btrfs, overlay" },
	[FEATURE_PIDFD] = { "pidfd", "processes named without races",
		"no run can start", "kernel 5.3 or later" },
	[FEATURE_BTF] = { "btf", "types of the running kernel",
		"no watching, so no run can start", "CONFIG_DEBUG_INFO_BTF" },
	[FEATURE_BPF_WATCH] = { "bpf_watch", "kernel events of each run",
		"no watching, so no run can start", "CAP_BPF and CAP_PERFMON, kernel 5.15, CONFIG_BPF_SYSCALL" },
	[FEATURE_BPF_CONNECT] = { "bpf_connect", "network rules at connect, send and bind",
		"`network: host` rules cannot be enforced", "CONFIG_CGROUP_BPF" },
	[FEATURE_BPF_UNIX] = { "bpf_unix", "rules for UNIX sockets at connect",
		"named UNIX sockets rest on mounts alone", "kernel 6.7 or later" },
	[FEATURE_BPF_LSM] = { "bpf_lsm", "denials before the effect, for paths and sockets",
		"more expensive hooks; what the mounts cannot say is seen after the effect", "CONFIG_BPF_LSM and bpf in lsm=, no lockdown" },
	[FEATURE_BPF_WITNESS] = { "bpf_witness", "every way of changing a file is seen",
		"memory-mapped and io_uring writes rest on the open alone", "the writeback tracepoints" },
	[FEATURE_MEMFD_NOEXEC] = { "memfd_noexec", "no program is executed from memory without a file",
		"programs without a file can be executed; their exec is recorded without a path", "kernel 6.3 or later" },
};

int feature_parse(struct slice name, enum feature *ret_feature)
{
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (!slice_is(name, feature_infos[i].name))
			continue;
		*ret_feature = (enum feature)i;
		return 0;
	}
	return -ENOENT;
}

static_assert(FEATURE_COUNT <= 32, "feature_report is full");
