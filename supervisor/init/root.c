/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces' own set-up, and the exchange of the root. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "init/init.h"
#include "init/tree.h"

int stage_cgroup_namespace(struct init *init, struct error *err)
{
	(void)init;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_set(err, -errno, "new cgroup namespace");
	return 0;
}

int stage_loopback(struct init *init, struct error *err)
{
	struct ifreq request = { .ifr_name = "lo" };
	auto_close int fd = FD_NONE;

	if (!init->own_network)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "open a socket for 'lo'");
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return error_set(err, -errno, "read the flags of 'lo'");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, -errno, "set 'lo' up");
	return 0;
}

int stage_network(struct init *init, struct error *err)
{
	if (init->own_network != (init->plan.head->network_mode != NETWORK_HOST))
		return error_set(err, -EPROTO, "the network namespace is not the plan's");
	return 0;
}

int stage_hostname(struct init *init, struct error *err)
{
	struct plan_text name = init->plan.head->hostname;

	if (name.len == 0)
		return 0;
	if (sethostname(plan_text(&init->plan, name), name.len) < 0)
		return error_set(err, -errno, "set the host name '%s'", plan_text(&init->plan, name));
	return 0;
}

/* A memfd of this pid namespace can no longer be executed: nothing runs without a file that mounts,
 * Landlock and the ledger know (Documentation/userspace-api/mfd_noexec.rst; 2 = also when the caller asks
 * for MFD_EXEC). Kernels before 6.3 have no such setting: then the feature is not in force, and said so. */
int stage_memfd(struct init *init, struct error *err)
{
	auto_close int fd = open("/proc/sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || write(fd, "2", 1) != 1)
		return error_set(err, -errno, "forbid programs without a file (vm.memfd_noexec)");
	init->in_force |= 1U << FEATURE_MEMFD_NOEXEC;
	return 0;
}

int stage_mount_namespace(struct init *init, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, -errno, "new mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set(err, -errno, "make all mounts private");
	init->in_force |= 1U << FEATURE_NAMESPACES;
	return 0;
}

static int make_mask(struct init *init, const char *path, bool directory, int *ret_fd)
{
	auto_close int fd = tree_make(init, path, directory);

	if (fd < 0)
		return fd;
	if (fchmodat(init->root, path + 1, 0, 0) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int stage_new_root(struct init *init, struct error *err)
{
	static const char *const options[] = { "mode", "0755", "size", "16m", NULL };
	int r;

	init->root = tree_new("tmpfs", options, ATTR_NOEXEC);
	if (init->root < 0)
		return error_set(err, init->root, "make a tmpfs for the new root");
	r = tree_own(init, init->root);
	if (r >= 0)
		r = make_mask(init, "/run/bailiff/mask/file", false, &init->mask_file);
	if (r >= 0)
		r = make_mask(init, "/run/bailiff/mask/dir", true, &init->mask_dir);
	if (r < 0)
		return error_set(err, r, "make the masks");
	init->in_force |= 1U << FEATURE_MOUNT_API;
	return 0;
}

/* The new root lies on the old one's root, where nothing of the host is covered for a look-up that
 * starts at init->host; pivot_root exchanges the two later. */
int stage_root(struct init *init, struct error *err)
{
	auto_close int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	init->host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (init->host < 0 || here < 0)
		return error_set(err, -errno, "open the host's root");
	r = tree_attach(init->root, here);
	return r < 0 ? error_set(err, r, "attach the new root") : 0;
}

static int same_directory(int fd, const char *path)
{
	struct stat a, b;

	if (fstat(fd, &a) < 0 || stat(path, &b) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -EXDEV;
}

int stage_pivot(struct init *init, struct error *err)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	int r;

	tree_forget(init);
	if (fchdir(init->root) < 0)
		return error_set(err, -errno, "enter the new root");
	/* pivot_root(2): with both arguments "." the old root ends up on top of the new one, where
	 * one umount takes it away. */
	r = sys_pivot_root(".", ".");
	if (r < 0)
		return error_set(err, r, "exchange the roots");
	if (umount2(".", MNT_DETACH) < 0)
		return error_set(err, -errno, "detach the old root");
	if (chdir("/") < 0)
		return error_set(err, -errno, "enter '/'");
	/* runc CVE-2024-21626: a working directory that is still on the host. */
	r = same_directory(init->root, ".");
	if (r >= 0)
		r = same_directory(init->root, "/");
	if (r < 0)
		return error_set(err, r, "the working directory is not the new root");
	r = sys_mount_setattr(init->root, "", AT_EMPTY_PATH, &read_only, sizeof(read_only));
	if (r < 0)
		return error_set(err, r, "make the new root read-only");
	init->host = fd_close(init->host);
	init->idmap = fd_close(init->idmap);
	init->pts = fd_close(init->pts);
	init->mask_file = fd_close(init->mask_file);
	init->mask_dir = fd_close(init->mask_dir);
	return 0;
}
