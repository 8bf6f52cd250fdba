/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's memory, descriptors and state. After each look the notification is asked for again:
 * the caller may have died and its number be somebody else's; only the kernel can tell. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/slice.h"
#include "base/sys.h"
#include "init/broker.h"

#define PAGE_BYTES 4096U
#define STATUS_OPEN_MAX 16U
#define STATUS_BYTES 512U    /* Name, Umask, State and Tgid are its first lines */

bool broker_holds(const struct broker *broker, uint64_t id)
{
	return ioctl(broker->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool caller_is_held(const struct caller *caller)
{
	return broker_holds(caller->broker, caller->id);
}

static ssize_t copy(const struct caller *caller, uint64_t address, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)(uintptr_t)address, len };
	ssize_t r = process_vm_readv(caller->tid, &local, 1, &remote, 1, 0);

	if (r < 0)
		return errno == EFAULT ? -EFAULT : -EACCES;
	return r;
}

int caller_bytes(const struct caller *caller, uint64_t address, void *to, size_t len)
{
	ssize_t r = len > 0 ? copy(caller, address, to, len) : 0;

	if (!caller_is_held(caller))
		return -ESRCH;
	if (r < 0)
		return (int)r;
	return (size_t)r == len ? 0 : -EFAULT;
}

int caller_text(const struct caller *caller, uint64_t address, char *to, size_t size)
{
	size_t len = 0;

	while (len < size) {
		/* Not beyond a page: the next one may not be there, and need not be. */
		size_t step = MIN(size - len, PAGE_BYTES - (address + len) % PAGE_BYTES);
		ssize_t r = copy(caller, address + len, to + len, step);
		const char *end;

		if (!caller_is_held(caller))
			return -ESRCH;
		if (r <= 0)
			return r < 0 ? (int)r : -EFAULT;
		end = memchr(to + len, '\0', (size_t)r);
		if (end)
			return (int)(end - to);
		len += (size_t)r;
	}
	return -ENAMETOOLONG;
}

/* The value of a line "Key:\t123\n". */
static int status_line(const char *status, const char *key, char value[16])
{
	const char *at = strstr(status, key);
	size_t len;

	if (!at)
		return -EACCES;
	at += strlen(key);
	len = strcspn(at, "\n");
	if (len == 0 || len >= 16)
		return -EACCES;
	memcpy(value, at, len);
	value[len] = '\0';
	return 0;
}

static int status_take(struct caller *caller, const char *status)
{
	uint64_t tgid;
	char value[16];
	unsigned int mask = 0;
	int r = status_line(status, "\nTgid:\t", value);

	if (r >= 0)
		r = parse_u64(slice_of(value), 1, INT_MAX, &tgid);
	if (r >= 0)
		r = status_line(status, "\nUmask:\t", value);
	if (r < 0)
		return r;
	for (const char *at = value; *at; at++) {
		if (*at < '0' || *at > '7')
			return -EACCES;
		mask = mask << 3 | (unsigned int)(*at - '0');
	}
	caller->umask = mask & 0777;
	caller->tgid = (pid_t)tgid;
	return 0;
}

/* Opening costs more than reading, and a thread makes many names: the last ones stay open. Such a
 * descriptor belongs to the thread, not to its number: of a dead one nothing is read (ESRCH). */
static ssize_t status_read(const struct caller *caller, char status[STATUS_BYTES])
{
	static struct {
		pid_t tid;
		int fd;
	} open_status[STATUS_OPEN_MAX];
	size_t slot = (size_t)caller->tid % STATUS_OPEN_MAX;
	char path[32];
	ssize_t len;

	if (open_status[slot].tid == caller->tid) {
		len = pread(open_status[slot].fd, status, STATUS_BYTES - 1, 0);
		if (len > 0)
			return len;
	}
	if (open_status[slot].tid > 0)
		fd_close(open_status[slot].fd);
	IGNORE(snprintf(path, sizeof(path), "%d/status", caller->tid) < 0);
	open_status[slot].fd = openat(caller->broker->proc, path, O_RDONLY | O_CLOEXEC);
	open_status[slot].tid = open_status[slot].fd < 0 ? 0 : caller->tid;
	return open_status[slot].fd < 0 ? -1 : pread(open_status[slot].fd, status, STATUS_BYTES - 1, 0);
}

int caller_status(struct caller *caller)
{
	char status[STATUS_BYTES];
	ssize_t len;

	if (caller->tgid > 0)
		return 0;
	len = status_read(caller, status);
	if (!caller_is_held(caller))
		return -ESRCH;
	if (len < 0)
		return -EACCES;
	status[len] = '\0';
	return status_take(caller, status);
}

int caller_path_fd(struct caller *caller, int fd)
{
	char path[48];
	int r;

	if (fd == AT_FDCWD && caller->cwd != FD_NONE) {
		r = fcntl(caller->cwd, F_DUPFD_CLOEXEC, 0);
		return r < 0 ? -errno : r;
	}
	if (fd == AT_FDCWD)
		IGNORE(snprintf(path, sizeof(path), "%d/cwd", caller->tid) < 0);
	else
		IGNORE(snprintf(path, sizeof(path), "%d/fd/%d", caller->tid, fd) < 0);
	if (fd < 0 && fd != AT_FDCWD)
		return -EBADF;
	r = openat(caller->broker->proc, path, O_PATH | O_CLOEXEC);
	if (r < 0)
		r = errno == ENOENT && fd != AT_FDCWD ? -EBADF : -errno;
	if (!caller_is_held(caller)) {
		fd_close(r);
		return -ESRCH;
	}
	if (r >= 0 && fd == AT_FDCWD)
		caller->cwd = fcntl(r, F_DUPFD_CLOEXEC, 0);
	/* /proc/PID/fd of a process that is not dumpable is root's. */
	return r == -EACCES && fd != AT_FDCWD ? caller_file(caller, fd) : r;
}

int caller_file(struct caller *caller, int fd)
{
	auto_close int pidfd = FD_NONE;
	auto_close int file = FD_NONE;
	int r = caller_status(caller);

	if (r < 0)
		return r;
	pidfd = sys_pidfd_open(caller->tgid, 0);
	if (pidfd < 0)
		return -EACCES;
	file = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	r = file < 0 ? -errno : 0;
	if (!caller_is_held(caller))
		return -ESRCH;
	return r < 0 ? r : TAKE_FD(file);
}

int caller_umask(struct caller *caller)
{
	int r = caller_status(caller);

	if (r < 0)
		return r;
	if (caller->broker->umask != caller->umask)
		umask(caller->umask);
	caller->broker->umask = caller->umask;
	return 0;
}
