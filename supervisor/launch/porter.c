/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "launch/start.h"

struct answer {
	int32_t pid;             /* or -errno */
	int32_t pidfd;
};

/* ---- the porter itself: async-signal-safe calls only ---- */

static void answer(int fd, int32_t pid, int32_t pidfd)
{
	const struct answer message = { .pid = pid, .pidfd = pidfd };

	IGNORE(send(fd, &message, sizeof(message), MSG_NOSIGNAL) < 0); /* the supervisor is gone */
}

static void __attribute__((noreturn)) porter_main(int fd, pid_t supervisor, const int *procs)
{
	struct start start;
	int pidfd = FD_NONE;
	pid_t pid;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != supervisor)
		_exit(1);
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (procs[i] != FD_NONE && write(procs[i], "0", 1) != 1)
			_exit(1);
	answer(fd, 0, FD_NONE);
	if (recv(fd, &start, sizeof(start), 0) != (ssize_t)sizeof(start))
		_exit(1);
	pid = start_clone(&start, CLONE_PARENT, 0, &pidfd);
	answer(fd, pid, pidfd);
	_exit(0);
}

/* ---- the supervisor's side ---- */

/* A group that a killed predecessor left is as good as a new one. */
static int group_open(int tree_fd, int *ret_procs)
{
	auto_close int dir = FD_NONE;

	if (mkdirat(tree_fd, PORTER_GROUP, 0755) < 0 && errno != EEXIST)
		return -errno;
	dir = openat(tree_fd, PORTER_GROUP, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	*ret_procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return *ret_procs < 0 ? -errno : 0;
}

static void groups_remove(const struct cgroup_tree *tree)
{
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (tree->v1_fd[i] != FD_NONE)
			IGNORE(unlinkat(tree->v1_fd[i], PORTER_GROUP, AT_REMOVEDIR) < 0);
}

static int porter_fork(struct porter *porter, const int *procs)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&porter->pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t supervisor = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	porter->ours = pair[0];
	porter->theirs = pair[1];
	pid = sys_clone3(&args);
	if (pid == 0)
		porter_main(pair[1], supervisor, procs);
	if (pid < 0)
		return pid;
	porter->pid = pid;
	return 0;
}

/* The signal for one that does not listen, the end of its socket for a kernel that takes no signal by pidfd. */
static void porter_end(const struct porter *porter)
{
	IGNORE(sys_pidfd_send_signal(porter->pidfd, SIGKILL, NULL, 0) < 0);
	IGNORE(shutdown(porter->ours, SHUT_RDWR) < 0);
}

static void porter_reap(struct porter *porter)
{
	siginfo_t info;

	if (porter->pidfd != FD_NONE)
		IGNORE(waitid(P_PIDFD, (id_t)porter->pidfd, &info, WEXITED) < 0);
	fd_close(porter->pidfd);
	fd_close(porter->ours);
	fd_close(porter->theirs);
	*porter = PORTER_NONE;
}

bool porter_is_needed(const struct cgroup_tree *tree)
{
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (tree->v1_fd[i] != FD_NONE)
			return true;
	return false;
}

int porter_start(struct porter *porter, const struct cgroup_tree *tree)
{
	int procs[CGROUP_CONTROLLER_COUNT] = { FD_NONE, FD_NONE, FD_NONE };
	int r = 0, groups = 0;

	if (porter->pid)
		return 0;
	for (int i = 0; r == 0 && i < CGROUP_CONTROLLER_COUNT; i++) {
		if (tree->v1_fd[i] == FD_NONE)
			continue;
		r = group_open(tree->v1_fd[i], &procs[i]);
		groups++;
	}
	if (r == 0 && groups > 0)
		r = porter_fork(porter, procs);
	/* The table is shared: they stay open until the porter has written to them. */
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		porter->procs[i] = procs[i];
	if (r < 0)
		porter_stop(porter, tree);
	return r;
}

static int answer_take(struct porter *porter, int timeout_ms, struct answer *ret_answer)
{
	struct pollfd fds[] = {
		{ .fd = porter->ours, .events = POLLIN }, { .fd = porter->pidfd, .events = POLLIN },
	};

	if (poll(fds, COUNT(fds), timeout_ms) <= 0)
		return -ETIMEDOUT;
	if (recv(porter->ours, ret_answer, sizeof(*ret_answer), MSG_DONTWAIT) != (ssize_t)sizeof(*ret_answer))
		return -EPIPE; /* it died */
	return 0;
}

static void procs_close(struct porter *porter)
{
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		porter->procs[i] = fd_close(porter->procs[i]);
}

bool porter_ready(struct porter *porter)
{
	struct answer first;

	if (!porter->pid || porter->ready)
		return porter->ready;
	porter->ready = answer_take(porter, 0, &first) == 0;
	if (porter->ready)
		procs_close(porter);
	return porter->ready;
}

pid_t porter_clone(struct porter *porter, const struct start *start, int *ret_pidfd)
{
	struct answer last = { .pid = -EPIPE };
	int r = 0;

	if (send(porter->ours, start, sizeof(*start), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		r = -errno;
	if (r == 0)
		r = answer_take(porter, PORTER_TIMEOUT_MS, &last);
	if (r < 0)
		porter_end(porter);
	porter_reap(porter);
	if (r < 0)
		return r;
	if (last.pid > 0)
		*ret_pidfd = last.pidfd;
	return last.pid;
}

void porter_stop(struct porter *porter, const struct cgroup_tree *tree)
{
	if (porter->pid)
		porter_end(porter);
	procs_close(porter);
	porter_reap(porter);
	groups_remove(tree);
}
