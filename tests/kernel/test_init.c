/* SPDX-License-Identifier: Apache-2.0 */
/* What is visible, and what is refused and by whom. Each refusal has a twin that runs
 * the same script outside, as the same user, and succeeds. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/un.h>

#include "lib/sandbox.h"
#include "lib/runner.h"

#define SCRIPT_MAX 2048

static struct sandbox_result result;

static bool output_has(const char *text)
{
	return strstr(result.output, text) != NULL;
}

static int outside(const char *directory, const char *script)
{
	return outside_as(TEST_UID, directory, script, &result);
}

static int inside(struct sandbox_plan *plan, const char *script)
{
	plan_shell(plan, script);
	sandbox_run(plan, &result);
	return sandbox_status(&result);
}

static const char *path_in(const char *directory, const char *name)
{
	static char path[4][256];
	static unsigned int next;
	char *to = path[next++ % COUNT(path)];

	ck_assert_int_lt(snprintf(to, sizeof(path[0]), "%s/%s", directory, name), (int)sizeof(path[0]));
	return to;
}

/* ---- protected names ---- */

static const char *repository(void)
{
	const char *workspace = sandbox_workspace("repo");

	ck_assert_int_eq(outside(workspace, "mkdir -p .git/hooks && echo c > .git/config && echo s > .env"), 0);
	return workspace;
}

static void protect_repository(struct sandbox_plan *plan, const char *workspace)
{
	plan_start(plan, workspace);
	plan_add_mount(plan, MOUNT_PIN, NULL, path_in(workspace, ".git"), 0);
	plan_add_mount(plan, MOUNT_PROTECT, NULL, path_in(workspace, ".git/hooks"), 0);
	plan_add_mount(plan, MOUNT_PROTECT, NULL, path_in(workspace, ".git/config"), 0);
	plan_add_mount(plan, MOUNT_MASK, NULL, path_in(workspace, ".env"), 0);
}

static const char *const attempts[] = {
	"mv .git x && mkdir -p .git/hooks",
	"mv .git/hooks y",
	"echo x > .git/hooks/pre-commit",
	"echo x > .git/config",
	"mv .git/config z",
	"rm -f .git/config",
	"ln .git/config other && echo x > other",
	"chmod 777 .git/hooks",
	"cat .env",
	"mv .env shown",
	"cp .git/config c2 && mv c2 .git/config",
};

START_TEST(a_protected_name_can_be_neither_changed_nor_moved_away)
{
	struct sandbox_plan plan;
	const char *workspace;
	char kept[256];

	NEEDS(FEATURE_MOUNT_API);
	workspace = repository();
	IGNORE(snprintf(kept, sizeof(kept), "%s", workspace) < 0);
	protect_repository(&plan, kept);
	ck_assert_msg(inside(&plan, attempts[_i]) != 0, "'%s' succeeds inside", attempts[_i]);
	ck_assert_int_eq(outside(kept, "test -d .git/hooks && test `cat .git/config` = c && cat .env"), 0);
	ck_assert_msg(outside(kept, attempts[_i]) == 0, "control: '%s' fails outside: %s", attempts[_i],
		      result.output);
}
END_TEST

START_TEST(beside_protected_names_work_goes_on)
{
	struct sandbox_plan plan;
	char kept[256];

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", repository()) < 0);
	protect_repository(&plan, kept);
	ck_assert_msg(inside(&plan, "echo x > .git/index && mv .git/index .git/i2 && mkdir -p a/b && "
			     "echo y > a/b/c && rm -r a && cat .git/config && ls .git/hooks") == 0,
		      "%s", result.output);
	ck_assert_int_eq(outside(kept, "test -f .git/i2"), 0);
}
END_TEST

/* ---- visibility ---- */

