/* SPDX-License-Identifier: Apache-2.0 */
#include "init/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "base/text.h"

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

int tree_host(const struct init *init, const char *path)
{
	return lookup(init->host, path);
}

int tree_inside(struct init *init, const char *path)
{
	int r = identity_as_caller(init, NULL);

	/* Kept: another one follows, mostly, or tree_make(), which goes back. To attach needs no file permission. */
	return r < 0 ? r : lookup(init->root, path);
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

/* In a directory of ours. The umask of init is 077. */
static int create(int dir, const char *name, bool directory)
{
	mode_t mask = umask(0);
	int fd;

	if (directory) {
		fd = mkdirat(dir, name, 0755) < 0 ? -errno : lookup(dir, name);
	} else {
		fd = openat(dir, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0444);
		fd = fd < 0 ? -errno : fd;
	}
	umask(mask);
	return fd;
}

/* One component below `dir`; made there when it is missing and `dir` is ours. */
static int step(int dir, bool own, const char *name, bool directory)
{
	int fd;

	if (!own)
		return lookup(dir, name);
	fd = create(dir, name, directory);
	return fd == -EEXIST ? lookup(dir, name) : fd;
}

/* Directories down to the one that holds the last component of `path`, which is left in *ret_name. */
static int walk(const struct init *init, const char *path, char name[NAME_SIZE])
{
	auto_close int at = lookup(init->root, ".");

	while (at >= 0) {
		size_t len;
		int next;

		while (*path == '/')
			path++;
		len = strcspn(path, "/");
		if (len >= NAME_SIZE)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		if (!path[strspn(path, "/")])
			return TAKE_FD(at);
		next = lookup(at, name);
		if (next == -ENOENT)
			next = step(at, tree_is_own(init, at), name, true);
		if (next < 0)
			return next;
		fd_close(at);
		at = next;
	}
	return at;
}

/* The length of the directory in front of the last component, without slashes behind it; 0 = the root. */
static size_t parent_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 0 && path[len - 1] == '/')
		len--;
	return len;
}

void tree_forget(struct init *init)
{
	if (init->has_parent)
		fd_close(init->parent);
	init->has_parent = false;
}

int tree_make(struct init *init, const char *path, bool directory)
{
	size_t len = parent_len(path);
	char name[NAME_SIZE];
	int fd = identity_as_root(init, NULL);

	if (fd < 0)
		return fd;
	/* Many files of one directory follow each other. */
	if (init->has_parent && strlen(init->parent_path) == len && memcmp(path, init->parent_path, len) == 0 &&
	    strlen(path + len) < sizeof(name)) {
		IGNORE(text_copy(name, sizeof(name), slice_of(path + len + strspn(path + len, "/"))) < 0);
		if (*name && !strchr(name, '/'))
			return step(init->parent, init->parent_own, name, directory);
	}
	fd = lookup(init->root, path);
	if (fd != -ENOENT || len >= sizeof(init->parent_path))
		return fd; /* one call where all is there already */
	tree_forget(init);
	fd = walk(init, path, name);
	if (fd < 0)
		return fd;
	init->parent = fd;
	init->has_parent = true;
	init->parent_own = tree_is_own(init, fd);
	memcpy(init->parent_path, path, len);
	init->parent_path[len] = '\0';
	return step(init->parent, init->parent_own, name, directory);
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
