/* SPDX-License-Identifier: Apache-2.0 */
/* The child of clone3 does as little as possible, and only async-signal-safe calls: it moves into
 * the v1 groups, puts descriptors at their numbers and executes bailiff-init from its memfd. The plan and
 * what belongs to it follow in a message. */
#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/wire.h"
#include "launch/porter.h"
#include "launch/spare.h"
#include "launch/start.h"

#define FIRST_SPARE_FD 64        /* sources are moved above the targets, so that none overwrites another */
#define INIT_BYTES_MAX (64U << 20)
#define NS_PER_MS 1000000U

static int fd_high(int fd, int *ret_fd)
{
	if (fd == FD_NONE)
		return 0;
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
	return *ret_fd < 0 ? -errno : 0;
}

static int fd_high_at(int dir, const char *name, int *ret_fd)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_high(fd, ret_fd);
}

static void start_finish(struct start *start)
{
	for (size_t i = 0; i < COUNT(start->fds); i++)
		fd_close(start->fds[i]);
	for (size_t i = 0; i < COUNT(start->v1_procs); i++)
		fd_close(start->v1_procs[i]);
	fd_close(start->init_fd);
}

static void start_init(struct start *start)
{
	*start = (struct start){ .init_fd = FD_NONE, .cgroup_fd = FD_NONE };
	for (size_t i = 0; i < COUNT(start->fds); i++)
		start->fds[i] = FD_NONE;
	for (size_t i = 0; i < COUNT(start->v1_procs); i++)
		start->v1_procs[i] = FD_NONE;
}

static int start_descriptors(const struct launch_host *host, const struct cgroup *cgroup, int channel,
			     bool carried, struct start *start)
{
	int r = fd_high(host->init_fd, &start->init_fd);

	if (r >= 0)
		r = fd_high(channel, &start->fds[HANDOVER_CHANNEL]);
	if (r >= 0)
		r = fd_high(host->supervisor_pidfd, &start->fds[HANDOVER_SUPERVISOR]);
	if (r >= 0)
		r = fd_high_at(cgroup->dir_fd, "cgroup.kill", &start->fds[HANDOVER_KILL]);
	if (r >= 0)
		r = fd_high_at(cgroup->dir_fd, "cgroup.freeze", &start->fds[HANDOVER_FREEZE]);
	for (int i = 0; r >= 0 && !carried && i < CGROUP_CONTROLLER_COUNT; i++)
		if (cgroup->v1_fd[i] != FD_NONE)
			r = fd_high_at(cgroup->v1_fd[i], "cgroup.procs", &start->v1_procs[i]);
	return r;
}

/* Reports a failure before exec on the channel; async-signal-safe. */
static void __attribute__((noreturn)) child_fail(const struct start *start, const char *what)
{
	struct init_message message = {
		.version = WIRE_VERSION, .kind = INIT_STAGE_FAILED, .error = -errno };
	size_t len = 0;

	for (; what[len] && len + 1 < sizeof(message.text); len++)
		message.text[len] = what[len];
	IGNORE(send(start->fds[HANDOVER_CHANNEL], &message, sizeof(message), MSG_NOSIGNAL) < 0);
	_exit(1);
}

static void __attribute__((noreturn)) child_main(struct start *start)
{
	char *const argv[] = { start->name, start->uid, start->gid, start->run, start->agent, start->network, NULL };
	char *const envp[] = { NULL };

	/* v2 is done by CLONE_INTO_CGROUP; v1 has nothing like it. Nothing has run yet that counts. */
	for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		if (start->v1_procs[i] != FD_NONE && write(start->v1_procs[i], "0", 1) != 1)
			child_fail(start, "enter the v1 cgroups");
	for (int i = 0; i < HANDOVER_COUNT; i++) {
		if (start->fds[i] == FD_NONE)
			close(i);
		else if (dup2(start->fds[i], i) < 0)
			child_fail(start, "place descriptors");
	}
	if (sys_close_range(HANDOVER_COUNT, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) < 0)
		child_fail(start, "mark descriptors close-on-exec");
	sys_execveat(start->init_fd, "", argv, envp, AT_EMPTY_PATH);
	child_fail(start, "execute bailiff-init");
}

pid_t start_clone(struct start *start, uint64_t more, uint64_t exit_signal, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = start->flags | more,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = exit_signal,
		.cgroup = (uint64_t)start->cgroup_fd,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		child_main(start);
	return pid;
}

static int clone_init(const struct launch_host *host, bool own_network, bool carried, struct start *start,
		      struct launched *launched)
{
	int pidfd = FD_NONE;
	pid_t pid;

