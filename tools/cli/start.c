/* SPDX-License-Identifier: Apache-2.0 */
/* Starting `bailiffd --exit-when-idle` for a root caller: its own session, a clean environment, its
 * log in <runtime-dir>/bailiffd.log, and one byte on a pipe when it listens. */
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "base/text.h"
#include "cli/cli.h"

#define START_PATIENCE_MS 2000     /* then a line says that we are still waiting */
#define START_TIMEOUT_MS 30000
#define START_TRIES 3
#define START_READY_FD 3
#define PROGRAM_PATH_MAX 4096U

int client_find_program(const char *name, char *path, size_t size, struct error *err)
{
	static const char *const places[] = { "", "../lib/bailiff/" };
	char self[PROGRAM_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return error_set(err, -errno, "read /proc/self/exe");
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return error_say(err, -ENOENT, "'%s' is no path", self);
	slash[1] = '\0';
	for (size_t i = 0; i < COUNT(places); i++) {
		struct stat st;
		int written = snprintf(path, size, "%s%s%s", self, places[i], name);

		if (written > 0 && (size_t)written < size && stat(path, &st) == 0 &&
		    S_ISREG(st.st_mode))
			return 0;
	}
	error_say(err, -ENOENT, "%s is neither in '%s' nor in '%s../lib/bailiff'", name, self, self);
	return error_next(err, "install Bailiff again: `sudo make install`");
}

struct start {
	char program[PROGRAM_PATH_MAX];
	const char *state_dir, *runtime_dir;
	char log_path[PROGRAM_PATH_MAX];
};

/* The child: nothing of the caller's but the log and the ready pipe reaches the daemon. */
static void __attribute__((noreturn)) start_exec(const struct start *start, int log_fd, int ready_fd)
{
	char *const argv[] = {
		(char *)(uintptr_t)start->program, (char[]){ "--exit-when-idle" },
		(char[]){ "--state-dir" }, (char *)(uintptr_t)start->state_dir,
		(char[]){ "--runtime-dir" }, (char *)(uintptr_t)start->runtime_dir,
		(char[]){ "--ready-fd" }, (char[]){ "3" }, NULL,
	};
	char *const environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* dup2() leaves CLOEXEC behind unless source and target are equal; both are above 3. */
	if (null_fd < 0 || setsid() < 0 || chdir("/") < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0 ||
	    dup2(ready_fd, START_READY_FD) < 0 || fcntl(START_READY_FD, F_SETFD, 0) < 0)
		_exit(CLI_INTERNAL);
	if (sys_close_range(START_READY_FD + 1, ~0U, 0) < 0)
		_exit(CLI_INTERNAL);
	execve(start->program, argv, environment);
	IGNORE(dprintf(STDERR_FILENO, "execute '%s': %s\n", start->program, errno_name(errno)) < 0);
	_exit(CLI_NOT_EXECUTABLE);
}

/* What the daemon said last, for a person who only saw it fail. */
static int start_failed(const struct start *start, int log_fd, struct error *err)
{
	char log[ERROR_TEXT_MAX / 2] = "";
	struct stat st;
	off_t from = 0;
	ssize_t len;

	if (fstat(log_fd, &st) == 0 && st.st_size > (off_t)sizeof(log) - 1)
		from = st.st_size - ((off_t)sizeof(log) - 1);
	len = pread(log_fd, log, sizeof(log) - 1, from);
	while (len > 0 && log[len - 1] == '\n')
		log[--len] = '\0';
	error_say(err, -ECHILD, "the supervisor did not start: %s", len > 0 ? log : "it said nothing");
	error_next(err, "`sudo bailiff doctor` checks this machine; the whole log is %s",
		   start->log_path);
	return error_exit(err, CLI_REFUSED);
}

/* Returns 1 when ready, 0 when it ended first, -ETIMEDOUT. */
static int start_wait(int ready_fd)
{
	uint64_t begin_ns = now_monotonic_ns();
	bool told = false;

	for (;;) {
		struct pollfd ready = { .fd = ready_fd, .events = POLLIN };
		uint64_t waited_ms = (now_monotonic_ns() - begin_ns) / 1000000U;
		char byte;
		int r;

		if (waited_ms >= START_TIMEOUT_MS)
			return -ETIMEDOUT;
		if (waited_ms >= START_PATIENCE_MS && !told) {
			fprintf(stderr, "bailiff: waiting for the supervisor to start\n");
			told = true;
		}
		r = poll(&ready, 1, 100);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			return read(ready_fd, &byte, 1) == 1;
	}
}

static int start_supervisor(const struct start *start, struct error *err)
{
	auto_close int log_fd = FD_NONE, read_fd = FD_NONE, write_fd = FD_NONE;
	int pipe_fds[2];
	pid_t pid;
	int r;

	r = io_mkdirs(AT_FDCWD, start->runtime_dir, 0755);
	if (r < 0)
		return error_set(err, r, "make the runtime directory '%s'", start->runtime_dir);
	log_fd = open(start->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log_fd < 0)
		return error_set(err, -errno, "open '%s'", start->log_path);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe");
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, -errno, "fork the supervisor");
	if (pid == 0)
		start_exec(start, log_fd, write_fd);
	write_fd = fd_close(write_fd);
	r = start_wait(read_fd);
	if (r == 1)
		return 0;
	if (r < 0)
		return error_set(err, r, "wait for the supervisor, pid %d", (int)pid);
	IGNORE(waitpid(pid, NULL, 0) < 0);
	return start_failed(start, log_fd, err);
}

static bool nobody_listens(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED;
}

/* Of two callers that start one at the same time, one loses the lock of the state directory; its
 * run belongs to the other's supervisor, which may need a moment longer. */
static int connect_to_winner(const struct client_dirs *dirs, int *ret_socket)
{
	struct error ignored;

	for (int i = 0; i < 20; i++) {
		int r = client_connect(dirs, ret_socket, &ignored);

		if (!nobody_listens(r))
			return r;
		IGNORE(poll(NULL, 0, 50) < 0);
	}
	return -ECONNREFUSED;
}

int client_connect_or_start(const struct client_dirs *dirs, int *ret_socket, struct error *err)
{
	struct start start = {
		.state_dir = dirs->state_dir ? dirs->state_dir : CLI_DEFAULT_STATE_DIR,
		.runtime_dir = dirs->runtime_dir ? dirs->runtime_dir : CLI_DEFAULT_RUNTIME_DIR,
	};
	int len, r = client_connect(dirs, ret_socket, err);

	if (!nobody_listens(r) || geteuid() != 0)
		return r;
	r = client_find_program("bailiffd", start.program, sizeof(start.program), err);
	if (r < 0)
		return error_exit(err, CLI_REFUSED);
	len = snprintf(start.log_path, sizeof(start.log_path), "%s/bailiffd.log", start.runtime_dir);
	if (len < 0 || (size_t)len >= sizeof(start.log_path))
		return error_say(err, -ENAMETOOLONG, "the runtime directory's path is too long");
	for (int i = 0; i < START_TRIES; i++) {
		r = start_supervisor(&start, err);
		if (r == -ECHILD && connect_to_winner(dirs, ret_socket) == 0)
			return 0;
		if (r < 0)
			return r;
		r = client_connect(dirs, ret_socket, err);
		if (!nobody_listens(r))
			return r;
	}
	return r;
}
