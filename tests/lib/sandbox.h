/* SPDX-License-Identifier: Apache-2.0 */
/* Plans put together by hand and run: the fixture of test_launch.c and test_init.c. One test program
 * is one process group of one cgroup instance; sandbox_teardown() leaves nothing. */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/fdpass.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "base/ulid.h"
#include "daemon/wire.h"
#include "launch/cgroup.h"
#include "launch/launch.h"
#include "launch/spare.h"
#include "plan/plan.h"

#define TEST_UID 61234U
#define TEST_GID 61234U
#define INIT_UID 61235U
#define OUTPUT_MAX 65536U
#define WAIT_MS 5000U

struct sandbox_plan {
	struct plan_head head;
	struct buf strings, argv, env;
	struct plan_mount mounts[64];
	uint32_t mount_count;
	struct plan_secret secrets[PLAN_SECRETS_MAX];
	uint32_t secret_count;
	struct sock_filter filter[16];
	uint32_t filter_count;
};

static inline struct plan_text plan_add_text(struct sandbox_plan *plan, const char *text)
{
	struct plan_text at = { .offset = (uint32_t)plan->strings.len, .len = (uint32_t)strlen(text) };

	ck_assert_int_eq(buf_append(&plan->strings, text, at.len + 1U), 0);
	return at;
}

static inline struct plan_mount *plan_add_mount(struct sandbox_plan *plan, enum plan_mount_kind kind,
						const char *source, const char *target, uint32_t flags)
{
	struct plan_mount *mount = &plan->mounts[plan->mount_count++];

	ck_assert_uint_lt(plan->mount_count, COUNT(plan->mounts));
	*mount = (struct plan_mount){ .kind = kind, .flags = flags };
	if (source)
		mount->source = plan_add_text(plan, source);
	mount->target = plan_add_text(plan, target);
	return mount;
}

