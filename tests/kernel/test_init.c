/* SPDX-License-Identifier: Apache-2.0 */
/* What is visible, what is refused and by whom, and the terminal. Each refusal has a twin that runs
 * the same script outside, as the same user, and succeeds. */
#include <grp.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <termios.h>

#include "kernel/sandbox.h"
#include "lib/runner.h"

#define SCRIPT_MAX 2048

static struct sandbox_result result;

static bool output_has(const char *text)
{
	return strstr(result.output, text) != NULL;
}

/* The control: `script` in `directory` as `uid`, without any sandbox. Returns its exit status, -1 on
 * a signal; the output goes to result.output. */
static int outside_as(uid_t uid, const char *directory, const char *script)
{
	int out[2], status;
	ssize_t len;
	pid_t pid;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		gid_t gid = uid;

		if (dup2(out[1], 1) < 0 || dup2(out[1], 2) < 0 || setgroups(1, &gid) < 0 ||
		    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0 || chdir(directory) < 0)
			_exit(99);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(98);
	}
	close(out[1]);
	len = io_read(out[0], result.output, sizeof(result.output) - 1);
	ck_assert_int_ge(len, 0);
	result.output[len] = '\0';
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int outside(const char *directory, const char *script)
{
	return outside_as(TEST_UID, directory, script);
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

	IGNORE(snprintf(to, sizeof(path[0]), "%s/%s", directory, name) < 0);
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
	ck_assert_int_eq(outside_as(0, kept, "echo mine > old && chmod 600 old"), 0);
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
	ck_assert_int_eq(outside_as(0, "/", "cat /proc/keys /proc/kallsyms > /dev/null && test -w /proc/sys/vm/swappiness"), 0);
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
	ck_assert_msg(outside_as(0, "/", script) != call->want, "control: %s is refused outside, too", call->name);
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

/* ---- stdin, stdout, stderr ---- */

static void expect_stdin(int fd, bool good)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), self = sys_pidfd_open(getpid(), 0);
	struct sandbox sandbox = { .launched = LAUNCHED_NONE, .output = FD_NONE };
	struct init_message message;
	struct sandbox_plan plan;
	struct error err = { 0 };

	ck_assert_int_ge(fd, 0);
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "true");
	ck_assert_int_eq(sandbox_start_with(&sandbox, &plan, (int[]){ fd, null, null }, FD_NONE, self, &err), 0);
	message = sandbox_message(&sandbox);
	if (good)
		ck_assert_msg(message.kind == INIT_READY, "refused: %s", message.text);
	else
		ck_assert_msg(message.kind == INIT_STAGE_FAILED && strncmp(message.text, "stdio: ", 7) == 0,
			      "message %u: %s", message.kind, message.text);
	sandbox_end(&sandbox);
	fd_close(null);
	fd_close(self);
	fd_close(fd);
}

START_TEST(a_descriptor_that_reaches_beyond_itself_is_refused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEEDS_ROOT();
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	expect_stdin(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), false);
	expect_stdin(open("/etc/passwd", O_PATH | O_CLOEXEC), false);
	expect_stdin(open("/dev/zero", O_RDONLY | O_CLOEXEC), false);
	expect_stdin(listener, false);
	expect_stdin(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), false);
	expect_stdin(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), false);
	expect_stdin(memfd_create("x", MFD_CLOEXEC), true);
}
END_TEST

