/* SPDX-License-Identifier: Apache-2.0 */
/* The ceiling of this host: read once, at the start. Its text is understood by `bailiff policy ceiling --image` in a
 * child without privilege; what comes back is one fixed struct. A ceiling that cannot be used starts nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/become.h"
#include "base/io.h"
#include "base/log.h"
#include "base/sys.h"
#include "daemon/daemon.h"
#include "plan/ceiling.h"

#define CHILD_FAILED 125
#define PATIENCE_MS 10000
#define EXIT_INVALID 120
#define STDERR_MAX 600U

/* Root's alone, so that nobody else lifts it. Returns the descriptor, -ENOENT, or an error with text. */
static int open_document(const char *path, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "open the ceiling '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022)) {
		error_say(err, -EPERM, "the ceiling '%s' must be a regular file that root alone can write", path);
		error_next(err, "chown root '%s'; chmod go-w '%s'", path, path);
		return error_exit(err, EXIT_INVALID);
	}
	return TAKE_FD(fd);
}

static void __attribute__((noreturn)) child(const char *program, uid_t uid, gid_t gid, const int fds[3])
{
	char *const argv[] = { (char *)(uintptr_t)program, (char[]){ "policy" }, (char[]){ "ceiling" },
			       (char[]){ "--image" }, NULL };
	char *const environment[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(CHILD_FAILED);
	if (sys_close_range(3, ~0U, 0) < 0 || setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    process_become(uid, gid) < 0)
		_exit(CHILD_FAILED);
	execve(program, argv, environment);
	_exit(CHILD_FAILED);
}

/* Everything until the end of the pipe, or until `size` bytes or the time is over. Returns the count. */
static size_t drain(int fd, char *bytes, size_t size)
{
	uint64_t end_ns = now_monotonic_ns() + (uint64_t)PATIENCE_MS * 1000000U;
	size_t len = 0;

	while (len < size) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint64_t now_ns = now_monotonic_ns();
		ssize_t got;

		if (now_ns >= end_ns || poll(&wait, 1, (int)((end_ns - now_ns) / 1000000U) + 1) <= 0)
			break;
		got = read(fd, bytes + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	return len;
}

/* What the child said, as our error: its own words are for people, too. */
static int unusable(const char *path, int said, struct error *err)
{
	char text[STDERR_MAX] = "";
	size_t len = drain(said, text, sizeof(text) - 1);

	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	error_say(err, -EINVAL, "the ceiling '%s' cannot be used: %s", path,
		  text[0] ? text : "its reader did not answer");
	error_next(err, "`bailiff policy ceiling %s` lists all errors; without a usable ceiling nothing is started", path);
	return error_exit(err, EXIT_INVALID);
}

static int read_image(const char *path, int document, uid_t uid, gid_t gid, struct ceiling *ceiling, struct error *err)
{
	int image[2], said[2], r = 0;
	char program[PATH_MAX];
	size_t len;
	pid_t pid;

	r = program_find("bailiff", program, sizeof(program), err);
	if (r < 0)
		return r;
	if (pipe2(image, O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe for the ceiling");
	if (pipe2(said, O_CLOEXEC) < 0) {
		fd_close(image[0]);
		fd_close(image[1]);
		return error_set(err, -EMFILE, "make a pipe for the ceiling");
	}
	pid = fork();
	if (pid == 0)
		child(program, uid, gid, (const int[3]){ document, image[1], said[1] });
	fd_close(image[1]);
	fd_close(said[1]);
	len = pid > 0 ? drain(image[0], (char *)ceiling, sizeof(*ceiling)) : 0;
	if (pid < 0)
		r = error_set(err, -EAGAIN, "fork the reader of the ceiling");
	else if (len != sizeof(*ceiling))
		r = unusable(path, said[0], err);
	if (pid > 0) {
		IGNORE(kill(pid, SIGKILL) < 0); /* ours, and not reaped yet */
		IGNORE(waitpid(pid, NULL, 0) < 0);
	}
	fd_close(image[0]);
	fd_close(said[0]);
	return r == 0 ? ceiling_check(ceiling, err) : r;
}

int ceiling_open(struct daemon *daemon, struct error *err)
{
	const char *path = daemon->options.ceiling ? daemon->options.ceiling : OPTIONS_CEILING;
	auto_close int document = open_document(path, err);
	int r;

	if (document == -ENOENT && !daemon->options.ceiling)
		return 0;
	if (document == -ENOENT)
		return error_set(err, -ENOENT, "open the ceiling '%s'", path);
	if (document < 0)
		return document;
	daemon->ceiling = calloc(1, sizeof(*daemon->ceiling));
	if (!daemon->ceiling)
		return error_set(err, -ENOMEM, "keep the ceiling");
	r = read_image(path, document, daemon->runs.init_uid, daemon->runs.init_gid, daemon->ceiling, err);
	if (r == 0)
		log_info("ceiling", "file=\"%s\" paths=%u networks=%u names=%u", path, daemon->ceiling->path_count,
			 daemon->ceiling->net_count, daemon->ceiling->name_count);
	return r;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int ceiling_gate(const struct daemon *daemon, const struct plan *plan, struct error *err)
{
	return daemon->ceiling ? ceiling_covers(daemon->ceiling, plan, exists, err) : 0;
}