static inline bool is_symlink(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* A system to run programs in: /usr, its aliases, /proc, /dev, /tmp, and `workspace` writable. */
static inline void plan_start(struct sandbox_plan *plan, const char *workspace)
{
	static const char *const tops[] = { "bin", "sbin", "lib", "lib64" };

	*plan = (struct sandbox_plan){ .head = { .magic = PLAN_MAGIC, .version = PLAN_VERSION } };
	plan->strings = buf_growing(PLAN_STRINGS_MAX);
	plan->argv = buf_growing(PLAN_ARGV_MAX);
	plan->env = buf_growing(PLAN_ENV_MAX);
	plan_add_text(plan, "");
	plan->head.uid = TEST_UID;
	plan->head.gid = TEST_GID;
	plan->head.owner_uid = TEST_UID;
	plan->head.umask = 022;
	plan->head.network_mode = NETWORK_NONE;
	plan->head.workspace_mode = WORKSPACE_DIRECT;
	plan->head.on_supervisor_loss = LOSS_KILL;
	plan->head.tier = 2;
	plan->head.limits.pids = 64;
	plan->head.responses[SEVERITY_HIGH].bits = RESPONSE_REVOKE;
	plan->head.responses[SEVERITY_CRITICAL].bits = RESPONSE_REVOKE;
	plan->head.heartbeat.ttl_ns = 60000000000ULL;
	plan_add_mount(plan, MOUNT_BIND_RO, "/usr", "/usr", 0);
	for (size_t i = 0; i < COUNT(tops); i++) {
		char path[16], link[16];

		IGNORE(snprintf(path, sizeof(path), "/%s", tops[i]) < 0);
		IGNORE(snprintf(link, sizeof(link), "usr/%s", tops[i]) < 0);
		if (is_symlink(path))
			plan_add_mount(plan, MOUNT_SYMLINK, link, path, 0);
		else
			plan_add_mount(plan, MOUNT_BIND_RO, path, path, MOUNT_OPTIONAL);
	}
	plan_add_mount(plan, MOUNT_PROC, NULL, "/proc", 0);
	plan_add_mount(plan, MOUNT_DEV, NULL, "/dev", 0);
	plan_add_mount(plan, MOUNT_TMPFS, NULL, "/tmp", 0)->mode = 01777;
	plan_add_mount(plan, MOUNT_BIND_RW, workspace, workspace, 0);
	plan->head.cwd = plan_add_text(plan, workspace);
	plan->head.workspace = plan_add_text(plan, workspace);
	plan->head.agent = plan_add_text(plan, "test");
	plan->head.policy_name = plan_add_text(plan, "test");
	plan->head.owner_name = plan_add_text(plan, "test");
	plan->head.hostname = plan_add_text(plan, "sandbox");
	ck_assert_int_eq(buf_append(&plan->env, "PATH=/usr/bin:/bin", 19), 0);
}

static inline void plan_command(struct sandbox_plan *plan, const char *const *argv)
{
	plan->head.program = plan_add_text(plan, argv[0]);
	for (; *argv; argv++)
		ck_assert_int_eq(buf_append(&plan->argv, *argv, strlen(*argv) + 1), 0);
}

static inline void plan_shell(struct sandbox_plan *plan, const char *script)
{
	plan_command(plan, (const char *const[]){ "/bin/sh", "-c", script, NULL });
}

static inline void plan_section(struct buf *out, struct plan_head *head, enum plan_section section,
				const void *bytes, size_t len, size_t count)
{
	if (count == 0)
		return;
	ck_assert_int_eq(buf_align(out, 8), 0);
	head->sections[section] = (struct plan_range){ (uint32_t)out->len, (uint32_t)count };
	ck_assert_int_eq(buf_append(out, bytes, len), 0);
}

/* The plan as a sealed memfd; releases what was collected. */
static inline int plan_finish(struct sandbox_plan *plan)
{
	struct buf out = buf_growing(PLAN_BYTES_MAX);
	static const uint32_t groups[] = { TEST_GID };
	int fd = FD_NONE;

	if (plan->filter_count == 0) /* a plan always has a filter: this one adds nothing */
		plan->filter[plan->filter_count++] = (struct sock_filter){
			BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	ck_assert_ptr_nonnull(buf_reserve(&out, sizeof(plan->head)));
	plan_section(&out, &plan->head, PLAN_STRINGS, plan->strings.data, plan->strings.len,
		     plan->strings.len);
	plan_section(&out, &plan->head, PLAN_PATHS, NULL, 0, 0);
	plan_section(&out, &plan->head, PLAN_NETS, NULL, 0, 0);
	plan_section(&out, &plan->head, PLAN_MOUNTS, plan->mounts,
		     plan->mount_count * sizeof(plan->mounts[0]), plan->mount_count);
	plan_section(&out, &plan->head, PLAN_GROUPS, groups, sizeof(groups), 1);
	plan_section(&out, &plan->head, PLAN_FILTER, plan->filter,
		     plan->filter_count * sizeof(plan->filter[0]), plan->filter_count);
	plan_section(&out, &plan->head, PLAN_ARGV, plan->argv.data, plan->argv.len, plan->argv.len);
	plan_section(&out, &plan->head, PLAN_ENV, plan->env.data, plan->env.len, plan->env.len);
	plan_section(&out, &plan->head, PLAN_DOC, "{}", 2, 2);
	plan_section(&out, &plan->head, PLAN_SECRETS, plan->secrets, plan->secret_count * sizeof(plan->secrets[0]),
		     plan->secret_count);
	ck_assert_int_eq(buf_align(&out, 8), 0);
	plan->head.bytes = (uint32_t)out.len;
	memcpy(out.data, &plan->head, sizeof(plan->head));
	ck_assert_int_eq(io_sealed_memfd("plan", out.data, out.len, &fd), 0);
	buf_finish(&out);
	buf_finish(&plan->strings);
	buf_finish(&plan->argv);
	buf_finish(&plan->env);
	return fd;
}

/* ---- running ---- */

struct sandbox {
	struct launched launched;
	struct plan plan;
	int plan_fd, output, session;    /* output: read end of stdout and stderr */
	uint32_t in_force, landlock_abi;
};

struct sandbox_result {
	struct init_message last;        /* INIT_EXITED, INIT_EXEC_FAILED or INIT_STAGE_FAILED */
	char output[OUTPUT_MAX];
};

static struct cgroup_tree sandbox_tree = { .v2_fd = FD_NONE };
static char sandbox_directory[64];
static int sandbox_init_fd = FD_NONE;

/* Of the flavour under test: the runner exports BAILIFF_BIN. */
static inline const char *sandbox_init_path(void)
{
	static char path[512];
	const char *bin = getenv("BAILIFF_BIN");

	IGNORE(snprintf(path, sizeof(path), "%s/bailiff-init", bin ? bin : "out/release/bin") < 0);
	return path;
}

static inline const char *sandbox_agent_path(void)
{
	static char path[512];
	const char *bin = getenv("BAILIFF_BIN");

	IGNORE(snprintf(path, sizeof(path), "%s/bailiff-agent", bin ? bin : "out/release/bin") < 0);
	return path;
}

/* Unchecked fixtures: they run in the privileged parent, also after a test that failed. */
static inline void sandbox_setup(void)
{
	struct error err = { 0 };
	char instance[32];

	IGNORE(snprintf(instance, sizeof(instance), "test-%d", getpid()) < 0);
	ck_assert_msg(cgroup_tree_open(instance, &sandbox_tree, &err) == 0, "%s", err.text);
	ck_assert_msg(launch_init_memfd(sandbox_init_path(), &sandbox_init_fd, &err) == 0, "%s", err.text);
	IGNORE(snprintf(sandbox_directory, sizeof(sandbox_directory), "/var/tmp/bailiff-test-XXXXXX") < 0);
	ck_assert_ptr_nonnull(mkdtemp(sandbox_directory));
	ck_assert_int_eq(chown(sandbox_directory, TEST_UID, TEST_GID), 0);
}

static inline void sandbox_teardown(void)
{
	pid_t pid;

	IGNORE(cgroup_tree_sweep(&sandbox_tree, WAIT_MS) < 0);
	cgroup_tree_close(&sandbox_tree);
	sandbox_init_fd = fd_close(sandbox_init_fd);
	pid = fork();
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", "--one-file-system", sandbox_directory, (char *)NULL);
		_exit(127);
	}
	IGNORE(waitpid(pid, NULL, 0) < 0);
}

/* A case of `suite` whose tests run between setup and teardown. */
static inline TCase *sandbox_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, sandbox_setup, sandbox_teardown);
	tcase_set_timeout(tcase, 20);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* A directory of the run's user below the test's own, with `name`. Static text. */
