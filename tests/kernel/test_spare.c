/* SPDX-License-Identifier: Apache-2.0 */
/* A launch by a spare is like any other; one that waits holds nothing of anybody, and nothing depends on one. */
#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>

#include "launch/spare.h"
#include "lib/sandbox.h"
#include "lib/runner.h"

#define END_MS 2000U

static struct spare spare; /* of no process: none */
static struct launch_host host;

/* It has executed bailiff-init and sleeps: what is made ahead is made. */
static bool waits(pid_t pid)
{
	char path[64], text[512];
	const char *end;

	IGNORE(snprintf(path, sizeof(path), "/proc/%d/stat", pid) < 0);
	ck_assert_int_gt(io_read_text(AT_FDCWD, path, text, sizeof(text)), 0);
	end = strrchr(text, ')');
	return end && strncmp(end, ") S", 3) == 0 && strstr(text, "(memfd:") != NULL;
}

static void make(void)
{
	uint64_t until = now_monotonic_ns() + WAIT_MS * 1000000ULL;

	host = (struct launch_host){
		.init_fd = sandbox_init_fd, .supervisor_pidfd = sys_pidfd_open(getpid(), 0),
		.tree = &sandbox_tree, .init_uid = INIT_UID, .init_gid = INIT_UID, .agent_program = sandbox_agent_path(),
	};
	ck_assert_int_eq(spare_make(&spare, &host), 0);
	ck_assert(spare_is_there(&spare));
	while (!waits(spare.launched.pid))
		ck_assert_msg(now_monotonic_ns() < until, "it never waits");
	sandbox_spare = &spare;
}

static void run_shell(const char *script, uint32_t network, struct sandbox_result *result)
{
	struct sandbox_plan plan;

	plan_start(&plan, sandbox_workspace("w"));
	plan.head.network_mode = network;
	plan_shell(&plan, script);
	sandbox_run(&plan, result);
}

