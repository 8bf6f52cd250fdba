/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-init: started by launch/ with descriptors at fixed numbers (plan/handover.h), as root in
 * new namespaces. Works through the stages, then reaps until the run is over. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "base/sys.h"
#include "base/ulid.h"
#include "init/init.h"

#define EXIT_STAGE_FAILED 1
#define EXIT_BAD_START 2

/* Whatever the supervisor blocked or ignored must reach neither us nor the command. */
static void signals_reset(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		IGNORE(sys_signal_default(number) < 0); /* KILL and STOP refuse */
	sigemptyset(&none);
	IGNORE(sigprocmask(SIG_SETMASK, &none, NULL) < 0);
}

static int handover_take(struct init *init)
{
	for (int fd = 0; fd < HANDOVER_COUNT; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 && (fd == HANDOVER_SESSION || fd == HANDOVER_WORKSPACE))
			continue;
		if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
			return -errno;
		if (fd == HANDOVER_SESSION)
			init->session = fd;
		if (fd == HANDOVER_WORKSPACE)
			init->workspace = fd;
	}
	init->channel = HANDOVER_CHANNEL;
	init->supervisor = HANDOVER_SUPERVISOR;
	init->kill = HANDOVER_KILL;
	init->freeze = HANDOVER_FREEZE;
	return sys_close_range(HANDOVER_COUNT, ~0U, 0);
}

static int arguments_take(int argc, char **argv, struct init *init)
{
	struct ulid run;

	if (argc != HANDOVER_ARGC || parse_uid(slice_of(argv[1]), &init->uid) < 0 ||
	    parse_uid(slice_of(argv[2]), &init->gid) < 0 || ulid_parse(slice_of(argv[3]), &run) < 0)
		return -EINVAL;
	init->run = argv[3];
	init->agent_program = argv[4];
	return init->uid == 0 || init->gid == 0 ? -EPERM : 0;
}

int main(int argc, char **argv)
{
	static struct init init = {
		.session = FD_NONE, .workspace = FD_NONE, .host = FD_NONE, .root = FD_NONE, .idmap = FD_NONE,
		.mask_file = FD_NONE, .mask_dir = FD_NONE, .pts = FD_NONE, .terminal = FD_NONE,
		.notify = FD_NONE, .control = FD_NONE, .command_report = FD_NONE, .command_go = FD_NONE,
		.broker_channel = FD_NONE,
	};
	struct error err = { 0 };
	size_t stage = 0;
	int r;

	if (arguments_take(argc, argv, &init) < 0 || handover_take(&init) < 0)
		return EXIT_BAD_START;
	IGNORE(clearenv() != 0);
	signals_reset();
	umask(077);
	if (getpid() != 1 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return EXIT_BAD_START;
	/* Checked by the supervisor already, and checked again here: this is the process that acts. */
	r = plan_map(HANDOVER_PLAN, &init.plan, &err);
	if (r < 0) {
		reaper_stage_failed(init.channel, 0, "plan", &err);
		return EXIT_STAGE_FAILED;
	}
	fd_close(HANDOVER_PLAN); /* the mapping stays */
	r = stages_run(init_stages, init_stage_count, &init, &stage, &err);
	if (r < 0) {
		reaper_stage_failed(init.channel, (uint32_t)stage, init_stages[stage].name, &err);
		return EXIT_STAGE_FAILED;
	}
	return reaper_run(&init);
}
