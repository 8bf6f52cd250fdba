/* SPDX-License-Identifier: Apache-2.0 */
/* pid 1 after the stages: no privilege but CAP_KILL in its pid namespace, its own filter, not
 * dumpable. It reaps, relays, and ends the run when nobody watches it any more. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fdpass.h"
#include "base/loop.h"
#include "base/text.h"
#include "daemon/wire.h"
#include "init/init.h"
#include "init/notify.h"
#include "init/secrets.h"

#define SUPERVISOR_EXIT_MS 200   /* between its descriptors closing and its pidfd becoming readable */
#define SIGNAL_LIMIT 64
#define BATCH 64                 /* datagrams per turn, so that a flood starves nobody */

enum reaper_source { ON_CHILD, ON_REPORT, ON_SUPERVISOR, ON_CHANNEL, ON_SESSION, ON_NOTIFY, SOURCE_COUNT };

struct reaper {
	struct init *init;
	struct notify_bucket bucket;
	int signals;
	struct fdset held;       /* for the supervisor, until it hears that we are ready */
	bool ready, exec_failed, over, lost;
};

static void channel_send(const struct init *init, struct init_message *message)
{
	message->version = WIRE_VERSION;
	/* Blocks while the supervisor is slow; its end is EPIPE, and then the loop sees it, too. */
	IGNORE(send(init->channel, message, sizeof(*message), MSG_NOSIGNAL) < 0);
}

static void session_send(const struct init *init, enum session_kind kind, int number, int value)
{
	struct session_message message = {
		.version = WIRE_VERSION, .kind = kind, .signal = number, .value = value };

	/* The caller's CLI may not read: it must not stop pid 1. */
	if (init->session != FD_NONE)
		IGNORE(send(init->session, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
}

static void message_text(struct init_message *message, const char *text)
{
	size_t len = strnlen(text, sizeof(message->text) - 1);

	memcpy(message->text, text, len);
	message->text[len] = '\0';
}

void reaper_stage_failed(int channel, uint32_t stage, const char *name, const struct error *err)
{
	struct init_message message = { .kind = INIT_STAGE_FAILED, .error = err->code, .stage = stage };
	struct init init = { .channel = channel };
	char text[sizeof(message.text)];

	IGNORE(snprintf(text, sizeof(text), "%s: %.200s", name, err->text) < 0);
	message_text(&message, text);
	channel_send(&init, &message);
}

/* ---- the end of the supervisor ---- */

static bool supervisor_is_gone(const struct reaper *reaper, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = reaper->init->supervisor, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) != 0;
}

static void run_kill(struct reaper *reaper)
{
	/* The cgroup first: it also holds what could have left the pid namespace. It kills us, too. */
	IGNORE(write(reaper->init->kill, "1", 1) < 0);
	_exit(0); /* and the namespace dies with its pid 1 */
}

static void supervisor_lost(struct reaper *reaper)
{
	if (reaper->init->plan.head->on_supervisor_loss != LOSS_FREEZE || reaper->over)
		run_kill(reaper);
	reaper->lost = true;
	if (write(reaper->init->freeze, "1", 1) < 0)
		run_kill(reaper);
}

/* ---- the command ---- */

/* With what is the supervisor's from here on: the listener of the run's control socket, that of its held
 * execs, and the broker's channel for them. */
static void ready_send(struct reaper *reaper, struct init_message *message)
{
	struct init *init = reaper->init;
	struct fdset *held = &reaper->held;
	int fds[FDPASS_MAX] = { init->control };

	message->version = WIRE_VERSION;
	memcpy(fds + 1, held->fds, MIN(held->count, 2U) * sizeof(fds[0]));
	IGNORE(fdpass_send(init->channel, message, sizeof(*message), fds, 1 + MIN(held->count, 2U), 0) < 0); /* as above */
	init->control = fd_close(init->control);
	fdset_finish(held);
}

static void on_report(struct reaper *reaper)
{
	struct init *init = reaper->init;
	struct command_report report;
	struct init_message message = { 0 };
	cleanup_with(fdset_finish) struct fdset set = { 0 };
	ssize_t len = init->command_report == FD_NONE ? 0 :
		      fdpass_receive(init->command_report, &report, sizeof(report), &set, 0);

	if (len != (ssize_t)sizeof(report)) { /* executed, or dead */
		init->command_report = fd_close(init->command_report);
		return;
	}
	if (report.kind == COMMAND_HELD) {
		fdset_finish(&reaper->held);
		reaper->held = set;
		set.count = 0;
		return;
	}
	report.text[sizeof(report.text) - 1] = '\0';
	message.error = report.error;
	message.stage = (uint32_t)(early_stage_count + init_stage_count) + report.stage;
	message_text(&message, report.text);
	if (report.kind == COMMAND_READY) {
		init->broker = (pid_t)report.broker;
		if (init->broker > 0 && kill(init->broker, 0) < 0)
			run_kill(reaper);
		reaper->ready = true;
		message.kind = INIT_READY;
		message.in_force = init->in_force | report.in_force;
		message.landlock_abi = report.landlock_abi;
		message.pid = (uint32_t)init->command;
		ready_send(reaper, &message);
		return;
	} else {
		reaper->exec_failed = report.kind == COMMAND_EXEC_FAILED;
		reaper->over = true;
		message.kind = reaper->exec_failed ? INIT_EXEC_FAILED : INIT_STAGE_FAILED;
	}
	channel_send(init, &message);
}

static void command_ended(struct reaper *reaper, int status)
{
	struct init_message message = { .kind = INIT_EXITED, .value = status };

	reaper->init->command = 0;
	session_send(reaper->init, SESSION_EXIT, 0, status);
	if (reaper->over) /* a failed stage or execve was reported */
		return;
	reaper->over = true;
	if (!reaper->ready) {
		message.kind = INIT_STAGE_FAILED;
		message.error = -ECHILD;
		message.stage = (uint32_t)(early_stage_count + init_stage_count);
		message_text(&message, "the command's process died before it was ready");
	}
	channel_send(reaper->init, &message);
}

static void on_child(struct reaper *reaper)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	IGNORE(read(reaper->signals, &info, sizeof(info)) < 0); /* only a wake-up; wait tells the rest */
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		/* Without its broker a run can make no names (ENOSYS): not what was promised to it. */
		if (pid == reaper->init->broker && (WIFEXITED(status) || WIFSIGNALED(status)))
			run_kill(reaper);
		if (pid != reaper->init->command)
			continue;
		if (WIFSTOPPED(status)) {
			/* SIGSTOP is how the kernel side holds a run for a moment: no job control. */
			if (WSTOPSIG(status) != SIGSTOP)
				session_send(reaper->init, SESSION_STOPPED, WSTOPSIG(status), 0);
		} else if (WIFCONTINUED(status)) {
			session_send(reaper->init, SESSION_CONTINUED, 0, 0);
		} else {
			/* What it reported last comes before its end. */
			while (reaper->init->command_report != FD_NONE)
				on_report(reaper);
			command_ended(reaper, status);
		}
	}
}

