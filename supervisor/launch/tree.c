/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of all runs of one supervisor, in each hierarchy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "launch/cgroup.h"
#include "launch/hierarchy.h"

#define PRODUCT "bailiff"
#define CONTROLLERS_TEXT_MAX 256

static int directory_ensure(int dir, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static bool words_have(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* Passes a controller on to the children of `dir`. Fails where a process sits in `dir` itself. */
static bool controller_enable(int dir, const char *name)
{
	char text[CONTROLLERS_TEXT_MAX];

	if (io_read_text(dir, "cgroup.controllers", text, sizeof(text)) < 0 || !words_have(text, name))
		return false;
	IGNORE(snprintf(text, sizeof(text), "+%s", name) < 0);
	if (io_write_text(dir, "cgroup.subtree_control", text) == 0)
		return true;
	return io_read_text(dir, "cgroup.subtree_control", text, sizeof(text)) >= 0 && words_have(text, name);
}

static int v2_open(const char *mount, struct cgroup_tree *tree)
{
	auto_close int top = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int product = FD_NONE, instance = FD_NONE;
	int r = top < 0 ? -errno : directory_ensure(top, PRODUCT, &product);

	if (r >= 0)
		r = directory_ensure(product, tree->instance, &instance);
	if (r < 0)
		return r;
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		tree->v2_has[i] = controller_enable(top, controller_names[i]) &&
				  controller_enable(product, controller_names[i]) &&
				  controller_enable(instance, controller_names[i]);
	if (snprintf(tree->v2_path, sizeof(tree->v2_path), "%s/" PRODUCT "/%s", mount, tree->instance) >=
	    (int)sizeof(tree->v2_path))
		return -ENAMETOOLONG;
	tree->v2_fd = TAKE_FD(instance);
	return 0;
}

static int v1_open(const char *mount, const char *instance, int *ret_fd)
{
	auto_close int top = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int product = FD_NONE;
	int r = top < 0 ? -errno : directory_ensure(top, PRODUCT, &product);

	return r < 0 ? r : directory_ensure(product, instance, ret_fd);
}

int cgroup_tree_open(const char *instance, struct cgroup_tree *ret_tree, struct error *err)
{
	struct cgroup_tree tree = { .v2_fd = FD_NONE, .v1_fd = { FD_NONE, FD_NONE, FD_NONE } };
	struct hierarchies found;
	int r;

	if (!hierarchy_name_is_valid(instance))
		return error_set(err, -EINVAL, "instance name '%s'", instance);
	r = hierarchies_find(&found);
	if (r < 0)
		return error_set(err, r, "read the mount table");
	if (!found.v2[0]) {
		error_set(err, -ENOENT, "no cgroup v2 tree is mounted");
		error_next(err, "mount one: mkdir -p /sys/fs/cgroup/unified && "
			   "mount -t cgroup2 none /sys/fs/cgroup/unified");
		return error_exit(err, 121);
	}
	r = text_copy(tree.instance, sizeof(tree.instance), slice_of(instance));
	if (r >= 0)
		r = v2_open(found.v2, &tree);
	if (r < 0)
		return error_set(err, r, "make '%s/" PRODUCT "/%s'", found.v2, instance);
	/* A v1 hierarchy that cannot be used is a limit that cannot be applied: cgroup_limit() says so. */
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (!tree.v2_has[i] && found.v1[i][0])
			IGNORE(v1_open(found.v1[i], instance, &tree.v1_fd[i]) < 0);
	*ret_tree = tree;
	return 0;
}

static void parent_remove(int dir, const char *name)
{
	auto_close int parent = FD_NONE;

	if (dir == FD_NONE)
		return;
	parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0)
		IGNORE(unlinkat(parent, name, AT_REMOVEDIR) < 0); /* others' runs keep it busy */
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	parent_remove(tree->v2_fd, tree->instance);
	tree->v2_fd = fd_close(tree->v2_fd);
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		parent_remove(tree->v1_fd[i], tree->instance);
		tree->v1_fd[i] = fd_close(tree->v1_fd[i]);
	}
}

/* What an earlier supervisor left under `name`, as far as it is there. */
static int leftover_open(const struct cgroup_tree *tree, const char *name, struct cgroup *ret)
{
	ret->tree = tree;
	if (text_copy(ret->name, sizeof(ret->name), slice_of(name)) < 0)
		return -ENAMETOOLONG;
	ret->dir_fd = openat(tree->v2_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->dir_fd < 0)
		return -errno;
	ret->events_fd = openat(ret->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	return ret->events_fd < 0 ? -errno : 0;
}

static int leftover_remove(const struct cgroup_tree *tree, const char *name, uint32_t timeout_ms)
{
	struct cgroup cgroup = CGROUP_NONE;
	int r = leftover_open(tree, name, &cgroup);

	if (r >= 0)
		r = cgroup_kill(&cgroup);
	if (r >= 0)
		r = cgroup_wait_empty(&cgroup, timeout_ms);
	if (r >= 0)
		r = cgroup_remove(&cgroup);
	fd_close(cgroup.dir_fd);
	fd_close(cgroup.events_fd);
	return r;
}

int cgroup_tree_sweep(const struct cgroup_tree *tree, uint32_t timeout_ms)
{
	int fd = openat(tree->v2_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0, count = 0;

	if (!dir) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	while (r >= 0 && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = leftover_remove(tree, entry->d_name, timeout_ms);
		count += r >= 0;
	}
	closedir(dir);
	return r < 0 ? r : count;
}
