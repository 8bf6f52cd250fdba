/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/proc.h"
#include "base/sys.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* 6.5; glibc 2.36 has no name for it */
#endif

#define CGROUP_DIR "/bailiff/"

bool peer_cgroup_is_run(struct slice path)
{
	size_t len = strlen(CGROUP_DIR);

	for (size_t i = 0; i + len < path.len; i++) {
		if (memcmp(path.data + i, CGROUP_DIR, len) == 0 &&
		    memchr(path.data + i + len, '/', path.len - i - len))
			return true;
	}
	return false;
}

static int peer_groups(int socket, struct peer *peer)
{
	socklen_t len = sizeof(peer->groups);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) < 0)
		return -errno; /* ERANGE: more than we hold; refused rather than cut */
	peer->group_count = len / sizeof(peer->groups[0]);
	return 0;
}

static int peer_pidfd(int socket, pid_t pid)
{
	int fd;
	socklen_t len = sizeof(fd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) == 0)
		return fd;
	return sys_pidfd_open(pid, 0); /* CLOEXEC by itself, as the above */
}

static bool is_alive(int pidfd)
{
	struct pollfd state = { .fd = pidfd, .events = POLLIN };

	return poll(&state, 1, 0) == 0;
}

bool peer_has_terminal(int socket, const struct peer *peer)
{
	auto_close int pidfd = peer_pidfd(socket, peer->pid);
	bool foreground = false;

	/* Still the process that connected, looked at in between: else the pid may be another's. */
	return pidfd >= 0 && proc_foreground(peer->pid, &foreground) == 0 && is_alive(pidfd) && foreground;
}

int peer_identify(int socket, struct peer *ret_peer, struct error *err)
{
	struct peer peer = { 0 };
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char path[4096];
	auto_close int pidfd = FD_NONE;
	int r;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return error_set(err, -errno, "ask who connected");
	if (cred.pid <= 0)
		return error_say(err, -EACCES, "the caller is in a pid namespace that is not ours");
	peer.pid = cred.pid;
	peer.uid = cred.uid;
	peer.gid = cred.gid;
	r = peer_groups(socket, &peer);
	if (r < 0)
		return error_set(err, r, "read the caller's groups");
	*ret_peer = peer;
	pidfd = peer_pidfd(socket, cred.pid);
	if (pidfd < 0)
		return error_set(err, pidfd, "open the caller's process");
	r = proc_cgroup_v2(cred.pid, path, sizeof(path));
	if (r < 0)
		return error_set(err, r, "read the caller's cgroup");
	/* Still the process that connected: else its pid, and so the path, may be another's. */
	if (!is_alive(pidfd))
		return error_say(err, -ESRCH, "the caller is gone");
	if (peer_cgroup_is_run(slice_of(path))) {
		error_say(err, -EPERM, "a process inside a run may not talk to the supervisor");
		return error_next(err, "call bailiff from outside of the run");
	}
	return 0;
}