	/* The mount namespace is init's own work: stages.c says why. */
	start->flags = CLONE_INTO_CGROUP | CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	start->cgroup_fd = launched->cgroup.dir_fd;
	if (own_network)
		start->flags |= CLONE_NEWNET;
	IGNORE(snprintf(start->network, sizeof(start->network), "%s",
			own_network ? HANDOVER_OWN_NETWORK : HANDOVER_HOST_NETWORK) < 0);
	pid = carried ? porter_clone(host->porter, start, &pidfd) :
			start_clone(start, 0, SIGCHLD, &pidfd);
	if (pid < 0)
		return pid;
	launched->pid = pid;
	launched->init_pidfd = pidfd; /* close-on-exec by itself, clone(2) */
	return 0;
}

/* What the plan asks for and could not be had: refused when required. */
static int limits_apply(const struct launch_spec *spec, struct launched *launched, struct error *err)
{
	const struct plan_head *head = spec->plan->head;
	const uint32_t limit_bits = 1U << FEATURE_LIMIT_PIDS | 1U << FEATURE_LIMIT_MEMORY |
				    1U << FEATURE_LIMIT_CPU;
	uint32_t asked = 0, in_force = 0, missing;
	int r = cgroup_limit(&launched->cgroup, &head->limits, &in_force);

	if (r < 0)
		return error_set(err, r, "set limits");
	asked |= head->limits.pids ? 1U << FEATURE_LIMIT_PIDS : 0;
	asked |= head->limits.memory_bytes ? 1U << FEATURE_LIMIT_MEMORY : 0;
	asked |= head->limits.cpu_milli ? 1U << FEATURE_LIMIT_CPU : 0;
	missing = asked & ~in_force & head->require & limit_bits;
	launched->in_force |= in_force;
	for (int feature = 0; feature < FEATURE_COUNT; feature++) {
		if (!(missing & 1U << feature))
			continue;
		error_say(err, -EOPNOTSUPP, "the policy requires %s, which could not be applied",
			  feature_infos[feature].name);
		error_next(err, "%s", feature_infos[feature].remedy);
		return error_exit(err, 121);
	}
	return 0;
}

static int spec_check(const struct launch_spec *spec, struct error *err)
{
	const struct plan_head *head = spec->plan->head;

	if (head->uid == 0 || head->gid == 0 || spec->host->init_uid == 0 || spec->host->init_gid == 0 ||
	    head->uid == UID_NONE || spec->host->init_uid == UID_NONE)
		return error_set(err, -EPERM, "a run never has uid or gid 0");
	if (head->uid == spec->host->init_uid)
		return error_set(err, -EPERM, "uid %u is pid 1's own and cannot be the run's", head->uid);
	return 0;
}

static int start_init_process(const struct launch_host *host, const struct ulid *run, bool own_network,
			      int channel, bool carried, struct launched *launched, struct error *err)
{
	struct start start;
	int r;

	start_init(&start);
	IGNORE(snprintf(start.name, sizeof(start.name), "bailiff-init") < 0);
	IGNORE(snprintf(start.uid, sizeof(start.uid), "%u", host->init_uid) < 0);
	IGNORE(snprintf(start.gid, sizeof(start.gid), "%u", host->init_gid) < 0);
	ulid_text(run, start.run);
	if (text_copy(start.agent, sizeof(start.agent), slice_of(host->agent_program)) < 0)
		return error_set(err, -ENAMETOOLONG, "the path of bailiff-agent is too long");
	r = start_descriptors(host, &launched->cgroup, channel, carried, &start);
	if (r < 0)
		error_set(err, r, "collect the descriptors of the run");
	if (r >= 0) {
		r = clone_init(host, own_network, carried, &start, launched);
		if (r < 0)
			error_set(err, r, "start pid 1 of the run");
	}
	start_finish(&start);
	return r;
}

/* What a start that failed left behind. */
static void clear_away(const struct launch_host *host, bool carried, struct launched *launched)
{
	if (carried) {
		porter_stop(host->porter, host->tree);
		/* One that did not answer in time may have started somebody. */
		IGNORE(cgroup_kill(&launched->cgroup) < 0 ||
		       cgroup_wait_empty(&launched->cgroup, PORTER_TIMEOUT_MS) < 0);
	}
	IGNORE(cgroup_remove(&launched->cgroup) < 0); /* empty: nobody was started */
}

