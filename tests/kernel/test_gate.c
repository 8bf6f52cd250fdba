// SPDX-License-Identifier: Apache-2.0
/* The kernel's half of the exec gate: in a gated run only what was granted runs, and what was not dies before
 * its first instruction. The same program runs under RUN_WATCHED alone: that is the twin. */
#include <sys/ioctl.h>
#include <linux/fs.h>

#include "bpf/siphash.h"
#include "kernel/watched.h"

#define BIG (1900U << 10)

static const char *const mark_argv[] = { "touch", "ran", NULL };
static const char *const plain_env[] = { "A=1", "LANG=C", NULL };

/* What a thread executes, and what it was granted: equal, but for what a case changes. */
struct attempt {
	const char *path;
	const char *const *argv, *const *env;
	struct exec_grant grant;
	bool granted;
	void (*meanwhile)(void);   /* after the grant, before the exec, by the process itself */
};

static size_t put_strings(char *to, const char *const *list)
{
	size_t len = 0;

	for (; *list; list++) {
		memcpy(to + len, *list, strlen(*list) + 1);
		len += strlen(*list) + 1;
	}
	return len;
}

static struct exec_file file_of(const char *path)
{
	struct exec_file file = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int gen;

	ck_assert_int_eq(fstat(fd, &st), 0);
	file = (struct exec_file){ .dev = st.st_dev, .ino = st.st_ino, .size = (__u64)st.st_size,
		.change_ns = (__u64)st.st_ctim.tv_sec * 1000000000ULL + (__u64)st.st_ctim.tv_nsec };
	if (ioctl(fd, FS_IOC_GETVERSION, &gen) == 0) {
		file.gen = (__u32)gen;
		file.has_gen = 1;
	}
	close(fd);
	return file;
}

static struct exec_grant grant_for(const char *path, const char *const *argv, const char *const *env)
{
	static char strings[EXEC_BYTES_MAX];
	size_t args = put_strings(strings, argv), all = args + put_strings(strings + args, env);
	struct stat cwd;

	ck_assert_int_eq(stat(".", &cwd), 0);
	return (struct exec_grant){ .cgroup_id = cgroup_id, .file = file_of(path), .cwd_dev = cwd.st_dev,
		.cwd_ino = cwd.st_ino, .strings = watch_exec_hash(watch, strings, all),
		.arg_bytes = (__u32)args, .env_bytes = (__u32)(all - args) };
}

static void __attribute__((noreturn)) execute(const struct attempt *attempt, int go)
{
	union { const char *const *constant; char *const *plain; } argv = { attempt->argv }, env = { attempt->env };
	char byte;

	if (io_write_text(run_fd, "cgroup.procs", "0") < 0 || read(go, &byte, 1) != 1)
		_exit(120);
	if (attempt->meanwhile)
		attempt->meanwhile();
	execve(attempt->path, argv.plain, env.plain);
	_exit(121);
}

