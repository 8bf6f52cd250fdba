/* SPDX-License-Identifier: Apache-2.0 */
/* A probe really does the thing, on something that nobody uses: a version number says little about
 * what a distribution, a container or a security module left of a feature. */
#include "launch/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/sys.h"
#include "base/text.h"

#define WAIT_KILLABLE_RECV (1UL << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 5.19 */
#define FS_READ_DIR (1ULL << 3)
#define EMPTY_MS 1000U
#define SANDBOX_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
			    CLONE_NEWCGROUP)

struct context {
	const struct cgroup_tree *tree;
	struct cgroup cgroup;        /* of the probe; CGROUP_NONE when it could not be made */
	const char *idmap_path;
	uint32_t landlock_abi;
};

/* ---- probes in a child of their own ---- */

static int child_wait(pid_t pid)
{
	int status;

	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int in_child(struct clone_args args, int (*probe)(void))
{
	pid_t pid;

	args.exit_signal = SIGCHLD;
	pid = sys_clone3(&args);
	if (pid == 0) {
		int r = probe ? probe() : 0;

		_exit(r < 0 ? -r & 0xff : 0); /* the numbers in use are below 256 */
	}
	return child_wait(pid);
}

static int child_filter(unsigned int flags)
{
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog program = { .len = 1, .filter = &allow };
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
	return r < 0 ? r : 0;
}

static int child_seccomp(void)
{
	return child_filter(0);
}

static int child_notify(void)
{
	return child_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | (unsigned int)WAIT_KILLABLE_RECV);
}

static int child_landlock(void)
{
	uint64_t handled = FS_READ_DIR;
	auto_close int ruleset = sys_landlock_create_ruleset(&handled, sizeof(handled), 0);

	if (ruleset < 0)
		return ruleset;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return sys_landlock_restrict_self(ruleset, 0);
}

static int probe_namespaces(struct context *context)
{
	(void)context;
	return in_child((struct clone_args){ .flags = SANDBOX_NAMESPACES }, NULL);
}

static int probe_seccomp(struct context *context)
{
	(void)context;
	return in_child((struct clone_args){ 0 }, child_seccomp);
}

static int probe_notify(struct context *context)
{
	(void)context;
	return in_child((struct clone_args){ 0 }, child_notify);
}

static int landlock_needs(const struct context *context, uint32_t abi)
{
	return context->landlock_abi >= abi ? 0 : -EOPNOTSUPP;
}

static int probe_landlock(struct context *context)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return abi;
	context->landlock_abi = (uint32_t)abi;
	return in_child((struct clone_args){ 0 }, child_landlock);
}

static int probe_landlock_net(struct context *context)
{
	return landlock_needs(context, 4);
}

static int probe_landlock_scope(struct context *context)
{
	return landlock_needs(context, 6);
}

/* ---- cgroups ---- */

static int probe_cgroup(struct context *context)
{
	char name[32];

	if (!context->tree)
		return -ENOENT;
	IGNORE(snprintf(name, sizeof(name), "probe-%d", getpid()) < 0);
	return cgroup_new(context->tree, name, NULL, &context->cgroup, NULL);
}

static int probe_kill(struct context *context)
{
	return io_write_text(context->cgroup.dir_fd, "cgroup.kill", "1");
}

static int probe_freeze(struct context *context)
{
	int r = cgroup_freeze(&context->cgroup, true);

	return r < 0 ? r : cgroup_freeze(&context->cgroup, false);
}

static int probe_into(struct context *context)
{
	if (context->cgroup.dir_fd == FD_NONE)
		return -ENOENT;
	return in_child((struct clone_args){ .flags = CLONE_INTO_CGROUP,
					     .cgroup = (uint64_t)context->cgroup.dir_fd }, NULL);
}

static int limit_needs(const struct context *context, enum feature feature)
{
	const struct plan_limits limits = { .pids = 64, .memory_bytes = 64U << 20, .cpu_milli = 1000 };
	uint32_t in_force = 0;
	int r = context->cgroup.tree ? cgroup_limit(&context->cgroup, &limits, &in_force) : -ENOENT;

	if (r < 0)
		return r;
	return in_force & 1U << feature ? 0 : -EOPNOTSUPP;
}

static int probe_limit_pids(struct context *context)
{
	return limit_needs(context, FEATURE_LIMIT_PIDS);
}

static int probe_limit_memory(struct context *context)
{
	return limit_needs(context, FEATURE_LIMIT_MEMORY);
}

static int probe_limit_cpu(struct context *context)
{
	return limit_needs(context, FEATURE_LIMIT_CPU);
}

/* ---- mounts: detached trees that nobody sees ---- */

static int detached_change(const char *path, struct mount_attr *attr)
{
	auto_close int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return tree;
	return sys_mount_setattr(tree, "", AT_EMPTY_PATH, attr, sizeof(*attr));
}