static int begin_once(const struct launch_host *host, const struct ulid *run, bool own_network, bool carried,
		      struct launched *ret_launched, struct error *err)
{
	struct launched launched = LAUNCHED_NONE;
	char name[ULID_TEXT_LEN + 1];
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "make the channel to pid 1");
	ours = pair[0];
	theirs = pair[1];
	ulid_text(run, name);
	r = cgroup_new(host->tree, name, carried ? PORTER_GROUP : NULL, &launched.cgroup, err);
	if (r == 0)
		r = start_init_process(host, run, own_network, theirs, carried, &launched, err);
	if (r < 0) {
		clear_away(host, carried, &launched);
		return r;
	}
	launched.in_force |= 1U << FEATURE_CGROUP_V2 | 1U << FEATURE_CGROUP_INTO | 1U << FEATURE_CGROUP_KILL |
			     1U << FEATURE_CGROUP_FREEZE | 1U << FEATURE_PIDFD;
	launched.channel_fd = TAKE_FD(ours);
	*ret_launched = launched;
	return 0;
}

int launch_begin(const struct launch_host *host, const struct ulid *run, bool own_network,
		 struct launched *ret_launched, struct error *err)
{
	bool carried = host->porter && porter_ready(host->porter);
	int r = begin_once(host, run, own_network, carried, ret_launched, err);

	/* Somebody killed the porter. It was for speed only. */
	if (carried && r == -EPIPE)
		r = begin_once(host, run, own_network, false, ret_launched, err);
	return r;
}

/* The plan and what belongs to it. */
static int hand_over(const struct launch_spec *spec, const struct launched *launched)
{
	const int by_number[HANDOVER_COUNT] = {
		[HANDOVER_STDIN] = spec->stdio[0], [HANDOVER_STDOUT] = spec->stdio[1],
		[HANDOVER_STDERR] = spec->stdio[2], [HANDOVER_PLAN] = spec->plan_fd,
		[HANDOVER_SESSION] = spec->session_fd, [HANDOVER_WORKSPACE] = spec->workspace_fd,
	};
	struct init_message message = { .version = WIRE_VERSION, .kind = INIT_PLAN };
	int fds[HANDOVER_COUNT];
	size_t count = 0;

	for (int i = 0; i < HANDOVER_COUNT; i++) {
		if (!(HANDOVER_LATER & 1U << i))
			continue;
		if (by_number[i] < 0 && HANDOVER_NEEDED & 1U << i)
			return -EBADF;
		if (by_number[i] < 0)
			continue;
		fds[count++] = by_number[i];
		message.value |= (int32_t)(1U << i);
	}
	return fdpass_send(launched->channel_fd, &message, sizeof(message), fds, count, MSG_DONTWAIT);
}

/* Returns 1 when the spare has become the run, 0 when there is none for it. */
static int launch_spare(const struct launch_spec *spec, struct launched *launched, struct error *err)
{
	int r;

	if (!spec->spare || spec->plan->head->network_mode == NETWORK_HOST ||
	    !spare_take(spec->spare, &spec->run, launched))
		return 0;
	r = limits_apply(spec, launched, err);
	if (r == 0) {
		r = hand_over(spec, launched);
		if (r < 0)
			error_set(err, r, "hand the plan to pid 1 of the run");
	}
	if (r == 0)
		return 1;
	IGNORE(launched_finish(launched, SPARE_END_MS, NULL) < 0);
	/* Somebody killed it. It was for speed only. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int launch_anew(const struct launch_spec *spec, struct launched *launched, struct error *err)
{
	bool own_network = spec->plan->head->network_mode != NETWORK_HOST;
	int r = launch_begin(spec->host, &spec->run, own_network, launched, err);

	if (r < 0)
		return r;
	r = limits_apply(spec, launched, err);
	if (r == 0) {
		r = hand_over(spec, launched);
		/* What became of it is in the channel. */
		if (r == -EPIPE || r == -ECONNRESET)
			r = 0;
		if (r < 0)
			error_set(err, r, "hand the plan to pid 1 of the run");
	}
	if (r < 0)
		IGNORE(launched_finish(launched, SPARE_END_MS, NULL) < 0);
	return r;
}

int launch_run(const struct launch_spec *spec, struct launched *ret_launched, struct error *err)
{
	struct launched launched = LAUNCHED_NONE;
	int r = spec_check(spec, err);

	if (r == 0)
		r = launch_spare(spec, &launched, err);
	if (r == 0)
		r = launch_anew(spec, &launched, err);
	if (r < 0)
		return r;
	*ret_launched = launched;
	return 0;
}

/* ---- the channel ---- */

