/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/privilege.h"
#include "launch/probe.h"
#include "watch/probe.h"

#define INIT_ACCOUNT "bailiff-init"
#define LEDGER_WAIT_MS 10000
#define LOCK_PATIENCE_MS 1000
#define LOCK_STEP_MS 10

/* ---- names ---- */

void instance_name(const char *runtime_dir, char *to, size_t to_size)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a: a name, no secret */

	for (const char *at = runtime_dir; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
	IGNORE(snprintf(to, to_size, "s%016llx", (unsigned long long)hash) < 0);
}

int program_find(const char *name, char *path, size_t size, struct error *err)
{
	static const char *const places[] = { "", "../lib/bailiff/", "../../bin/" };
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct stat st;

	if (len < 0)
		return error_set(err, -errno, "read /proc/self/exe");
	self[len] = '\0';
	*(strrchr(self, '/') + 1) = '\0'; /* /proc/self/exe is absolute, so there is one */
	for (size_t i = 0; i < COUNT(places); i++) {
		int r = snprintf(path, size, "%s%s%s", self, places[i], name);

		if (r > 0 && (size_t)r < size && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
	}
	error_say(err, -ENOENT, "%s is neither in '%s' nor in '%s../lib/bailiff'", name, self, self);
	return error_next(err, "install Bailiff again: `sudo make install`");
}

/* ---- stages of the start; each leaves what it made in `daemon`, which daemon_finish() ends ---- */

/* Members of the group must get through to the socket and the ledger, whose own modes decide. */
static int make_dir(const char *path)
{
	mode_t mask = umask(022);
	int r = io_mkdirs(AT_FDCWD, path, 0755);

	umask(mask);
	return r;
}

static int open_dirs(struct daemon *daemon, struct error *err)
{
	const struct options *options = &daemon->options;
	int r = make_dir(options->state_dir);

	if (r < 0)
		return error_set(err, r, "make the state directory '%s'", options->state_dir);
	r = make_dir(options->runtime_dir);
	if (r < 0)
		return error_set(err, r, "make the runtime directory '%s'", options->runtime_dir);
	daemon->state_fd = open(options->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (daemon->state_fd < 0)
		return error_set(err, -errno, "open the state directory '%s'", options->state_dir);
	daemon->runtime_fd = open(options->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (daemon->runtime_fd < 0)
		return error_set(err, -errno, "open the runtime directory '%s'", options->runtime_dir);
	r = snprintf(daemon->socket_path, sizeof(daemon->socket_path), "%s/control.sock",
		     options->runtime_dir);
	if (r < 0 || (size_t)r >= sizeof(daemon->socket_path)) {
		error_say(err, -ENAMETOOLONG, "the runtime directory's path is too long for a socket");
		return error_next(err, "use a shorter --runtime-dir (at most 90 bytes)");
	}
	return 0;
}

static int lock_refused(const char *dir, struct error *err)
{
	if (errno != EWOULDBLOCK)
		return error_set(err, -errno, "lock '%s'", dir);
	error_say(err, -EBUSY, "another supervisor works on '%s'", dir);
	error_next(err, "use that one, or give this one its own --state-dir and --runtime-dir");
	return error_exit(err, 1);
}

/* A porter of a supervisor that was killed shares its descriptors, and may die a moment after it. */
static int lock_or_say(int fd, const char *dir, struct error *err)
{
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK || waited >= LOCK_PATIENCE_MS)
			return lock_refused(dir, err);
		IGNORE(poll(NULL, 0, LOCK_STEP_MS) < 0);
	}
	return 0;
}

static int take_lock(struct daemon *daemon, struct error *err)
{
	int r;

	daemon->lock_fd = openat(daemon->state_fd, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				 0600);
	if (daemon->lock_fd < 0)
		return error_set(err, -errno, "open '%s/LOCK'", daemon->options.state_dir);
	r = lock_or_say(daemon->lock_fd, daemon->options.state_dir, err);
	/* The directory itself: its socket and the cgroups named after it have one owner, too. */
	return r < 0 ? r : lock_or_say(daemon->runtime_fd, daemon->options.runtime_dir, err);
}

/* After the locks: what is found under this name is ours, or left by a dead predecessor. */
static int open_tree(struct daemon *daemon, struct error *err)
{
	char link[64], resolved[PATH_MAX], instance[CGROUP_NAME_MAX];
	ssize_t len;

	IGNORE(snprintf(link, sizeof(link), "/proc/self/fd/%d", daemon->runtime_fd) < 0);
	len = readlink(link, resolved, sizeof(resolved) - 1);
	if (len < 0)
		return error_set(err, -errno, "read %s", link);
	resolved[len] = '\0';
	instance_name(resolved, instance, sizeof(instance));
	return cgroup_tree_open(instance, &daemon->tree, err);
}

static void outbox_lost(void *ctx)
{
	struct daemon *daemon = ctx;

	scribe_lost(&daemon->scribe);
}

static void outbox_pressure(void *ctx, bool high)
{
	struct daemon *daemon = ctx;

	log_warn("ledger_pressure", "high=%d effect=\"%s\"", high, high ? "runs frozen" : "runs go on");
	runs_press(&daemon->runs, high);
}

static void outbox_refused(void *ctx, const struct intake_ack *ack)
{
	(void)ctx;
	log_error("record_refused", "cursor=%llu status=%u errno=%s", (unsigned long long)ack->cursor,
		  ack->status, errno_name(ack->error));
}

static int open_ledger(struct daemon *daemon, struct error *err)
{
	const struct outbox_callbacks callbacks = {
		.lost = outbox_lost, .pressure = outbox_pressure, .refused = outbox_refused,
		.ctx = daemon,
	};
	char program[SCRIBE_PROGRAM_MAX];
	int r = outbox_new(daemon->loop, OUTBOX_BYTES_DEFAULT, &callbacks, &daemon->outbox);

	if (r < 0)
		return error_set(err, r, "make the ledger's queue");
	r = program_find("bailiff-ledgerd", program, sizeof(program), err);
	if (r == 0)
		r = scribe_init(&daemon->scribe, daemon->loop, daemon->outbox, daemon->state_fd,
				program, err);
	return r < 0 ? r : scribe_start(&daemon->scribe, err);
}

static int open_workspaces(struct daemon *daemon, struct error *err)
{
	return workspaces_open(&daemon->workspaces, daemon->loop, daemon->state_fd, err);
}

static int open_watch(struct daemon *daemon, struct error *err)
{
	const struct watch_callbacks callbacks = { .event = runs_event, .press = runs_ring_press,
						  .ctx = &daemon->runs,
						  .ring_bytes[EVENT_RING_BULK] = daemon->options.telemetry_ring };
	int r;

	watch_verbose(daemon->options.verbose);
	launch_probe(&daemon->tree, NULL, &daemon->features);
	r = watch_open(daemon->tree.v2_fd, &callbacks, &daemon->watch, err);
	if (r == 0)
		watch_note_features(daemon->watch, &daemon->features);
	return r;
}

/* Only runs with `network: allowlist` need it, so it may be missing until one starts. */
static void find_relay(struct daemon *daemon)
{
	struct relay_setup *setup = &daemon->runs.relay;
	struct error ignored = { 0 };

	if (program_find("bailiff-egress", setup->program, sizeof(setup->program), &ignored) < 0 ||
	    account_lookup("bailiff-egress", &setup->uid, &setup->gid) < 0)
		setup->uid = 0;
	memcpy(setup->resolvers, daemon->options.resolvers, sizeof(setup->resolvers));
	setup->resolver_count = daemon->options.resolver_count;
}

static int open_runs(struct daemon *daemon, struct error *err)
{
	char program[PATH_MAX];
	struct runs *runs = &daemon->runs;
	int r = account_lookup(INIT_ACCOUNT, &runs->init_uid, &runs->init_gid);

	if (r < 0) {
		error_set(err, r, "look up the user " INIT_ACCOUNT);
		return error_next(err, "make the system users: `sudo make install`, or `systemd-sysusers "
				       "tools/packaging/bailiff.sysusers`");
	}
	r = program_find("bailiff-init", program, sizeof(program), err);
	if (r == 0)
		r = launch_init_memfd(program, &runs->init_fd, err);
	if (r == 0)
		r = program_find("bailiff-agent", runs->agent_program, sizeof(runs->agent_program), err);
	if (r < 0)
		return r;
	runs->self_pidfd = sys_pidfd_open(getpid(), 0);
	if (runs->self_pidfd < 0)
		return error_set(err, runs->self_pidfd, "open our own process");
	find_relay(daemon);
	runs->loop = daemon->loop;
	runs->watch = daemon->watch;
	runs->outbox = daemon->outbox;
	runs->tree = &daemon->tree;
	runs->no_porter = daemon->options.exit_when_idle;
	runs->features = &daemon->features;
	runs->callbacks = (struct run_callbacks){
		.started = requests_started, .notice = requests_notice, .ended = requests_ended,
		.ctx = daemon,
	};
	r = runs_init(runs);
	return r < 0 ? error_set(err, r, "listen to the kernel's events") : 0;
}

/* ---- the end ---- */

static int stop_due(struct timer *timer, uint64_t now_ns)
{
	struct daemon *daemon = container_of(timer, struct daemon, stop_timer);

	(void)now_ns;
	log_error("stop_late", "runs=%u", daemon->runs.count);
	loop_stop(daemon->loop, 0);
	return 0;
}

static void stop_durable(struct outbox_wait *wait)
{
	loop_stop(container_of(wait, struct daemon, stop_wait)->loop, 0);
}

static void stop_ledger(struct daemon *daemon)
{
	if (daemon->scribe.stopping)
		return;
	daemon->scribe.stopping = true;
	daemon->stop_wait.done = stop_durable;
	if (outbox_attached(daemon->outbox))
		outbox_stop(daemon->outbox, &daemon->stop_wait);
	else
		loop_stop(daemon->loop, 0);
}

void daemon_stop(struct daemon *daemon, const char *why)
{
	if (daemon->stopping)
		return;
	daemon->stopping = true;
	log_info("stopping", "reason=%s runs=%u", why, daemon->runs.count);
	loop_timer_clear(daemon->loop, &daemon->idle_timer);
	control_close(daemon);
	if (loop_timer_set(daemon->loop, &daemon->stop_timer, now_monotonic_ns() + DAEMON_STOP_NS,
			   stop_due) < 0)
		log_warn("stop_unlimited", "reason=memory");
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (daemon->runs.slots[i])
			run_stop(daemon->runs.slots[i], RUN_CAUSE_CANCELLED, 125,
				 "the supervisor was stopped");
	}
	daemon_idle_check(daemon);
}