static int probe_mount_api(struct context *context)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	auto_close int mount = FD_NONE;
	int r = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

	(void)context;
	if (r < 0)
		return r;
	mount = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mount < 0 ? mount : detached_change("/", &attr);
}

static int map_and_open(pid_t pid, int *ret_fd)
{
	char name[32];
	auto_close int dir = FD_NONE;
	int r;

	IGNORE(snprintf(name, sizeof(name), "/proc/%d", pid) < 0);
	dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = io_write_text(dir, "uid_map", "0 1 1\n1 0 1\n");
	if (r >= 0)
		r = io_write_text(dir, "gid_map", "0 1 1\n1 0 1\n");
	if (r < 0)
		return r;
	*ret_fd = openat(dir, "ns/user", O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static int probe_idmap(struct context *context)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	pid_t pid = sys_clone3(&args);
	auto_close int ns = FD_NONE;
	int r;

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return pid;
	r = map_and_open(pid, &ns);
	IGNORE(kill(pid, SIGKILL) < 0); /* our child, not yet waited for */
	IGNORE(child_wait(pid) < 0);
	if (r < 0)
		return r;
	attr.userns_fd = (uint64_t)ns;
	return detached_change(context->idmap_path, &attr);
}

static int probe_pidfd(struct context *context)
{
	auto_close int fd = sys_pidfd_open(getpid(), 0);

	(void)context;
	return fd < 0 ? fd : sys_pidfd_send_signal(fd, 0, NULL, 0);
}

/* vm.memfd_noexec of each pid namespace, Documentation/userspace-api/mfd_noexec.rst, 6.3. */
static int probe_memfd_noexec(struct context *context)
{
	auto_close int fd = open("/proc/sys/vm/memfd_noexec", O_RDONLY | O_CLOEXEC);

	(void)context;
	return fd < 0 ? -errno : 0;
}

/* In order: later rows use what earlier ones left in the context. */
static const struct {
	enum feature feature;
	int (*probe)(struct context *context);
} rows[] = {
	{ FEATURE_NAMESPACES, probe_namespaces },
	{ FEATURE_SECCOMP, probe_seccomp },
	{ FEATURE_SECCOMP_NOTIFY, probe_notify },
	{ FEATURE_LANDLOCK, probe_landlock },
	{ FEATURE_LANDLOCK_NET, probe_landlock_net },
	{ FEATURE_LANDLOCK_SCOPE, probe_landlock_scope },
	{ FEATURE_CGROUP_V2, probe_cgroup },
	/* Before KILL: 6.18 compares the kill count of the parent's group with that of the child's, so
	 * that nobody can be born into a group that was killed once. */
	{ FEATURE_CGROUP_INTO, probe_into },
	{ FEATURE_CGROUP_KILL, probe_kill },
	{ FEATURE_CGROUP_FREEZE, probe_freeze },
	{ FEATURE_LIMIT_PIDS, probe_limit_pids },
	{ FEATURE_LIMIT_MEMORY, probe_limit_memory },
	{ FEATURE_LIMIT_CPU, probe_limit_cpu },
	{ FEATURE_MOUNT_API, probe_mount_api },
	{ FEATURE_IDMAP, probe_idmap },
	{ FEATURE_PIDFD, probe_pidfd },
	{ FEATURE_MEMFD_NOEXEC, probe_memfd_noexec },
};

static void probe_rows(struct context *context, struct feature_report *report)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		int r = rows[i].probe(context);

		report->state[rows[i].feature] = r < 0 ? FEATURE_MISSING : FEATURE_PRESENT;
		report->error[rows[i].feature] = (int16_t)MIN(r, 0);
	}
	report->landlock_abi = context->landlock_abi;
}

void launch_probe(const struct cgroup_tree *tree, const char *idmap_path, struct feature_report *report)
{
	struct context context = { .tree = tree, .cgroup = CGROUP_NONE,
				   .idmap_path = idmap_path ? idmap_path : "/" };
	struct cgroup_tree own = { .v2_fd = FD_NONE, .v1_fd = { FD_NONE, FD_NONE, FD_NONE } };
	char instance[32];
	struct utsname name;

	IGNORE(snprintf(instance, sizeof(instance), "probe-%d", getpid()) < 0);
	if (!tree && cgroup_tree_open(instance, &own, NULL) >= 0)
		context.tree = &own;
	probe_rows(&context, report);
	if (context.cgroup.tree && cgroup_wait_empty(&context.cgroup, EMPTY_MS) >= 0)
		IGNORE(cgroup_remove(&context.cgroup) < 0);
	if (context.tree == &own)
		cgroup_tree_close(&own);
	if (uname(&name) == 0)
		IGNORE(text_copy(report->kernel, sizeof(report->kernel), slice_of(name.release)) < 0);
}
