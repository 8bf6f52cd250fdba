/* SPDX-License-Identifier: Apache-2.0 */
#include "run/narrow.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "run/run.h"

#define NARROW_MAX 1024U

struct narrowing {
	const char *targets[NARROW_MAX];
	uint32_t count;
	bool read_only;
};

static bool below(struct slice path, struct slice dir)
{
	return path.len >= dir.len && memcmp(path.data, dir.data, dir.len) == 0 &&
	       (path.len == dir.len || path.data[dir.len] == '/');
}

static bool is_left_out(const struct run *run, struct slice target, struct govern_list but)
{
	const struct govern_view *govern = run->life.govern;

	for (uint32_t i = 0; govern && i < but.count; i++)
		if (below(target, govern_text(govern, govern->words[but.first + i])))
			return true;
	return false;
}

/* Only what shows the host's files for writing: private places stay the run's own, protected ones are read-only
 * anyway. Pins are mounts of their own on the way to those. */
static int collect(const struct run *run, struct govern_list but, struct narrowing *narrowing)
{
	for (uint32_t i = 0; i < run->plan.head->sections[PLAN_MOUNTS].count; i++) {
		const struct plan_mount *mount = &run->plan.mounts[i];
		const char *target = plan_text(&run->plan, mount->target);

		if (mount->kind != MOUNT_BIND_RW && mount->kind != MOUNT_OVERLAY && mount->kind != MOUNT_PIN)
			continue;
		if (is_left_out(run, slice_of(target), but))
			continue;
		if (narrowing->count >= NARROW_MAX)
			return -E2BIG;
		narrowing->targets[narrowing->count++] = target;
	}
	return 0;
}

static int set_one(const char *target, bool read_only)
{
	struct mount_attr attr = { 0 };
	auto_close int fd = sys_openat2(AT_FDCWD, target, &(struct open_how){
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS });

	/* Optional mounts of what the host does not have. */
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	attr.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0;
	attr.attr_clr = read_only ? 0 : MOUNT_ATTR_RDONLY;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

/* In the child: only system calls, no allocation, no lock. What is written to the pipe: the index and the error. */
static void __attribute__((noreturn)) child_main(const struct narrowing *narrowing, int namespace, int report)
{
	int32_t said[2] = { -1, 0 };
	uint32_t done = 0;

	if (setns(namespace, CLONE_NEWNS) < 0)
		said[1] = -errno;
	for (; said[1] == 0 && done < narrowing->count; done++) {
		said[1] = set_one(narrowing->targets[done], narrowing->read_only);
		said[0] = (int32_t)done;
	}
	/* All or nothing. */
	for (uint32_t i = 0; said[1] < 0 && said[0] > 0 && i < (uint32_t)said[0]; i++)
		IGNORE(set_one(narrowing->targets[i], !narrowing->read_only) < 0);
	IGNORE(write(report, said, sizeof(said)) < 0); /* silence is a failure, too */
	_exit(0);
}

static int child_run(const struct narrowing *narrowing, int namespace, int32_t said[2])
{
	int pipe_fds[2], status;
	ssize_t len;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child_main(narrowing, namespace, pipe_fds[1]);
	fd_close(pipe_fds[1]);
	len = pid < 0 ? -1 : read(pipe_fds[0], said, 2 * sizeof(said[0]));
	fd_close(pipe_fds[0]);
	if (pid < 0)
		return -EAGAIN;
	IGNORE(waitpid(pid, &status, 0) < 0);
	return len == (ssize_t)(2 * sizeof(said[0])) ? said[1] : -EIO;
}

int narrow_mounts(struct run *run, bool read_only, struct govern_list but, struct error *err)
{
	static struct narrowing narrowing; /* one thread; too long for its stack */
	auto_close int namespace = FD_NONE;
	int32_t said[2] = { -1, 0 };
	char path[64];
	int r;

	narrowing = (struct narrowing){ .read_only = read_only };
	r = collect(run, but, &narrowing);
	if (r < 0)
		return error_set(err, r, "the run has too many places to write to");
	/* pid 1 is ours and not reaped, so the number cannot be anybody else's. */
	IGNORE(snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)run->launched.pid) < 0);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return error_set(err, -errno, "open the run's mounts");
	r = child_run(&narrowing, namespace, said);
	if (r == -EBUSY)
		return error_say(err, r, "a file below %s is open for writing", said[0] >= 0 ? narrowing.targets[said[0]] : "?");
	return r < 0 ? error_set(err, r, "change the run's mounts at %s",
				 said[0] >= 0 ? narrowing.targets[said[0]] : "?") : 0;
}
