/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's memory, descriptors and state. The caller may have died and its number be somebody
 * else's: only the kernel can tell. Looking changes nothing, so it is asked once, by caller_confirm()
 * after the last look and before the effect: a call that is held then was held at every look. */
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
#define PATH_STEP_MAX 512U
#define THREADS_MAX 16U
#define STATUS_BYTES 512U    /* Name, Umask, State and Tgid are its first lines */

bool broker_holds(const struct broker *broker, uint64_t id)
{
	return ioctl(broker->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int caller_confirm(const struct caller *caller)
{
	return broker_holds(caller->broker, caller->id) ? 0 : -ESRCH;
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

	if (r < 0)
		return (int)r;
	return (size_t)r == len ? 0 : -EFAULT;
}

int caller_text(const struct caller *caller, uint64_t address, char *to, size_t size)
{
	size_t len = 0;

	while (len < size) {
		/* Not beyond a page: the next one may not be there, and need not be. Most paths are short. */
		size_t step = MIN(size - len, PAGE_BYTES - (address + len) % PAGE_BYTES);
		ssize_t r = copy(caller, address + len, to + len, MIN(step, PATH_STEP_MAX));
		const char *end;

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

/* Finding a thread below /proc costs more than looking at it, and a thread makes many names: the last
 * ones stay open. Such a descriptor belongs to the thread, not to its number: below a dead one nothing
 * is found. */
struct thread {
	pid_t tid;
	int dir, status;             /* /proc/TID, O_PATH, and its status */
};

static struct thread *thread_slot(const struct caller *caller)
{
	static struct thread threads[THREADS_MAX];

	return &threads[(size_t)caller->tid % THREADS_MAX];
}

static int thread_open(const struct caller *caller)
{
	struct thread *thread = thread_slot(caller);
	char number[16];

	if (thread->tid > 0) {
		fd_close(thread->status);
		fd_close(thread->dir);
	}
	*thread = (struct thread){ .dir = FD_NONE, .status = FD_NONE };
	IGNORE(snprintf(number, sizeof(number), "%d", caller->tid) < 0);
	thread->dir = openat(caller->broker->proc, number, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (thread->dir < 0)
		return -EACCES;
	thread->status = openat(thread->dir, "status", O_RDONLY | O_CLOEXEC);
	thread->tid = caller->tid;
	return 0;
}

static ssize_t status_read(const struct caller *caller, char status[STATUS_BYTES])
{
	const struct thread *thread = thread_slot(caller);
	ssize_t len = -1;

	if (thread->tid == caller->tid)
		len = pread(thread->status, status, STATUS_BYTES - 1, 0);
	if (len <= 0 && thread_open(caller) == 0)
		len = pread(thread->status, status, STATUS_BYTES - 1, 0);
	return len;
}

int caller_status(struct caller *caller)
{
	char status[STATUS_BYTES];
	ssize_t len;

	if (caller->tgid > 0)
		return 0;
	len = status_read(caller, status);
	if (len < 0)
		return -EACCES;
	status[len] = '\0';
	return status_take(caller, status);
}

/* `name` below /proc/TID. */
static int thread_path_fd(const struct caller *caller, const char *name)
{
	const struct thread *thread = thread_slot(caller);
	int fd = FD_NONE, r;

	errno = ENOENT;
	if (thread->tid == caller->tid)
		fd = openat(thread->dir, name, O_PATH | O_CLOEXEC);
	if (fd >= 0 || (errno != ENOENT && errno != ESRCH))
		return fd < 0 ? -errno : fd;
	r = thread_open(caller);
	if (r < 0)
		return r;
	fd = openat(thread->dir, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int caller_cwd(struct caller *caller)
{
	if (caller->cwd == FD_NONE)
		caller->cwd = thread_path_fd(caller, "cwd");
	return caller->cwd;
}

int caller_path_fd(struct caller *caller, int fd)
{
	char name[16];
	int r;

	if (fd < 0)
		return -EBADF;
	IGNORE(snprintf(name, sizeof(name), "fd/%d", fd) < 0);
	r = thread_path_fd(caller, name);
	if (r == -ENOENT)
		return -EBADF;
	/* /proc/PID/fd of a process that is not dumpable is root's. */
	return r == -EACCES ? caller_file(caller, fd) : r;
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
	return file < 0 ? -errno : TAKE_FD(file);
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