START_TEST(a_masked_name_says_access_denied_and_others_do_not_exist)
{
	struct sandbox_plan plan;
	char kept[256], hidden[256];

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	IGNORE(snprintf(hidden, sizeof(hidden), "%s", sandbox_workspace("home")) < 0);
	ck_assert_int_eq(outside(hidden, "mkdir .ssh && echo key > .ssh/id && echo k > token"), 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_MASK, NULL, path_in(hidden, ".ssh"), MOUNT_MASK_ALWAYS | MOUNT_IS_DIR);
	plan_add_mount(&plan, MOUNT_MASK, NULL, path_in(hidden, "token"), 0); /* not visible: nothing to do */
	char script[SCRIPT_MAX];
	IGNORE(snprintf(script, sizeof(script), "cat %s/.ssh/id; ls %s/.ssh; cat %s/token; cat /etc/shadow", hidden,
			hidden, hidden) < 0);
	ck_assert_int_ne(inside(&plan, script), 0);
	ck_assert_msg(output_has("/.ssh/id: Permission denied"), "%s", result.output);
	ck_assert_msg(output_has("/.ssh': Permission denied"), "%s", result.output);
	ck_assert_msg(output_has("/token: No such file"), "%s", result.output);
	ck_assert_msg(output_has("/etc/shadow: No such file"), "%s", result.output);
	ck_assert_int_eq(outside(hidden, "cat .ssh/id token"), 0);
}
END_TEST

START_TEST(a_read_only_source_cannot_be_written)
{
	struct sandbox_plan plan;
	char kept[256], shared[256], script[SCRIPT_MAX];

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	IGNORE(snprintf(shared, sizeof(shared), "%s", sandbox_workspace("shared")) < 0);
	ck_assert_int_eq(outside(shared, "echo one > file"), 0);
	IGNORE(snprintf(script, sizeof(script), "cat %s/file && echo two > %s/file", shared, shared) < 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, shared, shared, 0);
	ck_assert_int_ne(inside(&plan, script), 0);
	ck_assert_msg(output_has("one\n") && output_has("Read-only file system"), "%s", result.output);
	ck_assert_int_eq(outside(shared, script), 0);
}
END_TEST

static void expect_stage(struct sandbox_plan *plan, const char *text)
{
	struct sandbox sandbox;
	struct init_message message;

	plan_shell(plan, "echo executed");
	sandbox_start(&sandbox, plan);
	message = sandbox_message(&sandbox);
	ck_assert_uint_eq(message.kind, INIT_STAGE_FAILED);
	ck_assert_msg(strstr(message.text, text) != NULL, "want '%s' in '%s'", text, message.text);
	sandbox_read_output(&sandbox, result.output, sizeof(result.output));
	ck_assert_str_eq(result.output, "");
	sandbox_end(&sandbox);
}

START_TEST(a_source_is_looked_up_with_the_caller_s_rights_and_without_links)
{
	struct sandbox_plan plan;
	char kept[256], private[256];

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	IGNORE(snprintf(private, sizeof(private), "%s", sandbox_workspace("private")) < 0);
	ck_assert_int_eq(outside(private, "mkdir sub && ln -s sub link"), 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, path_in(private, "link"), "/data", 0);
	expect_stage(&plan, "ELOOP");
	/* The control: the directory behind the link. */
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, path_in(private, "sub"), "/data", 0);
	ck_assert_int_eq(inside(&plan, "ls /data"), 0);
	/* The same directory when only root could get there. */
	ck_assert_int_eq(chown(private, 0, 0), 0);
	ck_assert_int_eq(chmod(private, 0700), 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, path_in(private, "sub"), "/data", 0);
	expect_stage(&plan, "EACCES");
}
END_TEST

START_TEST(a_missing_source_fails_unless_it_is_optional)
{
	struct sandbox_plan plan;
	char kept[256];

	NEEDS(FEATURE_MOUNT_API);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, "/no/such/thing", "/data", 0);
	expect_stage(&plan, "/no/such/thing");
	plan_start(&plan, kept);
	plan_add_mount(&plan, MOUNT_BIND_RO, "/no/such/thing", "/data", MOUNT_OPTIONAL);
	ck_assert_int_eq(inside(&plan, "test ! -e /data"), 0);
}
END_TEST

