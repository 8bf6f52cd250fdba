/* SPDX-License-Identifier: Apache-2.0 */
/* A user namespace that is only a table: mounts marked MOUNT_IDMAP show files of uid 0 on disk as
 * the run's and the other way round; all other ids stay. Nobody ever runs in it
 * (kernel Documentation/filesystems/idmappings.rst). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/sys.h"
#include "init/init.h"
#include "init/tree.h"

#define ID_LIMIT 4294967295U   /* -1 is not an id */

/* "inside outside count" lines: inside = on disk, outside = as shown. */
static int map_write(int proc_pid, const char *file, uint32_t id)
{
	char text[160];
	size_t len = 0;

	len += (size_t)snprintf(text + len, sizeof(text) - len, "0 %u 1\n%u 0 1\n", id, id);
	if (id > 1)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "1 1 %u\n", id - 1);
	if (id + 1 < ID_LIMIT)
		IGNORE(snprintf(text + len, sizeof(text) - len, "%u %u %u\n", id + 1, id + 1,
				ID_LIMIT - (id + 1)) < 0);
	return io_write_text(proc_pid, file, text);
}

static int map_both(const struct init *init, int proc, pid_t pid, int *ret_fd)
{
	char name[16];
	auto_close int dir = FD_NONE;
	int r;

	IGNORE(snprintf(name, sizeof(name), "%d", pid) < 0);
	dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = map_write(dir, "uid_map", init->plan.head->uid);
	if (r >= 0)
		r = map_write(dir, "gid_map", init->plan.head->gid);
	if (r < 0)
		return r;
	*ret_fd = openat(dir, "ns/user", O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static bool is_wanted(const struct init *init)
{
	for (uint32_t i = 0; i < init->plan.head->sections[PLAN_MOUNTS].count; i++)
		if (init->plan.mounts[i].flags & MOUNT_IDMAP)
			return true;
	return false;
}

int stage_idmap(struct init *init, struct error *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	auto_close int proc = FD_NONE;
	pid_t pid;
	int r;

	if (!is_wanted(init))
		return 0;
	/* The host's /proc counts pids otherwise; this one stays detached. */
	proc = tree_new("proc", NULL, ATTR_NOEXEC);
	if (proc < 0)
		return error_set(err, proc, "open a procfs of the new pid namespace");
	pid = sys_clone3(&args);
	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return error_set(err, pid, "new user namespace for the id-mapped mounts");
	r = map_both(init, proc, pid, &init->idmap);
	IGNORE(kill(pid, SIGKILL) < 0); /* our own child, not yet waited for: the number is still its */
	IGNORE(waitpid(pid, NULL, 0) < 0);
	return r < 0 ? error_set(err, r, "fill the id map") : 0;
}
