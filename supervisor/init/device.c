/* SPDX-License-Identifier: Apache-2.0 */
/* The run's own /proc and /dev. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "init/init.h"
#include "init/tree.h"

#define SHM_SIZE "512m"

/* All of /proc is read-only. What tells about the host, or could change it should the mount ever be
 * writable, is covered once more, whoever the caller is. */
static const struct {
	const char *name;
	bool hide;        /* behind a mask; else bound onto itself read-only */
} proc_covers[] = {
	{ "sys", false }, { "bus", false }, { "irq", false }, { "fs", false },
	{ "sysrq-trigger", true }, { "kcore", true }, { "kmsg", true }, { "keys", true },
	{ "key-users", true }, { "timer_list", true }, { "latency_stats", true }, { "sched_debug", true },
	{ "acpi", true }, { "asound", true }, { "scsi", true }, { "kallsyms", true }, { "kpagecount", true },
	{ "kpageflags", true }, { "kpagecgroup", true }, { "iomem", true }, { "ioports", true },
	{ "slabinfo", true }, { "vmallocinfo", true }, { "pagetypeinfo", true },
};

static int cover(const struct init *init, int proc, const char *name, bool hide)
{
	auto_close int at = openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	auto_close int tree = FD_NONE;
	int from = at;
	struct stat st;

	if (at < 0)
		return errno == ENOENT ? 0 : -errno; /* not on this kernel */
	if (fstat(at, &st) < 0)
		return -errno;
	if (hide)
		from = S_ISDIR(st.st_mode) ? init->mask_dir : init->mask_file;
	tree = tree_clone(from, false, ATTR_RDONLY | ATTR_NOEXEC, FD_NONE);
	return tree < 0 ? tree : tree_attach(tree, at);
}

int mount_proc(struct init *init, const char *target, struct error *err)
{
	auto_close int to = tree_make(init, target, true);
	auto_close int proc = FD_NONE;
	int r;

	if (to < 0)
		return error_set(err, to, "make '%s'", target);
	proc = tree_new("proc", NULL, ATTR_RDONLY | ATTR_NOEXEC);
	if (proc < 0)
		return error_set(err, proc, "mount proc");
	r = tree_attach(proc, to);
	for (size_t i = 0; r >= 0 && i < COUNT(proc_covers); i++)
		r = cover(init, proc, proc_covers[i].name, proc_covers[i].hide);
	return r < 0 ? error_set(err, r, "cover parts of proc") : 0;
}

static const char *const dev_nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
static const struct {
	const char *name, *text;
} dev_links[] = {
	{ "ptmx", "pts/ptmx" }, { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
};

static int dev_node(const struct init *init, int dev, const char *name)
{
	char path[32];
	auto_close int from = FD_NONE, to = FD_NONE, tree = FD_NONE;
	struct stat st;

	IGNORE(snprintf(path, sizeof(path), "dev/%s", name) < 0);
	from = sys_openat2(init->host, path, &(struct open_how){
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS });
	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	to = openat(dev, name, O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (to < 0)
		return -errno;
	tree = tree_clone(from, false, ATTR_DEVICES | ATTR_NOEXEC, FD_NONE);
	return tree < 0 ? tree : tree_attach(tree, to);
}

/* A file system of its own at dev/`name`; its root is returned. */
static int dev_mount(int dev, const char *name, const char *type, const char *const *options,
		     unsigned int attr)
{
	auto_close int at = FD_NONE, tree = FD_NONE;
	int r;

	if (mkdirat(dev, name, 0755) < 0)
		return -errno;
	at = openat(dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	tree = tree_new(type, options, attr);
	if (tree < 0)
		return tree;
	r = tree_attach(tree, at);
	return r < 0 ? r : TAKE_FD(tree);
}

static int dev_pts(struct init *init, int dev)
{
	char uid[16], gid[16];
	const char *const options[] = { "ptmxmode", "0666", "mode", "0600", "uid", uid, "gid", gid, NULL };

	/* The slave of the run's own terminal belongs to the run, although pid 1 opens it. */
	IGNORE(snprintf(uid, sizeof(uid), "%u", init->plan.head->uid) < 0);
	IGNORE(snprintf(gid, sizeof(gid), "%u", init->plan.head->gid) < 0);
	init->pts = dev_mount(dev, "pts", "devpts", options, ATTR_DEVICES | ATTR_NOEXEC);
	return init->pts < 0 ? init->pts : 0;
}

static int dev_shm(int dev)
{
	static const char *const options[] = { "mode", "1777", "size", SHM_SIZE, NULL };
	auto_close int shm = dev_mount(dev, "shm", "tmpfs", options, 0);

	return shm < 0 ? shm : 0;
}

static int dev_fill(struct init *init, int dev)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < COUNT(dev_nodes); i++)
		r = dev_node(init, dev, dev_nodes[i]);
	for (size_t i = 0; r >= 0 && i < COUNT(dev_links); i++)
		r = symlinkat(dev_links[i].text, dev, dev_links[i].name) < 0 ? -errno : 0;
	if (r >= 0)
		r = dev_pts(init, dev);
	return r < 0 ? r : dev_shm(dev);
}

int mount_dev(struct init *init, const char *target, struct error *err)
{
	static const char *const options[] = { "mode", "0755", "size", "64k", NULL };
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int to = tree_make(init, target, true);
	auto_close int dev = FD_NONE;
	mode_t mask = umask(022);
	int r;

	if (to < 0)
		return error_set(err, to, "make '%s'", target);
	dev = tree_new("tmpfs", options, ATTR_NOEXEC);
	if (dev < 0)
		return error_set(err, dev, "mount a tmpfs for '%s'", target);
	r = tree_attach(dev, to);
	if (r >= 0)
		r = dev_fill(init, dev);
	if (r >= 0)
		r = sys_mount_setattr(dev, "", AT_EMPTY_PATH, &read_only, sizeof(read_only));
	umask(mask);
	return r < 0 ? error_set(err, r, "fill '%s'", target) : 0;
}
