/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that root believes are written as text by an administrator, and root parses no text. A child without
 * privilege understands them; what comes back is one fixed struct, which who asked for it checks. */
#include "daemon/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/become.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "daemon/daemon.h"

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
		return error_set(err, -errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022)) {
		error_say(err, -EPERM, "'%s' must be a regular file that root alone can write", path);
		error_next(err, "chown root '%s'; chmod go-w '%s'", path, path);
		return error_exit(err, EXIT_INVALID);
	}
	return TAKE_FD(fd);
}

static void __attribute__((noreturn)) child(const struct image_reader *reader, const char *program, const int fds[3])
{
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)reader->verb[0],
			       (char *)(uintptr_t)reader->verb[1], (char[]){ "--image" }, NULL };
	char *const environment[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(CHILD_FAILED);
	if (sys_close_range(3, ~0U, 0) < 0 || setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    process_become(reader->uid, reader->gid) < 0)
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

/* What the child said, as our error: its words are for people, too. */
static int unusable(const struct image_reader *reader, int said, struct error *err)
{
	char text[STDERR_MAX] = "";
	size_t len = drain(said, text, sizeof(text) - 1);

	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	error_say(err, -EINVAL, "'%s' cannot be used: %s", reader->path, text[0] ? text : "its reader did not answer");
	error_next(err, "`bailiff %s %s %s` lists all errors; without it nothing is started", reader->verb[0],
		   reader->verb[1], reader->path);
	return error_exit(err, EXIT_INVALID);
}

static int exchange(const struct image_reader *reader, const char *program, int document, int image, int image_end,
		    int said, int said_end, struct error *err)
{
	pid_t pid = fork();
	size_t len;

	if (pid < 0)
		return error_set(err, -errno, "fork the reader of '%s'", reader->path);
	if (pid == 0)
		child(reader, program, (const int[3]){ document, image_end, said_end });
	fd_close(image_end);
	fd_close(said_end);
	len = drain(image, reader->bytes, reader->size);
	IGNORE(len < reader->size && unusable(reader, said, err) == 0); /* looked at below */
	IGNORE(kill(pid, SIGKILL) < 0); /* ours, and not reaped yet */
	IGNORE(waitpid(pid, NULL, 0) < 0);
	return len == reader->size ? 0 : err->code;
}

int image_read(const struct image_reader *reader, struct error *err)
{
	auto_close int document = open_document(reader->path, err), image = FD_NONE, said = FD_NONE;
	char program[PATH_MAX];
	int pipes[2][2], r;

	if (document < 0)
		return document;
	r = program_find("bailiff", program, sizeof(program), err);
	if (r < 0)
		return r;
	if (pipe2(pipes[0], O_CLOEXEC) < 0)
		return error_set(err, -errno, "make a pipe");
	image = pipes[0][0];
	if (pipe2(pipes[1], O_CLOEXEC) < 0) {
		fd_close(pipes[0][1]);
		return error_set(err, -EMFILE, "make a pipe");
	}
	said = pipes[1][0];
	return exchange(reader, program, document, image, pipes[0][1], said, pipes[1][1], err);
}