START_TEST(a_file_a_pipe_and_a_socket_pair_are_taken)
{
	int ends[2];

	NEEDS_ROOT();
	expect_stdin(open("/etc/passwd", O_RDONLY | O_CLOEXEC), true);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	expect_stdin(ends[0], true);
	fd_close(ends[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	expect_stdin(ends[0], true);
	fd_close(ends[1]);
}
END_TEST

/* ---- the terminal ---- */

struct terminal {
	struct sandbox sandbox;
	int caller_master, master, session;
	char seen[4096];
	size_t seen_len;
};

static void terminal_start(struct terminal *terminal, const char *script)
{
	struct winsize size = { .ws_row = 33, .ws_col = 101 };
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct session_message message;
	struct sandbox_plan plan;
	struct error err = { 0 };
	struct pollfd pty;
	int slave, pair[2], self = sys_pidfd_open(getpid(), 0);

	*terminal = (struct terminal){ .sandbox = { .launched = LAUNCHED_NONE, .output = FD_NONE } };
	ck_assert_int_eq(openpty(&terminal->caller_master, &slave, NULL, NULL, &size), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	plan_start(&plan, sandbox_workspace("w"));
	plan.head.flags = PLAN_TERMINAL_IN | PLAN_TERMINAL_OUT | PLAN_TERMINAL_ERR;
	plan_shell(&plan, script);
	ck_assert_int_eq(sandbox_start_with(&terminal->sandbox, &plan, (int[]){ slave, slave, slave }, pair[1],
					    self, &err), 0);
	fd_close(slave);
	fd_close(pair[1]);
	fd_close(self);
	terminal->session = pair[0];
	sandbox_ready(&terminal->sandbox);
	pty = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	ck_assert_msg(poll(&pty, 1, WAIT_MS) == 1, "no terminal is handed over");
	ck_assert_int_eq(fdpass_receive(pair[0], &message, sizeof(message), &fds, 0), sizeof(message));
	ck_assert_uint_eq(message.kind, SESSION_PTY);
	ck_assert_uint_eq(fds.count, 1);
	terminal->master = TAKE_FD(fds.fds[0]);
}

static void terminal_expect(struct terminal *terminal, const char *text)
{
	struct pollfd fd = { .fd = terminal->master, .events = POLLIN };

	while (!strstr(terminal->seen, text)) {
		ssize_t len;

		ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "no '%s' in '%s'", text, terminal->seen);
		len = read(terminal->master, terminal->seen + terminal->seen_len,
			   sizeof(terminal->seen) - 1 - terminal->seen_len);
		ck_assert_msg(len > 0, "closed without '%s': '%s'", text, terminal->seen);
		terminal->seen_len += (size_t)len;
	}
}

static struct session_message terminal_message(const struct terminal *terminal)
{
	struct pollfd fd = { .fd = terminal->session, .events = POLLIN };
	struct session_message message;

	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "no word on the session");
	ck_assert_int_eq(recv(terminal->session, &message, sizeof(message), 0), sizeof(message));
	return message;
}

static void terminal_end(struct terminal *terminal)
{
	fd_close(terminal->master);
	fd_close(terminal->caller_master);
	fd_close(terminal->session);
	sandbox_end(&terminal->sandbox);
}

START_TEST(the_command_gets_a_terminal_of_its_own)
{
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "tty; stty size; test -t 2 && test -w /dev/tty && echo ok; "
		       "ps -o tpgid=,pgid= -p $$ | tr -s ' '; echo done");
	terminal_expect(&terminal, "/dev/pts/0");
	terminal_expect(&terminal, "33 101");
	terminal_expect(&terminal, "ok");
	terminal_expect(&terminal, "2 2"); /* it is the foreground group */
	terminal_expect(&terminal, "done");
	ck_assert_uint_eq(terminal_message(&terminal).kind, SESSION_EXIT);
	terminal_end(&terminal);
}
END_TEST

START_TEST(typing_into_the_terminal_by_ioctl_is_refused)
{
	static const char script[] = "perl -e '$c = \"x\"; for (0x5412, 0x7fffffff00005412, 0x541c, 0x5423) "
		"{ syscall(16, 0, $_, $c); print $!+0, \" \"; } print \"end\\n\"'";
	struct terminal terminal;

	NEEDS(FEATURE_SECCOMP);
	terminal_start(&terminal, script);
	terminal_expect(&terminal, "1 1 1 1 end");
	terminal_end(&terminal);
	/* Without a terminal: ENOTTY or EINVAL, the call itself is not refused. */
	ck_assert_int_eq(outside("/", script), 0);
	ck_assert_msg(!output_has("1 1 1 1 end"), "%s", result.output);
}
END_TEST

START_TEST(ctrl_z_stops_the_command_and_the_session_brings_it_back)
{
	struct session_message message, go = { .version = WIRE_VERSION, .kind = SESSION_CONTINUE };
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "echo started; exec perl -e '$SIG{CONT} = sub { print \"again\\n\" }; $| = 1; "
		       "sleep 100; sleep 100'");
	terminal_expect(&terminal, "started");
	/* perl has to be there, not the shell, which would die of the signals differently. */
	while (1) {
		ck_assert_int_eq(io_write(terminal.master, "\032", 1), 0);
		message = terminal_message(&terminal);
		if (message.kind == SESSION_STOPPED)
			break;
	}
	ck_assert_int_eq(message.signal, SIGTSTP);
	ck_assert_int_eq(send(terminal.session, &go, sizeof(go), 0), sizeof(go));
	ck_assert_uint_eq(terminal_message(&terminal).kind, SESSION_CONTINUED);
	ck_assert_int_eq(io_write(terminal.master, "\003", 1), 0);
	message = terminal_message(&terminal);
	ck_assert_uint_eq(message.kind, SESSION_EXIT);
	ck_assert(WIFSIGNALED(message.value) && WTERMSIG(message.value) == SIGINT);
	terminal_end(&terminal);
}
END_TEST