static void command_signal(const struct init *init, int number, bool foreground)
{
	pid_t group = init->command;
	pid_t front = FD_NONE;

	if (number < 1 || number > SIGNAL_LIMIT || group <= 0)
		return;
	if (foreground && init->terminal != FD_NONE)
		front = tcgetpgrp(init->terminal);
	if (front > 1)
		group = front;
	IGNORE(kill(-group, number) < 0); /* gone already */
}

/* ---- the other ends ---- */

static void on_channel(struct reaper *reaper)
{
	struct init *init = reaper->init;
	struct init_message message;
	ssize_t len = recv(init->channel, &message, sizeof(message), MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) { /* told to end, or the supervisor died */
		if (!supervisor_is_gone(reaper, SUPERVISOR_EXIT_MS))
			run_kill(reaper);
		init->channel = fd_close(init->channel);
		return;
	}
	if (len != (ssize_t)sizeof(message) || message.version != WIRE_VERSION)
		return;
	if (message.kind == INIT_GO && init->command_go != FD_NONE) {
		IGNORE(write(init->command_go, "g", 1) < 0); /* it died: SIGCHLD tells */
		init->command_go = fd_close(init->command_go);
	} else if (message.kind == INIT_SIGNAL) {
		command_signal(init, message.value, false);
	}
}

