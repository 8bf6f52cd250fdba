/* SPDX-License-Identifier: Apache-2.0 */
/* A run from clone3 to its last process: identity, descriptors, limits, and every way of ending. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "lib/sandbox.h"
#include "lib/runner.h"

#define SECOND_MS 1000U
#define FOREVER "while :; do sleep 1000; done"

static struct sandbox_result result;

static void run_shell(const char *script)
{
	struct sandbox_plan plan;

	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, script);
	sandbox_run(&plan, &result);
}

static bool output_has(const char *line)
{
	return strstr(result.output, line) != NULL;
}

/* ---- who it is ---- */

START_TEST(the_command_has_no_capability_no_new_privileges_and_a_filter)
{
	static const char *const lines[] = {
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
		"CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n",
		"Seccomp:\t2\n", "Seccomp_filters:\t2\n", "Uid:\t61234\t61234\t61234\t61234\n",
		"Gid:\t61234\t61234\t61234\t61234\n", "SigBlk:\t0000000000000000\n",
		"SigIgn:\t0000000000000000\n", "Groups:\t61234 \n",
	};

	NEEDS_ROOT();
	run_shell("cat /proc/self/status");
	ck_assert_int_eq(sandbox_status(&result), 0);
	for (size_t i = 0; i < COUNT(lines); i++)
		ck_assert_msg(output_has(lines[i]), "no '%s' in:\n%s", lines[i], result.output);
}
END_TEST

START_TEST(only_descriptors_0_to_2_reach_the_command)
{
	int leak = open("/", O_PATH | O_DIRECTORY); /* on purpose not close-on-exec */

	NEEDS_ROOT();
	ck_assert_int_ge(leak, 0);
	/* Of a child that inherits all and opens nothing. */
	run_shell("sleep 100 >&2 & until grep -qx sleep /proc/$!/comm; do :; done; ls /proc/$!/fd | tr '\\n' ' '; kill $!");
	ck_assert_msg(strcmp(result.output, "0 1 2 ") == 0, "descriptors: %s", result.output);
	close(leak);
}
END_TEST

START_TEST(pid_one_is_another_user_and_cannot_be_looked_into)
{
	NEEDS_ROOT();
	run_shell("grep Uid /proc/1/status; readlink /proc/1/exe || echo hidden; "
		  "kill -9 1 2>&1 || echo alive; cat /proc/1/mem 2>&1 | head -c 1; echo end");
	ck_assert_msg(output_has("Uid:\t61235\t61235\t61235\t61235"), "%s", result.output);
	ck_assert_msg(output_has("hidden\n") && output_has("alive\n"), "%s", result.output);
}
END_TEST

START_TEST(the_environment_is_the_plan_s_and_ours)
{
	NEEDS_ROOT();
	ck_assert_int_eq(setenv("LEAK", "yes", 1), 0);
	run_shell("env | cut -d= -f1 | sort | tr '\\n' ' '");
	ck_assert_str_eq(result.output, "BAILIFF_RUN_ID BAILIFF_SOCKET NOTIFY_SOCKET PATH PWD WATCHDOG_USEC ");
}
END_TEST