static int idle_due(struct timer *timer, uint64_t now_ns)
{
	struct daemon *daemon = container_of(timer, struct daemon, idle_timer);

	(void)now_ns;
	if (daemon->stopping)
		stop_ledger(daemon);
	else
		daemon_stop(daemon, "idle");
	return 0;
}

/* Runs are counted down after `ended`, so the last one is still there: look again in the next turn. */
void daemon_idle_check(struct daemon *daemon)
{
	uint64_t now = now_monotonic_ns();
	bool idle = daemon->runs.count <= 1 && (daemon->stopping || daemon->client_count == 0);

	if (!idle || tasks_work(daemon) || (!daemon->stopping && !daemon->options.exit_when_idle))
		return;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		const struct run *run = daemon->runs.slots[i];

		if (run && run->step != RUN_STEP_CLOSING)
			return;
	}
	if (loop_timer_set(daemon->loop, &daemon->idle_timer,
			   daemon->stopping ? now : now + DAEMON_IDLE_NS, idle_due) < 0)
		log_warn("idle_unknown", "reason=memory");
}

static int signal_ready(struct source *source, uint32_t events)
{
	struct daemon *daemon = container_of(source, struct daemon, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(daemon->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
		daemon_stop(daemon, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	return 0;
}

static int open_signals(struct daemon *daemon, struct error *err)
{
	sigset_t set;
	int r;

	/* main() blocked all; SIGCHLD is not read: children are seen by their pidfds. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signal_fd < 0)
		return error_set(err, -errno, "make the signal descriptor");
	r = loop_add(daemon->loop, &daemon->signals, daemon->signal_fd, EPOLLIN, signal_ready);
	return r < 0 ? error_set(err, r, "listen to signals") : 0;
}

static void announce(const struct daemon *daemon)
{
	if (daemon->options.ready_fd >= 0) {
		IGNORE(io_write(daemon->options.ready_fd, "\n", 1) < 0); /* who started us is gone */
		fd_close(daemon->options.ready_fd);
	}
	log_info("ready", "socket=%s cgroup=%s landlock=%u tier=%u", daemon->socket_path,
		 daemon->tree.v2_path, daemon->features.landlock_abi, daemon->features.watch_tier);
}

static void daemon_finish(struct daemon *daemon)
{
	control_close(daemon);
	for (size_t i = 0; i < DAEMON_CLIENTS_MAX; i++) {
		if (daemon->clients[i].daemon)
			client_close(&daemon->clients[i]);
	}
	if (daemon->runs.loop)
		runs_finish(&daemon->runs);
	workspaces_close(&daemon->workspaces);
	if (daemon->scribe.loop)
		scribe_finish(&daemon->scribe, LEDGER_WAIT_MS);
	if (daemon->tree.v2_fd != FD_NONE)
		runs_ahead_finish(&daemon->runs);
	daemon->watch = watch_close(daemon->watch);
	cgroup_tree_close(&daemon->tree);
	daemon->outbox = outbox_free(daemon->outbox);
	fd_close(daemon->runs.init_fd);
	fd_close(daemon->runs.self_pidfd);
	if (daemon->signal_fd >= 0)
		loop_remove(daemon->loop, &daemon->signals);
	fd_close(daemon->signal_fd);
	daemon->loop = loop_free(daemon->loop);
	agents_close(daemon);
	settings_close(daemon);
	fd_close(daemon->inbox_fd);
	fd_close(daemon->state_fd);
	fd_close(daemon->runtime_fd);
	fd_close(daemon->lock_fd); /* last: the lock covers all of the above */
}

static int daemon_start(struct daemon *daemon, struct error *err)
{
	static int (*const stages[])(struct daemon *, struct error *) = {
		open_dirs, take_lock, open_tree, open_signals,
		/* The ledger before the sweep, so that lost runs are recorded. */
		open_ledger, leftovers_sweep, open_workspaces, open_watch, open_runs,
		/* What was kept needs the runs, of which none is left, and their records; agents need the settings. */
		keep_open, settings_open, agents_open,
		/* Last: whoever connects finds everything in place. */
		control_open,
	};
	int r = loop_new(&daemon->loop);

	if (r < 0)
		return error_set(err, r, "make the event loop");
	for (size_t i = 0; i < COUNT(stages) && r == 0; i++)
		r = stages[i](daemon, err);
	return r;
}

int daemon_run(const struct options *options, struct error *err)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int r;

	if (!daemon)
		return error_set(err, -ENOMEM, "start");
	daemon->options = *options;
	daemon->state_fd = daemon->runtime_fd = daemon->lock_fd = daemon->listen_fd = daemon->signal_fd =
		daemon->inbox_fd = FD_NONE;
	daemon->runs.init_fd = daemon->runs.self_pidfd = FD_NONE;
	daemon->runs.porter = PORTER_NONE;
	daemon->workspaces = WORKSPACES_NONE;
	daemon->tree.v2_fd = FD_NONE;
	for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
		daemon->tree.v1_fd[i] = FD_NONE;
	r = daemon_start(daemon, err);
	if (r == 0)
		r = privilege_trim(err);
	if (r == 0) {
		/* Parsing the kernel's types took 10 MiB, which each fork would go through. */
		malloc_trim(0);
		announce(daemon);
		runs_porter_start(&daemon->runs);
		tasks_go_on(daemon);
		daemon_idle_check(daemon);
		r = loop_run(daemon->loop);
		if (r < 0)
			error_set(err, r, "go on");
	}
	daemon_finish(daemon);
	free(daemon);
	return r;
}
