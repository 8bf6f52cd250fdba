/* SPDX-License-Identifier: Apache-2.0 */
/* The command's process: forked by pid 1 as the last thing it does as root, goes through its own
 * stages, reports, waits for the word, executes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/agent_wire.h"
#include "init/secrets.h"

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define OWN_VARIABLES 4
#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"
#define NS_PER_US 1000U

int stage_directory(struct init *init, struct error *err)
{
	const char *cwd = plan_text(&init->plan, init->plan.head->cwd);
	char now[PLAN_PATH_MAX];

	if (chdir(cwd) < 0)
		return error_set(err, -errno, "enter the directory '%s'", cwd);
	/* getcwd(3): a directory outside the root is "(unreachable)...". */
	if (!getcwd(now, sizeof(now)) || now[0] != '/')
		return error_set(err, -EXDEV, "the directory '%s' is outside the sandbox", cwd);
	return 0;
}

static void report(const struct init *init, enum command_report_kind kind, size_t stage,
		   const struct error *err)
{
	struct command_report message = {
		.kind = kind, .stage = (uint32_t)stage, .in_force = init->in_force,
		.landlock_abi = init->landlock_abi, .broker = (uint32_t)init->broker, .error = err->code,
	};

	if (text_copy(message.text, sizeof(message.text), slice_of(err->text)) < 0)
		IGNORE(text_copy(message.text, sizeof(message.text),
				 slice_new(err->text, sizeof(message.text) - 1)) < 0);
	IGNORE(fdpass_send(init->command_report, &message, sizeof(message), NULL, 0, 0) < 0); /* nobody else to tell */
}

int command_held(const struct init *init, const int *fds, size_t count)
{
	struct command_report message = { .kind = COMMAND_HELD };

	return fdpass_send(init->command_report, &message, sizeof(message), fds, count, 0);
}

/* ---- environment ---- */

static char own_run[64], own_notify[64], own_control[64], own_watchdog[64];

static bool is_own(const char *variable)
{
	static const char *const names[] = { "BAILIFF_RUN_ID=", "BAILIFF_SOCKET=", "NOTIFY_SOCKET=",
					     "WATCHDOG_USEC=", "WATCHDOG_PID=" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (slice_starts(slice_of(variable), slice_of(names[i])))
			return true;
	return false;
}

/* What the policy calls a secret comes from its source, whatever the caller's environment has of that name. */
static bool is_secret(const struct init *init, const char *variable)
{
	for (uint32_t i = 0; i < init->plan.head->sections[PLAN_SECRETS].count; i++) {
		struct slice name = slice_of(plan_text(&init->plan, init->plan.secrets[i].name));

		if (init->plan.secrets[i].as == SECRET_AS_ENV && slice_starts(slice_of(variable), name) &&
		    variable[name.len] == '=')
			return true;
	}
	return false;
}

/* Last: an installed `bailiff` of the host is found first, and says the same. */
static char *with_agent_path(char *variable)
{
	char *longer = NULL;

	if (!slice_starts(slice_of(variable), slice_of("PATH=")) ||
	    asprintf(&longer, "%s:" AGENT_BIN, variable) < 0)
		return variable;
	return longer;
}

static char **environment(const struct init *init)
{
	size_t count = plan_vector(init->plan.env, NULL, 0), kept = 0;
	char **list = calloc(count + OWN_VARIABLES + PLAN_SECRETS_MAX + 1, sizeof(*list));
	uint64_t ttl_ns = init->plan.head->heartbeat.ttl_ns;
	char *variable;

	if (!list)
		return NULL;
	IGNORE(plan_vector(init->plan.env, list, count + 1) != count);
	for (size_t i = 0; i < count; i++)
		if (!is_own(list[i]) && !is_secret(init, list[i]))
			list[kept++] = with_agent_path(list[i]);
	for (size_t i = 0; (variable = secrets_variable(init, i)); i++)
		list[kept++] = variable;
	IGNORE(snprintf(own_run, sizeof(own_run), "BAILIFF_RUN_ID=%s", init->run) < 0);
	IGNORE(snprintf(own_notify, sizeof(own_notify), "NOTIFY_SOCKET=" AGENT_NOTIFY) < 0);
	IGNORE(snprintf(own_control, sizeof(own_control), "BAILIFF_SOCKET=" AGENT_CONTROL) < 0);
	list[kept++] = own_run;
	list[kept++] = own_notify;
	list[kept++] = own_control;
	if (ttl_ns > 0 && init->plan.head->heartbeat.mode != HEARTBEAT_OFF) {
		IGNORE(snprintf(own_watchdog, sizeof(own_watchdog), "WATCHDOG_USEC=%llu",
				(unsigned long long)(ttl_ns / NS_PER_US)) < 0);
		list[kept++] = own_watchdog;
	}
	list[kept] = NULL;
	return list;
}

/* ---- execution ---- */

static const char *search_path(char **env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return PATH_DEFAULT;
}

/* As execvpe(3) searches: a file that may not be executed is remembered, others may follow. */
static int execute_in_path(const char *name, char **argv, char **env)
{
	int result = -ENOENT;

	for (const char *at = search_path(env);; at++) {
		size_t len = strcspn(at, ":");
		char path[PLAN_PATH_MAX];

		/* An empty part would be the working directory, which the agent can write. */
		if (len > 0 && *at == '/' &&
		    snprintf(path, sizeof(path), "%.*s/%s", (int)len, at, name) < (int)sizeof(path)) {
			execve(path, argv, env);
			if (errno == EACCES)
				result = -EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return -errno;
		}
		at += len;
		if (!*at)
			return result;
	}
}

static int execute(const struct init *init, struct error *err)
{
	const char *program = plan_text(&init->plan, init->plan.head->program);
	size_t count = plan_vector(init->plan.argv, NULL, 0);
	char **argv = calloc(count + 1, sizeof(*argv)), **env = environment(init);
	int r;

	if (!argv || !env)
		return error_set(err, -ENOMEM, "argument list");
	if (count == 0)
		return error_set(err, -EINVAL, "no command");
	IGNORE(plan_vector(init->plan.argv, argv, count + 1) != count);
	if (strchr(program, '/')) {
		execve(program, argv, env);
		r = -errno;
	} else {
		r = execute_in_path(program, argv, env);
	}
	return error_set(err, r, "execute '%s'", program);
}

static int stdio_place(const struct init *init)
{
	for (int fd = 0; fd <= 2; fd++) {
		/* dup2 clears close-on-exec, also of what stays: so each goes through it. */
		int from = init->terminal_fds & 1U << fd ? init->terminal : fd;
		int flags;

		if (from != fd && dup2(from, fd) < 0)
			return -errno;
		flags = fcntl(fd, F_GETFD);
		if (flags < 0 || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) < 0)
			return -errno;
	}
	return 0;
}