static bool group_exists(const char *name)
{
	return faccessat(sandbox_tree.v2_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

START_TEST(the_spare_becomes_pid_one_of_the_run_that_has_its_id)
{
	struct sandbox sandbox;
	struct sandbox_plan plan;
	pid_t pid;

	NEEDS_ROOT();
	make();
	pid = spare.launched.pid;
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.limits.pids = 20;
	plan_shell(&plan, "exit 7");
	sandbox_start(&sandbox, &plan);
	ck_assert(!spare_is_there(&spare));
	ck_assert_int_eq(sandbox.launched.pid, pid);
	sandbox_ready(&sandbox);
	sandbox_end(&sandbox);
	ck_assert_int_eq(launched_finish(&sandbox.launched, END_MS, NULL), 0);
}
END_TEST

START_TEST(a_run_by_a_spare_has_the_same_protections_as_one_without)
{
	static const char script[] = "id; grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status; ls / /dev /run; "
				     "cat /proc/net/dev | wc -l; hostname; wc -l </proc/self/mountinfo; readlink /proc/self/cwd | cut -c1-4";
	static struct sandbox_result with, without;

	NEEDS_ROOT();
	run_shell(script, NETWORK_NONE, &without);
	make();
	run_shell(script, NETWORK_NONE, &with);
	ck_assert(!spare_is_there(&spare));
	ck_assert_str_eq(with.output, without.output);
}
END_TEST

START_TEST(what_is_mounted_on_the_host_meanwhile_is_what_the_run_sees)
{
	static struct sandbox_result result;
	const char *workspace = sandbox_workspace("late");
	struct sandbox_plan plan;
	char path[256];

	NEEDS_ROOT();
	make();
	ck_assert_int_eq(mount("none", workspace, "tmpfs", 0, "mode=755"), 0);
	IGNORE(snprintf(path, sizeof(path), "%s/new", workspace) < 0);
	ck_assert_int_eq(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	plan_start(&plan, workspace);
	plan_shell(&plan, "ls");
	sandbox_run(&plan, &result);
	ck_assert_int_eq(umount2(workspace, 0), 0); /* and it is busy for nobody afterwards */
	ck_assert(!spare_is_there(&spare));
	ck_assert_str_eq(result.output, "new\n");
}
END_TEST

/* Whether a descriptor of `pid` leads below /etc. */
static bool holds_etc(pid_t pid)
{
	char path[64], text[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	IGNORE(snprintf(path, sizeof(path), "/proc/%d/fd", pid) < 0);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);

		found = found || (len > 5 && memcmp(text, "/etc/", 5) == 0);
	}
	closedir(dir);
	return found;
}

START_TEST(a_waiting_spare_keeps_no_mount_busy_and_no_file_open)
{
	const char *place = sandbox_workspace("busy");
	int leak = open("/etc/passwd", O_RDONLY); /* on purpose not close-on-exec */

	NEEDS_ROOT();
	ck_assert(holds_etc(getpid())); /* the control */
	ck_assert_int_eq(mount("none", place, "tmpfs", 0, NULL), 0);
	make();
	ck_assert_int_eq(umount2(place, 0), 0);
	ck_assert_msg(!holds_etc(spare.launched.pid), "it keeps what its maker had open");
	close(leak);
	spare_drop(&spare);
}
END_TEST

START_TEST(a_spare_that_was_killed_costs_time_and_no_launch)
{
	static struct sandbox_result result;
	struct pollfd end;

	NEEDS_ROOT();
	make();
	end = (struct pollfd){ .fd = spare.launched.init_pidfd, .events = POLLIN };
	ck_assert_int_eq(kill(spare.launched.pid, SIGKILL), 0);
	ck_assert_int_eq(poll(&end, 1, WAIT_MS), 1);
	run_shell("exit 7", NETWORK_NONE, &result);
	ck_assert_int_eq(sandbox_status(&result), 7);
	ck_assert(!spare_is_there(&spare));
}
END_TEST

START_TEST(a_run_in_the_hosts_network_is_not_given_to_a_spare)
{
	static struct sandbox_result result;
	struct ulid other;
	char outside[64];
	ssize_t len = readlink("/proc/self/ns/net", outside, sizeof(outside) - 1);
	struct launched launched;

	NEEDS_ROOT();
	ck_assert_int_gt(len, 0);
	outside[len] = '\0';
	make();
	sandbox_spare = NULL;
	run_shell("readlink /proc/self/ns/net", NETWORK_HOST, &result);
	ck_assert(spare_is_there(&spare));
	ck_assert_msg(strncmp(result.output, outside, (size_t)len) == 0, "%s", result.output);
	/* Nor to one with another id. */
	ck_assert_int_eq(ulid_new(&other), 0);
	ck_assert(!spare_take(&spare, &other, &launched));
	spare_drop(&spare);
}
END_TEST

START_TEST(its_group_is_marked_until_a_run_takes_it)
{
	struct launched launched;
	char name[ULID_TEXT_LEN + 1];

	NEEDS_ROOT();
	make();
	ulid_text(&spare.run, name);
	ck_assert(spare_owns_group(sandbox_tree.v2_fd, name));
	ck_assert(spare_take(&spare, &spare.run, &launched));
	ck_assert(!spare_owns_group(sandbox_tree.v2_fd, name));
	ck_assert_int_eq(launched_finish(&launched, END_MS, NULL), 0);
	ck_assert(!group_exists(name));
}
END_TEST

START_TEST(it_ends_with_its_channel_and_when_it_is_dropped)
{
	char name[ULID_TEXT_LEN + 1];
	struct pollfd end;

	NEEDS_ROOT();
	make();
	ulid_text(&spare.run, name);
	spare.launched.channel_fd = fd_close(spare.launched.channel_fd);
	end = (struct pollfd){ .fd = spare.launched.init_pidfd, .events = POLLIN };
	ck_assert_msg(poll(&end, 1, WAIT_MS) == 1, "it outlives its channel");
	spare_drop(&spare);
	ck_assert(!group_exists(name));
	make();
	ulid_text(&spare.run, name);
	spare_drop(&spare);
	ck_assert(!group_exists(name));
	spare_drop(&spare); /* of none: nothing */
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("spare");
	TCase *tcase = tcase_create("spare");

	tcase_add_unchecked_fixture(tcase, sandbox_setup, sandbox_teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, the_spare_becomes_pid_one_of_the_run_that_has_its_id);
	tcase_add_test(tcase, a_run_by_a_spare_has_the_same_protections_as_one_without);
	tcase_add_test(tcase, what_is_mounted_on_the_host_meanwhile_is_what_the_run_sees);
	tcase_add_test(tcase, a_waiting_spare_keeps_no_mount_busy_and_no_file_open);
	tcase_add_test(tcase, a_spare_that_was_killed_costs_time_and_no_launch);
	tcase_add_test(tcase, a_run_in_the_hosts_network_is_not_given_to_a_spare);
	tcase_add_test(tcase, its_group_is_marked_until_a_run_takes_it);
	tcase_add_test(tcase, it_ends_with_its_channel_and_when_it_is_dropped);
	return suite;
}
