/* SPDX-License-Identifier: Apache-2.0 */
/* Starting `bailiffd --exit-when-idle` for a root caller: its own session, a clean environment, its
 * log in <runtime-dir>/bailiffd.log, and one byte on a pipe when it listens. */
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "base/text.h"
#include "cli/cli.h"

#define START_PATIENCE_MS 2000     /* then a line says that we are still waiting */
#define START_TIMEOUT_MS 30000
#define START_ENDING_MS 10000      /* how long an ending supervisor may take */
#define START_STEP_MS 20
#define START_READY_FD 3

int client_find_program(const char *name, char *path, size_t size, struct error *err)
{
	static const char *const places[] = { "", "../lib/bailiff/" };
	char self[CLI_PROGRAM_PATH_MAX];
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
	char program[CLI_PROGRAM_PATH_MAX];
	const char *state_dir, *runtime_dir;
	char log_path[CLI_PROGRAM_PATH_MAX], turn_path[CLI_PROGRAM_PATH_MAX], lock_path[CLI_PROGRAM_PATH_MAX];
	off_t log_start;      /* where this attempt's words begin in the log */
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

/* What the daemon said, for a person who only saw it fail. */
static int start_failed(const struct start *start, int log_fd, struct error *err)
{
	char log[ERROR_TEXT_MAX / 2] = "";
	ssize_t len = pread(log_fd, log, sizeof(log) - 1, start->log_start);

	while (len > 0 && log[len - 1] == '\n')
		log[--len] = '\0';
	for (char *c = log; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
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

static int start_supervisor(struct start *start, struct error *err)
{
	auto_close int log_fd = FD_NONE, read_fd = FD_NONE, write_fd = FD_NONE;
	int pipe_fds[2];
	pid_t pid;
	int r;

	log_fd = open(start->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log_fd < 0)
		return error_set(err, -errno, "open '%s'", start->log_path);
	start->log_start = MAX(lseek(log_fd, 0, SEEK_END), 0);
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

/* True while a supervisor holds the state directory. One that is ending does so without listening. */
static bool state_is_held(const struct start *start)
{
	auto_close int fd = open(start->lock_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* With our turn taken: whoever started one before us may have one that listens by now. Otherwise the
 * one that holds the state directory without listening is given time to end. */
static int start_or_join(struct start *start, const struct client_dirs *dirs, int *ret_socket,
			 struct error *err)
{
	int r = client_connect(dirs, ret_socket, err);

	for (int waited = 0; nobody_listens(r) && waited < START_ENDING_MS && state_is_held(start);
	     waited += START_STEP_MS) {
		IGNORE(poll(NULL, 0, START_STEP_MS) < 0);
		r = client_connect(dirs, ret_socket, err);
	}
	if (!nobody_listens(r))
		return r;
	r = start_supervisor(start, err);
	return r < 0 ? r : client_connect(dirs, ret_socket, err);
}

static int join_path(char *path, const char *dir, const char *name, struct error *err)
{
	int len = snprintf(path, CLI_PROGRAM_PATH_MAX, "%s/%s", dir, name);

	if (len > 0 && len < (int)CLI_PROGRAM_PATH_MAX)
		return 0;
	return error_say(err, -ENAMETOOLONG, "the path of '%s' is too long", dir);
}

static int start_prepare(struct start *start, const struct client_dirs *dirs, struct error *err)
{
	int r;

	start->state_dir = dirs->state_dir ? dirs->state_dir : CLI_DEFAULT_STATE_DIR;
	start->runtime_dir = dirs->runtime_dir ? dirs->runtime_dir : CLI_DEFAULT_RUNTIME_DIR;
	r = client_find_program("bailiffd", start->program, sizeof(start->program), err);
	if (r < 0)
		return error_exit(err, CLI_REFUSED);
	r = join_path(start->log_path, start->runtime_dir, "bailiffd.log", err);
	if (r == 0)
		r = join_path(start->turn_path, start->runtime_dir, "start.lock", err);
	if (r == 0)
		r = join_path(start->lock_path, start->state_dir, "LOCK", err);
	if (r < 0)
		return r;
	r = io_mkdirs(AT_FDCWD, start->runtime_dir, 0755);
	if (r < 0)
		return error_set(err, r, "make the runtime directory '%s'", start->runtime_dir);
	return 0;
}

int client_connect_or_start(const struct client_dirs *dirs, int *ret_socket, struct error *err)
{
	auto_close int turn_fd = FD_NONE;
	struct start start = { 0 };
	int r = client_connect(dirs, ret_socket, err);

	if (!nobody_listens(r) || geteuid() != 0)
		return r;
	r = start_prepare(&start, dirs, err);
	if (r < 0)
		return r;
	/* Callers take turns, so that one of them starts it and the others find it. */
	turn_fd = open(start.turn_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (turn_fd < 0 || flock(turn_fd, LOCK_EX) < 0)
		return error_set(err, -errno, "take a turn at '%s'", start.turn_path);
	return start_or_join(&start, dirs, ret_socket, err);
}