static void namespace_of(const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;

	IGNORE(snprintf(path, sizeof(path), "/proc/self/ns/%s", name) < 0);
	len = readlink(path, text, size - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
}

START_TEST(every_namespace_is_a_new_one)
{
	static const char *const names[] = { "mnt", "pid", "net", "ipc", "uts", "cgroup" };
	char outside[64];

	NEEDS(FEATURE_NAMESPACES);
	run_shell("for n in mnt pid net ipc uts cgroup user; do readlink /proc/self/ns/$n; done");
	ck_assert_int_eq(sandbox_status(&result), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		namespace_of(names[i], outside, sizeof(outside));
		ck_assert_msg(!output_has(outside), "namespace %s is the host's", names[i]);
	}
	/* The control: that the texts can be equal at all. No user namespace is made. */
	namespace_of("user", outside, sizeof(outside));
	ck_assert_msg(output_has(outside), "want %s in %s", outside, result.output);
}
END_TEST

START_TEST(network_none_has_loopback_and_nothing_else)
{
	NEEDS(FEATURE_NAMESPACES);
	run_shell("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \\n'; echo; cat /proc/net/route | wc -l");
	ck_assert_str_eq(result.output, "lo\n1\n");
}
END_TEST

START_TEST(network_host_is_the_host_s)
{
	struct sandbox_plan plan;
	char outside[64];

	NEEDS(FEATURE_NAMESPACES);
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.network_mode = NETWORK_HOST;
	plan_shell(&plan, "readlink /proc/self/ns/net");
	sandbox_run(&plan, &result);
	namespace_of("net", outside, sizeof(outside));
	ck_assert_msg(output_has(outside), "%s", result.output);
}
END_TEST

/* ---- how it ends ---- */

START_TEST(the_wait_status_of_the_command_is_passed_on)
{
	NEEDS_ROOT();
	run_shell("exit 7");
	ck_assert_int_eq(sandbox_status(&result), 7);
	run_shell("kill -TERM $$");
	ck_assert_int_eq(result.last.kind, INIT_EXITED);
	ck_assert(WIFSIGNALED(result.last.value) && WTERMSIG(result.last.value) == SIGTERM);
}
END_TEST

static int exec_error(const char *program)
{
	struct sandbox_plan plan;

	plan_start(&plan, sandbox_workspace("w"));
	plan_command(&plan, (const char *const[]){ program, NULL });
	sandbox_run(&plan, &result);
	ck_assert_uint_eq(result.last.kind, INIT_EXEC_FAILED);
	return result.last.error;
}

START_TEST(a_command_that_cannot_be_executed_is_told_with_its_errno)
{
	NEEDS_ROOT();
	ck_assert_int_eq(exec_error("/usr/bin/no-such-program"), -ENOENT);
	ck_assert_int_eq(exec_error("no-such-program"), -ENOENT);
	ck_assert_int_eq(exec_error("/usr/share"), -EACCES);
	/* The control: the same name without a directory is found when it exists. */
	struct sandbox_plan plan;
	plan_start(&plan, sandbox_workspace("w"));
	plan_command(&plan, (const char *const[]){ "true", NULL });
	sandbox_run(&plan, &result);
	ck_assert_int_eq(sandbox_status(&result), 0);
}
END_TEST

static void start_crowd(struct sandbox *sandbox)
{
	struct sandbox_plan plan;
	char byte;

	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sh -c 'trap \"\" TERM HUP; " FOREVER
			  "' &) ; done; printf x; " FOREVER);
	sandbox_start(sandbox, &plan);
	sandbox_ready(sandbox);
	ck_assert_int_eq(io_read(sandbox->output, &byte, 1), 1); /* all of them are there */
}

START_TEST(a_kill_takes_the_whole_tree)
{
	struct sandbox sandbox;
	uint32_t count = 0;
	char rest[16];

	NEEDS(FEATURE_CGROUP_KILL);
	start_crowd(&sandbox);
	ck_assert_int_eq(cgroup_count(&sandbox.launched.cgroup, &count), 0);
	ck_assert_uint_ge(count, 12);
	ck_assert_int_eq(cgroup_populated(&sandbox.launched.cgroup), 1);
	ck_assert_int_eq(cgroup_remove(&sandbox.launched.cgroup), -EBUSY);
	ck_assert_int_eq(cgroup_kill(&sandbox.launched.cgroup), 0);
	ck_assert_int_eq(cgroup_wait_empty(&sandbox.launched.cgroup, SECOND_MS), 0);
	/* The pipe's other end is gone with its last holder. */
	ck_assert_int_eq(io_read(sandbox.output, rest, sizeof(rest)), 0);
	sandbox_end(&sandbox);
}
END_TEST

START_TEST(a_frozen_run_stands_still_and_dies_without_thawing)
{
	struct sandbox sandbox;
	struct pollfd events;

	NEEDS(FEATURE_CGROUP_FREEZE);
	start_crowd(&sandbox);
	events = (struct pollfd){ .fd = sandbox.launched.cgroup.events_fd, .events = POLLPRI };
	ck_assert_int_eq(cgroup_frozen(&sandbox.launched.cgroup), 0);
	ck_assert_int_eq(cgroup_freeze(&sandbox.launched.cgroup, true), 0);
	while (cgroup_frozen(&sandbox.launched.cgroup) == 0)
		ck_assert_msg(poll(&events, 1, SECOND_MS) == 1, "never frozen");
	ck_assert_int_eq(cgroup_kill(&sandbox.launched.cgroup), 0);
	ck_assert_int_eq(cgroup_wait_empty(&sandbox.launched.cgroup, SECOND_MS), 0);
	sandbox_end(&sandbox);
}
END_TEST