START_TEST(root_s_files_are_the_run_s_on_an_idmapped_workspace)
{
	struct sandbox_plan plan;
	char kept[256];
	struct stat st;

	NEEDS(FEATURE_IDMAP);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	ck_assert_int_eq(chown(kept, 0, 0), 0);
	ck_assert_int_eq(outside_as(0, kept, "echo mine > old && chmod 600 old", &result), 0);
	plan_start(&plan, kept);
	plan.head.owner_uid = 0;
	plan.mounts[plan.mount_count - 1].flags = MOUNT_IDMAP;
	ck_assert_msg(inside(&plan, "id -u && stat -c %u old && cat old && echo more >> old && echo x > new") == 0,
		      "%s", result.output);
	ck_assert_msg(output_has("61234\n61234\nmine\n"), "%s", result.output);
	ck_assert_int_eq(stat(path_in(kept, "new"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_gid, 0);
	/* The control: without the map the run is a stranger there. */
	plan_start(&plan, kept);
	ck_assert_int_ne(inside(&plan, "cat old"), 0);
}
END_TEST

START_TEST(a_file_system_without_id_maps_is_a_missing_feature)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	struct init_message message;
	char kept[256];

	NEEDS(FEATURE_IDMAP);
	IGNORE(snprintf(kept, sizeof(kept), "%s", sandbox_workspace("w")) < 0);
	/* In a mount namespace of this test's own. */
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", kept, "ramfs", 0, NULL), 0);
	plan_start(&plan, kept);
	plan.head.owner_uid = 0;
	plan.mounts[plan.mount_count - 1].flags = MOUNT_IDMAP;
	plan_shell(&plan, "true");
	sandbox_start(&sandbox, &plan);
	message = sandbox_message(&sandbox);
	ck_assert_uint_eq(message.kind, INIT_STAGE_FAILED);
	ck_assert_msg(message.error == -EOPNOTSUPP, "%s", message.text);
	sandbox_end(&sandbox);
	ck_assert_int_eq(umount(kept), 0);
}
END_TEST

static const char *const proc_attempts[] = {
	"echo x > /proc/self/comm", "echo 0 > /proc/self/oom_score_adj", "echo 1 > /proc/sys/kernel/hostname",
	"echo c > /proc/sysrq-trigger", "cat /proc/keys", "cat /proc/kallsyms", "ls /proc/acpi/x",
	"test -w /proc/sys/vm/swappiness",
};

START_TEST(proc_is_read_only_and_covered)
{
	struct sandbox_plan plan;

	NEEDS(FEATURE_MOUNT_API);
	plan_start(&plan, sandbox_workspace("w"));
	ck_assert_msg(inside(&plan, proc_attempts[_i]) != 0, "'%s' works", proc_attempts[_i]);
}
END_TEST

START_TEST(the_same_proc_is_writable_outside)
{
	NEEDS_ROOT();
	ck_assert_int_eq(outside("/", "echo x > /proc/self/comm && echo 0 > /proc/self/oom_score_adj"), 0);
	ck_assert_int_eq(outside_as(0, "/", "cat /proc/keys /proc/kallsyms > /dev/null && test -w /proc/sys/vm/swappiness",
				    &result), 0);
}
END_TEST

START_TEST(dev_is_minimal_and_works)
{
	struct sandbox_plan plan;

	NEEDS(FEATURE_MOUNT_API);
	plan_start(&plan, sandbox_workspace("w"));
	ck_assert_msg(inside(&plan, "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | "
			     "wc -c && echo y > /dev/shm/z && ls /dev | tr '\\n' ' ' && ! touch /dev/x") == 0,
		      "%s", result.output);
	ck_assert_msg(output_has("4\n4\nfd full null ptmx pts random shm stderr stdin stdout tty urandom zero "),
		      "%s", result.output);
}
END_TEST

/* ---- calls ---- */

struct call_case {
	const char *name;
	long nr;
	const char *args;    /* after the number, for perl's syscall() */
	int want;            /* errno inside */
};

/* Arguments with which the kernel itself answers anything but `want` to root outside. */
static const struct call_case calls[] = {
	{ "ptrace", SYS_ptrace, "-1, 0, 0, 0", EPERM },
	{ "process_vm_readv", SYS_process_vm_readv, "$$, 0, 0, 0, 0, 0", EPERM },
	{ "kcmp", SYS_kcmp, "$$, $$, 1, 0, 0", EPERM },
	{ "unshare", SYS_unshare, "0", EPERM },
	{ "setns", SYS_setns, "-1, 0", EPERM },
	{ "mount", SYS_mount, "0, 0, 0, 0, 0", EPERM },
	{ "umount2", SYS_umount2, "0, 0", EPERM },
	{ "open_tree", SYS_open_tree, "-1, 0, 0", EPERM },
	{ "fsopen", SYS_fsopen, "0, 0", EPERM },
	{ "chroot", SYS_chroot, "0", EPERM },
	{ "keyctl", SYS_keyctl, "0, -3, 0, 0, 0", EPERM },
	{ "io_uring_setup", SYS_io_uring_setup, "0, 0", EPERM },
	{ "bpf", SYS_bpf, "-1, 0, 0", EPERM },
	{ "perf_event_open", SYS_perf_event_open, "0, 0, 0, 0, 0", EPERM },
	{ "open_by_handle_at", SYS_open_by_handle_at, "-1, 0, 0", EPERM },
	{ "clone3", SYS_clone3, "0, 0", ENOSYS },
	{ "clone NEWUSER and THREAD", SYS_clone, "0x10010000, 0, 0, 0, 0", EPERM },
	{ "socket PACKET", SYS_socket, "17, 99, 0", EPERM },
	{ "seccomp listener", SYS_seccomp, "1, 8, 0", EPERM },
	{ "personality", SYS_personality, "0x0400000", EPERM },
	{ "mknod of a device", SYS_mknod, "0, 020600, 0", EPERM },
};

START_TEST(a_forbidden_call_is_refused_by_the_filter)
{
	const struct call_case *call = &calls[_i];
	struct sandbox_plan plan;
	char script[SCRIPT_MAX];

	NEEDS(FEATURE_SECCOMP);
	IGNORE(snprintf(script, sizeof(script), "perl -e 'exit(syscall(%ld, %s) == -1 ? $! + 0 : 0)'", call->nr,
			call->args) < 0);
	plan_start(&plan, sandbox_workspace("w"));
	ck_assert_msg(inside(&plan, script) == call->want, "%s: errno %s", call->name,
		      errno_name(WEXITSTATUS(result.last.value)));
	ck_assert_msg(outside_as(0, "/", script, &result) != call->want, "control: %s is refused outside, too", call->name);
}
END_TEST

START_TEST(the_plan_s_filter_is_stacked_under_the_base)
{
	const struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_mkdir },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EDOM },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	const char *script = "perl -e 'mkdir(\"d\") or exit($! + 0)'";
	struct sandbox_plan plan;

	NEEDS(FEATURE_SECCOMP);
	plan_start(&plan, sandbox_workspace("w"));
	memcpy(plan.filter, code, sizeof(code));
	plan.filter_count = COUNT(code);
	ck_assert_int_eq(inside(&plan, script), EDOM);
	plan_start(&plan, sandbox_workspace("w"));
	ck_assert_int_eq(inside(&plan, script), 0);
}
END_TEST

