/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's mount list, in its order. A source is looked up once, with the caller's rights; then
 * only descriptors are used. Nothing is ever created in the caller's tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "init/init.h"
#include "init/tree.h"

#define TMPFS_MIB_DEFAULT 1024U
#define LOOK_UP_BATCH 64U    /* sources open at a time */

typedef int (*mount_function)(struct init *init, const struct plan_mount *mount, const char *source,
			      const char *target);

static int is_directory(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return 1;
	/* A device of the host would be usable through a bind without nodev; ours has nodev, but a
	 * plan that names one is a mistake that should be seen. */
	return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? -ENOTBLK : 0;
}

static unsigned int attributes(const struct plan_mount *mount, unsigned int more)
{
	return more | (mount->flags & MOUNT_NOEXEC ? ATTR_NOEXEC : 0);
}

static int mount_bind(struct init *init, const struct plan_mount *mount, const char *source,
		      const char *target)
{
	auto_close int from = TAKE_FD(init->source);
	auto_close int to = FD_NONE, tree = FD_NONE;
	unsigned int attr = attributes(mount, mount->kind == MOUNT_BIND_RO ? ATTR_RDONLY : 0);
	int directory;

	(void)source;
	if (from < 0)
		return from;
	directory = is_directory(from);
	if (directory < 0)
		return directory;
	to = tree_make(init, target, directory);
	if (to < 0)
		return to;
	tree = tree_clone(from, true, attr, mount->flags & MOUNT_IDMAP ? init->idmap : FD_NONE);
	if (tree < 0)
		return tree;
	return tree_attach(tree, to);
}

static int mount_onto_itself(struct init *init, const struct plan_mount *mount, const char *source,
			     const char *target)
{
	auto_close int at = tree_inside(init, target);
	auto_close int tree = FD_NONE;
	unsigned int attr = attributes(mount, mount->kind == MOUNT_PROTECT ? ATTR_RDONLY : 0);

	(void)source;
	if (at < 0)
		return at;
	/* An idmap is inherited from the mount that is cloned. */
	tree = tree_clone(at, true, attr, FD_NONE);
	if (tree < 0)
		return tree;
	return tree_attach(tree, at);
}

static int mount_mask(struct init *init, const struct plan_mount *mount, const char *source,
		      const char *target)
{
	bool always = mount->flags & MOUNT_MASK_ALWAYS;
	auto_close int at = tree_inside(init, target);
	auto_close int tree = FD_NONE;
	int directory;

	(void)source;
	if (at == -EACCES)
		return 0; /* below something that is masked already */
	if (at == -ENOENT && always)
		at = tree_make(init, target, mount->flags & MOUNT_IS_DIR);
	if (at == -ENOENT || at == -ENOTDIR)
		return 0; /* nothing there to hide */
	if (at < 0)
		return at;
	directory = is_directory(at);
	if (directory == -ENOTBLK)
		directory = 0;
	if (directory < 0)
		return directory;
	tree = tree_clone(directory ? init->mask_dir : init->mask_file, false,
			  ATTR_RDONLY | ATTR_NOEXEC, FD_NONE);
	if (tree < 0)
		return tree;
	return tree_attach(tree, at);
}

static int mount_tmpfs(struct init *init, const struct plan_mount *mount, const char *source,
		       const char *target)
{
	char size[32], mode[16], uid[16], gid[16];
	const char *const options[] = { "size", size, "mode", mode, "uid", uid, "gid", gid, NULL };
	auto_close int to = tree_make(init, target, true);
	auto_close int tree = FD_NONE;
	int r;

	(void)source;
	if (to < 0)
		return to;
	IGNORE(snprintf(size, sizeof(size), "%um",
			mount->size_mib ? mount->size_mib : TMPFS_MIB_DEFAULT) < 0);
	IGNORE(snprintf(mode, sizeof(mode), "%04o", mount->mode & 07777U) < 0);
	IGNORE(snprintf(uid, sizeof(uid), "%u", init->plan.head->uid) < 0);
	IGNORE(snprintf(gid, sizeof(gid), "%u", init->plan.head->gid) < 0);
	tree = tree_new("tmpfs", options, attributes(mount, 0));
	if (tree < 0)
		return tree;
	r = tree_own(init, tree);
	return r < 0 ? r : tree_attach(tree, to);
}

static int mount_symlink(struct init *init, const struct plan_mount *mount, const char *source,
			 const char *target)
{
	const char *name = strrchr(target, '/') + 1;
	char parent[PLAN_PATH_MAX];
	auto_close int dir = FD_NONE;
	struct stat st;

	(void)mount;
	if ((size_t)(name - target) >= sizeof(parent) || !*name)
		return -ENAMETOOLONG;
	memcpy(parent, target, (size_t)(name - target));
	parent[name - target] = '\0';
	dir = tree_make(init, parent, true);
	if (dir < 0)
		return dir;
	/* Already there, by a mount above it in the list: that one wins. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/* We are root here: a plan of anybody's could bind /etc and have a link made in it. */
	if (!tree_is_own(init, dir))
		return -EPERM;
	return symlinkat(source, dir, name) < 0 ? -errno : 0;
}

