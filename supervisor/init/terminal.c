/* SPDX-License-Identifier: Apache-2.0 */
/* What the command may inherit as fds 0-2, and its own terminal. A terminal of the caller never
 * goes in: it is replaced by the slave of a pty in the run's own devpts, whose master goes to the
 * CLI over the session channel. pid 1 leads the session; the command is its foreground group. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fdpass.h"
#include "daemon/wire.h"
#include "init/init.h"

/* A connected stream between two ends that exist: one that is not connected could still reach an
 * abstract socket of the host's network namespace. */
static int socket_is_harmless(int fd)
{
	int domain = 0, type = 0, listening = 0;
	socklen_t size = sizeof(int);
	struct sockaddr_storage peer;
	socklen_t peer_size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return -errno;
	if (domain != AF_UNIX || type == SOCK_DGRAM || listening ||
	    getpeername(fd, (struct sockaddr *)&peer, &peer_size) < 0)
		return -EACCES;
	return 0;
}

/* Files that are switches of the kernel, such as cgroup.procs or core_pattern: who writes is judged by who
 * opened them, so the agent would act as the caller. Reading is what the caller redirected. */
static int file_is_harmless(int fd, int mode)
{
	static const uint32_t switches[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
		TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, BINFMTFS_MAGIC, EFIVARFS_MAGIC,
		PSTOREFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC, RDTGROUP_SUPER_MAGIC,
	};
	struct statfs fs;

	if ((mode & O_ACCMODE) == O_RDONLY)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	for (size_t i = 0; i < COUNT(switches); i++)
		if ((uint32_t)fs.f_type == switches[i])
			return -EACCES;
	return 0;
}

/* 1: a terminal; 0: fine as it is; -EACCES: refused. */
static int judge(int fd)
{
	int mode = fcntl(fd, F_GETFL);
	struct termios termios;
	struct stat st;

	if (mode < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (mode & O_PATH)
		return -EACCES;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return file_is_harmless(fd, mode);
	case S_IFIFO:
		return 0;
	case S_IFSOCK:
		return socket_is_harmless(fd);
	case S_IFCHR:
		if (st.st_rdev == makedev(1, 3))
			return 0; /* /dev/null */
		return tcgetattr(fd, &termios) == 0 ? 1 : -EACCES;
	default:
		return -EACCES; /* a directory, a block device */
	}
}

/* A root caller's pipe is root's, and `echo > /dev/stdout` opens it anew: it becomes the run's, as other
 * launchers do it, too. Only what has no name, so that nobody finds it changed later. */
static int pipe_give(const struct init *init, int fd)
{
	const struct plan_head *head = init->plan.head;
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (head->owner_uid != 0 || st.st_uid != 0 || !S_ISFIFO(st.st_mode) || fs.f_type != PIPEFS_MAGIC)
		return 0;
	return fchown(fd, head->uid, head->gid) < 0 ? -errno : 0;
}

int stage_stdio(struct init *init, struct error *err)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (int fd = 0; fd <= 2; fd++) {
		int r = judge(fd);

		if (r < 0) {
			error_set(err, r, "%s is not a terminal, pipe, regular file, /dev/null or connected "
				  "UNIX stream", names[fd]);
			return error_next(err, "redirect it from or to one of these");
		}
		init->terminal_fds |= r ? 1U << fd : 0;
		r = pipe_give(init, fd);
		if (r < 0)
			return error_set(err, r, "give the pipe %s to the run", names[fd]);
	}
	if (init->terminal_fds && init->session == FD_NONE)
		return error_set(err, -EBADF, "a terminal without a session to relay it");
	return 0;
}

/* Looks like the caller's terminal: same modes, same size. */
static void terminal_copy(const struct init *init, int slave)
{
	int from = init->terminal_fds & 1U ? 0 : init->terminal_fds & 2U ? 1 : 2;
	struct termios termios;
	struct winsize size;

	if (tcgetattr(from, &termios) == 0)
		IGNORE(tcsetattr(slave, TCSANOW, &termios) < 0);
	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		IGNORE(ioctl(slave, TIOCSWINSZ, &size) < 0);
}

static int terminal_open(struct init *init, int *ret_master, int *ret_slave, struct error *err)
{
	auto_close int master = openat(init->pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	auto_close int slave = FD_NONE;
	int unlock = 0;

	if (master < 0)
		return error_set(err, -errno, "open the run's ptmx");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_set(err, -errno, "unlock the pty");
	/* ioctl_tty(2): by descriptor, so that no path is looked up. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_set(err, -errno, "open the pty's slave");
	*ret_master = TAKE_FD(master);
	*ret_slave = TAKE_FD(slave);
	return 0;
}

int stage_terminal(struct init *init, struct error *err)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = SESSION_PTY };
	auto_close int master = FD_NONE, slave = FD_NONE;
	int r;

	if (setsid() < 0)
		return error_set(err, -errno, "new session");
	if (!init->terminal_fds)
		return 0;
	if (init->pts == FD_NONE)
		return error_set(err, -ENODEV, "a terminal, but the plan has no /dev");
	r = terminal_open(init, &master, &slave, err);
	if (r < 0)
		return r;
	terminal_copy(init, slave);
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return error_set(err, -errno, "make the pty the controlling terminal");
	r = fdpass_send(init->session, &message, sizeof(message), &master, 1, MSG_DONTWAIT);
	if (r < 0)
		return error_set(err, r, "hand the pty's master to the session");
	init->terminal = TAKE_FD(slave);
	return 0;
}