START_TEST(the_death_of_pid_one_is_the_death_of_all)
{
	struct sandbox sandbox;

	NEEDS(FEATURE_PIDFD);
	start_crowd(&sandbox);
	ck_assert_int_eq(sys_pidfd_send_signal(sandbox.launched.init_pidfd, SIGKILL, NULL, 0), 0);
	ck_assert_int_eq(cgroup_wait_empty(&sandbox.launched.cgroup, SECOND_MS), 0);
	sandbox_end(&sandbox);
}
END_TEST

START_TEST(a_closed_channel_ends_the_run)
{
	struct sandbox sandbox;

	NEEDS_ROOT();
	start_crowd(&sandbox);
	sandbox.launched.channel_fd = fd_close(sandbox.launched.channel_fd);
	ck_assert_int_eq(cgroup_wait_empty(&sandbox.launched.cgroup, SECOND_MS), 0);
	sandbox_end(&sandbox);
}
END_TEST

START_TEST(a_signal_reaches_the_command_through_pid_one)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	struct init_message message;
	char byte;

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "trap 'exit 42' TERM; printf x; while :; do sleep 0.05; done");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	ck_assert_int_eq(io_read(sandbox.output, &byte, 1), 1);
	ck_assert_int_eq(launch_signal(&sandbox.launched, SIGTERM), 0);
	message = sandbox_message(&sandbox);
	ck_assert_uint_eq(message.kind, INIT_EXITED);
	ck_assert_int_eq(WEXITSTATUS(message.value), 42);
	sandbox_end(&sandbox);
}
END_TEST

/* ---- the supervisor dies ---- */

struct orphan {
	pid_t supervisor;
	struct cgroup cgroup;        /* opened by us: the supervisor's are gone with it */
	int init_pidfd;
};

static void supervisor_main(int report, enum on_loss on_loss)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	char text[64];
	char byte;

	plan_start(&plan, sandbox_workspace("w"));
	plan.head.on_supervisor_loss = on_loss;
	plan_shell(&plan, "(setsid sh -c '" FOREVER "' &); printf x; " FOREVER);
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	IGNORE(io_read(sandbox.output, &byte, 1) != 1);
	memset(text, 0, sizeof(text));
	memcpy(text, sandbox.launched.cgroup.name, ULID_TEXT_LEN);
	IGNORE(fdpass_send(report, text, sizeof(text), &sandbox.launched.init_pidfd, 1, 0) < 0);
	for (;;)
		pause();
}

