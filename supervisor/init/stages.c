/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the sandbox. Each row says why it stands where it stands. */
#include "init/init.h"

/* Without a plan, and perhaps long before there is one: nothing of the host may be held here that could
 * change or be in the way meanwhile, a mount least of all. */
const struct stage early_stages[] = {
	/* First, after launch moved us into the v1 groups: the namespace's root is where we are now. */
	{ "cgroup namespace", stage_cgroup_namespace },
	/* Needs the host's /proc: that of the run has no writable /proc/sys. */
	{ "memfd", stage_memfd },
	/* Needs CAP_SETPCAP, which the uid change takes away. Here, so that all who are forked have it already. */
	{ "bounding set", stage_bounding },
	/* Needs CAP_NET_ADMIN; before the command exists, so that it never sees it down. */
	{ "loopback", stage_loopback },
	/* Not attached to anything yet. */
	{ "new root", stage_new_root },
};
const size_t early_stage_count = COUNT(early_stages);

const struct stage init_stages[] = {
	/* A network namespace cannot be left: the one that launch gave must be the one of the plan. */
	{ "network", stage_network },
	{ "hostname", stage_hostname },
	/* Before any mount: the descriptors are judged as the caller passed them. */
	{ "stdio", stage_stdio },
	/* Before the first mount, else it would show up on the host. Not with the other namespaces at clone3:
	 * it is a copy of the host's mounts, and must be one of those of now. */
	{ "mount namespace", stage_mount_namespace },
	/* Before the new root lies over the old one: to the kernel that looks like a chroot, and in one
	 * nobody may make a user namespace. */
	{ "id map", stage_idmap },
	{ "root", stage_root },
	{ "mounts", stage_mounts },
	/* After mounts: it needs the devpts of the new /dev. */
	{ "terminal", stage_terminal },
	/* After mounts: nothing may be mounted over the socket, and it covers the host's /run/bailiff. */
	{ "agent", stage_agent },
	/* After agent: they lie in its file system, over which nothing is mounted. */
	{ "secrets", stage_secrets },
	/* After everything that looks at the host: from here on it cannot be named any more. */
	{ "pivot", stage_pivot },
	/* Last as root: the child continues with command_stages, pid 1 with its own demotion. */
	{ "fork", stage_fork },
};
const size_t init_stage_count = COUNT(init_stages);

const struct stage command_stages[] = {
	/* First, still as root: the broker takes other ids than the command. Enters the Landlock domain
	 * already, because a process may look into another only when both are in one. */
	{ "broker", stage_broker },
	/* Before the uid change: a hard limit is lowered once and for all. */
	{ "limits", stage_limits },
	/* Groups, gid, uid: each needs what the next removes. */
	{ "identity", stage_identity },
	/* The sets that a uid change leaves (inheritable, ambient); then no_new_privs. */
	{ "capabilities", stage_capabilities },
	/* With the run's own rights, before Landlock: its domain must allow the directory, not the way. */
	{ "directory", stage_directory },
	/* After mounts and identity: a task in a Landlock domain may not change the mount table. */
	{ "landlock", stage_landlock },
	/* Every stage above needs calls that the filter denies. */
	{ "seccomp", stage_seccomp },
	/* Reads everything back and tries one forbidden call: a stage that silently did nothing stops here. */
	{ "proof", stage_proof },
};
const size_t command_stage_count = COUNT(command_stages);

int stages_run(const struct stage *stages, size_t count, struct init *init, size_t *ret_stage,
	       struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = stages[i].run(init, err);

		*ret_stage = i;
		if (r < 0)
			return r;
	}
	return 0;
}
