/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/reserve.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME "reserve"

/* UINT64_MAX when nobody can tell: then a failing write does. */
static uint64_t free_bytes(const struct reserve *reserve)
{
	struct statvfs st;

	return fstatvfs(reserve->dir_fd, &st) < 0 ? UINT64_MAX : (uint64_t)st.f_bavail * st.f_frsize;
}

static void give_back(struct reserve *reserve)
{
	IGNORE(unlinkat(reserve->dir_fd, NAME, 0) < 0); /* not there is what we want */
	reserve->held = false;
}

static void take(struct reserve *reserve)
{
	auto_close int fd = openat(reserve->dir_fd, NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	reserve->held = fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) == 0;
	if (!reserve->held)
		give_back(reserve);
}

bool reserve_open(struct reserve *reserve, int dir_fd)
{
	struct stat st;

	*reserve = (struct reserve){ .dir_fd = dir_fd };
	if (fstatat(dir_fd, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		reserve->held = S_ISREG(st.st_mode) && st.st_blocks * 512 >= (off_t)RESERVE_BYTES;
	return reserve_check(reserve);
}

bool reserve_check(struct reserve *reserve)
{
	uint64_t room = free_bytes(reserve);

	if (reserve->held && room < RESERVE_LOW_BYTES)
		give_back(reserve);
	else if (!reserve->held && room >= 2ULL * RESERVE_BYTES)
		take(reserve);
	return !reserve->held;
}