static void orphan_start(struct orphan *orphan, enum on_loss on_loss)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct pollfd ready;
	char name[64], path[160];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	orphan->supervisor = fork();
	if (orphan->supervisor == 0) {
		close(pair[0]);
		supervisor_main(pair[1], on_loss);
	}
	close(pair[1]);
	ready = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	ck_assert_msg(poll(&ready, 1, WAIT_MS) == 1, "the supervisor starts no run");
	ck_assert_int_eq(fdpass_receive(pair[0], name, sizeof(name), &fds, 0), sizeof(name));
	ck_assert_uint_eq(fds.count, 1);
	orphan->init_pidfd = TAKE_FD(fds.fds[0]);
	close(pair[0]);
	orphan->cgroup = CGROUP_NONE;
	orphan->cgroup.dir_fd = openat(sandbox_tree.v2_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(orphan->cgroup.dir_fd, 0);
	IGNORE(snprintf(path, sizeof(path), "%s/cgroup.events", name) < 0);
	orphan->cgroup.events_fd = openat(sandbox_tree.v2_fd, path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(cgroup_populated(&orphan->cgroup), 1);
}

static void supervisor_kill(const struct orphan *orphan)
{
	ck_assert_int_eq(kill(orphan->supervisor, SIGKILL), 0);
	ck_assert_int_eq(waitpid(orphan->supervisor, NULL, 0), orphan->supervisor);
}

static void orphan_end(const struct orphan *orphan)
{
	/* What a later supervisor of this instance does with what is left. */
	ck_assert_int_eq(cgroup_tree_sweep(&sandbox_tree, SECOND_MS), 1);
	ck_assert_int_eq(cgroup_populated(&orphan->cgroup), 0);
	fd_close(orphan->cgroup.dir_fd);
	fd_close(orphan->cgroup.events_fd);
	fd_close(orphan->init_pidfd);
}

START_TEST(a_supervisor_s_death_kills_its_runs_within_a_second)
{
	struct orphan orphan;

	NEEDS_ROOT();
	orphan_start(&orphan, LOSS_KILL);
	supervisor_kill(&orphan);
	ck_assert_int_eq(cgroup_wait_empty(&orphan.cgroup, SECOND_MS), 0);
	orphan_end(&orphan);
}
END_TEST

START_TEST(pid_one_first_and_then_the_supervisor_leaves_nothing_either)
{
	struct orphan orphan;

	NEEDS_ROOT();
	orphan_start(&orphan, LOSS_KILL);
	ck_assert_int_eq(sys_pidfd_send_signal(orphan.init_pidfd, SIGKILL, NULL, 0), 0);
	supervisor_kill(&orphan);
	ck_assert_int_eq(cgroup_wait_empty(&orphan.cgroup, SECOND_MS), 0);
	orphan_end(&orphan);
}
END_TEST

START_TEST(a_frozen_run_dies_with_its_supervisor_too)
{
	struct orphan orphan;

	NEEDS_ROOT();
	orphan_start(&orphan, LOSS_KILL);
	ck_assert_int_eq(cgroup_freeze(&orphan.cgroup, true), 0);
	supervisor_kill(&orphan);
	ck_assert_int_eq(cgroup_wait_empty(&orphan.cgroup, SECOND_MS), 0);
	orphan_end(&orphan);
}
END_TEST

START_TEST(with_freeze_the_run_waits_frozen)
{
	struct orphan orphan;
	struct pollfd events;

	NEEDS(FEATURE_CGROUP_FREEZE);
	orphan_start(&orphan, LOSS_FREEZE);
	supervisor_kill(&orphan);
	events = (struct pollfd){ .fd = orphan.cgroup.events_fd, .events = POLLPRI };
	while (cgroup_frozen(&orphan.cgroup) == 0)
		ck_assert_msg(poll(&events, 1, SECOND_MS) == 1, "neither frozen nor dead");
	ck_assert_int_eq(cgroup_populated(&orphan.cgroup), 1);
	orphan_end(&orphan);
}
END_TEST

/* ---- limits and refusals ---- */

static int forks_under(uint32_t pids)
{
	struct sandbox_plan plan;

	plan_start(&plan, sandbox_workspace("w"));
	plan.head.limits.pids = pids;
	plan_shell(&plan, "i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done; exit 0");
	sandbox_run(&plan, &result);
	return sandbox_status(&result);
}

START_TEST(the_pids_limit_stops_a_fork_bomb)
{
	NEEDS(FEATURE_LIMIT_PIDS);
	ck_assert_int_eq(forks_under(100), 0);
	ck_assert_int_ne(forks_under(20), 0);
	ck_assert_msg(output_has("fork"), "%s", result.output);
}
END_TEST

START_TEST(the_memory_limit_kills_a_hog)
{
	static const char hog[] = "perl -e '$x = \"x\" x (200 << 20); print length($x), \"\\n\"'";
	struct sandbox_plan plan;

	NEEDS(FEATURE_LIMIT_MEMORY);
	run_shell(hog);
	ck_assert_msg(output_has("209715200"), "control: %s", result.output);
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.limits.memory_bytes = 64U << 20;
	plan_shell(&plan, hog);
	sandbox_run(&plan, &result);
	ck_assert_msg(!output_has("209715200"), "200 MiB fit into 64");
}
END_TEST

START_TEST(rlimits_are_set_and_core_dumps_off)
{
	struct sandbox_plan plan;

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.limits.open_files = 77;
	plan.head.limits.file_size_bytes = 1U << 20;
	plan_shell(&plan, "ulimit -n; ulimit -H -f; ulimit -H -c; umask");
	sandbox_run(&plan, &result);
	/* File size in blocks of 512; of a core of 1 byte `ulimit` says 0 blocks. */
	ck_assert_str_eq(result.output, "77\n2048\n0\n0022\n");
}
END_TEST

static int launch_result(struct sandbox_plan *plan, const struct cgroup_tree *tree, uid_t init_uid,
			 struct error *err)
{
	struct launch_host host = { .init_fd = sandbox_init_fd, .tree = tree, .agent_program = sandbox_agent_path(),
				    .init_uid = init_uid, .init_gid = INIT_UID };
	struct launch_spec spec = { .host = &host, .session_fd = FD_NONE, .workspace_fd = FD_NONE };
	struct launched launched = LAUNCHED_NONE;
	struct plan mapped;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r;

	spec.plan_fd = plan_finish(plan);
	ck_assert_int_eq(plan_map(spec.plan_fd, &mapped, err), 0);
	spec.plan = &mapped;
	host.supervisor_pidfd = sys_pidfd_open(getpid(), 0);
	for (int i = 0; i < 3; i++)
		spec.stdio[i] = null;
	ck_assert_int_eq(ulid_new(&spec.run), 0);
	r = launch_run(&spec, &launched, err);
	ck_assert_int_eq(launched_finish(&launched, WAIT_MS, NULL), 0);
	return r;
}

START_TEST(a_required_limit_that_cannot_be_applied_refuses_the_start)
{
	struct cgroup_tree poor = sandbox_tree;
	struct sandbox_plan plan;
	struct error err = { 0 };

	NEEDS_ROOT();
	poor.v1_fd[CGROUP_PIDS] = FD_NONE; /* a host without the controller */
	poor.v2_has[CGROUP_PIDS] = false;
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "true");
	ck_assert_int_eq(launch_result(&plan, &poor, INIT_UID, &err), 0); /* preferred: starts */
	plan_start(&plan, sandbox_workspace("v"));
	plan.head.require = 1U << FEATURE_LIMIT_PIDS;
	plan_shell(&plan, "true");
	ck_assert_int_eq(launch_result(&plan, &poor, INIT_UID, &err), -EOPNOTSUPP);
	ck_assert_int_eq(err.exit_code, 121);
	ck_assert_msg(strstr(err.text, "limit_pids") != NULL, "%s", err.text);
	ck_assert_int_eq(cgroup_tree_sweep(&sandbox_tree, WAIT_MS), 0); /* nothing is left */
}
END_TEST

