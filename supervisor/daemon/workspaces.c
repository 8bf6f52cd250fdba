/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/workspaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/remove.h"
#include "plan/overlay.h"

#define FOLDER "workspaces"
#define EXIT_REFUSED 122
#define CLONE_TREE 1U           /* OPEN_TREE_CLONE */

static int entry_open(const struct workspaces *workspaces, const struct ulid *run)
{
	char name[ULID_TEXT_LEN + 1];
	int fd;

	ulid_text(run, name);
	fd = openat(workspaces->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int workspace_entry(const struct workspaces *workspaces, const struct ulid *run)
{
	char name[ULID_TEXT_LEN + 1];
	int fd;

	ulid_text(run, name);
	fd = openat(workspaces->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int meta_open(int entry)
{
	int fd = openat(entry, OVERLAY_META, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int head_read(int meta, const struct ulid *run, struct overlay_head *ret_head)
{
	if (pread(meta, ret_head, sizeof(*ret_head), 0) != (ssize_t)sizeof(*ret_head))
		return -EINVAL;
	return overlay_head_ok(ret_head) && memcmp(&ret_head->run, run, sizeof(*run)) == 0 ? 0 : -EINVAL;
}

/* ---- removing ---- */

static int remover_start(struct workspaces *workspaces);

static int remover_ended(struct source *source, uint32_t events)
{
	struct workspaces *workspaces = container_of(source, struct workspaces, remover);
	siginfo_t info;

	(void)events;
	loop_remove(workspaces->loop, &workspaces->remover);
	IGNORE(waitid(P_PIDFD, (id_t)workspaces->remover_pidfd, &info, WEXITED | WNOHANG) < 0);
	workspaces->remover_pidfd = fd_close(workspaces->remover_pidfd);
	if (workspaces->again && remover_start(workspaces) < 0)
		log_warn("workspaces_not_removed", "reason=fork");
	return 0;
}

/* In the child. Whatever else this process has open would stay open as long as it works. */
static void __attribute__((noreturn)) remover_main(int folder)
{
	if (dup2(folder, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0 || sys_close_range(4, ~0U, 0) < 0)
		_exit(1);
	_exit(remove_dropped(3) < 0);
}

static int remover_start(struct workspaces *workspaces)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&workspaces->remover_pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (workspaces->remover_pidfd != FD_NONE) {
		workspaces->again = true;
		return 0;
	}
	workspaces->again = false;
	pid = sys_clone3(&args);
	if (pid == 0)
		remover_main(workspaces->fd);
	if (pid < 0) {
		workspaces->remover_pidfd = FD_NONE;
		return pid;
	}
	return loop_add(workspaces->loop, &workspaces->remover, workspaces->remover_pidfd, EPOLLIN,
			remover_ended);
}

static void drop_name(struct workspaces *workspaces, const char *name)
{
	char gone[sizeof(REMOVE_PREFIX) + ULID_TEXT_LEN];

	IGNORE(snprintf(gone, sizeof(gone), REMOVE_PREFIX "%s", name) < 0);
	if (renameat(workspaces->fd, name, workspaces->fd, gone) < 0) {
		if (errno != ENOENT)
			log_warn("workspace_not_dropped", "run=%s errno=%s", name, errno_name(errno));
		return;
	}
	/* What is not removed now is removed by the next one, or at the next start. */
	if (remover_start(workspaces) < 0)
		log_warn("workspaces_not_removed", "reason=fork");
}

void workspace_drop(struct workspaces *workspaces, const struct ulid *run)
{
	char name[ULID_TEXT_LEN + 1];

	ulid_text(run, name);
	drop_name(workspaces, name);
}

/* ---- the folder ---- */

int workspaces_each(const struct workspaces *workspaces, bool (*each)(void *ctx, const struct ulid *run),
		    void *ctx)
{
	int fd = openat(workspaces->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct ulid run;

	if (!dir) {
		int r = -errno;

		fd_close(fd);
		return r;
	}
	while ((entry = readdir(dir)))
		if (ulid_parse(slice_of(entry->d_name), &run) == 0 && !each(ctx, &run))
			break;
	closedir(dir);
	return 0;
}

/* No run lives yet: an overlay without meta belongs to a start that was cut off. */
static bool drop_half_made(void *ctx, const struct ulid *run)
{
	struct workspaces *workspaces = ctx;

	if (workspace_owner(workspaces, run) == UID_NONE)
		workspace_drop(workspaces, run);
	return true;
}

int workspaces_open(struct workspaces *workspaces, struct loop *loop, int state_fd, struct error *err)
{
	struct stat st;
	int r;

	workspaces->loop = loop;
	if (mkdirat(state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "make '" FOLDER "' in the state directory");
	workspaces->fd = openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (workspaces->fd < 0 || fstat(workspaces->fd, &st) < 0)
		return error_set(err, -errno, "open '" FOLDER "' in the state directory");
	if (st.st_uid != 0 || (st.st_mode & 077) != 0) {
		error_say(err, -EPERM, "'" FOLDER "' in the state directory is not root's alone");
		return error_next(err, "`chown root` and `chmod 0700` it");
	}
	r = workspaces_each(workspaces, drop_half_made, workspaces);
	if (r == 0)
		r = remover_start(workspaces); /* what was dropped and not removed */
	return r < 0 ? error_set(err, r, "look through '" FOLDER "'") : 0;
}

void workspaces_close(struct workspaces *workspaces)
{
	if (workspaces->remover_pidfd != FD_NONE)
		loop_remove(workspaces->loop, &workspaces->remover);
	workspaces->remover_pidfd = fd_close(workspaces->remover_pidfd); /* it goes on by itself */
	workspaces->fd = fd_close(workspaces->fd);
}

/* ---- one overlay ---- */

int workspace_make(struct workspaces *workspaces, const struct ulid *run, int *ret_fd, struct error *err)
{
	struct mount_attr set = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	char name[ULID_TEXT_LEN + 1];
	auto_close int tree = FD_NONE;
	int r;

	ulid_text(run, name);
	r = mkdirat(workspaces->fd, name, 0700) < 0 ? -errno : 0;
	if (r == 0) {
		tree = sys_open_tree(workspaces->fd, name, CLONE_TREE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW);
		r = tree < 0 ? tree : sys_mount_setattr(tree, "", AT_EMPTY_PATH, &set, sizeof(set));
		if (r < 0)
			IGNORE(unlinkat(workspaces->fd, name, AT_REMOVEDIR) < 0);
	}
	if (r < 0) {
		error_set(err, r, "make the overlay of the workspace in the state directory");
		error_next(err, r == -ENOSPC || r == -EDQUOT ?
			   "free space there (`bailiff changes` lists what is kept), or use `workspace: "
			   "{mode: direct}`" : "use `workspace: {mode: direct}`");
		return error_exit(err, EXIT_REFUSED);
	}
	*ret_fd = TAKE_FD(tree);
	return 0;
}

/* An upper layer can be removed as a directory when it is empty, that is when nothing was changed. */
static bool is_unchanged(const struct workspaces *workspaces, const struct ulid *run)
{
	auto_close int entry = entry_open(workspaces, run);
	auto_close int meta = entry < 0 ? FD_NONE : meta_open(entry);
	struct overlay_head head;
	struct stat st;

	if (meta < 0 || head_read(meta, run, &head) < 0 ||
	    fstatat(entry, OVERLAY_UPPER, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return (st.st_mode & 07777) == (head.root_mode & 01777) &&
	       unlinkat(entry, OVERLAY_UPPER, AT_REMOVEDIR) == 0;
}

void workspace_ended(struct workspaces *workspaces, const struct ulid *run, bool started)
{
	if (!started || is_unchanged(workspaces, run))
		workspace_drop(workspaces, run);
}

uid_t workspace_owner(const struct workspaces *workspaces, const struct ulid *run)
{
	auto_close int entry = entry_open(workspaces, run);
	auto_close int meta = entry < 0 ? FD_NONE : meta_open(entry);
	struct overlay_head head;

	return meta >= 0 && head_read(meta, run, &head) == 0 ? head.owner_uid : UID_NONE;
}

/* The strings end the file, behind the rules. */
static void text_read(int meta, const struct overlay_head *head, struct plan_text text, char *to, size_t size)
{
	off_t at = (off_t)(sizeof(*head) + head->path_count * sizeof(struct rule_path) + text.offset);
	ssize_t len = pread(meta, to, MIN(size - 1, (size_t)text.len), at);

	to[len > 0 ? len : 0] = '\0';
}

int workspace_row(const struct workspaces *workspaces, const struct ulid *run,
		  struct wire_workspace_row *ret_row)
{
	auto_close int entry = entry_open(workspaces, run);
	auto_close int meta = entry < 0 ? FD_NONE : meta_open(entry);
	struct overlay_head head;
	int r;

	if (entry < 0 || meta < 0)
		return entry < 0 ? entry : meta;
	r = head_read(meta, run, &head);
	if (r < 0)
		return r;
	*ret_row = (struct wire_workspace_row){ .run = *run, .started_ns = head.started_ns, .uid = head.uid,
						.owner_uid = head.owner_uid };
	text_read(meta, &head, head.agent, ret_row->agent, sizeof(ret_row->agent));
	text_read(meta, &head, head.workspace, ret_row->workspace, sizeof(ret_row->workspace));
	return 0;
}

/* overlayfs makes it root's with mode 0; its entries are the run's files. */
static int index_open(int entry, const struct overlay_head *head)
{
	auto_close int fd = openat(entry, OVERLAY_WORK "/index", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fchown(fd, head->owner_uid, GID_NONE) < 0 || fchmod(fd, 0700) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int workspace_hand_out(const struct workspaces *workspaces, const struct ulid *run,
		       int ret_fds[WORKSPACE_FDS])
{
	auto_close int entry = entry_open(workspaces, run);
	auto_close int upper = entry < 0 ? FD_NONE : openat(entry, OVERLAY_UPPER, O_RDONLY | O_DIRECTORY |
							    O_NOFOLLOW | O_CLOEXEC);
	auto_close int meta = entry < 0 ? FD_NONE : meta_open(entry);
	struct overlay_head head;
	int index, r;

	if (entry < 0)
		return entry;
	if (upper < 0 || meta < 0)
		return -ENOENT;
	r = head_read(meta, run, &head);
	if (r < 0)
		return r;
	index = index_open(entry, &head);
	if (index < 0 && index != -ENOENT)
		return index;
	ret_fds[0] = TAKE_FD(upper);
	ret_fds[1] = TAKE_FD(meta);
	ret_fds[2] = index;
	return index < 0 ? 2 : 3;
}
