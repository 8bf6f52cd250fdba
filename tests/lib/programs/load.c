/* SPDX-License-Identifier: Apache-2.0 */
/* What runs while something is killed: processes that write, in sessions of their own, deaf to signals.
 *
 *   load load TAG     until it is killed; its first process ends on SIGTERM, and the run with it
 *   load nothing TAG  ends at once */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

static void pause_us(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

static void __attribute__((noreturn)) work(unsigned int number)
{
	char name[64], other[80];

	for (unsigned int i = 0;; i++) {
		int fd;

		snprintf(name, sizeof(name), "file-%d-%u", (int)getpid(), number);
		snprintf(other, sizeof(other), "%s.new", name);
		fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd >= 0) {
			if (write(fd, name, strlen(name)) < 0 || rename(other, name) < 0)
				pause_us(100);
			close(fd);
		}
		if (i % 8 == 7)
			unlink(name);
		pause_us(3000);
	}
}

static int load(void)
{
	static const int ignored[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (fork() == 0)
		work(0);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &ignore, NULL);
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			work(1);
		work(2);
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	work(3);
}

int main(int argc, char **argv)
{
	return argc == 3 && strcmp(argv[1], "load") == 0 ? load() : 0;
}