static void on_session(struct reaper *reaper)
{
	struct init *init = reaper->init;
	struct session_message message;
	ssize_t len = recv(init->session, &message, sizeof(message), MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) { /* the CLI is gone; the supervisor knows by its control socket and decides */
		init->session = fd_close(init->session);
		return;
	}
	if (len != (ssize_t)sizeof(message) || message.version != WIRE_VERSION)
		return;
	if (message.kind == SESSION_SIGNAL)
		command_signal(init, message.signal, true);
	else if (message.kind == SESSION_CONTINUE)
		command_signal(init, SIGCONT, true);
}

/* A descriptor goes on where a key asks for one. A slow supervisor loses beats rather than stops pid 1, and the next
 * one comes; but what a barrier promises must have arrived. */
static void notify_forward(const struct init *init, const struct init_message *message, const struct fdset *fds)
{
	bool passes = fds->count == 1 && message->notify & (NOTIFY_BARRIER | NOTIFY_OUTPUT);

	IGNORE(fdpass_send(init->channel, message, sizeof(*message), fds->fds, passes ? 1 : 0,
			   message->notify & NOTIFY_BARRIER ? 0 : MSG_DONTWAIT) < 0);
}

static void on_notify(struct reaper *reaper)
{
	static char bytes[NOTIFY_DATAGRAM_MAX + 1];

	for (int i = 0; i < BATCH; i++) {
		cleanup_with(fdset_finish) struct fdset fds = { 0 };
		struct init_message message = { .version = WIRE_VERSION, .kind = INIT_NOTIFY };
		ssize_t len = fdpass_receive(reaper->init->notify, bytes, sizeof(bytes), &fds, MSG_DONTWAIT);

		if (len == -EMSGSIZE)
			continue;
		if (len < 0)
			return;
		if (!notify_take(&reaper->bucket, now_monotonic_ns()))
			continue;
		if (notify_parse(slice_new(bytes, (size_t)len), &message) < 0)
			message.notify = NOTIFY_UNKNOWN;
		notify_forward(reaper->init, &message, &fds);
	}
}

static void on_supervisor(struct reaper *reaper)
{
	supervisor_lost(reaper);
}

static void (*const handlers[SOURCE_COUNT])(struct reaper *) = {
	/* Reports before ends, the supervisor before what it says: a dead one's orders are void. */
	[ON_CHILD] = on_child,
	[ON_REPORT] = on_report,
	[ON_SUPERVISOR] = on_supervisor,
	[ON_CHANNEL] = on_channel,
	[ON_SESSION] = on_session,
	[ON_NOTIFY] = on_notify,
};

static void turn(struct reaper *reaper)
{
	const struct init *init = reaper->init;
	struct pollfd fds[SOURCE_COUNT + PLAN_SECRETS_MAX] = {
		[ON_CHILD] = { .fd = reaper->signals },
		[ON_REPORT] = { .fd = init->command_report },
		[ON_SUPERVISOR] = { .fd = reaper->lost ? FD_NONE : init->supervisor },
		[ON_CHANNEL] = { .fd = init->channel },
		[ON_SESSION] = { .fd = init->session },
		[ON_NOTIFY] = { .fd = init->notify },
	};

	for (int i = 0; i < SOURCE_COUNT; i++)
		fds[i].events = POLLIN;
	secrets_poll(init, fds + SOURCE_COUNT);
	if (poll(fds, COUNT(fds), -1) <= 0)
		return;
	secrets_go_on(reaper->init, fds + SOURCE_COUNT);
	for (int i = 0; i < SOURCE_COUNT; i++)
		if (fds[i].revents)
			handlers[i](reaper);
}

static int signals_open(void)
{
	sigset_t all;

	/* Everything is blocked: pid 1 of a namespace gets no signal by default anyway, and a terminal
	 * that hangs up must not interrupt it. */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int reaper_run(struct init *init)
{
	struct reaper reaper = { .init = init, .signals = signals_open() };
	struct error err = { 0 };
	int r = reaper.signals < 0 ? reaper.signals : 0;

	/* The command's terminal, not ours. */
	for (int fd = 0; fd <= 2; fd++)
		fd_close(fd);
	if (r >= 0)
		r = identity_demote_init(init, &err);
	if (r < 0) {
		reaper_stage_failed(init->channel, (uint32_t)(early_stage_count + init_stage_count), "demote pid 1", &err);
		return 1;
	}
	for (;;)
		turn(&reaper);
}
