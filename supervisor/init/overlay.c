/* SPDX-License-Identifier: Apache-2.0 */
/* The overlay workspace: the caller's directory is the lower layer, an upper layer of the run's own
 * takes every change (Documentation/filesystems/overlayfs.rst). `userxattr`, because whoever judges
 * the upper layer later has no privilege; redirect_dir and metacopy are off with it, so that an upper
 * layer can be read by itself. `index`: a file with two names in the workspace stays one file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/sys.h"
#include "init/init.h"
#include "init/tree.h"
#include "plan/overlay.h"

#define PROBE_XATTR "user.overlay.probe"

struct layers {
	int lower, upper, work;   /* owned */
	struct stat root;         /* of the workspace */
};

static void layers_finish(struct layers *layers)
{
	fd_close(layers->lower);
	fd_close(layers->upper);
	fd_close(layers->work);
}

/* Short: it travels in struct init_message. */
static int refuse_layer(struct error *err, const char *which, const char *why)
{
	return error_say(err, -EOPNOTSUPP, "%s cannot be a layer of an overlay (%s); next: %s", which, why,
			 "use `workspace: {mode: direct}`, or another --state-dir");
}

static int directory_make(int base, const char *name, int *ret_fd)
{
	if (mkdirat(base, name, 0700) < 0)
		return -errno;
	*ret_fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* overlayfs takes a file system without attributes and then loses what it would have noted there. */
static int upper_check(int upper, struct error *err)
{
	if (fsetxattr(upper, PROBE_XATTR, "", 0, 0) < 0)
		return errno == EOPNOTSUPP ? refuse_layer(err, "the state directory", "no user attributes") :
					     error_set(err, -errno, "write to the upper layer");
	return fremovexattr(upper, PROBE_XATTR) < 0 ? error_set(err, -errno, "write to the upper layer") : 0;
}

/* The root of an overlay has the attributes of its upper directory. */
static int upper_dress(const struct layers *layers)
{
	const struct stat *root = &layers->root;
	const struct timespec times[] = { root->st_atim, root->st_mtim };

	if (fchown(layers->upper, root->st_uid, root->st_gid) < 0 ||
	    fchmod(layers->upper, root->st_mode & 01777) < 0 || futimens(layers->upper, times) < 0)
		return -errno;
	return 0;
}

/* Both layers of a root caller show root's files as the run's. */
static int layers_map(const struct init *init, struct layers *layers)
{
	struct mount_attr set = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)init->idmap };
	int lower = tree_clone(layers->lower, false, 0, init->idmap);

	if (lower < 0)
		return lower;
	fd_close(layers->lower);
	layers->lower = lower;
	/* The supervisor's clone was never attached, so it can still be mapped; upper and work are on it. */
	return sys_mount_setattr(init->workspace, "", AT_EMPTY_PATH, &set, sizeof(set));
}

static int layers_make(const struct init *init, struct layers *layers, struct error *err)
{
	int r;

	if (fstat(layers->lower, &layers->root) < 0)
		return error_set(err, -errno, "look at the workspace");
	if (!S_ISDIR(layers->root.st_mode))
		return error_set(err, -ENOTDIR, "the workspace");
	r = directory_make(init->workspace, OVERLAY_UPPER, &layers->upper);
	if (r == 0)
		r = directory_make(init->workspace, OVERLAY_WORK, &layers->work);
	if (r == -ENOSPC || r == -EDQUOT)
		return error_say(err, r, "make the upper layer in the state directory: %s; next: free space there, "
				 "or use `workspace: {mode: direct}`", errno_name(r));
	if (r < 0)
		return error_set(err, r, "make the upper layer in the state directory");
	r = upper_check(layers->upper, err);
	if (r < 0)
		return r;
	r = upper_dress(layers);
	return r < 0 ? error_set(err, r, "dress the upper layer as the workspace") : 0;
}

/* By descriptor since 6.13; before, by a name that leads to it. */
static int layer_set(int fs, const char *key, const char *old_key, int fd)
{
	char path[32];
	int r = sys_fsconfig(fs, FSCONFIG_SET_FD, key, NULL, fd);

	if (r != -EINVAL)
		return r;
	IGNORE(snprintf(path, sizeof(path), "/proc/self/fd/%d", fd) < 0);
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, old_key, path, 0);
}

static int options_set(int fs)
{
	int r = sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);

	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "index", "on", 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "xino", "auto", 0);
	return r;
}

/* Returns a detached mount or -errno. */
static int overlay_new(const struct layers *layers, bool noexec)
{
	auto_close int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	int r = fs < 0 ? fs : options_set(fs);

	if (r >= 0)
		r = layer_set(fs, "lowerdir+", "lowerdir", layers->lower);
	if (r >= 0)
		r = layer_set(fs, "upperdir", "upperdir", layers->upper);
	if (r >= 0)
		r = layer_set(fs, "workdir", "workdir", layers->work);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				       (noexec ? MOUNT_ATTR_NOEXEC : 0));
}

