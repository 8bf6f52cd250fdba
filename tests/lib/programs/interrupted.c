/* SPDX-License-Identifier: Apache-2.0 */
/* Makes names while signals arrive as fast as they can: COUNT times, each call that makes a name must
 * happen once and answer what it did. Ends with 0 and "OK", else says which answer was wrong.
 *
 *   interrupted COUNT */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static void nothing(int number)
{
	(void)number;
}

static int wrong(const char *what, unsigned long round, int result)
{
	printf("%s %lu: %d %s\n", what, round, result, result < 0 ? strerrorname_np(errno) : "");
	return 1;
}

static int create_one(unsigned long round)
{
	struct stat by_fd, by_name;
	int fd = open("made", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd <= STDERR_FILENO)
		return wrong("open", round, fd);
	if (fstat(fd, &by_fd) < 0 || lstat("made", &by_name) < 0 || by_fd.st_ino != by_name.st_ino)
		return wrong("open, another file", round, fd);
	close(fd);
	return 0;
}

static int names_one(unsigned long round)
{
	if (mkdir("folder", 0755) < 0)
		return wrong("mkdir", round, -1);
	if (link("made", "linked") < 0)
		return wrong("link", round, -1);
	if (symlink("made", "symbolic") < 0)
		return wrong("symlink", round, -1);
	if (rename("made", "renamed") < 0)
		return wrong("rename", round, -1);
	return unlink("renamed") < 0 || unlink("linked") < 0 || unlink("symbolic") < 0 || rmdir("folder") < 0 ?
		wrong("remove", round, -1) : 0;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	const struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 30 }, { 0, 30 } };
	const struct sched_param none = { 0 };
	/* Idle: who answers a call goes on before the caller that a signal woke, as on a busy machine. */
	int bad = count == 0 || sched_setscheduler(0, SCHED_IDLE, &none) < 0 || sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0;

	for (unsigned long i = 0; i < count && !bad; i++)
		bad = create_one(i) || names_one(i);
	puts(bad ? "wrong" : "OK");
	return bad;
}
