/* SPDX-License-Identifier: Apache-2.0 */
/* How the programs of this folder begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "cli/cli.h"

/* Nothing that our caller left behind decides how we work: descriptors 0-2 are open, so that no
 * later open becomes one of them; no signal is blocked or ignored (style.md section 7, 8). */
int cli_begin(void)
{
	sigset_t none;
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0)
		return -errno;
	fd_close(fd);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	for (int number = 1; number < SIGRTMAX; number++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		/* Fails for SIGKILL, SIGSTOP and the two that libc keeps, as it must. */
		IGNORE(sigaction(number, &action, NULL) < 0);
	}
	return 0;
}

/* A result that nobody could read is no success: `bailiff ps > /dev/full` fails. */
int cli_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "bailiff: write to standard output: %s\n", errno_name(errno));
	return code != CLI_OK ? code : CLI_INTERNAL;
}