/* The wait status of the process. */
static int try(const struct attempt *attempt)
{
	int status = -1, go[2];
	pid_t pid;

	IGNORE(unlink("ran") < 0);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		execute(attempt, go[0]);
	if (attempt->granted)
		ck_assert_int_eq(watch_grant(watch, (uint32_t)pid, &attempt->grant), 0);
	ck_assert_int_eq(write(go[1], "g", 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(go[0]);
	close(go[1]);
	kept_count = 0;
	ck_assert_int_ge(watch_drain(watch), 0);
	return status;
}

static void begin_gated(void)
{
	begin_with(&(struct run_config){ .flags = RUN_WATCHED | RUN_GATED, .slot = 3 });
}

static struct attempt usual(void)
{
	struct attempt attempt = { .path = "/usr/bin/touch", .argv = mark_argv, .env = plain_env, .granted = true };

	attempt.grant = grant_for(attempt.path, attempt.argv, attempt.env);
	return attempt;
}

static void must_run(const struct attempt *attempt, const char *what)
{
	int status = try(attempt);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %x", what, status);
	ck_assert_msg(access("ran", F_OK) == 0, "%s: did not run", what);
	ck_assert(!(find(EVENT_EXEC, NULL)->head.flags & EVENT_UNGRANTED));
}

static void must_die(const struct attempt *attempt, const char *what)
{
	int status = try(attempt);
	const struct kept *event = find(EVENT_EXEC, NULL);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: status %x", what, status);
	ck_assert_msg(access("ran", F_OK) < 0, "%s: it ran", what);
	ck_assert_msg(event && event->head.flags & EVENT_UNGRANTED, "%s: not said", what);
}

START_TEST(the_rounds_are_those_of_siphash)
{
	struct sip s = sip_begin(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL);

	/* The vector of the paper: the bytes 00 to 0e under the key 00 to 0f. */
	sip_word(&s, 0x0706050403020100ULL);
	sip_word(&s, 0x0f0e0d0c0b0a0908ULL);
	ck_assert_uint_eq(sip_end(&s), 0xa129ca6149be45e5ULL);
}
END_TEST

START_TEST(what_was_granted_runs_once)
{
	struct attempt attempt;

	begin_gated();
	attempt = usual();
	must_run(&attempt, "granted");
	attempt.granted = false;
	must_die(&attempt, "never granted");
	end();
}
END_TEST

START_TEST(without_the_gate_everything_runs)
{
	struct attempt attempt;

	begin();
	attempt = usual();
	attempt.granted = false;
	must_run(&attempt, "no gate");
	end();
}
END_TEST

static void change_directory(void)
{
	IGNORE(chdir("/") < 0);
}

static void change_program(void)
{
	int fd = open("program", O_WRONLY | O_APPEND | O_CLOEXEC);

	IGNORE(write(fd, "x", 1) != 1);
	close(fd);
}

/* The same size, the same bytes: only its time says that somebody was at it. */
static void touch_program(void)
{
	char byte;
	int fd = open("program", O_RDWR | O_CLOEXEC);

	IGNORE(pread(fd, &byte, 1, 0) != 1 || pwrite(fd, &byte, 1, 0) != 1);
	close(fd);
}

static void copy_program(const char *to)
{
	char command[256];

	IGNORE(snprintf(command, sizeof(command), "cp /usr/bin/touch %s && chmod 755 %s", to, to) < 0);
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static const char *const other_argv[] = { "touch", "rax", NULL };
static const char *const more_argv[] = { "touch", "ran", "", NULL };
static const char *const joined_argv[] = { "touch", "ran", "A=1", NULL };
static const char *const other_env[] = { "A=1", "LANG=D", NULL };
static const char *const less_env[] = { "LANG=C", NULL };

START_TEST(what_differs_in_anything_dies)
{
	struct attempt attempt;

	begin_gated();
	attempt = usual();
	attempt.argv = other_argv;
	must_die(&attempt, "another argument");
	attempt.argv = more_argv;
	must_die(&attempt, "one more argument");
	attempt.argv = joined_argv;
	attempt.env = less_env;
	must_die(&attempt, "a variable that is an argument");
	attempt = usual();
	attempt.env = other_env;
	must_die(&attempt, "another variable");
	attempt.env = less_env;
	must_die(&attempt, "one variable less");
	attempt = usual();
	attempt.path = "/usr/bin/mkdir";
	must_die(&attempt, "another program");
	attempt = usual();
	attempt.grant.cgroup_id++;
	must_die(&attempt, "a grant of another run");
	attempt = usual();
	attempt.meanwhile = change_directory;
	attempt.argv = mark_argv;
	must_die(&attempt, "another directory");
	end();
}
END_TEST

START_TEST(a_program_that_changed_after_the_grant_dies)
{
	struct attempt attempt;

	begin_gated();
	copy_program("program");
	attempt = usual();
	attempt.path = "./program";
	attempt.grant = grant_for("program", mark_argv, plain_env);
	must_run(&attempt, "as it is");
	attempt.grant = grant_for("program", mark_argv, plain_env);
	attempt.meanwhile = touch_program;
	must_die(&attempt, "written in place");
	attempt.grant = grant_for("program", mark_argv, plain_env);
	attempt.meanwhile = change_program;
	must_die(&attempt, "longer");
	end();
}
END_TEST

START_TEST(all_of_a_long_command_line_counts)
{
	static char big[BIG];
	const char *argv[] = { "touch", "ran", NULL, NULL };
	struct attempt attempt;
	static const size_t lens[] = { 1, 63, 64, 65, 4000, 4095, 4096, 4097, 100000, 131000 };

	begin_gated();
	for (size_t i = 0; i < COUNT(lens); i++) {
		memset(big, 'x', lens[i]);
		big[lens[i]] = '\0';
		argv[2] = big;
		attempt = usual();
		attempt.argv = argv;
		attempt.env = plain_env;
		attempt.path = "/usr/bin/true";
		attempt.grant = grant_for(attempt.path, argv, plain_env);
		ck_assert_msg(try(&attempt) == 0, "%zu bytes", lens[i]);
		attempt.grant = grant_for(attempt.path, argv, plain_env);
		big[lens[i] - 1] = 'y';
		must_die(&attempt, "the last byte of a long word");
	}
	end();
}
END_TEST

START_TEST(two_megabytes_of_arguments_are_compared)
{
	enum { WORDS = 15 };
	static char word[WORDS][131072];
	const char *argv[WORDS + 2] = { "true" };
	struct attempt attempt;

	begin_gated();
	for (size_t i = 0; i < WORDS; i++) {
		memset(word[i], 'a' + (int)i, sizeof(word[i]) - 1);
		argv[i + 1] = word[i];
	}
	attempt = (struct attempt){ .path = "/usr/bin/true", .argv = argv, .env = plain_env, .granted = true };
	attempt.grant = grant_for(attempt.path, argv, plain_env);
	ck_assert_int_eq(try(&attempt), 0);
	attempt.grant = grant_for(attempt.path, argv, plain_env);
	word[WORDS - 1][131000] = '!';
	must_die(&attempt, "a byte near the end");
	end();
}
END_TEST

Suite *suite_make(void)
{
	const struct row rows[] = {
		{ "siphash", the_rounds_are_those_of_siphash, 1 },
		{ "granted", what_was_granted_runs_once, 1 },
		{ "twin", without_the_gate_everything_runs, 1 },
		{ "different", what_differs_in_anything_dies, 1 },
		{ "changed", a_program_that_changed_after_the_grant_dies, 1 },
		{ "long", all_of_a_long_command_line_counts, 1 },
		{ "two megabytes", two_megabytes_of_arguments_are_compared, 1 },
	};

	return suite_of("gate", rows, COUNT(rows));
}
