/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher on a real kernel: children do something inside a watched cgroup of their own, the
 * test reads what the kernel said about it. The cgroups are made in the parent of all tests, so
 * that they go away even when a test fails. */
#ifndef KERNEL_WATCHED_H
#define KERNEL_WATCHED_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "lib/runner.h"
#include "watch/paths.h"
#include "watch/watch.h"

#define CGROUP_ROOT "/sys/fs/cgroup/unified"
#define EVENTS_KEPT 512
#define WAIT_NS 3000000000ULL

struct kept {
	union {
		struct event_head head;
		struct event_fork fork;
		struct event_exec exec;
		struct event_exit exit;
		struct event_path path;
		struct event_net net;
		struct event_cred cred;
		struct event_syscall call;
		char bytes[8192];
	};
};

static char parent_path[128], run_path[160], work[128];
static int parent_fd = FD_NONE, run_fd = FD_NONE;
static uint64_t cgroup_id;
static struct watch *watch;
static struct kept kept[EVENTS_KEPT];
static size_t kept_count;

/* ---- the places of the tests ---- */

static inline void cgroups_make(void)
{
	snprintf(parent_path, sizeof(parent_path), CGROUP_ROOT "/bailiff-test-%d", getpid());
	snprintf(run_path, sizeof(run_path), "%s/run", parent_path);
	snprintf(work, sizeof(work), "/tmp/bailiff-watch-%d", getpid());
	if (mkdir(parent_path, 0755) < 0 || mkdir(run_path, 0755) < 0 || mkdir(work, 0755) < 0)
		return;
	parent_fd = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run_fd = open(run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline void remove_tree(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static inline void cgroups_remove(void)
{
	uint64_t until = now_monotonic_ns() + WAIT_NS;

	IGNORE(io_write_text(run_fd, "cgroup.kill", "1")); /* may be empty already */
	while (rmdir(run_path) < 0 && errno == EBUSY && now_monotonic_ns() < until)
		sched_yield();
	rmdir(parent_path);
	remove_tree(work);
	run_fd = fd_close(run_fd);
	parent_fd = fd_close(parent_fd);
}

static inline void keep(void *ctx, const struct event_head *event)
{
	(void)ctx;
	if (kept_count < EVENTS_KEPT && event->size <= sizeof(kept[0]))
		memcpy(&kept[kept_count++], event, event->size);
}

/* struct file_handle carries the 64-bit id of a cgroup (name_to_handle_at(2)). */
static inline uint64_t cgroup_id_of(int fd)
{
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = { .head.handle_bytes = sizeof(uint64_t) };
	uint64_t id;
	int mount_id;

	ck_assert_int_eq(name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH), 0);
	memcpy(&id, handle.bytes + sizeof(struct file_handle), sizeof(id));
	return id;
}

static inline void begin_with(const struct run_config *config)
{
	struct watch_callbacks callbacks = { .event = keep };
	struct error err = { 0 };

	kept_count = 0;
	ck_assert_msg(run_fd >= 0, "no test cgroup below " CGROUP_ROOT);
	ck_assert_msg(watch_open(parent_fd, &callbacks, &watch, &err) == 0, "%s", err.text);
	cgroup_id = cgroup_id_of(run_fd);
	ck_assert_int_eq(watch_run_add(watch, cgroup_id, config), 0);
	ck_assert_int_eq(chdir(work), 0);
}

static inline void begin(void)
{
	struct run_config config = { .flags = RUN_WATCHED, .slot = 3 };

	begin_with(&config);
}

static inline void end(void)
{
	struct watch_losses losses;

	ck_assert_int_eq(watch_losses(watch, &losses), 0);
	for (int i = 0; i < EVENT_RING_COUNT; i++) {
		ck_assert_uint_eq(losses.ring[i].full, 0);
		ck_assert_uint_eq(losses.ring[i].helper_errors, 0);
	}
	ck_assert_uint_eq(losses.invalid, 0);
	watch = watch_close(watch);
}

/* Runs `act` in a child inside the run's cgroup; returns its wait status. Events are read after.
 * fork() and a move, since `act` may use threads, for which a raw clone3 prepares nothing. */
static inline int in_run(void (*act)(void))
{
	int status = -1;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (io_write_text(run_fd, "cgroup.procs", "0") < 0)
			_exit(120);
		act();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ge(watch_drain(watch), 0);
	return status;
}

static inline const struct kept *find(unsigned int kind, const char *path)
{
	char text[2 * EVENT_PATH_MAX];

	for (size_t i = 0; i < kept_count; i++) {
		const struct kept *k = &kept[i];

		if (k->head.kind != kind)
			continue;
		if (!path)
			return k;
		if (event_shape(kind) == SHAPE_PATH &&
		    event_absolute_path(&k->path, false, text, sizeof(text)) > 0 &&
		    slice_eq(slice_of(text), slice_of(path)))
			return k;
		if (event_shape(kind) == SHAPE_EXEC &&
		    slice_eq(event_exec_path(&k->exec), slice_of(path)))
			return k;
	}
	return NULL;
}

static inline const struct kept *must_find(unsigned int kind, const char *name)
{
	char path[512];
	const struct kept *k;

	snprintf(path, sizeof(path), "%s/%s", work, name);
	k = find(kind, path);
	if (!k) {
		char text[2 * EVENT_PATH_MAX];

		for (size_t i = 0; i < kept_count; i++) {
			if (event_shape(kept[i].head.kind) == SHAPE_PATH &&
			    event_absolute_path(&kept[i].path, false, text, sizeof(text)) >= 0)
				fprintf(stderr, "  have kind %u ret %d '%s'\n", kept[i].head.kind,
					kept[i].head.ret, text);
			else
				fprintf(stderr, "  have kind %u\n", kept[i].head.kind);
		}
	}
	ck_assert_msg(k != NULL, "no event of kind %u for %s", kind, path);
	return k;
}

struct row {
	const char *name;
	const TTest *test;
	size_t rows;        /* of a loop test, else 1 */
};

static inline Suite *suite_of(const char *name, const struct row *rows, size_t count)
{
	Suite *suite = suite_create(name);

	for (size_t i = 0; i < count; i++) {
		TCase *tcase = tcase_create(rows[i].name);

		tcase_add_unchecked_fixture(tcase, cgroups_make, cgroups_remove);
		tcase_set_timeout(tcase, 30);
		tcase_add_loop_test(tcase, rows[i].test, 0, (int)rows[i].rows);
		suite_add_tcase(suite, tcase);
	}
	return suite;
}

#endif
