/* SPDX-License-Identifier: Apache-2.0 */
#include "init/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/sys.h"

#define NAME_SIZE 256

static int lookup(int dir, const char *path)
{
	/* Relative to the descriptor: a leading slash would be an escape for RESOLVE_BENEATH. */
	while (*path == '/')
		path++;
	return sys_openat2(dir, *path ? path : ".", &(struct open_how){
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	});
}

static int lookup_as_caller(const struct init *init, int dir, const char *path)
{
	int r = identity_as_caller(init, NULL), fd;

	if (r < 0)
		return r;
	fd = lookup(dir, path);
	r = identity_as_root(NULL);
	if (r < 0) {
		IGNORE(fd >= 0 && fd_close(fd));
		return r;
	}
	return fd;
}

int tree_host(const struct init *init, const char *path)
{
	return lookup(init->host, path);
}

int tree_inside(const struct init *init, const char *path)
{
	return lookup_as_caller(init, init->root, path);
}

int tree_own(struct init *init, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (init->own_count >= OWN_DEVICES_MAX)
		return -ENOSPC;
	init->own[init->own_count++] = st.st_dev;
	return 0;
}

bool tree_is_own(const struct init *init, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < init->own_count; i++)
		if (init->own[i] == st.st_dev)
			return true;
	return false;
}

/* One component below `dir`; made there when it is missing and `dir` is ours. */
static int step(const struct init *init, int dir, const char *name, bool directory)
{
	int r, fd = lookup(dir, name);

	if (fd != -ENOENT || !tree_is_own(init, dir))
		return fd;
	if (directory) {
		if (mkdirat(dir, name, 0755) < 0)
			return -errno;
		fd = lookup(dir, name);
	} else {
		fd = openat(dir, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0444);
		if (fd < 0)
			return -errno;
	}
	if (fd < 0)
		return fd;
	/* The umask of init is 077. */
	r = fchmodat(dir, name, directory ? 0755 : 0444, 0) < 0 ? -errno : 0;
	if (r < 0)
		IGNORE(fd_close(fd));
	return r < 0 ? r : fd;
}

int tree_make(const struct init *init, const char *path, bool directory)
{
	auto_close int at = lookup(init->root, path);
	char name[NAME_SIZE];

	if (at != -ENOENT)
		return TAKE_FD(at); /* one call where all is there already */
	at = lookup(init->root, ".");
	while (at >= 0) {
		size_t len;
		int next;

		while (*path == '/')
			path++;
		if (!*path)
			return TAKE_FD(at);
		len = strcspn(path, "/");
		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		next = step(init, at, name, directory || path[strspn(path, "/")]);
		if (next < 0)
			return next;
		fd_close(at);
		at = next;
	}
	return at;
}

static uint64_t attr_bits(unsigned int attr)
{
	uint64_t bits = MOUNT_ATTR_NOSUID;

	if (!(attr & ATTR_DEVICES))
		bits |= MOUNT_ATTR_NODEV;
	if (attr & ATTR_RDONLY)
		bits |= MOUNT_ATTR_RDONLY;
	if (attr & ATTR_NOEXEC)
		bits |= MOUNT_ATTR_NOEXEC;
	return bits;
}

int tree_clone(int fd, bool recursive, unsigned int attr, int idmap_fd)
{
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
	struct mount_attr set = { .attr_set = attr_bits(attr) };
	auto_close int tree = sys_open_tree(fd, "", flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (tree < 0)
		return tree;
	if (idmap_fd != FD_NONE) {
		set.attr_set |= MOUNT_ATTR_IDMAP;
		set.userns_fd = (uint64_t)idmap_fd;
	}
	r = sys_mount_setattr(tree, "", flags, &set, sizeof(set));
	return r < 0 ? r : TAKE_FD(tree);
}

int tree_attach(int tree, int target)
{
	return sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int tree_new(const char *type, const char *const *options, unsigned int attr)
{
	auto_close int fs = sys_fsopen(type, FSOPEN_CLOEXEC);
	int r = fs;

	for (; r >= 0 && options && options[0]; options += 2)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, options[0], options[1], 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	return sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attr_bits(attr));
}
