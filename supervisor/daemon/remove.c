/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that is not empty is moved up into the folder before it is looked at, so that a tree of
 * any depth is never deeper than one level while it is removed. */
#include "daemon/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static DIR *directory_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *opened = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !opened)
		fd_close(fd);
	return opened;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One entry of a dropped tree: gone, or moved up to be looked at later. */
static int entry_remove(int folder, int dir, const char *name, unsigned int *count)
{
	char moved[64];

	if (unlinkat(dir, name, 0) == 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	do {
		IGNORE(snprintf(moved, sizeof(moved), REMOVE_PREFIX "%d-%u", (int)getpid(), (*count)++) < 0);
	} while (faccessat(folder, moved, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(dir, name, folder, moved) < 0 ? -errno : 0;
}

static int tree_remove(int folder, const char *name, unsigned int *count)
{
	DIR *dir = directory_open(folder, name);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOTDIR && unlinkat(folder, name, 0) == 0 ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir)))
		if (!is_dot(entry->d_name))
			r = entry_remove(folder, dirfd(dir), entry->d_name, count);
	closedir(dir);
	if (r == 0 && unlinkat(folder, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* One look through the folder. Returns 1 when something was removed, 0 when nothing is left to do. */
static int look_through(int folder, unsigned int *count)
{
	DIR *dir = directory_open(folder, ".");
	const struct dirent *entry;
	int r = 0, failed = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int one;

		if (strncmp(entry->d_name, REMOVE_PREFIX, strlen(REMOVE_PREFIX)) != 0)
			continue;
		one = tree_remove(folder, entry->d_name, count);
		if (one == 0)
			r = 1;
		else
			failed = one;
	}
	closedir(dir);
	return r == 0 ? failed : r;
}

int remove_dropped(int folder)
{
	unsigned int count = 0;
	int r;

	/* What was moved up may lie behind the reader: until a look finds nothing. */
	do {
		r = look_through(folder, &count);
	} while (r == 1);
	return r;
}