static int channel_send(const struct launched *launched, enum init_kind kind, int value)
{
	struct init_message message = { .version = WIRE_VERSION, .kind = kind, .value = value };

	if (send(launched->channel_fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int launch_go(const struct launched *launched)
{
	return channel_send(launched, INIT_GO, 0);
}

int launch_signal(const struct launched *launched, int signal)
{
	return channel_send(launched, INIT_SIGNAL, signal);
}

int launch_receive(struct launched *launched, struct init_message *ret_message)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct init_message message;
	ssize_t len;

	/* That of the message before: it was dealt with, so a barrier is lifted. */
	launched->notify_fd = fd_close(launched->notify_fd);
	len = fdpass_receive(launched->channel_fd, &message, sizeof(message), &fds, MSG_DONTWAIT);

	if (len < 0)
		return len == -ECONNRESET ? 0 : (int)len;
	if (len == 0)
		return 0;
	if (len != (ssize_t)sizeof(message) || message.version != WIRE_VERSION ||
	    message.kind < INIT_STAGE_FAILED || message.kind > INIT_NOTIFY)
		return -EPROTO;
	if (message.kind == INIT_READY ? fds.count < 1 || fds.count > 3 || launched->control_fd != FD_NONE :
					 fds.count > (message.kind == INIT_NOTIFY))
		return -EPROTO;
	if (fds.count > 0 && message.kind == INIT_READY)
		launched->control_fd = TAKE_FD(fds.fds[0]);
	else if (fds.count > 0)
		launched->notify_fd = TAKE_FD(fds.fds[0]);
	if (fds.count > 1)
		launched->held_fd = TAKE_FD(fds.fds[1]);
	if (fds.count > 2)
		launched->execs_fd = TAKE_FD(fds.fds[2]);
	message.code[sizeof(message.code) - 1] = '\0';
	message.path[sizeof(message.path) - 1] = '\0';
	message.text[sizeof(message.text) - 1] = '\0';
	*ret_message = message;
	return 1;
}

/* ---- the end ---- */

static int pid_one_wait(const struct launched *launched, uint64_t deadline_ns, int *ret_status)
{
	siginfo_t info = { 0 };
	struct pollfd fd = { .fd = launched->init_pidfd, .events = POLLIN };
	uint64_t now_ns = now_monotonic_ns();
	int left_ms = now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0;

	if (poll(&fd, 1, left_ms) == 0)
		return -ETIMEDOUT;
	if (waitid(P_PIDFD, (id_t)launched->init_pidfd, &info, WEXITED | WNOHANG) < 0) {
		*ret_status = -1;
		return errno == ECHILD ? 0 : -errno;
	}
	if (info.si_pid == 0)
		return -ETIMEDOUT;
	*ret_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	return 0;
}

int launched_finish(struct launched *launched, uint32_t timeout_ms, int *ret_wait_status)
{
	uint64_t deadline_ns = now_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	int status = -1, r;

	if (launched->init_pidfd != FD_NONE) {
		/* Whoever ended a run killed already. The waits below tell whether it worked. */
		if (cgroup_populated(&launched->cgroup) != 0)
			IGNORE(cgroup_kill(&launched->cgroup) < 0);
		r = pid_one_wait(launched, deadline_ns, &status);
		if (r < 0)
			return r;
		launched->init_pidfd = fd_close(launched->init_pidfd);
		if (ret_wait_status)
			*ret_wait_status = status;
	}
	if (launched->cgroup.tree) {
		uint64_t now_ns = now_monotonic_ns();

		r = cgroup_wait_empty(&launched->cgroup, now_ns < deadline_ns ?
				      (uint32_t)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0);
		if (r >= 0)
			r = cgroup_remove(&launched->cgroup);
		if (r < 0)
			return r == -EBUSY ? -ETIMEDOUT : r;
	}
	launched->channel_fd = fd_close(launched->channel_fd);
	launched->control_fd = fd_close(launched->control_fd);
	launched->notify_fd = fd_close(launched->notify_fd);
	launched->held_fd = fd_close(launched->held_fd);
	launched->execs_fd = fd_close(launched->execs_fd);
	launched->pid = 0;
	return 0;
}

int launch_init_memfd(const char *path, int *ret_fd, struct error *err)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(INIT_BYTES_MAX);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_close int memory = FD_NONE;
	int r = fd < 0 ? -errno : io_read_all(fd, &buf);

	if (r < 0)
		return error_set(err, r, "read '%s'", path);
	memory = memfd_create("bailiff-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0)
		return error_set(err, -errno, "make a memfd for '%s'", path);
	r = io_write(memory, buf.data, buf.len);
	if (r >= 0 && (fchmod(memory, 0500) < 0 ||
		       fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
		r = -errno;
	if (r < 0)
		return error_set(err, r, "copy '%s' into a sealed memfd", path);
	*ret_fd = TAKE_FD(memory);
	return 0;
}