START_TEST(pid_one_never_shares_the_run_s_uid)
{
	struct sandbox_plan plan;
	struct error err = { 0 };

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "true");
	ck_assert_int_eq(launch_result(&plan, &sandbox_tree, TEST_UID, &err), -EPERM);
	plan_start(&plan, sandbox_workspace("v"));
	plan_shell(&plan, "true");
	ck_assert_int_eq(launch_result(&plan, &sandbox_tree, 0, &err), -EPERM);
	ck_assert_int_eq(cgroup_tree_sweep(&sandbox_tree, WAIT_MS), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("launch");
	TCase *tcase = sandbox_case(suite, "identity");

	tcase_add_test(tcase, the_command_has_no_capability_no_new_privileges_and_a_filter);
	tcase_add_test(tcase, only_descriptors_0_to_2_reach_the_command);
	tcase_add_test(tcase, pid_one_is_another_user_and_cannot_be_looked_into);
	tcase_add_test(tcase, the_environment_is_the_plan_s_and_ours);
	tcase_add_test(tcase, every_namespace_is_a_new_one);
	tcase_add_test(tcase, network_none_has_loopback_and_nothing_else);
	tcase_add_test(tcase, network_host_is_the_host_s);
	tcase = sandbox_case(suite, "end");
	tcase_add_test(tcase, the_wait_status_of_the_command_is_passed_on);
	tcase_add_test(tcase, a_command_that_cannot_be_executed_is_told_with_its_errno);
	tcase_add_test(tcase, a_kill_takes_the_whole_tree);
	tcase_add_test(tcase, a_frozen_run_stands_still_and_dies_without_thawing);
	tcase_add_test(tcase, the_death_of_pid_one_is_the_death_of_all);
	tcase_add_test(tcase, a_closed_channel_ends_the_run);
	tcase_add_test(tcase, a_signal_reaches_the_command_through_pid_one);
	tcase = sandbox_case(suite, "supervisor");
	tcase_add_test(tcase, a_supervisor_s_death_kills_its_runs_within_a_second);
	tcase_add_test(tcase, pid_one_first_and_then_the_supervisor_leaves_nothing_either);
	tcase_add_test(tcase, a_frozen_run_dies_with_its_supervisor_too);
	tcase_add_test(tcase, with_freeze_the_run_waits_frozen);
	tcase = sandbox_case(suite, "limits");
	tcase_add_test(tcase, the_pids_limit_stops_a_fork_bomb);
	tcase_add_test(tcase, the_memory_limit_kills_a_hog);
	tcase_add_test(tcase, rlimits_are_set_and_core_dumps_off);
	tcase_add_test(tcase, a_required_limit_that_cannot_be_applied_refuses_the_start);
	tcase_add_test(tcase, pid_one_never_shares_the_run_s_uid);
	return suite;
}
