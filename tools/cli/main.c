/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff`: finds the verb and calls it. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>

#include "cli/cli.h"
#include "cli/verbs.h"

/* Nothing that our caller left behind decides how we work: descriptors 0-2 are open, so that no
 * later open becomes one of them; no signal is blocked or ignored (style.md section 7, 8). */
static int start_clean(void)
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

static int unknown_verb(const char *name)
{
	const char *near = verb_nearest(name);
	struct error err = { 0 };

	error_say(&err, -EINVAL, "'%s' is not a verb of bailiff", name);
	if (near)
		error_next(&err, "did you mean `bailiff %s`? `bailiff --help` lists all", near);
	else
		error_next(&err, "`bailiff --help` lists the verbs; a command is run by "
				 "`bailiff run -- COMMAND`");
	error_print("bailiff", &err);
	return CLI_USAGE;
}

/* A result that nobody could read is no success: `bailiff ps > /dev/full` fails. */
static int finish_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "bailiff: write to standard output: %s\n", errno_name(errno));
	return code != CLI_OK ? code : CLI_INTERNAL;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 1 || start_clean() < 0)
		return CLI_INTERNAL;
	if (argc < 2) {
		IGNORE(cli_usage("", "a verb is missing"));
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		verbs_help();
		return finish_output(CLI_OK);
	}
	if (strcmp(argv[1], "--version") == 0)
		return finish_output(verb_version(1, (char *[]){ argv[1], NULL }));
	if (argv[1][0] == '-')
		return cli_usage("", "option '%s' is not known here", argv[1]);
	verb = verb_find(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return finish_output(verb->run(argc - 1, argv + 1));
}
