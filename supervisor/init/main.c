/* SPDX-License-Identifier: Apache-2.0 */
/* bailiff-init: started by launch/ with descriptors at fixed numbers (plan/handover.h), as root in
 * new namespaces. Does what needs no plan, waits for the plan, works through the other stages, then reaps
 * until the run is over. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fdpass.h"
#include "base/parse.h"
#include "base/sys.h"
#include "base/ulid.h"
#include "daemon/wire.h"
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

/* What comes later gets its number from us: until then that is taken, so that nothing else gets it. */
static int handover_begin(struct init *init)
{
	int fd;

	for (fd = 0; fd < HANDOVER_COUNT; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (HANDOVER_LATER & 1U << fd) {
			IGNORE(flags >= 0 && fd_close(fd)); /* whatever it is, it is not ours */
			continue;
		}
		if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
			return -errno;
	}
	do {
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} while (fd >= 0 && fd < HANDOVER_COUNT);
	if (fd < 0)
		return -errno;
	init->channel = HANDOVER_CHANNEL;
	init->supervisor = HANDOVER_SUPERVISOR;
	init->kill = HANDOVER_KILL;
	init->freeze = HANDOVER_FREEZE;
	return sys_close_range(HANDOVER_COUNT, ~0U, 0);
}

/* Waits for the plan. 0 when the supervisor needs us no more. */
static int handover_end(struct init *init)
{
	cleanup_with(fdset_finish) struct fdset set = { .count = 0 };
	struct init_message message;
	ssize_t len = fdpass_receive(init->channel, &message, sizeof(message), &set, 0);
	uint32_t passed = (uint32_t)message.value;
	size_t at = 0;

	if (len <= 0)
		return (int)len;
	if (len != (ssize_t)sizeof(message) || message.version != WIRE_VERSION ||
	    message.kind != INIT_PLAN || passed & ~HANDOVER_LATER ||
	    (passed & HANDOVER_NEEDED) != HANDOVER_NEEDED ||
	    (size_t)__builtin_popcount(passed) != set.count)
		return -EPROTO;
	for (int fd = 0; fd < HANDOVER_COUNT; fd++) {
		if (passed & 1U << fd) {
			if (dup3(set.fds[at++], fd, O_CLOEXEC) < 0)
				return -errno;
		} else if (HANDOVER_LATER & 1U << fd) {
			fd_close(fd);
		}
	}
	init->session = passed & 1U << HANDOVER_SESSION ? HANDOVER_SESSION : FD_NONE;
	init->workspace = passed & 1U << HANDOVER_WORKSPACE ? HANDOVER_WORKSPACE : FD_NONE;
	return 1;
}

static int arguments_take(int argc, char **argv, struct init *init)
{
	struct ulid run;

	if (argc != HANDOVER_ARGC || parse_uid(slice_of(argv[1]), &init->uid) < 0 ||
	    parse_uid(slice_of(argv[2]), &init->gid) < 0 || ulid_parse(slice_of(argv[3]), &run) < 0)
		return -EINVAL;
	init->run = argv[3];
	init->agent_program = argv[4];
	init->own_network = strcmp(argv[5], HANDOVER_OWN_NETWORK) == 0;
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
	struct error err = { 0 }, early = { 0 };
	size_t stage = 0, early_stage = 0;
	int r, early_r;

	if (arguments_take(argc, argv, &init) < 0 || handover_begin(&init) < 0)
		return EXIT_BAD_START;
	IGNORE(clearenv() != 0);
	signals_reset();
	umask(077);
	/* Until the uid changes, which clears it; the end of the channel is the first net. */
	if (getpid() != 1 || prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return EXIT_BAD_START;
	/* What needs no plan is done before there is one. What is wrong with it is said when somebody asks. */
	early_r = stages_run(early_stages, early_stage_count, &init, &early_stage, &early);
	if (handover_end(&init) <= 0)
		return EXIT_BAD_START;
	if (early_r < 0) {
		reaper_stage_failed(init.channel, (uint32_t)early_stage, early_stages[early_stage].name, &early);
		return EXIT_STAGE_FAILED;
	}
	/* Checked by the supervisor already, and checked again here: this is the process that acts. */
	r = plan_map(HANDOVER_PLAN, &init.plan, &err);
	if (r < 0) {
		reaper_stage_failed(init.channel, 0, "plan", &err);
		return EXIT_STAGE_FAILED;
	}
	fd_close(HANDOVER_PLAN); /* the mapping stays */
	r = stages_run(init_stages, init_stage_count, &init, &stage, &err);
	if (r < 0) {
		reaper_stage_failed(init.channel, (uint32_t)(early_stage_count + stage), init_stages[stage].name, &err);
		return EXIT_STAGE_FAILED;
	}
	return reaper_run(&init);
}