/* ---- Landlock ---- */

START_TEST(an_abstract_socket_of_the_host_is_out_of_reach)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sandbox_plan plan;
	char script[SCRIPT_MAX];
	int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "bailiff-test-%d", getpid());

	NEEDS(FEATURE_LANDLOCK_SCOPE);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	IGNORE(snprintf(script, sizeof(script), "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) or exit 90; "
			"connect(S, pack(\"Sxa*\", AF_UNIX, \"%s\")) or exit($! + 0)'", address.sun_path + 1) < 0);
	/* In the host's network namespace: else the name would not exist in any case. */
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.network_mode = NETWORK_HOST;
	ck_assert_int_eq(inside(&plan, script), EPERM);
	ck_assert_int_eq(outside("/", script), 0);
	fd_close(listener);
}
END_TEST

START_TEST(what_is_in_force_is_reported)
{
	const uint32_t want = 1U << FEATURE_NAMESPACES | 1U << FEATURE_SECCOMP | 1U << FEATURE_LANDLOCK |
			      1U << FEATURE_MOUNT_API | 1U << FEATURE_CGROUP_V2 | 1U << FEATURE_LIMIT_PIDS;
	struct sandbox_plan plan;
	struct sandbox sandbox;

	NEEDS(FEATURE_LANDLOCK);
	NEEDS(FEATURE_LIMIT_PIDS);
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "true");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	ck_assert_msg((sandbox.in_force & want) == want, "0x%x of 0x%x", sandbox.in_force, want);
	ck_assert_uint_eq(sandbox.in_force & 1U << FEATURE_LIMIT_MEMORY, 0); /* not asked for */
	ck_assert_uint_gt(sandbox.landlock_abi, 0);
	sandbox_end(&sandbox);
}
END_TEST

