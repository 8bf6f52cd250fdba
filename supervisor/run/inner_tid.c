/* SPDX-License-Identifier: Apache-2.0 */
#include "run/inner_tid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/io.h"
#include "base/parse.h"

#define GET_PID_FROM_PIDNS _IOR(0xb7, 0x6, int) /* 6.11; not in Debian 12's headers */
#define THREADS_BYTES_MAX (1U << 20)
#define STATUS_BYTES_MAX 4096U

/* The last number of "NSpid:": that of the innermost namespace. */
static bool is_inner(const char *tid, pid_t inner)
{
	char path[64], status[STATUS_BYTES_MAX];
	const char *at, *last;
	uint64_t number;

	IGNORE(snprintf(path, sizeof(path), "/proc/%s/status", tid) < 0);
	if (io_read_text(AT_FDCWD, path, status, sizeof(status)) < 0)
		return false;
	at = strstr(status, "\nNSpid:");
	if (!at)
		return false;
	at++;
	last = memrchr(at, '\t', strcspn(at, "\n"));
	return last && parse_u64(slice_new(last + 1, strcspn(last + 1, "\n")), 1, INT32_MAX, &number) == 0 &&
	       (pid_t)number == inner;
}

static pid_t look_through(int cgroup, pid_t tid)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(THREADS_BYTES_MAX);
	auto_close int fd = openat(cgroup, "cgroup.threads", O_RDONLY | O_CLOEXEC);
	char number[16];
	uint64_t found;

	if (fd < 0 || io_read_all(fd, &text) < 0 || buf_append(&text, "", 1) < 0)
		return 0;
	for (const char *at = text.data; *at;) {
		size_t len = strcspn(at, "\n");

		if (len < sizeof(number)) {
			memcpy(number, at, len);
			number[len] = '\0';
			if (is_inner(number, tid) && parse_u64(slice_of(number), 1, INT32_MAX, &found) == 0)
				return (pid_t)found;
		}
		at += len + (at[len] == '\n');
	}
	return 0;
}

pid_t inner_tid(int pidns, int cgroup, pid_t tid)
{
	int r = ioctl(pidns, GET_PID_FROM_PIDNS, tid);

	if (r >= 0)
		return r;
	return errno == ESRCH ? 0 : look_through(cgroup, tid);
}