static int mount_own_proc(struct init *init, const struct plan_mount *mount, const char *source,
			  const char *target)
{
	(void)mount;
	(void)source;
	return mount_proc(init, target, NULL);
}

static int mount_own_dev(struct init *init, const struct plan_mount *mount, const char *source,
			 const char *target)
{
	(void)mount;
	(void)source;
	return mount_dev(init, target, NULL);
}

static const struct {
	const char *what;
	mount_function mount;
} kinds[] = {
	[MOUNT_BIND_RO] = { "bind read-only", mount_bind },
	[MOUNT_BIND_RW] = { "bind", mount_bind },
	[MOUNT_OVERLAY] = { "overlay", NULL }, /* mount_overlay(), which has more to say */
	[MOUNT_PIN]     = { "pin", mount_onto_itself },
	[MOUNT_PROTECT] = { "protect", mount_onto_itself },
	[MOUNT_MASK]    = { "mask", mount_mask },
	[MOUNT_TMPFS]   = { "tmpfs", mount_tmpfs },
	[MOUNT_SYMLINK] = { "link", mount_symlink },
	[MOUNT_PROC]    = { "proc", mount_own_proc },
	[MOUNT_DEV]     = { "dev", mount_own_dev },
};
_Static_assert(COUNT(kinds) == MOUNT_KIND_COUNT, "a kind of mount has no row");

/* Whether the directory that tree_make() keeps lies at or below the target. */
static bool covers_parent(const struct init *init, const char *target)
{
	size_t len = strlen(target);

	return strncmp(init->parent_path, target, len) == 0 &&
	       (init->parent_path[len] == '/' || init->parent_path[len] == '\0');
}

static int mount_one(struct init *init, const struct plan_mount *mount, struct error *err)
{
	const char *source = plan_text(&init->plan, mount->source);
	const char *target = plan_text(&init->plan, mount->target);
	int r;

	if (mount->kind >= COUNT(kinds) || target[0] != '/')
		return error_set(err, -EINVAL, "mount '%s' of kind %u", target, mount->kind);
	if (covers_parent(init, target))
		tree_forget(init);
	if (mount->kind == MOUNT_OVERLAY)
		return mount_overlay(init, mount, target, err);
	r = kinds[mount->kind].mount(init, mount, source, target);
	if (r == -ENOENT && mount->flags & MOUNT_OPTIONAL)
		return 0;
	if (r >= 0)
		return 0;
	error_set(err, r, "%s '%s'%s%s", kinds[mount->kind].what, target, *source ? " from " : "", source);
	/* mount_setattr(2): what a file system without id-mapped mounts answers. The supervisor takes
	 * EOPNOTSUPP for a missing feature: exit code 121. */
	if (mount->flags & MOUNT_IDMAP && r == -EINVAL)
		r = error_set(err, -EOPNOTSUPP, "id-mapped mount of '%s': run as a user other than root", source);
	return r;
}

static bool is_bind(const struct plan_mount *mount)
{
	return mount->kind == MOUNT_BIND_RO || mount->kind == MOUNT_BIND_RW || mount->kind == MOUNT_OVERLAY;
}

/* Taking the caller's identity and giving it back are ten calls, so it is done once for a batch.
 * fds[i] becomes a descriptor or -errno; FD_NONE for what is no bind. */
static int sources_look_up(struct init *init, const struct plan_mount *mounts, uint32_t count,
			   int *fds, struct error *err)
{
	int r = identity_as_caller(init, err);

	for (uint32_t i = 0; i < count; i++)
		fds[i] = r == 0 && is_bind(&mounts[i]) ?
			 tree_host(init, plan_text(&init->plan, mounts[i].source)) : FD_NONE;
	return r;
}

static int mount_batch(struct init *init, const struct plan_mount *mounts, uint32_t count,
		       struct error *err)
{
	int fds[LOOK_UP_BATCH];
	int r = sources_look_up(init, mounts, count, fds, err);

	for (uint32_t i = 0; i < count; i++) {
		init->source = fds[i];
		if (r == 0)
			r = mount_one(init, &mounts[i], err);
		if (init->source >= 0)
			fd_close(init->source); /* not taken */
	}
	init->source = FD_NONE;
	return r;
}

int stage_mounts(struct init *init, struct error *err)
{
	uint32_t count = init->plan.head->sections[PLAN_MOUNTS].count;

	for (uint32_t i = 0; i < count; i += LOOK_UP_BATCH) {
		int r = mount_batch(init, &init->plan.mounts[i], MIN(count - i, LOOK_UP_BATCH), err);

		if (r == 0)
			r = identity_as_root(init, err);
		if (r < 0)
			return r;
	}
	if (init->idmap != FD_NONE)
		init->in_force |= 1U << FEATURE_IDMAP;
	return 0;
}