static void __attribute__((noreturn)) command_main(struct init *init, int go)
{
	struct error err = { 0 };
	size_t stage = 0;
	char word;
	int r = stdio_place(init);

	/* The command leads its own process group: the foreground one of the session. */
	if (r >= 0 && setpgid(0, 0) < 0)
		r = -errno;
	if (r < 0)
		error_set(&err, r, "place stdin, stdout and stderr");
	else
		r = stages_run(command_stages, command_stage_count, init, &stage, &err);
	report(init, r < 0 ? COMMAND_STAGE_FAILED : COMMAND_READY, stage, &err);
	if (r < 0 || io_read(go, &word, 1) != 1)
		_exit(EXIT_NOT_EXECUTABLE);
	/* Everything is close-on-exec already; this holds should something not be. */
	r = sys_close_range(3, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
	if (r < 0)
		error_set(&err, r, "close descriptors");
	else
		r = execute(init, &err);
	report(init, COMMAND_EXEC_FAILED, 0, &err);
	_exit(r == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* What only pid 1 may hold. */
static void command_close(struct init *init)
{
	init->channel = fd_close(init->channel);
	init->session = fd_close(init->session);
	init->supervisor = fd_close(init->supervisor);
	init->kill = fd_close(init->kill);
	init->freeze = fd_close(init->freeze);
	init->notify = fd_close(init->notify);
	init->root = fd_close(init->root);
	secrets_forget(init, SECRET_AS_FILE);
}

int stage_fork(struct init *init, struct error *err)
{
	int words[2], reports[2];
	pid_t pid;

	if (pipe2(words, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) < 0)
		return error_set(err, -errno, "channels to the command");
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork the command's process");
	if (pid == 0) {
		fd_close(words[1]);
		fd_close(reports[0]);
		init->command_report = reports[1];
		command_close(init);
		command_main(init, words[0]);
	}
	fd_close(words[0]);
	fd_close(reports[1]);
	init->command_go = words[1];
	init->command_report = reports[0];
	init->command = pid;
	secrets_forget(init, SECRET_AS_ENV);
	/* Both sides, as a shell does it: whoever comes first. The child waits for the word anyway. */
	if (setpgid(pid, pid) < 0 && errno != EACCES)
		return error_set(err, -errno, "the command's process group");
	if (init->terminal != FD_NONE && tcsetpgrp(init->terminal, pid) < 0)
		return error_set(err, -errno, "make the command the foreground group");
	return 0;
}
