/* SPDX-License-Identifier: Apache-2.0 */
/* A launch by a porter is like any other, and nothing depends on one. */
/* LINK: -Wl,--wrap=sys_pidfd_send_signal */
#include <signal.h>

#include "launch/porter.h"
#include "lib/sandbox.h"
#include "lib/runner.h"

static struct porter porter = PORTER_NONE;
static bool no_signals;

int __real_sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags);
int __wrap_sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags);
int __wrap_sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned int flags)
{
	return no_signals ? -ENOSYS : __real_sys_pidfd_send_signal(pidfd, signal, info, flags);
}

static bool has_v1(void)
{
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (sandbox_tree.v1_fd[i] != FD_NONE)
			return true;
	return false;
}

#define NEEDS_V1() NEEDS_THAT("cgroup-v1", geteuid() == 0 && has_v1(), "no limit is on v1 here")

static void start_ready(void)
{
	struct pollfd fd;

	ck_assert_int_eq(porter_start(&porter, &sandbox_tree), 0);
	fd = (struct pollfd){ .fd = porter.ours, .events = POLLIN };
	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "the porter does not get ready");
	ck_assert(porter_ready(&porter));
	sandbox_porter = &porter;
}

/* The number behind `key` in /proc/PID/status. */
static pid_t status_number(pid_t pid, const char *key)
{
	char path[64], text[4096];
	const char *at;
	int number = -1;

	IGNORE(snprintf(path, sizeof(path), "/proc/%d/status", pid) < 0);
	ck_assert_int_gt(io_read_text(AT_FDCWD, path, text, sizeof(text)), 0);
	at = strstr(text, key);
	ck_assert(at && sscanf(at + strlen(key), ":%d", &number) == 1);
	return number;
}

static bool group_exists(const char *name)
{
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (sandbox_tree.v1_fd[i] != FD_NONE &&
		    faccessat(sandbox_tree.v1_fd[i], name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

START_TEST(pid_one_is_our_child_in_the_groups_that_the_porter_held)
{
	struct sandbox sandbox;
	struct sandbox_plan plan;
	char procs[64];

	NEEDS_V1();
	start_ready();
	ck_assert(group_exists(PORTER_GROUP));
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.limits.pids = 20;
	plan_shell(&plan, "sleep 100");
	sandbox_start(&sandbox, &plan);
	ck_assert_int_eq(porter.pid, 0);        /* used up */
	ck_assert(!group_exists(PORTER_GROUP)); /* they have the run's name now */
	ck_assert(group_exists(sandbox.launched.cgroup.name));
	ck_assert_int_eq(status_number(sandbox.launched.pid, "PPid"), getpid());
	sandbox_ready(&sandbox);
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
		if (sandbox_tree.v1_fd[i] == FD_NONE)
			continue;
		ck_assert_int_gt(io_read_text(sandbox.launched.cgroup.v1_fd[i], "cgroup.procs", procs,
					      sizeof(procs)), 0);
	}
	IGNORE(cgroup_kill(&sandbox.launched.cgroup) < 0);
	sandbox_end(&sandbox);
	ck_assert(!group_exists(sandbox.launched.cgroup.name));
}
END_TEST

START_TEST(a_porter_that_was_killed_costs_time_and_no_launch)
{
	struct sandbox_result result;
	struct sandbox_plan plan;

	NEEDS_V1();
	start_ready();
	ck_assert_int_eq(kill(porter.pid, SIGKILL), 0);
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "exit 7");
	sandbox_run(&plan, &result);
	ck_assert_int_eq(sandbox_status(&result), 7);
	ck_assert_int_eq(porter.pid, 0);
	ck_assert(!group_exists(PORTER_GROUP));
}
END_TEST

START_TEST(a_stopped_porter_leaves_no_process_and_no_group)
{
	pid_t pid;

	NEEDS_V1();
	start_ready();
	pid = porter.pid;
	porter_stop(&porter, &sandbox_tree);
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert(!group_exists(PORTER_GROUP));
	porter_stop(&porter, &sandbox_tree); /* of none: nothing */
}
END_TEST

START_TEST(a_porter_that_no_signal_reaches_is_stopped_all_the_same)
{
	NEEDS_V1();
	start_ready();
	no_signals = true;
	porter_stop(&porter, &sandbox_tree);
	no_signals = false;
	ck_assert(!group_exists(PORTER_GROUP));
}
END_TEST

START_TEST(groups_that_a_dead_supervisor_left_are_used_again)
{
	NEEDS_V1();
	start_ready();
	ck_assert_int_eq(kill(porter.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(porter.pid, NULL, 0), porter.pid);
	porter = PORTER_NONE; /* whoever knew it is gone, too */
	ck_assert(group_exists(PORTER_GROUP));
	start_ready();
	porter_stop(&porter, &sandbox_tree);
	ck_assert(!group_exists(PORTER_GROUP));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("porter");
	TCase *tcase = tcase_create("porter");

	tcase_add_unchecked_fixture(tcase, sandbox_setup, sandbox_teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, pid_one_is_our_child_in_the_groups_that_the_porter_held);
	tcase_add_test(tcase, a_porter_that_was_killed_costs_time_and_no_launch);
	tcase_add_test(tcase, a_stopped_porter_leaves_no_process_and_no_group);
	tcase_add_test(tcase, a_porter_that_no_signal_reaches_is_stopped_all_the_same);
	tcase_add_test(tcase, groups_that_a_dead_supervisor_left_are_used_again);
	return suite;
}
