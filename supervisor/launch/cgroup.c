/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/sys.h"
#include "base/text.h"
#include "launch/hierarchy.h"

#define NS_PER_MS 1000000U
#define EVENTS_TEXT_MAX 256
#define PROCS_TEXT_MAX 65536
#define KILL_ROUNDS 64       /* without cgroup.kill: frozen, so that no new ones appear */

static int open_directory(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_and_open(int dir, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(dir, name, 0755) < 0)
		return -errno;
	fd = open_directory(dir, name);
	if (fd < 0) {
		IGNORE(unlinkat(dir, name, AT_REMOVEDIR) < 0);
		return fd;
	}
	*ret_fd = fd;
	return 0;
}

static void descriptors_close(struct cgroup *cgroup)
{
	cgroup->dir_fd = fd_close(cgroup->dir_fd);
	cgroup->events_fd = fd_close(cgroup->events_fd);
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		cgroup->v1_fd[i] = fd_close(cgroup->v1_fd[i]);
}

/* Without an error in between: an rmdir of what is not there is no failure. */
static int directories_remove(const struct cgroup_tree *tree, const char *name)
{
	int result = 0;

	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (tree->v1_fd[i] != FD_NONE && unlinkat(tree->v1_fd[i], name, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT)
			result = -errno;
	if (unlinkat(tree->v2_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		result = -errno;
	return result;
}

static int rename_and_open(int dir, const char *from, const char *name, int *ret_fd)
{
	if (renameat(dir, from, dir, name) < 0)
		return -errno;
	*ret_fd = open_directory(dir, name);
	return MIN(*ret_fd, 0);
}

static int directories_make(const struct cgroup_tree *tree, const char *v1_from, struct cgroup *cgroup)
{
	struct stat st;
	int r = make_and_open(tree->v2_fd, cgroup->name, &cgroup->dir_fd);

	for (int i = 0; r >= 0 && i < CGROUP_CONTROLLER_COUNT; i++)
		if (tree->v1_fd[i] != FD_NONE)
			r = v1_from ? rename_and_open(tree->v1_fd[i], v1_from, cgroup->name, &cgroup->v1_fd[i]) :
				      make_and_open(tree->v1_fd[i], cgroup->name, &cgroup->v1_fd[i]);
	if (r < 0)
		return r;
	cgroup->events_fd = openat(cgroup->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (cgroup->events_fd < 0 || fstat(cgroup->dir_fd, &st) < 0)
		return -errno;
	cgroup->id = st.st_ino;
	return 0;
}

int cgroup_new(const struct cgroup_tree *tree, const char *name, const char *v1_from,
	       struct cgroup *ret_cgroup, struct error *err)
{
	struct cgroup cgroup = CGROUP_NONE;
	int r;

	if (!hierarchy_name_is_valid(name) ||
	    text_copy(cgroup.name, sizeof(cgroup.name), slice_of(name)) < 0)
		return error_set(err, -EINVAL, "cgroup name");
	if (faccessat(tree->v2_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(err, -EEXIST, "cgroup '%s/%s'", tree->v2_path, name);
	cgroup.tree = tree;
	r = directories_make(tree, v1_from, &cgroup);
	if (r < 0) {
		descriptors_close(&cgroup);
		IGNORE(directories_remove(tree, name) < 0);
		return error_set(err, r, "make cgroup '%s/%s'", tree->v2_path, name);
	}
	*ret_cgroup = cgroup;
	return 0;
}

/* ---- state ---- */

/* The value of `key` in cgroup.events: "populated 0\nfrozen 0\n". */
static int event_read(const struct cgroup *cgroup, const char *key)
{
	char text[EVENTS_TEXT_MAX];
	ssize_t len = pread(cgroup->events_fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (len < 0)
		return errno == ENODEV ? 0 : -errno; /* removed */
	text[len] = '\0';
	at = strstr(text, key);
	if (!at || at[strlen(key)] != ' ')
		return -EPROTO;
	return at[strlen(key) + 1] == '1';
}

int cgroup_populated(const struct cgroup *cgroup)
{
	return event_read(cgroup, "populated");
}

int cgroup_frozen(const struct cgroup *cgroup)
{
	return event_read(cgroup, "frozen");
}

int cgroup_wait_empty(const struct cgroup *cgroup, uint32_t timeout_ms)
{
	uint64_t deadline_ns = now_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	for (;;) {
		struct pollfd fd = { .fd = cgroup->events_fd, .events = POLLPRI };
		int r = cgroup_populated(cgroup);
		uint64_t now_ns = now_monotonic_ns();

		if (r <= 0)
			return r;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		/* The read above took the state; a change after it wakes us. */
		if (poll(&fd, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

/* Calls `each` for every pid in cgroup.procs; returns their number. */
static int procs_each(const struct cgroup *cgroup, void (*each)(pid_t pid))
{
	auto_close int fd = openat(cgroup->dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	static char text[PROCS_TEXT_MAX]; /* single thread; not on a bounded stack */
	size_t kept = 0;
	int count = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t len = read(fd, text + kept, sizeof(text) - kept);
		char *line = text, *end;

		if (len < 0)
			return -errno;
		if (len == 0)
			return count;
		kept += (size_t)len;
		while ((end = memchr(line, '\n', kept - (size_t)(line - text)))) {
			uint32_t pid;

			if (parse_u32(slice_new(line, (size_t)(end - line)), 1, INT32_MAX, &pid) == 0) {
				count++;
				if (each)
					each((pid_t)pid);
			}
			line = end + 1;
		}
		kept -= (size_t)(line - text);
		memmove(text, line, kept);
	}
}

int cgroup_count(const struct cgroup *cgroup, uint32_t *ret_count)
{
	int r = procs_each(cgroup, NULL);

	if (r < 0)
		return r;
	*ret_count = (uint32_t)r;
	return 0;
}

/* ---- effects ---- */

int cgroup_freeze(const struct cgroup *cgroup, bool freeze)
{
	return io_write_text(cgroup->dir_fd, "cgroup.freeze", freeze ? "1" : "0");
}

static void kill_one(pid_t pid)
{
	/* The cgroup is frozen: a pid that it lists cannot end and be used again before we signal. */
	auto_close int fd = sys_pidfd_open(pid, 0);

	if (fd >= 0)
		IGNORE(sys_pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0);
}

int cgroup_kill(const struct cgroup *cgroup)
{
	int r = io_write_text(cgroup->dir_fd, "cgroup.kill", "1");

	if (r != -ENOENT)
		return r;
	r = cgroup_freeze(cgroup, true);
	for (int round = 0; r >= 0 && round < KILL_ROUNDS; round++) {
		r = procs_each(cgroup, kill_one);
		if (r == 0)
			break;
	}
	IGNORE(cgroup_freeze(cgroup, false) < 0); /* the dead leave either way */
	return MIN(r, 0);
}

int cgroup_remove(struct cgroup *cgroup)
{
	int r;

	if (!cgroup->tree)
		return 0;
	r = cgroup_populated(cgroup);
	if (r != 0)
		return r > 0 ? -EBUSY : r;
	r = directories_remove(cgroup->tree, cgroup->name);
	if (r < 0)
		return r;
	descriptors_close(cgroup);
	*cgroup = CGROUP_NONE;
	return 0;
}