/* Before 6.15 a layer must be attached somewhere in our own namespace. */
static int attach(struct init *init, int tree, const char *path)
{
	auto_close int at = tree_make(init, path, true);

	tree_forget(init); /* perhaps it lies below */
	return at < 0 ? at : tree_attach(tree, at);
}

static int detach(const struct init *init, int tree)
{
	if (fchdir(tree) < 0 || umount2(".", MNT_DETACH) < 0 || fchdir(init->host) < 0)
		return -errno;
	return 0;
}

static int overlay_new_attached(struct init *init, const struct layers *layers, bool mapped, bool noexec)
{
	auto_close int tree = FD_NONE;
	int r = attach(init, init->workspace, "/run/bailiff/upper");

	if (r == 0 && mapped)
		r = attach(init, layers->lower, "/run/bailiff/lower");
	if (r < 0)
		return r;
	tree = overlay_new(layers, noexec);
	r = detach(init, init->workspace);
	if (r == 0 && mapped)
		r = detach(init, layers->lower);
	return tree < 0 ? tree : r < 0 ? r : TAKE_FD(tree);
}

static int meta_write(const struct init *init, const struct stat *root, uint64_t started_ns)
{
	const struct plan_head *plan = init->plan.head;
	struct overlay_head head = {
		.magic = OVERLAY_MAGIC, .version = OVERLAY_VERSION, .started_ns = started_ns,
		.root_dev = root->st_dev, .root_ino = root->st_ino, .root_mode = root->st_mode,
		.uid = plan->uid, .gid = plan->gid, .owner_uid = plan->owner_uid,
		.workspace = plan->workspace, .agent = plan->agent, .policy_name = plan->policy_name,
		.path_count = plan->sections[PLAN_PATHS].count,
		.strings_len = plan->sections[PLAN_STRINGS].count,
		.files_on_scope = plan->files_on_scope,
	};
	auto_close int fd = openat(init->workspace, OVERLAY_META, O_WRONLY | O_CREAT | O_EXCL |
				   O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : ulid_parse(slice_of(init->run), &head.run);

	memcpy(head.policy_digest, plan->policy_digest, sizeof(head.policy_digest));
	if (r == 0)
		r = io_write(fd, &head, sizeof(head));
	if (r == 0)
		r = io_write(fd, init->plan.paths, head.path_count * sizeof(struct rule_path));
	return r < 0 ? r : io_write(fd, init->plan.strings, head.strings_len);
}

static uint64_t realtime_coarse_ns(void)
{
	struct timespec now;

	IGNORE(clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0); /* the clock of files' times */
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Returns a detached mount, or -errno with text. */
static int overlay_make(struct init *init, const struct plan_mount *mount, struct layers *layers,
			struct error *err)
{
	uint64_t started_ns = realtime_coarse_ns();
	int r;

	if (init->workspace == FD_NONE)
		return error_set(err, -EBADF, "no place for the upper layer was handed over");
	r = layers_make(init, layers, err);
	if (r < 0)
		return r;
	r = meta_write(init, &layers->root, started_ns);
	if (r < 0)
		return error_set(err, r, "note in the state directory what the workspace is");
	r = mount->flags & MOUNT_IDMAP ? layers_map(init, layers) : 0;
	if (r < 0)
		return error_set(err, r, "id-mapped layers of the workspace");
	r = overlay_new(layers, mount->flags & MOUNT_NOEXEC);
	if (r == -EINVAL)
		r = overlay_new_attached(init, layers, mount->flags & MOUNT_IDMAP, mount->flags & MOUNT_NOEXEC);
	if (r == -ENODEV)
		return error_say(err, -EOPNOTSUPP, "this kernel has no overlayfs; next: use `workspace: "
				 "{mode: direct}`");
	if (r == -EINVAL)
		return refuse_layer(err, "the workspace or the state directory",
				    "overlay, network, FUSE, casefold");
	return r < 0 ? error_set(err, r, "mount the overlay") : r;
}

int mount_overlay(struct init *init, const struct plan_mount *mount, const char *target,
		  struct error *err)
{
	cleanup_with(layers_finish) struct layers layers = { TAKE_FD(init->source), FD_NONE, FD_NONE, { 0 } };
	auto_close int to = FD_NONE, tree = FD_NONE;
	int r;

	if (layers.lower < 0)
		return error_set(err, layers.lower, "the workspace '%s'", target);
	to = tree_make(init, target, true);
	if (to < 0)
		return error_set(err, to, "make the place of the workspace '%s'", target);
	tree = overlay_make(init, mount, &layers, err);
	if (tree < 0)
		return tree;
	r = tree_attach(tree, to);
	init->workspace = fd_close(init->workspace);
	return r < 0 ? error_set(err, r, "attach the overlay at '%s'", target) : 0;
}