START_TEST(a_signal_from_the_session_goes_to_the_foreground)
{
	struct session_message message = { .version = WIRE_VERSION, .kind = SESSION_SIGNAL, .signal = SIGTERM };
	struct terminal terminal;

	NEEDS_ROOT();
	terminal_start(&terminal, "trap 'exit 9' TERM; echo started; while :; do sleep 0.05; done");
	terminal_expect(&terminal, "started");
	ck_assert_int_eq(send(terminal.session, &message, sizeof(message), 0), sizeof(message));
	message = terminal_message(&terminal);
	ck_assert_uint_eq(message.kind, SESSION_EXIT);
	ck_assert_int_eq(WEXITSTATUS(message.value), 9);
	terminal_end(&terminal);
}
END_TEST

/* ---- NOTIFY_SOCKET ---- */

START_TEST(a_beat_reaches_the_supervisor)
{
	struct sandbox_plan plan;
	struct sandbox sandbox;
	struct init_message message;

	NEEDS_ROOT();
	plan_start(&plan, sandbox_workspace("w"));
	plan_shell(&plan, "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_DGRAM, 0); send(S, \"WATCHDOG=1\\nSTATUS=at work\\n\", 0, "
		   "pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or exit 1; sleep 100'");
	sandbox_start(&sandbox, &plan);
	sandbox_ready(&sandbox);
	message = sandbox_message(&sandbox);
	ck_assert_uint_eq(message.kind, INIT_NOTIFY);
	ck_assert_uint_eq(message.notify, NOTIFY_WATCHDOG | NOTIFY_STATUS);
	ck_assert_str_eq(message.text, "at work");
	sandbox_end(&sandbox);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, sandbox_setup, sandbox_teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	return tcase;
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("init");
	TCase *tcase = add_case(suite, "files");

	tcase_add_loop_test(tcase, a_protected_name_can_be_neither_changed_nor_moved_away, 0, (int)COUNT(attempts));
	tcase_add_test(tcase, beside_protected_names_work_goes_on);
	tcase_add_test(tcase, a_masked_name_says_access_denied_and_others_do_not_exist);
	tcase_add_test(tcase, a_read_only_source_cannot_be_written);
	tcase_add_test(tcase, a_source_is_looked_up_with_the_caller_s_rights_and_without_links);
	tcase_add_test(tcase, a_missing_source_fails_unless_it_is_optional);
	tcase_add_test(tcase, root_s_files_are_the_run_s_on_an_idmapped_workspace);
	tcase_add_loop_test(tcase, proc_is_read_only_and_covered, 0, (int)COUNT(proc_attempts));
	tcase_add_test(tcase, the_same_proc_is_writable_outside);
	tcase_add_test(tcase, dev_is_minimal_and_works);
	tcase = add_case(suite, "calls");
	tcase_add_loop_test(tcase, a_forbidden_call_is_refused_by_the_filter, 0, (int)COUNT(calls));
	tcase_add_test(tcase, the_plan_s_filter_is_stacked_under_the_base);
	tcase = add_case(suite, "landlock");
	tcase_add_test(tcase, an_abstract_socket_of_the_host_is_out_of_reach);
	tcase_add_test(tcase, what_is_in_force_is_reported);
	tcase = add_case(suite, "stdio");
	tcase_add_test(tcase, a_descriptor_that_reaches_beyond_itself_is_refused);
	tcase_add_test(tcase, a_file_a_pipe_and_a_socket_pair_are_taken);
	tcase = add_case(suite, "terminal");
	tcase_add_test(tcase, the_command_gets_a_terminal_of_its_own);
	tcase_add_test(tcase, typing_into_the_terminal_by_ioctl_is_refused);
	tcase_add_test(tcase, ctrl_z_stops_the_command_and_the_session_brings_it_back);
	tcase_add_test(tcase, a_signal_from_the_session_goes_to_the_foreground);
	tcase = add_case(suite, "notify");
	tcase_add_test(tcase, a_beat_reaches_the_supervisor);
	return suite;
}