/* ---- the broker ---- */

static pid_t broker_of(const struct sandbox *sandbox)
{
	auto_close int fd = openat(sandbox->launched.cgroup.dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char procs[1024] = { 0 }, path[64], name[32];
	const char *at = procs;
	int pid, used;

	ck_assert_int_gt(io_read(fd, procs, sizeof(procs) - 1), 0);
	for (; sscanf(at, "%d\n%n", &pid, &used) == 1; at += used) {
		auto_close int comm = FD_NONE;
		ssize_t len;

		IGNORE(snprintf(path, sizeof(path), "/proc/%d/comm", pid) < 0);
		comm = open(path, O_RDONLY | O_CLOEXEC);
		len = io_read(comm, name, sizeof(name) - 1);
		if (len > 0 && strncmp(name, "bailiff-broker", 14) == 0)
			return pid;
	}
	return 0;
}

START_TEST(a_run_without_its_broker_ends)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	struct pollfd end = { .events = POLLIN };
	pid_t broker;

	NEEDS(FEATURE_SECCOMP_NOTIFY);
	plan_start(&plan, sandbox_workspace("broker"));
	plan.head.flags = PLAN_BROKER;
	plan_shell(&plan, "echo x > made; exec sleep 60");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	ck_assert_msg(sandbox.in_force & 1U << FEATURE_SECCOMP_NOTIFY, "not in force");
	broker = broker_of(&sandbox);
	ck_assert_int_gt(broker, 0);
	end.fd = sandbox.launched.init_pidfd;
	ck_assert_int_eq(poll(&end, 1, 100), 0); /* control: it lives */
	ck_assert_int_eq(kill(broker, SIGKILL), 0);
	ck_assert_msg(poll(&end, 1, WAIT_MS) == 1, "the run lives without its broker");
	sandbox_end(&sandbox);
}
END_TEST

START_TEST(a_run_without_the_flag_has_no_broker)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;

	NEEDS(FEATURE_SECCOMP_NOTIFY);
	plan_start(&plan, sandbox_workspace("none"));
	plan_shell(&plan, "exec sleep 60");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	ck_assert_int_eq(broker_of(&sandbox), 0);
	ck_assert_uint_eq(sandbox.in_force & 1U << FEATURE_SECCOMP_NOTIFY, 0);
	sandbox_end(&sandbox);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("init");
	TCase *tcase = sandbox_case(suite, "files");

	tcase_add_loop_test(tcase, a_protected_name_can_be_neither_changed_nor_moved_away, 0, (int)COUNT(attempts));
	tcase_add_test(tcase, beside_protected_names_work_goes_on);
	tcase_add_test(tcase, a_masked_name_says_access_denied_and_others_do_not_exist);
	tcase_add_test(tcase, a_read_only_source_cannot_be_written);
	tcase_add_test(tcase, a_source_is_looked_up_with_the_caller_s_rights_and_without_links);
	tcase_add_test(tcase, a_missing_source_fails_unless_it_is_optional);
	tcase_add_test(tcase, root_s_files_are_the_run_s_on_an_idmapped_workspace);
	tcase_add_test(tcase, a_file_system_without_id_maps_is_a_missing_feature);
	tcase_add_loop_test(tcase, proc_is_read_only_and_covered, 0, (int)COUNT(proc_attempts));
	tcase_add_test(tcase, the_same_proc_is_writable_outside);
	tcase_add_test(tcase, dev_is_minimal_and_works);
	tcase = sandbox_case(suite, "calls");
	tcase_add_loop_test(tcase, a_forbidden_call_is_refused_by_the_filter, 0, (int)COUNT(calls));
	tcase_add_test(tcase, the_plan_s_filter_is_stacked_under_the_base);
	tcase = sandbox_case(suite, "landlock");
	tcase_add_test(tcase, an_abstract_socket_of_the_host_is_out_of_reach);
	tcase_add_test(tcase, what_is_in_force_is_reported);
	TCase *broker = tcase_create("the broker");

	tcase_add_unchecked_fixture(broker, sandbox_setup, sandbox_teardown);
	tcase_add_test(broker, a_run_without_its_broker_ends);
	tcase_add_test(broker, a_run_without_the_flag_has_no_broker);
	suite_add_tcase(suite, broker);
	return suite;
}