static inline const char *sandbox_workspace(const char *name)
{
	static char path[160];
	static unsigned int count;

	IGNORE(snprintf(path, sizeof(path), "%s/%s-%d-%u", sandbox_directory, name, getpid(), count++) < 0);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chown(path, TEST_UID, TEST_GID), 0);
	return path;
}

static struct porter *sandbox_porter; /* NULL: launches do without */
static struct spare *sandbox_spare;   /* as well; its id becomes the run's */

static inline int sandbox_start_with(struct sandbox *sandbox, struct sandbox_plan *plan,
				     const int stdio[3], int session, int supervisor_pidfd,
				     struct error *err)
{
	const struct launch_host host = {
		.init_fd = sandbox_init_fd, .supervisor_pidfd = supervisor_pidfd,
		.tree = &sandbox_tree, .init_uid = INIT_UID, .init_gid = INIT_UID,
		.porter = sandbox_porter, .agent_program = sandbox_agent_path(),
	};
	struct launch_spec spec = {
		.host = &host, .workspace_fd = FD_NONE, .spare = sandbox_spare,
		.plan = &sandbox->plan, .stdio = { stdio[0], stdio[1], stdio[2] }, .session_fd = session,
	};
	int r;

	sandbox->plan_fd = plan_finish(plan);
	r = plan_map(sandbox->plan_fd, &sandbox->plan, err);
	ck_assert_msg(r == 0, "the plan is refused: %s", err->text);
	spec.plan_fd = sandbox->plan_fd;
	if (sandbox_spare && spare_is_there(sandbox_spare))
		spec.run = sandbox_spare->run;
	else
		ck_assert_int_eq(ulid_new(&spec.run), 0);
	return launch_run(&spec, &sandbox->launched, err);
}

