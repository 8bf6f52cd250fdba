/* SPDX-License-Identifier: Apache-2.0 */
/* bailiffd: nothing inherited is trusted before it was looked at. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sys.h"
#include "daemon/daemon.h"
#include "launch/probe.h"
#include "watch/probe.h"

#define PROGRAM "bailiffd"
#define EXIT_FAILED 1

/* 0-2 must be taken, or the first socket would become stderr. */
static int fill_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			return -EBADF;
	}
	return 0;
}

static int clean_process(void)
{
	sigset_t all;

	if (clearenv() != 0)
		return -ENOMEM;
	umask(077);
	/* Dispositions: an ignored SIGCHLD would reap our children before we can. */
	for (int number = 1; number < SIGRTMAX; number++) {
		struct sigaction standard = { .sa_handler = SIG_DFL };

		IGNORE(sigaction(number, &standard, NULL) < 0); /* KILL, STOP and libc's own refuse */
	}
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return proc_core_off();
}

/* What leaked in is not ours and must not leak on; --ready-fd alone is expected. */
static int close_inherited(int ready_fd)
{
	int r = 0;

	if (ready_fd > 3)
		r = sys_close_range(3, (unsigned int)ready_fd - 1, 0);
	if (r == 0)
		r = sys_close_range(ready_fd >= 3 ? (unsigned int)ready_fd + 1 : 3, ~0U, 0);
	if (r == 0 && ready_fd >= 3 && fcntl(ready_fd, F_SETFD, FD_CLOEXEC) < 0)
		r = -errno;
	return r;
}

static int probe(struct error *err)
{
	struct feature_report report = { 0 };
	struct cgroup_tree tree;
	char name[CGROUP_NAME_MAX];
	int r;

	IGNORE(snprintf(name, sizeof(name), "probe-%d", (int)getpid()) < 0);
	r = cgroup_tree_open(name, &tree, err);
	launch_probe(r == 0 ? &tree : NULL, NULL, &report);
	watch_probe(r == 0 ? tree.v2_fd : FD_NONE, &report);
	if (r == 0)
		cgroup_tree_close(&tree);
	r = io_write(STDOUT_FILENO, &report, sizeof(report));
	return r < 0 ? error_set(err, r, "write the report") : 0;
}

static int start(const struct options *options, struct error *err)
{
	int r;

	if (geteuid() != 0) {
		error_say(err, -EPERM, "the supervisor must be started by root");
		error_next(err, "use sudo, or ask for `bailiffd` to be started by systemd");
		return error_exit(err, EXIT_FAILED);
	}
	r = close_inherited(options->ready_fd);
	if (r == 0)
		r = clean_process();
	if (r < 0)
		return error_set(err, r, "start with a clean process");
	return options->probe ? probe(err) : daemon_run(options, err);
}

int main(int argc, char **argv)
{
	struct options options;
	struct error err = { 0 };
	int r;

	if (argc < 1 || fill_standard_fds() < 0)
		return EXIT_FAILED;
	r = options_parse(argc, argv, &options, &err);
	if (r == 0 && options.help) {
		options_help();
		return 0;
	}
	if (r == 0 && options.version) {
		puts(PROGRAM " " BAILIFF_VERSION);
		return 0;
	}
	if (r == 0) {
		log_open(PROGRAM, options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
		r = start(&options, &err);
	}
	if (r == 0)
		return 0;
	error_print(PROGRAM, &err);
	return err.exit_code ? err.exit_code : EXIT_FAILED;
}