/* stdin is /dev/null, stdout and stderr one pipe, no session. */
static inline void sandbox_start(struct sandbox *sandbox, struct sandbox_plan *plan)
{
	struct error err = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), out[2], self, r;

	*sandbox = (struct sandbox){ .launched = LAUNCHED_NONE, .session = FD_NONE };
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	self = sys_pidfd_open(getpid(), 0);
	r = sandbox_start_with(sandbox, plan, (int[]){ null, out[1], out[1] }, FD_NONE, self, &err);
	ck_assert_msg(r == 0, "launch: %s", err.text);
	fd_close(null);
	fd_close(out[1]);
	fd_close(self);
	sandbox->output = out[0];
}

/* The next message of a kind, skipping beats. Fails after WAIT_MS. */
static inline struct init_message sandbox_message(struct sandbox *sandbox)
{
	struct init_message message = { 0 };
	struct pollfd fd = { .fd = sandbox->launched.channel_fd, .events = POLLIN };
	int r;

	ck_assert_msg(poll(&fd, 1, WAIT_MS) == 1, "pid 1 is silent");
	r = launch_receive(&sandbox->launched, &message);
	ck_assert_msg(r == 1, "pid 1 is gone without a word (%d)", r);
	return message;
}

static inline void sandbox_ready(struct sandbox *sandbox)
{
	struct init_message message = sandbox_message(sandbox);

	ck_assert_msg(message.kind == INIT_READY, "stage %u failed: %s (%s)", message.stage, message.text,
		      errno_name(message.error));
	sandbox->in_force = message.in_force | sandbox->launched.in_force;
	sandbox->landlock_abi = message.landlock_abi;
	ck_assert_int_eq(launch_go(&sandbox->launched), 0);
}

static inline void sandbox_read_output(const struct sandbox *sandbox, char *text, size_t size)
{
	ssize_t len = io_read(sandbox->output, text, size - 1);

	ck_assert_int_ge(len, 0);
	text[len] = '\0';
}

static inline void sandbox_end(struct sandbox *sandbox)
{
	int r = launched_finish(&sandbox->launched, WAIT_MS, NULL);

	ck_assert_msg(r == 0, "the run does not end: %s", errno_name(r));
	plan_unmap(&sandbox->plan);
	fd_close(sandbox->plan_fd);
	fd_close(sandbox->output);
}

/* Runs a plan to its end. */
static inline void sandbox_run(struct sandbox_plan *plan, struct sandbox_result *result)
{
	struct sandbox sandbox;

	sandbox_start(&sandbox, plan);
	sandbox_ready(&sandbox);
	do {
		result->last = sandbox_message(&sandbox);
	} while (result->last.kind == INIT_NOTIFY);
	IGNORE(cgroup_kill(&sandbox.launched.cgroup) < 0);
	sandbox_read_output(&sandbox, result->output, sizeof(result->output));
	sandbox_end(&sandbox);
}

/* Exit status of the command; fails when it did not exit by itself. */
static inline int sandbox_status(const struct sandbox_result *result)
{
	ck_assert_msg(result->last.kind == INIT_EXITED, "message %u: %s (%s)", result->last.kind,
		      result->last.text, errno_name(result->last.error));
	ck_assert_msg(WIFEXITED(result->last.value), "wait status 0x%x", (unsigned int)result->last.value);
	return WEXITSTATUS(result->last.value);
}

/* The control: `script` in `directory` as `uid`, without any sandbox. Returns its exit status, -1 on
 * a signal; the output goes to *ret. */
static inline int outside_as(uid_t uid, const char *directory, const char *script,
			     struct sandbox_result *ret)
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
	len = io_read(out[0], ret->output, sizeof(ret->output) - 1);
	ck_assert_int_ge(len, 0);
	ret->output[len] = '\0';
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
